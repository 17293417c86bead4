"""The bootstrap over seeds and groups, and metrics of a corpus that are scored anew in every resample."""

import numpy as np
import pytest

from sartext.bootstrap import (
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


def bounds_of(seeds, resamples=100, seed=1, **how):
    """Value, low and high of every column."""
    bounds = intervals(estimate(seeds), resample(seeds, resamples, seed, **how))
    return [(column.value, column.low, column.high) for column in bounds]


def width(seeds, resamples, **how):
    [(_, low, high)] = bounds_of(seeds, resamples, **how)
    return high - low


def test_the_estimate_is_the_mean_over_seeds_of_ratios():
    first = Sums(np.array([[1.0], [2.0]]), np.array([[2.0], [4.0]]))
    second = Sums(np.array([[4.0]]), np.array([[4.0]]))
    assert estimate([first, second])[0] == pytest.approx((0.5 + 1.0) / 2)


def test_equal_seeds_give_equal_draws():
    seeds = [means(range(10)), means(range(5, 15))]
    np.testing.assert_array_equal(resample(seeds, 200, 3), resample(seeds, 200, 3))
    assert (resample(seeds, 200, 3) != resample(seeds, 200, 4)).any()


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
    assert width([means(values)], 4000) == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.07)


def test_seeds_vary_too():
    """Groups alike within seeds: the width is that of the seeds' means."""
    levels = np.random.default_rng(2).normal(size=30)
    seeds = [means(np.full(50, level)) for level in levels]
    assert width(seeds, 4000) == pytest.approx(2 * 1.96 * levels.std() / np.sqrt(30), rel=0.07)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    inside = 0
    for trial in range(200):
        seeds = [means(rng.normal(rng.normal(), 2.0, size=20)) for _ in range(12)]
        [(_, low, high)] = bounds_of(seeds, 300, trial)
        inside += low <= 0 <= high
    assert 0.87 <= inside / 200 <= 0.99


def test_shared_groups_do_not_average_out_over_seeds():
    """The same hard and easy images in every seed: more seeds make the interval no narrower."""
    seeds = [means(np.random.default_rng(4).normal(size=50))] * 10
    assert width(seeds, 2000, same_groups=True) > 2.5 * width(seeds, 2000)


RARE = Sums(np.array([[1.0], [1.0], [0.0]]), np.array([[1.0], [1.0], [0.0]]))
ALONE = Sums(np.array([[1.0], [0.0], [0.0]]), np.array([[2.0], [0.0], [0.0]]))


@pytest.mark.parametrize(
    ("seeds", "how", "expected"),
    [
        ([means([2, 2, 2])], {}, (2, 2, 2)),
        ([RARE], {}, (1, 1, 1)),
        ([Sums(np.zeros((3, 1)), np.zeros((3, 1)))], {}, (None, None, None)),
        ([ALONE], {}, (0.5, None, None)),
        ([means([7])], {}, (7, None, None)),
        ([means([1]), means([2])], {}, (1.5, 1, 2)),
        ([means([1]), means([2])], {"same_groups": True}, (1.5, None, None)),
        ([means([1, 2])], {"resamples": 0}, (1.5, None, None)),
    ],
    ids=["constant", "rare", "nothing", "one-of-three", "single", "two-seeds", "shared-group", "no-resamples"],
)
def test_bounds_need_two_groups_that_count_and_resamples(seeds, how, expected):
    assert bounds_of(seeds, **how) == [expected]


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
FEW = np.arange(24) < 3


def measured(*measurements, groups=GROUPS, resamples=50, seed=5):
    """Value, low and high of every measurement."""
    bounds, drawn = measure(measurements, groups, resamples=resamples, seed=seed)
    assert drawn.shape == (resamples, len(measurements))
    return [(column.value, column.low, column.high) for column in bounds]


def mean(values, counted=EVERY, score=mean_score):
    return Measurement("m", "v", mean_of(values, counted), score, counted)


def bleu_1(counts, counted=EVERY):
    return Measurement("bleu_1", "v", counts, lambda sums: bleu(sums)[..., 0], counted)


def test_a_mean_has_the_interval_of_the_bootstrap_over_groups():
    values = RNG.normal(size=24)
    sums = Sums(values.reshape(8, 3).sum(axis=1)[:, None], np.full((8, 1), 3.0))
    [ours], [theirs] = measured(mean(values), resamples=300), bounds_of([sums], 300, 5)
    assert ours == pytest.approx(theirs)
    assert ours[0] == pytest.approx(values.mean())
    assert ours[1] < ours[0] < ours[2]


def test_a_corpus_score_is_scored_anew_in_every_resample():
    words = ["a", "b", "c", "d", "e", "f"]
    said = [" ".join(RNG.choice(words, 7)) for _ in GROUPS]
    counts = bleu_counts(said, [[" ".join(RNG.choice(words, 8)) for _ in range(3)] for _ in GROUPS])

    def score(sums):
        return bleu(sums)[..., 1]

    [(value, low, high)] = measured(Measurement("bleu_2", "v", counts, score, EVERY), resamples=200)
    times = np.rint(resample([Sums(np.eye(8), np.full((8, 8), 1 / 8))], 200, 5)).astype(int)
    assert (times.sum(axis=1) == 8).all()
    by_group = counts.reshape(8, 3, -1).sum(axis=1)
    assert (low, high) == pytest.approx(tuple(np.percentile(score(times @ by_group), [2.5, 97.5])))
    assert value == pytest.approx(score(counts.sum(axis=0)))


def test_order_of_the_images_and_names_of_the_groups_do_not_matter():
    values, order = RNG.normal(size=24), RNG.permutation(24)
    [before], [after] = measured(mean(values)), measured(mean(values[order]), groups=[GROUPS[at] for at in order])
    assert after == pytest.approx(before)


def test_images_that_do_not_count_are_left_out():
    counted = np.arange(24) < 6
    assert measured(mean(np.where(counted, 2.0, np.nan), counted, percentage)) == [(200, 200, 200)]


@pytest.mark.parametrize("resamples", [0, 20])
def test_a_measure_of_nothing_has_no_value(resamples):
    ratio = Measurement("ratio", "v", np.zeros((24, 2)), mean_score, EVERY)
    none = bleu_1(np.zeros((24, 10)), np.zeros(24, dtype=bool))
    assert measured(ratio, none, resamples=resamples) == [(None, None, None)] * 2


def test_a_single_group_and_no_resamples_give_no_bounds():
    for how in ({"groups": ["g"] * 24}, {"resamples": 0}):
        assert measured(mean(np.arange(24.0)), **how) == [(11.5, None, None)]


def test_what_is_measured_or_stated_in_one_group_only_has_no_bounds():
    """Captions of all groups count, but those of the first alone name the class: twice, once rightly."""
    named = np.zeros((24, 2))
    named[:2] = [[1, 1], [0, 1]]
    words = bleu_counts(["a b c"] * 24, [["a b d"]] * 24)
    precision = Measurement("fact_precision", "v", named, percentage, EVERY)
    rare = bleu_1(np.where(FEW[:, None], words, 0.0), FEW)
    *unbounded, often = measured(precision, mean(np.arange(24.0), FEW), rare, bleu_1(words), resamples=100)
    assert [value for value, _, _ in unbounded] == pytest.approx([50, 1, 2 / 3])
    assert [bounds for _, *bounds in unbounded] == [[None, None]] * 3
    assert often == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_measures_of_other_images_are_refused():
    with pytest.raises(ValueError, match="3 images, and measurements of"):
        measured(mean(np.zeros(24)), groups=["a", "b", "c"], resamples=1)
