"""The figures by what they are of, so that a section of the page finds its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING, Figure, Task

Place = tuple[str, str, str, str, str]


@dataclass(frozen=True, eq=False)
class FigureIndex:
    """All figures of a report, and the variants in the order in which they are shown.

    Args:
        figures: no two of the same thing.
        variants: described.
        benchmark: that is meant where none is named.
        derived: the places of figures that the report computed from others; the evaluations measured the rest.
    """

    figures: tuple[Figure, ...]
    variants: tuple[Variant, ...]
    benchmark: str
    derived: frozenset[Place] = frozenset()

    @cached_property
    def _by_place(self) -> Mapping[Place, Figure]:
        return {one.place: one for one in self.figures}

    @cached_property
    def named(self) -> Mapping[str, Variant]:
        """The variants by their names."""
        return {one.name: one for one in self.variants}

    def find(
        self, task: Task, metric: str, variant: str, *, subset: str = EVERYTHING, benchmark: str | None = None
    ) -> Figure | None:
        """Return a figure, with or without a value; None where nothing was measured."""
        return self._by_place.get((task, benchmark or self.benchmark, subset, metric, variant))

    def of(self, task: Task, metric: str | None = None, *, benchmark: str | None = None) -> list[Figure]:
        """Return the figures of a task on a benchmark, of one metric if it is named; differences are left out."""
        return [
            one
            for one in self.figures
            if (one.task, one.benchmark) == (task, benchmark or self.benchmark)
            and metric in {None, one.metric}
            and one.variant in self.named
        ]

    def measured(self, task: Task, metric: str, *, subset: str | None = EVERYTHING) -> list[Variant]:
        """Return the variants that have a value of a metric; in any subset where none is named."""
        names = {
            one.variant
            for one in self.of(task, metric)
            if one.value is not None and (subset is None or one.subset == subset)
        }
        return [one for one in self.variants if one.name in names]

    def subsets(self, task: Task, prefix: str, metric: str | None = None) -> list[str]:
        """Return what follows ``prefix:`` in the subsets of a task, sorted; numbers by their size."""
        found = {one.subset for one in self.of(task, metric) if one.subset.startswith(f"{prefix}:")}
        return sorted((one.partition(":")[2] for one in found), key=_by_size)

    def benchmarks(self, task: Task) -> list[str]:
        """Return the benchmarks that a task has figures on, that of the tables first."""
        found = {one.benchmark for one in self.figures if one.task == task}
        return sorted(found, key=lambda name: (name != self.benchmark, name))

    def with_more(self, figures: Iterable[Figure]) -> "FigureIndex":
        """Return an index that has further figures too, which follow from those that it has."""
        more = tuple(figures)
        return replace(self, figures=(*self.figures, *more), derived=frozenset(one.place for one in more))


def _by_size(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text
