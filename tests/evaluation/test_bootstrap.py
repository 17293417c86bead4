import numpy as np
import pytest

from sartext.evaluation.bootstrap import Sums, estimate, intervals, resample


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
    [one] = intervals(estimate([means([2, 2, 2])]), resample([means([2, 2, 2])], 100, 1))
    assert (one.value, one.low, one.high) == (2, 2, 2)


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
    [one] = intervals(estimate([means(values)]), resample([means(values)], 4000, 1))
    assert one.high - one.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.07)


def test_seeds_vary_too():
    """Groups alike within seeds: the width is that of the seeds' means."""
    level = np.random.default_rng(2).normal(size=30)
    seeds = [means(np.full(50, one)) for one in level]
    [one] = intervals(estimate(seeds), resample(seeds, 4000, 1))
    assert one.high - one.low == pytest.approx(2 * 1.96 * level.std() / np.sqrt(30), rel=0.07)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    inside = 0
    for trial in range(200):
        seeds = [means(rng.normal(rng.normal(), 2.0, size=20)) for _ in range(12)]
        [one] = intervals(estimate(seeds), resample(seeds, 300, trial))
        inside += one.low <= 0 <= one.high
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
    [one] = intervals(estimate([empty]), resample([empty], 100, 1))
    assert (one.value, one.low, one.high) == (None, None, None)
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
    [one] = intervals(estimate([means([1, 2])]), resample([means([1, 2])], 0, 1))
    assert (one.value, one.low, one.high) == (1.5, None, None)


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="seeds with groups"):
        resample([], 100, 1)
    with pytest.raises(ValueError, match="seeds with groups"):
        resample([means([])], 100, 1)
    with pytest.raises(ValueError, match="same number"):
        resample([means([1]), means([1, 2])], 100, 1, same_groups=True)
