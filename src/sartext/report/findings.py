"""The verdict on top: what was found, which follows from the figures and their intervals."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure, Task
from sartext.evaluation.grounding import AVERAGE_PRECISION, EXACT_COUNTS, MEAN_IOU
from sartext.evaluation.registry import metric_of, shown
from sartext.report.comparison import DISTINCT, VERDICTS, WORDS, Verdict, compare, side
from sartext.report.sections import CHANCE
from sartext.report.view import ReportView

ARM_METRICS: Sequence[tuple[Task, str]] = (
    ("retrieval", DISTINCT),
    ("captioning", "cider_d"),
    ("captioning", "fact_precision"),
    ("captioning", "fact_recall"),
)
TILES: Sequence[tuple[Task, str]] = (
    ("retrieval", DISTINCT),
    ("captioning", "cider_d"),
    ("captioning", "fact_f1"),
    ("vqa", "oa"),
    ("grounding", AVERAGE_PRECISION),
    ("foils", "mean_accuracy"),
)
TASK_NAMES: Mapping[Task, str] = {"vqa": "VQA"}

ABOVE_CHANCE: Mapping[Verdict, str] = {"better": "above chance", "worse": "below chance"}
FOLLOWS: Mapping[Verdict, str] = {"better": "follows", "worse": "does not follow"}


@dataclass(frozen=True)
class ReportFinding:
    """A sentence: a verdict, and what the template says of a variant.

    Args:
        kind: of sentence: ``compared`` with others, ``narrated`` captions or none, ``foils``, ``removed`` objects.
        verdict: ``even`` where verdicts differ, too.
        word: of the verdict's mark.
        variant: that it is of.
        what: was measured.
        groups: verdicts with the names that they hold for, in the order of better, worse, even.
        values: figures in words, with what they are of.
    """

    kind: Literal["compared", "narrated", "foils", "removed"]
    verdict: Verdict
    word: str
    variant: str
    what: str = ""
    groups: Sequence[tuple[Verdict, Sequence[str]]] = ()
    values: Mapping[str, str] | None = None
    samples: tuple[int, int] | None = None


def findings(view: ReportView) -> dict[str, Any]:
    """Return the tiles and the findings at the top of the page."""
    return {
        "tiles": [*_tiles(view)],
        "findings": [
            *_against_others(view),
            *_arms(view),
            *_narrated(view),
            *_captions(view),
            *_answers(view),
            *_grounded(view),
            *_foils(view),
            *_removed(view),
        ],
    }


def _tiles(view: ReportView) -> Iterator[dict[str, str]]:
    """The best model's headline figure of each task."""
    for task, metric in TILES:
        models = [variant for variant in view.index.measured(task, metric) if variant.role == "model"]
        figures = [view.index.find(task, metric, variant.name) for variant in models]
        known = [figure for figure in figures if figure is not None]
        if known:
            best = max(known, key=lambda figure: figure.value or 0.0)
            value, interval = shown(best)
            described = metric_of(task, metric)
            what = f"{TASK_NAMES.get(task, task.capitalize())}: {described.title}"
            of = f"{best.variant}, {described.unit}" if described.unit else best.variant
            blind = view.index.best_blind(task, metric)
            beside = f"best without the image: {shown(blind)[0]} ({blind.variant})" if blind else ""
            yield {"what": what, "value": value, "interval": interval, "of": of, "blind": beside}


def with_interval(figure: Figure | None) -> str:
    """Return a value and its interval, which no line breaks apart."""
    if figure is None or figure.value is None:
        return "not computed"
    return " ".join(filter(None, shown(figure))).replace(" ", "\u00a0")


def _against_others(view: ReportView) -> Iterator[ReportFinding]:
    """The retrieval models beside what they began from, and beside an order drawn at random."""
    baselines = view.index.baselines("retrieval", DISTINCT)
    for variant in filter(view.index.is_headline, view.index.trained("retrieval", DISTINCT)):
        foundation = view.index.foundation_of(variant, "retrieval", DISTINCT)
        others = [*([foundation] if foundation else []), *baselines]
        what = f" in retrieval, {metric_of('retrieval', DISTINCT).title}"
        yield from _compared(view, variant, others, ("retrieval", DISTINCT), what)


def _compared(
    view: ReportView,
    variant: Variant,
    others: Iterable[Variant],
    measured: tuple[Task, str],
    what: str,
    *,
    values: bool = True,
) -> Iterator[ReportFinding]:
    """One variant beside several others in one metric, as far as it was measured of both."""
    task, metric = measured
    compared = {other.name: compare(view.index, variant.name, other.name, task, metric) for other in others}
    verdicts = {name: comparison.verdict for name, comparison in compared.items() if comparison is not None}
    if verdicts:
        verdict, word = _together(verdicts.values())
        figures = {name: view.index.find(task, metric, name) for name in (variant.name, *verdicts)}
        words = {name: with_interval(figure) for name, figure in figures.items()} if values else None
        yield ReportFinding("compared", verdict, word, variant.name, what, _by_verdict(verdicts), words)


