"""Two variants beside each other: differences, ratios, and when one may be called better."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING, Figure, Task, difference, not_computed
from sartext.evaluation.measures import OVER, measure
from sartext.report.figure_index import FigureIndex

Verdict = Literal["better", "worse", "even"]

Measured = tuple[Task, str]

RETRIEVAL: Sequence[Measured] = (
    ("retrieval", "one_positive.mean_recall"),
    ("retrieval", "duplicate_aware.mean_recall"),
)
CAPTIONS: Sequence[Measured] = (
    ("captioning", "bleu_4"),
    ("captioning", "cider_d"),
    ("captioning", "fact_precision"),
    ("captioning", "fact_recall"),
)
ANSWERS: Sequence[Measured] = (("vqa", "aa"), ("vqa", "oa"))
RATIOS = ("bleu_4", "spice", "cider_d")
"""The scores of which the paper gives ratios to the original CoCa."""

NARROW = "-annotated"
"""Ends the names of models that were trained without the narrated captions."""

MAIN_ARM = "progressive"
"""Ends the name of the arm that is compared with every other of its kind."""

NO_WEIGHTS = "no pretrained weights were loaded: a ratio to random weights means nothing"
ZERO = "the foundation's figure is zero as far as it is shown"


@dataclass(frozen=True)
class Comparison:
    """A variant against another in one metric.

    Args:
        figure: the difference.
        verdict: ``better`` or ``worse`` only where the 95 % interval of the paired difference lies on one side of
            zero or, where no paired difference was taken, where the two intervals do not meet; without an interval
            it is ``even``.
        paired: whether the difference was taken image by image, by the evaluation.
    """

    figure: Figure
    verdict: Verdict
    paired: bool


def compare(
    index: FigureIndex, one: str, other: str, task: Task, metric: str, *, benchmark: str | None = None
) -> Comparison | None:
    """Compare two variants in a metric; None where either has no value."""
    left, right = (index.find(task, metric, name, benchmark=benchmark) for name in (one, other))
    if left is None or right is None or left.value is None or right.value is None:
        return None
    paired = _paired(index, one, other, task, metric, benchmark=benchmark)
    if paired is not None:
        return Comparison(paired, _verdict(side(paired, 0.0), task, metric), paired=True)
    plain = replace(left, variant=difference(one, other), value=left.value - right.value, low=None, high=None)
    return Comparison(plain, _verdict(_apart(left, right), task, metric), paired=False)


def _paired(
    index: FigureIndex, one: str, other: str, task: Task, metric: str, *, benchmark: str | None
) -> Figure | None:
    """The difference as the evaluation measured it, turned round where it took the first from the second."""
    name = difference(one, other)
    found = index.find(task, metric, name, benchmark=benchmark)
    if found is not None and found.place not in index.derived:
        return found
    turned = index.find(task, metric, difference(other, one), benchmark=benchmark)
    if turned is None or turned.value is None or turned.place in index.derived:
        return None
    low, high = (None if bound is None else -bound for bound in (turned.high, turned.low))
    return replace(turned, variant=name, value=-turned.value, low=low, high=high)


def side(figure: Figure, of: float) -> int:
    """Return 1 where a figure's interval lies above a value, -1 where below, 0 where around it or unknown."""
    if figure.low is None or figure.high is None:
        return 0
    return 1 if figure.low > of else -1 if figure.high < of else 0


def _apart(left: Figure, right: Figure) -> int:
    """1 where the left interval lies above the right one, -1 where below, 0 where they meet or one is unknown."""
    if left.low is None or left.high is None or right.low is None or right.high is None:
        return 0
    return 1 if left.low > right.high else -1 if left.high < right.low else 0


def _verdict(sign: int, task: Task, metric: str) -> Verdict:
    if measure(task, metric).higher_is_better is False:
        sign = -sign
    return "better" if sign > 0 else "worse" if sign < 0 else "even"


def foundation_of(index: FigureIndex, variant: Variant, task: Task, metric: str) -> Variant | None:
    """Return the foundation to compare a variant with: of the same kind if one was measured, else any."""
    found = [one for one in index.measured(task, metric) if one.role == "foundation"]
    return next((one for one in found if one.kind == variant.kind), found[0] if found else None)


def trained(index: FigureIndex, task: Task, metric: str) -> list[Variant]:
    """Return the measured arms and models, in the order of the variants."""
    return [one for one in index.measured(task, metric) if one.role in {"arm", "model"}]


def rivals(one: Variant, every: Sequence[Variant]) -> list[Variant]:
    """Return the arms that an arm of progressive transfer is compared with: those of its kind; none for others."""
    if one.role != "arm" or not one.name.endswith(MAIN_ARM):
        return []
    return [arm for arm in every if arm.role == "arm" and arm.kind == one.kind and arm is not one]


def sibling(index: FigureIndex, variant: Variant) -> Variant | None:
    """Return the model that differs from this one by the narrated captions alone, if there is one."""
    return index.named.get(variant.name + NARROW)


def pairs(index: FigureIndex) -> Iterator[tuple[str, str, Task, str, str]]:
    """Yield all that the page compares: variant, other variant, task, metric, benchmark."""
    for task, metric in (*RETRIEVAL, *CAPTIONS, *ANSWERS):
        for benchmark in index.benchmarks(task):
            for one, other in _of_metric(index, task, metric):
                yield one, other, task, metric, benchmark


def _of_metric(index: FigureIndex, task: Task, metric: str) -> Iterator[tuple[str, str]]:
    every = trained(index, task, metric)
    for one in every:
        if foundation := foundation_of(index, one, task, metric):
            yield one.name, foundation.name
        if (narrow := sibling(index, one)) is not None:
            yield one.name, narrow.name
        if one.role == "model":
            yield from ((one.name, rule.name) for rule in index.measured(task, metric) if rule.role == "baseline")
        yield from ((one.name, arm.name) for arm in rivals(one, every))


def derived(index: FigureIndex) -> list[Figure]:
    """Return the differences and ratios that the page shows and no evaluation gave, to stand among the figures."""
    found: dict[tuple[str, ...], Figure] = {}
    for one, other, task, metric, benchmark in pairs(index):
        comparison = compare(index, one, other, task, metric, benchmark=benchmark)
        if comparison is not None:
            found[comparison.figure.place] = comparison.figure
    for figure in _ratios(index):
        found[figure.place] = figure
    known = {one.place for one in index.figures}
    return [one for place, one in found.items() if place not in known]


def _ratios(index: FigureIndex) -> Iterator[Figure]:
    for metric in RATIOS:
        foundations = [one for one in index.variants if one.role == "foundation"]
        for foundation in foundations:
            base = index.find("captioning", metric, foundation.name)
            if base is None:
                continue
            for variant in index.variants:
                mine = index.find("captioning", metric, variant.name)
                if variant.role in {"arm", "model"} and mine is not None:
                    yield _ratio(mine, base, foundation.pretrained)


def _ratio(mine: Figure, base: Figure, pretrained: bool) -> Figure:
    name = f"{mine.variant}{OVER}{base.variant}"
    # BLEU without a match is a smoothing constant and no zero: what is shown as zero divides nothing
    digits = measure(base.task, base.metric).digits
    zero = base.value is not None and round(base.value, digits) == 0
    reason = mine.reason or base.reason or ("" if pretrained else NO_WEIGHTS) or (ZERO if zero else "")
    if reason or mine.value is None or base.value is None:
        return not_computed(mine.task, mine.metric, name, reason, benchmark=mine.benchmark, subset=EVERYTHING)
    return replace(mine, variant=name, value=mine.value / base.value, low=None, high=None)
