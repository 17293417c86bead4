"""Paired differences: one variant minus another, on the same draws of groups."""

from collections.abc import Iterator, Sequence

import numpy as np

from sartext.evaluation.bootstrap import Floats, intervals
from sartext.evaluation.figures import EVERYTHING, Figure

MINUS = " minus "


def difference(variant: str, other: str) -> str:
    """Return the name under which the difference of two variants is a figure: ``"a minus b"``."""
    return f"{variant}{MINUS}{other}"


def paired(figures: Sequence[Figure], resampled: Floats, pairs: Sequence[tuple[str, str]]) -> Iterator[Figure]:
    """Yield the differences of the figures of whole benchmarks, each with its interval.

    Args:
        figures: in the order of the columns.
        resampled: their values in every resample, [resamples, figures]; all columns share the draws.
        pairs: variants, the second of which is taken from the first.
    """
    place = {
        (one.benchmark, one.metric, one.variant): at
        for at, one in enumerate(figures)
        if one.subset == EVERYTHING and one.value is not None
    }
    for benchmark, metric in dict.fromkeys((one.benchmark, one.metric) for one in figures):
        for variant, other in pairs:
            first, second = (place.get((benchmark, metric, name)) for name in (variant, other))
            if first is None or second is None:
                continue
            one, two = figures[first], figures[second]
            drawn = (resampled[:, first] - resampled[:, second])[:, None]
            value = (one.value or 0.0) - (two.value or 0.0)
            interval = intervals(np.array([value]), drawn)[0]
            name, n = difference(variant, other), min(one.n, two.n)
            yield Figure(one.task, metric, name, value, n=n, benchmark=benchmark).within(interval)
