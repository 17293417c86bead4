"""The bootstrap over seeds and groups, and metrics of a corpus that are scored anew in every resample."""

import numpy as np
import pytest

from sartext.evaluation import bootstrap
from sartext.evaluation.bootstrap import (
    Measurement,
    Sums,
    estimate,
    intervals,
    mean_of,
    mean_score,
    measure,
    percentage,
    resample,
)
from sartext.evaluation.metrics.coco import bleu, bleu_counts


def means(values):
    """One column whose groups hold one item each."""
    column = np.asarray(values, dtype=float)[:, None]
    return Sums(column, np.ones_like(column))


def test_the_estimate_is_the_mean_over_seeds_of_ratios():
    first = Sums(np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]]))
    second = Sums(np.array([[4.0]]), np.array([[4.0]]))
    assert estimate([first, second])[0] == pytest.approx((0.5 + 1.0) / 2)


def test_equal_seeds_give_equal_draws():
    seeds = [means(range(10)), means(range(5, 15))]
    np.testing.assert_array_equal(resample(seeds, 200, 3), resample(seeds, 200, 3))
    assert (resample(seeds, 200, 3) != resample(seeds, 200, 4)).any()


def test_constant_columns_have_no_width():
    [bounds] = intervals(estimate([means([2, 2, 2])]), resample([means([2, 2, 2])], 100, 1))
    assert (bounds.value, bounds.low, bounds.high) == (2, 2, 2)


def test_columns_share_their_draws():
    """A difference of two columns that always differ by one is one, however they vary."""
    rng = np.random.default_rng(0)
    seeds = []
    for _ in range(4):
        values = rng.normal(size=(30, 1)) * 10
        seeds.append(Sums(np.hstack([values, values + 1]), np.ones((30, 2))))
    drawn = resample(seeds, 500, 1)
    np.testing.assert_allclose(drawn[:, 1] - drawn[:, 0], 1.0)


def test_the_interval_has_the_width_of_theory():
    """One seed of n groups: the standard error of a mean is sigma / sqrt(n)."""
    values = np.random.default_rng(1).normal(size=400)
    [bounds] = intervals(estimate([means(values)]), resample([means(values)], 4000, 1))
    assert bounds.high - bounds.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.07)


def test_seeds_vary_too():
    """Groups alike within seeds: the width is that of the seeds' means."""
    level = np.random.default_rng(2).normal(size=30)
    seeds = [means(np.full(50, bounds)) for bounds in level]
    [bounds] = intervals(estimate(seeds), resample(seeds, 4000, 1))
    assert bounds.high - bounds.low == pytest.approx(2 * 1.96 * level.std() / np.sqrt(30), rel=0.07)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    inside = 0
    for trial in range(200):
        seeds = [means(rng.normal(rng.normal(), 2.0, size=20)) for _ in range(12)]
        [bounds] = intervals(estimate(seeds), resample(seeds, 300, trial))
        inside += bounds.low <= 0 <= bounds.high
    assert 0.87 <= inside / 200 <= 0.99


def test_shared_groups_do_not_average_out_over_seeds():
    """The same hard and easy images in every seed: more seeds make the interval no narrower."""
    values = np.random.default_rng(4).normal(size=50)
    seeds = [means(values) for _ in range(10)]
    [apart] = intervals(estimate(seeds), resample(seeds, 2000, 1))
    [shared] = intervals(estimate(seeds), resample(seeds, 2000, 1, same_groups=True))
    assert shared.high - shared.low > 2.5 * (apart.high - apart.low)


def test_what_cannot_be_computed_is_nothing():
    empty = Sums(np.zeros((3, 1)), np.zeros((3, 1)))
    [bounds] = intervals(estimate([empty]), resample([empty], 100, 1))
    assert (bounds.value, bounds.low, bounds.high) == (None, None, None)
    rare = Sums(np.array([[1.0], [1.0], [0.0]]), np.array([[1.0], [1.0], [0.0]]))
    [known] = intervals(estimate([rare]), resample([rare], 100, 1))
    assert (known.low, known.high) == (1, 1)


def test_what_counts_in_one_group_only_has_no_bounds():
    alone = Sums(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]), np.array([[2.0, 2.0], [0.0, 1.0], [0.0, 3.0]]))
    rare, often = intervals(estimate([alone]), resample([alone], 100, 1))
    assert (rare.value, rare.low, rare.high) == (0.5, None, None)
    assert often.low < often.value < often.high
    [single] = intervals(estimate([means([7])]), resample([means([7])], 100, 1))
    assert (single.value, single.low, single.high) == (7, None, None)


def test_groups_of_several_seeds_are_counted_together_but_shared_ones_once():
    seeds = [means([1]), means([2])]
    [apart] = intervals(estimate(seeds), resample(seeds, 100, 1))
    assert (apart.low, apart.high) == (1, 2)
    [shared] = intervals(estimate(seeds), resample(seeds, 100, 1, same_groups=True))
    assert (shared.value, shared.low, shared.high) == (1.5, None, None)


def test_without_resamples_there_are_no_bounds():
    [bounds] = intervals(estimate([means([1, 2])]), resample([means([1, 2])], 0, 1))
    assert (bounds.value, bounds.low, bounds.high) == (1.5, None, None)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="seeds with groups"):
        resample([], 100, 1)
    with pytest.raises(ValueError, match="seeds with groups"):
        resample([means([])], 100, 1)
    with pytest.raises(ValueError, match="same number"):
        resample([means([1]), means([1, 2])], 100, 1, same_groups=True)


