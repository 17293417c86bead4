"""Two variants beside each other: their figures, differences and ratios, and when one may be called better."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from sartext.config.training import EvaluationParameters
from sartext.evaluation.blind import best_blind
from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING, OVER, Figure, Task, difference, not_computed
from sartext.evaluation.registry import headlines, metric_of

Verdict = Literal["better", "worse", "even"]
VERDICTS: Mapping[int, Verdict] = {1: "better", 0: "even", -1: "worse"}
WORDS: Mapping[Verdict, str] = {"better": "better", "worse": "worse", "even": "not told apart"}

Place = tuple[str, str, str, str, str]

DISTINCT, AWARE = "distinct_facts.mean_recall", "duplicate_aware.mean_recall"
ONE_POSITIVE = "one_positive.mean_recall"

COMPARED_TASKS: Sequence[Task] = ("retrieval", "captioning", "vqa")
"""The tasks whose headline metrics variants are compared in."""

RATIOS = ("bleu_4", "spice", "cider_d")
"""The scores of which the paper gives ratios to the original CoCa."""

NO_WEIGHTS = "no pretrained weights were loaded: a ratio to random weights means nothing"
ZERO = "the foundation's figure is zero as far as it is shown"


@dataclass(frozen=True, eq=False)
class FigureIndex:
    """All figures of a report by what they are of, and the variants in the order in which they are shown.

    Args:
        figures: no two of the same thing.
        variants: described.
        benchmark: that is meant where none is named.
        declared: the comparisons.
        derived: the places of figures that the report computed from others; the evaluations measured the rest.
    """

    figures: tuple[Figure, ...]
    variants: tuple[Variant, ...]
    benchmark: str
    declared: EvaluationParameters = field(default_factory=lambda: EvaluationParameters.model_validate({}))
    derived: frozenset[Place] = frozenset()

    @cached_property
    def _by_place(self) -> Mapping[Place, Figure]:
        return {figure.place: figure for figure in self.figures}

    @cached_property
    def named(self) -> Mapping[str, Variant]:
        """The variants by their names."""
        return {variant.name: variant for variant in self.variants}

    def find(
        self, task: Task, metric: str, variant: str, *, subset: str = EVERYTHING, benchmark: str | None = None
    ) -> Figure | None:
        """Return a figure, with or without a value; None where nothing was measured."""
        return self._by_place.get((task, benchmark or self.benchmark, subset, metric, variant))

    def of(self, task: Task, metric: str | None = None, *, benchmark: str | None = None) -> list[Figure]:
        """Return the figures of a task on a benchmark, of one metric if it is named; differences are left out."""
        return [
            figure
            for figure in self.figures
            if (figure.task, figure.benchmark) == (task, benchmark or self.benchmark)
            and metric in {None, figure.metric}
            and figure.variant in self.named
        ]

    def measured(self, task: Task, metric: str) -> list[Variant]:
        """Return the variants that have a value of a metric on the whole benchmark."""
        names = {
            figure.variant
            for figure in self.of(task, metric)
            if figure.value is not None and figure.subset == EVERYTHING
        }
        return [variant for variant in self.variants if variant.name in names]

    def trained(self, task: Task, metric: str) -> list[Variant]:
        """Return the measured arms and models, in the order of the variants."""
        return [variant for variant in self.measured(task, metric) if variant.role in {"arm", "model"}]

    def baselines(self, task: Task, metric: str) -> list[Variant]:
        """Return the measured baselines."""
        return [variant for variant in self.measured(task, metric) if variant.role == "baseline"]

    @cached_property
    def blind(self) -> Mapping[tuple[str, str, str], Figure]:
        """The best figure without the image, by task, benchmark and headline metric."""
        best = best_blind(self.figures, self.variants)
        return {(figure.task, figure.benchmark, figure.metric): figure for figure in best}

    def best_blind(self, task: Task, metric: str, *, benchmark: str | None = None) -> Figure | None:
        """Return the best figure of a headline metric without the image; None where none was measured."""
        return self.blind.get((task, benchmark or self.benchmark, metric))

    def is_headline(self, variant: Variant) -> bool:
        """Whether it is a model that learned all captions it could."""
        return variant.role == "model" and not self.declared.is_without_narrated(variant.name)

    def foundation_of(self, variant: Variant, task: Task, metric: str) -> Variant | None:
        """Return the measured foundation of a variant's kind, or any."""
        foundations = [other for other in self.measured(task, metric) if other.role == "foundation"]
        same_kind = (other for other in foundations if other.kind == variant.kind)
        return next(same_kind, foundations[0] if foundations else None)

    def controls_of(self, arm: Variant) -> list[Variant]:
        """Return the arms of its kind that an arm is compared with by the parameters; none for other variants."""
        names = self.declared.comparisons.get(arm.name, ()) if arm.role == "arm" else ()
        return [
            other
            for other in self.variants
            if other.name in names and (other.role, other.kind) == ("arm", arm.kind)
        ]

    def without_narrated(self, variant: Variant) -> Variant | None:
        """Return the model that differs from this one by the narrated captions alone, if there is one."""
        return self.named.get(variant.name + self.declared.without_narrated)

    def subsets(self, task: Task, prefix: str, metric: str | None = None) -> list[str]:
        """Return what follows ``prefix:`` in the subsets of a task, sorted; numbers by their size."""
        subsets = {figure.subset for figure in self.of(task, metric)}
        return sorted(
            (subset.partition(":")[2] for subset in subsets if subset.startswith(f"{prefix}:")), key=by_size
        )

    def benchmarks(self, task: Task) -> list[str]:
        """Return the benchmarks that a task has figures on, that of the tables first."""
        names = {figure.benchmark for figure in self.figures if figure.task == task}
        return sorted(names, key=lambda name: (name != self.benchmark, name))

    def with_more(self, figures: Iterable[Figure]) -> "FigureIndex":
        """Return an index that has further figures too, which follow from those that it has."""
        more = tuple(figures)
        places = frozenset(figure.place for figure in more)
        return replace(self, figures=(*self.figures, *more), derived=places)


