"""A figure of the report: what was measured, of which model, on what, with its interval; and a table of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sartext.bootstrap import Floats, Interval, intervals
from sartext.errors import ArtefactError
from sartext.files import read_json, write_json

Task = Literal["retrieval", "captioning", "vqa", "grounding", "foils", "physics"]

EVERYTHING = "all"
"""The subset that leaves nothing out."""

NOT_COMPUTED = "not computed"

MINUS = " minus "
"""Between the names of two variants: the difference of their figures."""

OVER = " over "
"""Between the names of two variants: the ratio of their figures."""


@dataclass(frozen=True)
class Figure:
    """One number, of a metric of a task, of a variant: a model, an arm or a baseline.

    Args:
        task: what the model was asked.
        metric: the name of the measure, such as ``mean_recall`` or ``bleu_4``.
        variant: by its name.
        value: None where it was not computed; ``reason`` then says why, and how to get it.
        low: lower bound of its 95 % interval, if it has one.
        high: upper bound.
        n: the images, questions or pairs that it was computed from.
        benchmark: the set of images, by its name.
        subset: the part of it: ``all``, ``corpus:<name>``, ``class:<noun>``, ``part:<corpus>/<noun>``,
            ``kind:<...>``, ``objects:<...>``.
        reason: why there is no value.
    """

    task: Task
    metric: str
    variant: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    benchmark: str = "release-test"
    subset: str = EVERYTHING
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if number is not None and not isfinite(number):
                raise ValueError(f"{self.task}.{self.metric} of {self.variant}: {name} is {number}, not a number")
        if self.value is None and not self.reason:
            raise ValueError(f"{self.task}.{self.metric} of {self.variant}: no value and no reason")

    @property
    def place(self) -> tuple[str, str, str, str, str]:
        """What tells it from every other figure."""
        return self.task, self.benchmark, self.subset, self.metric, self.variant

    def within(self, interval: Interval) -> "Figure":
        """Return it with the bounds of an interval."""
        return replace(self, low=interval.low, high=interval.high)


def not_computed(
    task: Task,
    metric: str,
    variant: str,
    reason: str,
    *,
    benchmark: str = "release-test",
    subset: str = EVERYTHING,
) -> Figure:
    """Return a figure that says why it has no value."""
    return Figure(task, metric, variant, None, benchmark=benchmark, subset=subset, reason=reason)


def write_figures(path: Path, figures: Iterable[Figure]) -> None:
    """Write figures as JSON, sorted by what they are of; equal figures give equal bytes.

    Raises:
        ValueError: two figures are of the same thing.
    """
    ordered = sorted(figures, key=lambda figure: figure.place)
    for before, after in pairwise(ordered):
        if before.place == after.place:
            raise ValueError(f"two figures of {before.place}")
    write_json(path, [asdict(figure) for figure in ordered])


def read_figures(path: Path) -> list[Figure]:
    """Read what `write_figures` wrote.

    Raises:
        ArtefactError: the file is absent or damaged.
    """
    names = {field.name for field in fields(Figure)}
    content: Any = read_json(path)
    try:
        return [Figure(**{key: value for key, value in row.items() if key in names}) for row in content]
    except (TypeError, AttributeError, ValueError) as error:
        raise ArtefactError(f"not a table of figures ({error})", where=path, way_out="evaluate again") from error


def difference(variant: str, other: str) -> str:
    """Return the name under which the difference of two variants is a figure: ``"a minus b"``."""
    return f"{variant}{MINUS}{other}"


def paired(
    figures: Sequence[Figure],
    resampled: Floats,
    pairs: Sequence[tuple[str, str]],
    *,
    subsets: tuple[str, ...] = (EVERYTHING,),
) -> Iterator[Figure]:
    """Yield the differences of figures, each with its interval.

    Args:
        figures: in the order of the columns.
        resampled: their values in every resample, [resamples, figures]; all columns share the draws.
        pairs: variants, the second of which is taken from the first.
        subsets: how the names of those begin whose figures are compared; other figures are passed over.
    """
    place = {
        (figure.benchmark, figure.metric, figure.subset, figure.variant): at
        for at, figure in enumerate(figures)
        if figure.subset.startswith(subsets) and figure.value is not None
    }
    for benchmark, metric, subset in dict.fromkeys(key[:3] for key in place):
        for variant, other in pairs:
            first, second = (place.get((benchmark, metric, subset, name)) for name in (variant, other))
            if first is None or second is None:
                continue
            left, right = figures[first], figures[second]
            drawn = (resampled[:, first] - resampled[:, second])[:, None]
            value = (left.value or 0.0) - (right.value or 0.0)
            interval = intervals(np.array([value]), drawn)[0]
            name, n = difference(variant, other), min(left.n, right.n)
            figure = Figure(left.task, metric, name, value, n=n, benchmark=benchmark, subset=subset)
            yield figure.within(interval)