RNG = np.random.default_rng(8)
GROUPS = [f"g{number // 3}" for number in range(24)]
EVERY = np.ones(24, dtype=bool)


def intervals_of(measures, groups, *, resamples, seed):
    found, drawn = measure(measures, groups, resamples=resamples, seed=seed)
    assert drawn.shape == (resamples, len(measures))
    return found


def test_a_mean_has_the_interval_of_the_bootstrap_over_groups():
    values = RNG.normal(size=24)
    (ours,) = intervals_of(
        [Measurement("m", "v", mean_of(values, EVERY), mean_score, EVERY)], GROUPS, resamples=300, seed=5
    )
    sums = Sums(values.reshape(8, 3).sum(axis=1)[:, None], np.full((8, 1), 3.0))
    drawn = bootstrap.resample([sums], 300, 5)
    (theirs,) = bootstrap.intervals(bootstrap.estimate([sums]), drawn)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))
    assert ours.value == pytest.approx(values.mean())
    assert ours.low < ours.value < ours.high


def test_a_corpus_score_is_scored_anew_in_every_resample():
    words = ["a", "b", "c", "d", "e", "f"]
    said = [" ".join(RNG.choice(words, 7)) for _ in GROUPS]
    counts = bleu_counts(said, [[" ".join(RNG.choice(words, 8)) for _ in range(3)] for _ in GROUPS])

    def score(sums):
        return bleu(sums)[..., 1]

    (found,) = intervals_of([Measurement("bleu_2", "v", counts, score, EVERY)], GROUPS, resamples=200, seed=5)
    times = np.rint(bootstrap.resample([Sums(np.eye(8), np.full((8, 8), 1 / 8))], 200, 5)).astype(int)
    assert (times.sum(axis=1) == 8).all()
    scores = [score(counts[[3 * g + i for g in range(8) for _ in range(one[g]) for i in range(3)]].sum(axis=0))
              for one in times]  # fmt: skip
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(scores, [2.5, 97.5])))
    assert found.value == pytest.approx(score(counts.sum(axis=0)))


def test_order_of_the_images_and_names_of_the_groups_do_not_matter():
    values, order = RNG.normal(size=24), RNG.permutation(24)
    (before,) = intervals_of(
        [Measurement("m", "v", mean_of(values, EVERY), mean_score, EVERY)], GROUPS, resamples=50, seed=5
    )
    (after,) = intervals_of(
        [Measurement("m", "v", mean_of(values[order], EVERY), mean_score, EVERY)],
        [GROUPS[place] for place in order],
        resamples=50,
        seed=5,
    )
    assert (after.low, after.high) == pytest.approx((before.low, before.high))


def test_images_that_do_not_count_are_left_out():
    counted = np.arange(24) < 6
    values = np.where(counted, 2.0, np.nan)
    (found,) = intervals_of(
        [Measurement("m", "v", mean_of(values, counted), percentage, counted)], GROUPS, resamples=50, seed=1
    )
    assert (found.value, found.low, found.high) == (200, 200, 200)


def test_a_measure_of_nothing_has_no_value():
    none = np.zeros(24, dtype=bool)
    measures = [
        Measurement("ratio", "v", np.zeros((24, 2)), mean_score, EVERY),
        Measurement("bleu", "v", np.zeros((24, 10)), lambda sums: bleu(sums)[..., 0], none),
    ]
    for resamples in (0, 20):
        unbounded = intervals_of(measures, GROUPS, resamples=resamples, seed=1)
        assert [(figure.value, figure.low, figure.high) for figure in unbounded] == [(None, None, None)] * 2


def test_a_single_group_and_no_resamples_give_no_bounds():
    mean = Measurement("m", "v", mean_of(np.arange(24.0), EVERY), mean_score, EVERY)
    for groups, resamples in ((["g"] * 24, 100), (GROUPS, 0)):
        (found,) = intervals_of([mean], groups, resamples=resamples, seed=1)
        assert (found.value, found.low, found.high) == (11.5, None, None)


def test_what_is_measured_or_stated_in_one_group_only_has_no_bounds():
    """Captions of all groups count, but those of the first alone name the class: twice, once rightly."""
    named = np.zeros((24, 2))
    named[:2] = [[1, 1], [0, 1]]
    few = np.arange(24) < 3
    words = bleu_counts(["a b c"] * 24, [["a b d"]] * 24)
    rare = [
        Measurement("fact_precision", "v", named, percentage, EVERY),
        Measurement("mean", "v", mean_of(np.arange(24.0), few), mean_score, few),
        Measurement("bleu_1", "v", np.where(few[:, None], words, 0.0), lambda sums: bleu(sums)[..., 0], few),
    ]
    often = Measurement("bleu_1", "v", words, lambda sums: bleu(sums)[..., 0], EVERY)
    *unbounded, known = intervals_of([*rare, often], GROUPS, resamples=100, seed=1)
    assert [figure.value for figure in unbounded] == pytest.approx([50, 1, 2 / 3])
    assert [(figure.low, figure.high) for figure in unbounded] == [(None, None)] * 3
    assert (known.low, known.high) == pytest.approx((2 / 3, 2 / 3))


def test_measures_of_other_images_are_refused():
    with pytest.raises(ValueError, match="3 images, and measurements of"):
        measure(
            [Measurement("m", "v", np.zeros((24, 2)), mean_score, EVERY)], ["a", "b", "c"], resamples=1, seed=1
        )
