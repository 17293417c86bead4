"""The paired hierarchical bootstrap over seeds and groups, and its percentile intervals.

A seed is one repetition of an experiment, a group what belongs together in its test set (the images of one place).
Seeds are drawn with replacement, then the groups within each drawn seed (Davison and Hinkley 1997, section 3.8).
All columns share the draws: a difference between two of them is paired by seed and by group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CONFIDENCE = 0.95

FEWEST_GROUPS = 2
"""A figure of one group is the same in every resample: that it does not vary says nothing of its doubt."""


@dataclass(frozen=True)
class Sums:
    """One seed's test set: what is to be divided, summed over each group.

    ``numerators`` and ``denominators`` are [groups, columns]; a column is one figure of one arm. A mean has the
    sum of the group's values and their number, a precision the right and the stated statements.
    """

    numerators: Floats
    denominators: Floats


@dataclass(frozen=True)
class Interval:
    """An estimate with its percentile interval.

    No bounds where too few groups count for it, see `resample`; all three are nothing where it cannot be computed.
    """

    value: float | None
    low: float | None
    high: float | None


def estimate(seeds: Sequence[Sums]) -> Floats:
    """Return the mean over seeds of numerator over denominator, for every column; nan where nothing counts."""
    return _mean(np.stack([_ratio(one.numerators.sum(axis=0), one.denominators.sum(axis=0)) for one in seeds]))


def resample(seeds: Sequence[Sums], resamples: int, seed: int, *, same_groups: bool = False) -> Floats:
    """Return the estimate in every resample, [resamples, columns].

    A column that counts in fewer than two groups, of all seeds together, is nan throughout, and so is whatever is
    computed from it: a difference needs both of its sides, a mean of columns all of them.

    Args:
        seeds: one or more; groups may differ between them in number.
        resamples: how many.
        seed: decides all draws.
        same_groups: all seeds were tested on the same groups in the same order (real data, where only the training
            differs): groups are then drawn once for all seeds of a resample, as they do not vary between them.

    Raises:
        ValueError: there is no seed, a seed has no group, or the shapes do not fit.
    """
    _check(seeds, same_groups)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(seeds), size=(resamples, len(seeds)))
    shared = _weights(len(seeds[0].numerators), resamples, rng) if same_groups else None
    values = np.empty((len(seeds), resamples, seeds[0].numerators.shape[1]))
    for place in range(len(seeds)):
        for number, one in enumerate(seeds):
            rows = np.flatnonzero(drawn[:, place] == number)
            weights = shared[rows] if shared is not None else _weights(len(one.numerators), len(rows), rng)
            values[place, rows] = _ratio(weights @ one.numerators, weights @ one.denominators)
    return of_several(_mean(values), _groups(seeds, same_groups))


def of_several(resampled: Floats, groups: Integers) -> Floats:
    """Return resamples, nan throughout for columns that count in too few groups to vary.

    Args:
        resampled: [resamples, columns].
        groups: in how many each column counts.
    """
    return np.where(groups < FEWEST_GROUPS, np.nan, resampled)


def intervals(values: Floats, resampled: Floats, confidence: float = CONFIDENCE) -> list[Interval]:
    """Return a percentile interval per column; no bounds where no resample can be computed.

    Args:
        values: the estimates, [columns].
        resampled: their resamples, [resamples, columns]; resamples where a figure cannot be computed are left out.
        confidence: the share of the resamples inside.
    """
    tail = 100 * (1 - confidence) / 2
    found = []
    for column, value in enumerate(values):
        known = resampled[np.isfinite(resampled[:, column]), column]
        if not np.isfinite(value):
            found.append(Interval(None, None, None))
        elif not len(known):
            found.append(Interval(float(value), None, None))
        else:
            low, high = np.percentile(known, [tail, 100 - tail])
            found.append(Interval(float(value), float(low), float(high)))
    return found


def _check(seeds: Sequence[Sums], same_groups: bool) -> None:
    shapes = {(one.numerators.shape[1:], one.denominators.shape[1:]) for one in seeds}
    sizes = {len(one.numerators) for one in seeds}
    unequal = any(one.numerators.shape != one.denominators.shape for one in seeds)
    if not seeds or not all(sizes) or len(shapes) != 1 or unequal:
        raise ValueError("the bootstrap needs seeds with groups, and the same columns in all of them")
    if same_groups and len(sizes) != 1:
        raise ValueError("seeds that share their groups must have the same number of them")


def _groups(seeds: Sequence[Sums], same_groups: bool) -> Integers:
    """In how many groups each column counts; a group that the seeds share counts once."""
    counts = [one.denominators != 0 for one in seeds]
    found: Integers = (np.any(counts, axis=0) if same_groups else np.concatenate(counts)).sum(axis=0)
    return found


def _weights(groups: int, rows: int, rng: np.random.Generator) -> Floats:
    """How often each group was drawn, [rows, groups]."""
    drawn: Floats = rng.multinomial(groups, np.full(groups, 1 / groups), size=rows).astype(np.float64)
    return drawn


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    unknown = np.full(numerators.shape, np.nan)
    ratio: Floats = np.divide(numerators, denominators, out=unknown, where=denominators != 0)
    return ratio


def _mean(values: Floats) -> Floats:
    """The mean over the first axis of what is known."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64))
