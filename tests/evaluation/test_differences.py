"""Differences of two variants are paired: on the same draws of groups."""

import numpy as np
import pytest

from sartext.evaluation.bootstrap import Sums, estimate, resample
from sartext.evaluation.figures import Figure, difference, not_computed, paired


def figures(**values: float) -> list[Figure]:
    return [Figure("vqa", "oa", name, value, n=9) for name, value in values.items()]


def test_what_is_added_to_every_group_is_the_difference_without_doubt() -> None:
    numerators = np.random.default_rng(3).uniform(20, 80, size=(30, 1))
    sums = [Sums(np.hstack([numerators, numerators + 5]), np.ones((30, 2)))]
    values = estimate(sums)
    found = figures(a=float(values[1]), b=float(values[0]))
    (one,) = paired(found, resample(sums, 200, 1)[:, ::-1], [("a", "b")])
    assert (one.variant, one.metric, one.n) == ("a minus b", "oa", 9)
    assert (one.value, one.low, one.high) == pytest.approx((5, 5, 5))


def test_both_sides_must_count_in_two_groups_for_a_difference_to_have_bounds() -> None:
    numerators = np.array([[4.0, 1.0, 2.0], [0.0, 2.0, 5.0], [0.0, 3.0, 3.0]])
    sums = [Sums(numerators, np.array([[5.0, 9.0, 9.0], [0.0, 9.0, 9.0], [0.0, 9.0, 9.0]]))]
    values = estimate(sums)
    found = figures(rare=float(values[0]), a=float(values[1]), b=float(values[2]))
    pairs = [("rare", "a"), ("a", "rare"), ("a", "b")]
    less, more, known = paired(found, resample(sums, 200, 1), pairs)
    assert (less.low, less.high, more.low, more.high) == (None, None, None, None)
    assert less.value == pytest.approx(values[0] - values[1])
    assert known.low is not None and known.value is not None and known.high is not None
    assert known.low <= known.value <= known.high


def test_only_whole_benchmarks_and_computed_figures_are_compared() -> None:
    part = [Figure("vqa", "oa", "a", 1.0, subset="corpus:x"), Figure("vqa", "oa", "b", 2.0, subset="corpus:x")]
    absent = [Figure("vqa", "aa", "a", 1.0), not_computed("vqa", "aa", "b", "no question")]
    assert list(paired([*part, *absent], np.zeros((5, 4)), [("a", "b"), ("a", "nobody")])) == []


def test_variants_of_different_benchmarks_are_not_mixed() -> None:
    told = [*figures(a=1.0), Figure("vqa", "oa", "b", 2.0, benchmark="other")]
    assert list(paired(told, np.zeros((5, 2)), [("a", "b")])) == []


def test_the_name_of_a_difference() -> None:
    assert difference("a", "b") == "a minus b"
