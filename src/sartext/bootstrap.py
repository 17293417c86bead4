"""The paired hierarchical bootstrap over seeds and groups, and its percentile intervals.

A seed is one repetition of an experiment, a group what belongs together in its test set (the images of one place).
Seeds are drawn with replacement, then the groups within each drawn seed (Davison and Hinkley 1997, section 3.8).
All columns share the draws: a difference between two of them is paired by seed and by group.

A metric of a corpus that is no mean, as BLEU and METEOR are, is a `Measurement`: a function of sums over the
corpus.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CONFIDENCE = 0.95

RESAMPLES = 2000

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
    """An estimate with its percentile interval: without bounds, see `resample`, or None all three if undefined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, eq=False)
class Measurement:
    """A metric of a variant, from what each image adds to it.

    Args:
        metric: its name.
        variant: whose captions were measured.
        parts: [images, k], what each image adds; 0 where it does not count.
        score: from sums [..., k] to the metric [...]; nan where it is not defined.
        counted: [images], which images were measured.
        undefined: why the metric is not defined, should it not be.
        uncounted: why no image was measured, should none be.
    """

    metric: str
    variant: str
    parts: Floats
    score: Callable[[Floats], Floats]
    counted: Bools
    undefined: str = "nothing of it was measured"
    uncounted: str = "no image was measured"


def estimate(seeds: Sequence[Sums]) -> Floats:
    """Return the mean over seeds of numerator over denominator, for every column; nan where nothing counts."""
    return _mean(np.stack([_ratio(sums.numerators.sum(axis=0), sums.denominators.sum(axis=0)) for sums in seeds]))


def resample(seeds: Sequence[Sums], resamples: int, seed: int, *, same_groups: bool = False) -> Floats:
    """Return the estimate in every resample, [resamples, columns]; ``seed`` decides all draws.

    A column that counts in fewer than two groups, of all seeds together, is nan throughout, and so is whatever is
    computed from it: a difference needs both of its sides, a mean of columns all of them.

    Args:
        seeds: one or more; groups may differ between them in number.
        resamples: how many.
        seed: of the draws.
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
        for number, sums in enumerate(seeds):
            rows = np.flatnonzero(drawn[:, place] == number)
            weights = shared[rows] if shared is not None else _weights(len(sums.numerators), len(rows), rng)
            values[place, rows] = _ratio(weights @ sums.numerators, weights @ sums.denominators)
    return np.where(_groups(seeds, same_groups) < FEWEST_GROUPS, np.nan, _mean(values))


def intervals(values: Floats, resampled: Floats) -> list[Interval]:
    """Return a percentile interval per column from estimates, [columns], and resamples, [resamples, columns].

    Resamples where a figure cannot be computed are left out; where none can, there are no bounds.
    """
    tail = 100 * (1 - CONFIDENCE) / 2
    bounds = []
    for column, value in enumerate(values):
        known = resampled[np.isfinite(resampled[:, column]), column]
        if not np.isfinite(value):
            bounds.append(Interval(None, None, None))
        elif not len(known):
            bounds.append(Interval(float(value), None, None))
        else:
            low, high = np.percentile(known, [tail, 100 - tail])
            bounds.append(Interval(float(value), float(low), float(high)))
    return bounds


def mean_score(sums: Floats) -> Floats:
    """Return the first sum over the second; nan where that is 0."""
    return _ratio(sums[..., 0], sums[..., 1])


def percentage(sums: Floats) -> Floats:
    """Return `mean_score` times 100."""
    return 100 * mean_score(sums)


def mean_of(values: Floats, counted: Bools) -> Floats:
    """Return the parts of a mean over the images that count, [images, 2], for `mean_score`."""
    return np.stack([np.where(counted, values, 0.0), counted.astype(np.float64)], axis=1)


def by_group(values: Floats, groups: Sequence[str] | Sequence[int]) -> Floats:
    """Return the sums of [items, columns] over the items of each group, [groups, columns]."""
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, where, values)
    return sums


def measure(
    measurements: Sequence[Measurement], groups: Sequence[str], *, resamples: int, seed: int
) -> tuple[list[Interval], Floats]:
    """Return each metric with its 95 % interval by the bootstrap over groups of images, and its values in all
    resamples, [resamples, measurements].

    All are drawn together, so that differences between them are paired. A metric that is defined of fewer than two
    groups alone has no bounds, and is nan in all resamples; without resamples there are no bounds.

    Raises:
        ValueError: there is no image, or a measurement is of other images.
    """
    if not groups or any(len(item.parts) != len(groups) for item in measurements):
        raise ValueError(
            f"{len(groups)} images, and measurements of {sorted({len(each.parts) for each in measurements})}"
        )
    columns = [part for item in measurements for part in (item.parts, item.counted[:, None])]
    sums = by_group(np.concatenate(columns, axis=1, dtype=np.float64), groups)
    ends = np.cumsum([0, *(item.parts.shape[1] + 1 for item in measurements)])
    total = sums.sum(axis=0)
    # every group counts once, so no mean is taken
    drawn = resample([Sums(sums, np.full_like(sums, 1 / len(sums)))], resamples, seed)
    spans = list(zip(measurements, ends, ends[1:], strict=False))
    values = np.array([float(_score(item, total[None, start:end])[0]) for item, start, end in spans])
    resampled = np.stack([_score(item, drawn[:, start:end]) for item, start, end in spans], axis=1)
    defined = np.array([np.isfinite(_score(item, sums[:, start:end])).sum() for item, start, end in spans])
    resampled = np.where(defined < FEWEST_GROUPS, np.nan, resampled)
    return intervals(values, resampled), resampled


def _score(item: Measurement, sums: Floats) -> Floats:
    """The metric from sums whose last column is the number of images; nan where there is none."""
    return np.where(sums[:, -1] > 0, item.score(sums[:, :-1]), np.nan)


def _check(seeds: Sequence[Sums], same_groups: bool) -> None:
    shapes = {(sums.numerators.shape[1:], sums.denominators.shape[1:]) for sums in seeds}
    sizes = {len(sums.numerators) for sums in seeds}
    unequal = any(sums.numerators.shape != sums.denominators.shape for sums in seeds)
    if not seeds or not all(sizes) or len(shapes) != 1 or unequal:
        raise ValueError("the bootstrap needs seeds with groups, and the same columns in all of them")
    if same_groups and len(sizes) != 1:
        raise ValueError("seeds that share their groups must have the same number of them")


def _groups(seeds: Sequence[Sums], same_groups: bool) -> Integers:
    """In how many groups each column counts; a group that the seeds share counts once."""
    counts = [sums.denominators != 0 for sums in seeds]
    groups: Integers = (np.any(counts, axis=0) if same_groups else np.concatenate(counts)).sum(axis=0)
    return groups


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