def _arms(view: ReportView) -> Iterator[ReportFinding]:
    """What the transfer bought, against every control, one finding per metric."""
    for task, metric in ARM_METRICS:
        what = f", {task}, {metric_of(task, metric).title}"
        for arm in view.index.trained(task, metric):
            controls = view.index.controls_of(arm)
            yield from _compared(view, arm, controls, (task, metric), what, values=False)


def _together(verdicts: Iterable[Verdict]) -> tuple[Verdict, str]:
    kinds = {*verdicts}
    if len(kinds) == 1:
        verdict = kinds.pop()
        return verdict, WORDS[verdict]
    return "even", "mixed"


def _by_verdict(verdicts: Mapping[str, Verdict]) -> list[tuple[Verdict, list[str]]]:
    groups = ((kind, [name for name, verdict in verdicts.items() if verdict == kind]) for kind in WORDS)
    return [(kind, names) for kind, names in groups if names]


def _narrated(view: ReportView) -> Iterator[ReportFinding]:
    """The models with narrated captions beside those without."""
    for task, metric in ARM_METRICS:
        for variant in view.index.trained(task, metric):
            other = view.index.without_narrated(variant)
            comparison = compare(view.index, variant.name, other.name, task, metric) if other else None
            if other is not None and comparison is not None:
                verdict, what = comparison.verdict, metric_of(task, metric).title
                sides = {"with": variant.name, "without": other.name}
                values = {key: with_interval(view.index.find(task, metric, name)) for key, name in sides.items()}
                known = variant.samples is not None and other.samples is not None
                samples = (variant.samples or 0, other.samples or 0) if known else None
                yield ReportFinding(
                    "narrated", verdict, WORDS[verdict], variant.name, what, values=values, samples=samples
                )


def _captions(view: ReportView) -> Iterator[ReportFinding]:
    """The captioning models beside captions that nobody made for the image."""
    measured: tuple[Task, str] = ("captioning", "cider_d")
    for variant in filter(view.index.is_headline, view.index.trained(*measured)):
        yield from _compared(view, variant, view.index.baselines(*measured), measured, " in captioning, CIDEr-D")


def _answers(view: ReportView) -> Iterator[ReportFinding]:
    measured: tuple[Task, str] = ("vqa", "oa")
    what = " in answering, beside baselines that see no image, OA"
    for variant in view.index.measured(*measured):
        if variant.role == "model":
            yield from _compared(view, variant, view.index.baselines(*measured), measured, what)


def _grounded(view: ReportView) -> Iterator[ReportFinding]:
    """The grounder beside what its corpora show most often."""
    for metric in (AVERAGE_PRECISION, EXACT_COUNTS, MEAN_IOU):
        measured: tuple[Task, str] = ("grounding", metric)
        what = f" in grounding, {metric_of(*measured).title}"
        for variant in filter(view.index.is_headline, view.index.trained(*measured)):
            yield from _compared(view, variant, view.index.baselines(*measured), measured, what)


def _foils(view: ReportView) -> Iterator[ReportFinding]:
    kinds = view.index.subsets("foils", "kind")
    for variant in _headline_models(view, "foils"):
        figures = {
            kind: view.index.find("foils", "accuracy", variant.name, subset=f"kind:{kind}") for kind in kinds
        }
        verdicts = {
            kind: VERDICTS[side(figure, CHANCE[0], CHANCE[0])]
            for kind, figure in figures.items()
            if figure is not None and figure.value is not None
        }
        if verdicts:
            verdict, word = _together(verdicts.values())
            word = word if word == "mixed" else ABOVE_CHANCE.get(verdict, word)
            values = {"mean": with_interval(view.index.find("foils", "mean_accuracy", variant.name))}
            groups = _by_verdict(verdicts)
            yield ReportFinding("foils", verdict, word, variant.name, groups=groups, values=values)


def _headline_models(view: ReportView, task: Task) -> list[Variant]:
    names = {figure.variant for figure in view.index.figures if figure.task == task and figure.value is not None}
    return [
        variant for variant in view.index.variants if variant.name in names and view.index.is_headline(variant)
    ]


def _removed(view: ReportView) -> Iterator[ReportFinding]:
    """Whether captions follow the scene: an object removed, beside nothing but another draw of the speckle."""
    for variant in _headline_models(view, "physics"):
        own = {
            figure.metric: figure
            for figure in view.index.figures
            if (figure.task, figure.variant) == ("physics", variant.name) and figure.value is not None
        }
        gone, speckle = own.get("caption_changed"), own.get("caption_changed_by_speckle")
        if gone is not None and speckle is not None:
            beyond = own.get("caption_changed_beyond_speckle")
            verdict = VERDICTS[side(beyond, 0.0, 0.0) if beyond is not None else 0]
            values = {"gone": with_interval(gone), "speckle": with_interval(speckle)}
            yield ReportFinding(
                "removed", verdict, FOLLOWS.get(verdict, WORDS[verdict]), variant.name, values=values
            )