def by_size(text: str) -> tuple[int, float, str]:
    """Return a key that sorts numbers by their size, before words."""
    try:
        return 0, float(text), text
    except ValueError:
        return 1, 0.0, text


@dataclass(frozen=True)
class VariantComparison:
    """A variant against another in one metric: the difference, and what it says.

    The verdict is ``better`` or ``worse`` only where the 95 % interval of the paired difference lies on one side
    of zero or, where the evaluation took none image by image, where the two intervals do not meet; without an
    interval it is ``even``.
    """

    figure: Figure
    verdict: Verdict


def compare(
    index: FigureIndex, variant: str, other: str, task: Task, metric: str, *, benchmark: str | None = None
) -> VariantComparison | None:
    """Compare two variants in a metric; None where either has no value."""
    left, right = (index.find(task, metric, name, benchmark=benchmark) for name in (variant, other))
    if left is None or right is None or left.value is None or right.value is None:
        return None
    paired = _paired(index, left, right)
    if paired is not None:
        return VariantComparison(paired, _verdict(side(paired, 0.0, 0.0), task, metric))
    plain = replace(left, variant=difference(variant, other), value=left.value - right.value, low=None, high=None)
    return VariantComparison(plain, _verdict(side(left, right.low, right.high), task, metric))


def _paired(index: FigureIndex, left: Figure, right: Figure) -> Figure | None:
    """The difference as the evaluation measured it, turned round where it took the first from the second."""
    name = difference(left.variant, right.variant)
    measured = index.find(left.task, left.metric, name, benchmark=left.benchmark)
    if measured is not None and measured.place not in index.derived:
        return measured
    turned_name = difference(right.variant, left.variant)
    turned = index.find(left.task, left.metric, turned_name, benchmark=left.benchmark)
    if turned is None or turned.value is None or turned.place in index.derived:
        return None
    low, high = (None if bound is None else -bound for bound in (turned.high, turned.low))
    return replace(turned, variant=name, value=-turned.value, low=low, high=high)


def side(figure: Figure, low: float | None, high: float | None) -> int:
    """Return 1 where a figure's interval lies above another, -1 where below, 0 where they meet or one lacks."""
    if figure.low is None or figure.high is None or low is None or high is None:
        return 0
    return 1 if figure.low > high else -1 if figure.high < low else 0


def _verdict(sign: int, task: Task, metric: str) -> Verdict:
    higher = metric_of(task, metric).higher_is_better
    return "even" if higher is None else VERDICTS[sign if higher else -sign]


def derived(index: FigureIndex) -> list[Figure]:
    """Return the differences and ratios that the page shows and no evaluation gave, to stand among the figures."""
    figures: dict[Place, Figure] = {}
    compared = ((task, metric) for task in COMPARED_TASKS for metric in headlines(task))
    for task, metric in compared:
        for benchmark in index.benchmarks(task):
            for variant, other in _pairs(index, task, metric):
                comparison = compare(index, variant.name, other.name, task, metric, benchmark=benchmark)
                if comparison is not None:
                    figures[comparison.figure.place] = comparison.figure
    figures |= {figure.place: figure for figure in _ratios(index)}
    known = {figure.place for figure in index.figures}
    return [figure for place, figure in figures.items() if place not in known]


def _pairs(index: FigureIndex, task: Task, metric: str) -> Iterator[tuple[Variant, Variant]]:
    """Each trained variant beside its foundation and as the parameters declare; models beside baselines too."""
    for variant in index.trained(task, metric):
        others = [index.foundation_of(variant, task, metric), index.without_narrated(variant)]
        if variant.role == "model":
            others += index.baselines(task, metric)
        others += index.controls_of(variant)
        yield from ((variant, other) for other in others if other is not None)


def _ratios(index: FigureIndex) -> Iterator[Figure]:
    foundations = [variant for variant in index.variants if variant.role == "foundation"]
    for metric in RATIOS:
        for foundation in foundations:
            base = index.find("captioning", metric, foundation.name)
            for variant in index.variants if base is not None else ():
                own = index.find("captioning", metric, variant.name)
                if variant.role in {"arm", "model"} and own is not None and base is not None:
                    yield _ratio(own, base, foundation.pretrained)


def _ratio(own: Figure, base: Figure, pretrained: bool) -> Figure:
    name = f"{own.variant}{OVER}{base.variant}"
    # BLEU without a match is a smoothing constant and no zero: what is shown as zero divides nothing
    digits = metric_of(base.task, base.metric).digits
    zero = base.value is not None and round(base.value, digits) == 0
    reason = own.reason or base.reason or ("" if pretrained else NO_WEIGHTS) or (ZERO if zero else "")
    if reason or own.value is None or base.value is None:
        return not_computed(own.task, own.metric, name, reason, benchmark=own.benchmark, subset=EVERYTHING)
    return replace(own, variant=name, value=own.value / base.value, low=None, high=None)
