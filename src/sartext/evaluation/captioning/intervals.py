"""Figures of a corpus from what each image adds to them, with intervals by group; also of those that are no mean.

BLEU and METEOR are functions of sums over the corpus. A resample draws groups of images, sums anew, and scores
anew; all measures that are drawn together share the draws, so that differences between them are paired.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartext.evaluation import bootstrap
from sartext.evaluation.bootstrap import Interval, Sums

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

NO_CAPTION = "it has no caption of any of these images"
"""Of a variant that captions some images only."""


@dataclass(frozen=True, eq=False)
class Measure:
    """One measure of one variant.

    Args:
        metric: its name.
        variant: whose captions were measured.
        parts: [images, k], what each image adds; 0 where it does not count.
        score: from sums [..., k] to the measure [...]; nan where it is not defined.
        counted: [images], which images were measured.
        undefined: why the measure is not defined, should it not be.
        uncounted: why no image was measured, should none be.
    """

    metric: str
    variant: str
    parts: Floats
    score: Callable[[Floats], Floats]
    counted: Bools
    undefined: str = "nothing of it was measured"
    uncounted: str = NO_CAPTION


def ratio(sums: Floats) -> Floats:
    """Return the first sum over the second; nan where that is 0."""
    unknown = np.full(sums.shape[:-1], np.nan)
    return np.asarray(np.divide(sums[..., 0], sums[..., 1], out=unknown, where=sums[..., 1] != 0))


def percentage(sums: Floats) -> Floats:
    """Return `ratio` times 100."""
    return 100 * ratio(sums)


def mean_of(values: Floats, counted: Bools) -> Floats:
    """Return the parts of a mean over the images that count, [images, 2], for `ratio`."""
    return np.stack([np.where(counted, values, 0.0), counted.astype(np.float64)], axis=1)


def measured(
    measures: Sequence[Measure], groups: Sequence[str], *, resamples: int, seed: int
) -> tuple[list[Interval], Floats]:
    """Return each measure with its 95 % interval by the bootstrap over groups, and its values in all resamples.

    A measure that is defined of fewer than two groups alone has no bounds, and is nan in all resamples.

    Args:
        measures: of the same images.
        groups: of these images.
        resamples: how many are drawn; without any there are no bounds.
        seed: decides the draws.

    Returns:
        The intervals; the measures in every resample, [resamples, measures].

    Raises:
        ValueError: there is no image, or a measure is of other images.
    """
    if not groups or any(len(one.parts) != len(groups) for one in measures):
        raise ValueError(f"{len(groups)} images, and measures of {sorted({len(one.parts) for one in measures})}")
    if not measures:
        return [], np.empty((resamples, 0))
    columns = [part for one in measures for part in (one.parts, one.counted[:, None])]
    sums = _by_group(np.concatenate(columns, axis=1, dtype=np.float64), groups)
    ends = np.cumsum([0, *(one.parts.shape[1] + 1 for one in measures)])
    total = sums.sum(axis=0)
    drawn = _resampled(sums, resamples, seed)
    spans = list(zip(measures, ends, ends[1:], strict=False))
    values = np.array([float(_score(one, total[None, start:end])[0]) for one, start, end in spans])
    resampled = np.stack([_score(one, drawn[:, start:end]) for one, start, end in spans], axis=1)
    defined = np.array([np.isfinite(_score(one, sums[:, start:end])).sum() for one, start, end in spans])
    resampled = bootstrap.of_several(resampled, defined)
    return bootstrap.intervals(values, resampled), resampled


def _score(one: Measure, sums: Floats) -> Floats:
    """The measure from sums whose last column is the number of images; nan where there is none."""
    return np.where(sums[:, -1] > 0, one.score(sums[:, :-1]), np.nan)


def _resampled(sums: Floats, resamples: int, seed: int) -> Floats:
    """The sums over each resample's groups, [resamples, columns]: every group counts once, so no mean is taken."""
    once = np.full_like(sums, 1 / len(sums))
    return bootstrap.resample([Sums(sums, once)], resamples, seed)


def _by_group(parts: Floats, groups: Sequence[str]) -> Floats:
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), parts.shape[1]))
    np.add.at(sums, where, parts)
    return sums
