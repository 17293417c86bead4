"""What the sections on the tasks show: retrieval, captioning, questions, foils and physics curves."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sartext.evaluation.details import CHANCE as AT_RANDOM
from sartext.evaluation.details import CONSTANT_RANKING, Curve
from sartext.evaluation.figures import EVERYTHING, Task, difference
from sartext.evaluation.metrics.recall import SCORINGS
from sartext.evaluation.registry import headlines, in_order, metric_of, names_in, number
from sartext.evaluation.vqa import normalise_answer
from sartext.pages import Chart, Row, Table, charts
from sartext.report.comparison import AWARE, DISTINCT, ONE_POSITIVE, by_size
from sartext.report.view import PERCENT, Column, Reasons, ReportView, curves, dots, drawn, variants_table

DIRECTIONS = {"i2t": "Image to text", "t2i": "Text to image"}
TICKS = (1, 2, 5, 10, 20, 50)
MOST_CORPORA = 12
MOST_CLASSES = 30

SCORES, FACTS, STATEMENTS = (names_in("captioning", section) for section in ("scores", "facts", "statements"))
PARTS = headlines("captioning")
"""The metrics that are shown for each corpus and each size of objects."""

SIZED = ("object_precision", "object_recall", "fact_recall")
SIZES = {"under-2px": "under 2 px", "2-4px": "2-4 px", "4-8px": "4-8 px", "from-8px": "from 8 px"}

CHANCE = (50.0, "chance")
"""Of foils, and of two similarities, in percent."""

CONDITIONS = {
    "looks": "number of looks",
    "resolution": "resolution cell, times the ordinary one",
    "contrast": "contrast of the targets, dB from the ordinary one",
}
CURVES = ("duplicate_aware_mean_recall", "fact_precision", "fact_recall")
REMOVED = "removed"
"""The subset of the figures on removed objects."""

REMOVALS = ("caption_changed", "caption_changed_by_speckle", "count_followed", "similarity_fell")


def _columns(
    task: Task, metrics: Iterable[str], subset: str = EVERYTHING, benchmark: str | None = None
) -> list[Column]:
    return [Column(metric_of(task, metric).title, task, metric, subset, benchmark) for metric in metrics]


def _by(prefix: str, task: Task, metric: str, names: Iterable[str], after: str = "") -> list[Column]:
    """A column for each part of a benchmark that a prefix of subsets names."""
    return [Column(f"{name}{after}", task, metric, f"{prefix}:{name}") for name in names]


def retrieval(view: ReportView) -> dict[str, Any]:
    """Return recall curves, both scorings, corpora and classes, and rankings with their errors."""
    index, details = view.index, view.details
    corpora = index.subsets("retrieval", "corpus", DISTINCT)[:MOST_CORPORA]
    classes = index.subsets("retrieval", "class", DISTINCT)[:MOST_CLASSES]
    curved = {curve.variant for curve in details.curves}
    measured = {variant.name for variant in index.measured("retrieval", DISTINCT)}
    cuts = [metric for metric in names_in("retrieval", "cuts") if index.measured("retrieval", metric)]
    return {
        "benchmark": details.benchmarks[0],
        "blind": [rule for rule in (AT_RANDOM, CONSTANT_RANKING) if rule in measured],
        "curved": [variant for variant in details.variants if variant.name in curved],
        "curves": {scoring: _recall_curves(view, scoring) for scoring in SCORINGS},
        "dots": drawn(dots(view, "retrieval", metric) for metric in (DISTINCT, AWARE, ONE_POSITIVE)),
        "cuts": {
            title: variants_table(view, _columns("retrieval", (cut for cut in cuts if cut.startswith(scoring))))
            for scoring, title in SCORINGS.items()
        },
        "by_corpus": variants_table(view, _by("corpus", "retrieval", DISTINCT, corpora)),
        "by_class": variants_table(view, _by("class", "retrieval", DISTINCT, classes)),
        "classes": len(classes),
        "of_images": [example for example in details.retrieval if example.kind == "i2t"],
        "of_captions": [example for example in details.retrieval if example.kind == "t2i"],
    }


def _recall_curves(view: ReportView, scoring: str) -> list[Chart]:
    order = [variant.name for variant in view.details.variants]
    wanted = (scoring, view.index.benchmark)
    of_scoring = [curve for curve in view.details.curves if (curve.scoring, curve.benchmark) == wanted]
    of_scoring.sort(key=lambda curve: -order.index(curve.variant))
    if not of_scoring:
        return []
    return [_recall_chart(view, of_scoring, direction, title) for direction, title in DIRECTIONS.items()]


def _recall_chart(view: ReportView, of_scoring: Sequence[Curve], direction: str, title: str) -> Chart:
    lines = []
    for curve in of_scoring:
        recalls: Sequence[float] = getattr(curve, direction)
        points = [charts.Point(_at(k, len(recalls)), recall) for k, recall in enumerate(recalls, start=1)]
        lines.append(charts.Line(curve.variant, view.looks[curve.variant], points, marked=False))
    most = max(len(line.points) for line in lines)
    places = [(_at(k, most), str(k)) for k in TICKS if k <= most]
    name = f"{title}: recall at k, 0 to 100, k up to {most}"
    svg = charts.lines(name, lines, places, "k, on a logarithmic scale", bounds=PERCENT)
    return Chart(title, "recall at k, 0 to 100", svg)


def _at(k: int, most: int) -> float:
    return math.log(k) / math.log(most) if most > 1 else 0.5


def captioning(view: ReportView) -> dict[str, Any]:
    """Return scores and facts beside the baselines, parts of the test set, and images with their captions."""
    index = view.index
    known = {figure.metric for figure in index.of("captioning") if figure.subset == EVERYTHING} - {*SCORES}
    kinds = known & {*STATEMENTS}
    corpora = {f"corpus:{name}": name for name in index.subsets("captioning", "corpus")}
    present = index.subsets("captioning", "objects")
    sizes = [size for size in SIZES if size in present] + [size for size in present if size not in SIZES]
    by_size_of_objects = {f"objects:{size}": SIZES.get(size, size) for size in sizes}
    few = [  # of a chart in which all would hide each other
        variant
        for variant in index.variants
        if variant.role == "foundation" or index.is_headline(variant) or index.controls_of(variant)
    ]
    by, below = "size", "smallest object of the image"
    return {
        "dots": drawn(dots(view, "captioning", metric) for metric in PARTS),
        "scores": variants_table(view, _columns("captioning", SCORES)),
        "facts": _with_units(view, known & {*FACTS}),
        "kinds": _with_units(view, kinds),
        "words": _with_units(view, known - {*FACTS} - kinds),
        "corpora": [*corpora.values()],
        "by_corpus": _by_part(view, PARTS, corpora),
        "sizes": drawn(
            curves(view, "captioning", metric, by_size_of_objects, by=by, below=below, variants=few)
            for metric in SIZED
        ),
        "by_size": _by_part(view, (*PARTS, "object_recall"), by_size_of_objects),
        "examples": view.details.captions,
    }


def _with_units(view: ReportView, metrics: Iterable[str]) -> Table:
    columns = []
    for metric in in_order("captioning", metrics):
        known = metric_of("captioning", metric)
        columns.append(Column(f"{known.title}, {known.unit}" if known.unit else known.title, "captioning", metric))
    return variants_table(view, columns)


def _by_part(view: ReportView, metrics: Sequence[str], subsets: Mapping[str, str]) -> list[tuple[str, str, Table]]:
    """The title, unit and table of each metric, a column per part of the test set."""
    tables = []
    for metric in metrics if subsets else ():
        known = metric_of("captioning", metric)
        columns = [Column(title, "captioning", metric, subset) for subset, title in subsets.items()]
        tables.append((known.title, known.unit, variants_table(view, columns)))
    return tables


def vqa(view: ReportView) -> dict[str, Any]:
    """Return accuracy by type of question and by corpus, and questions with their answers."""
    index = view.index
    types = index.subsets("vqa", "type", "accuracy")
    of_types = [dots(view, "vqa", "accuracy", subset=f"type:{name}", title=f"Questions: {name}") for name in types]
    numbers: dict[str, int] = {}  # of questions, from the variant that was asked most
    for figure in index.of("vqa", "accuracy"):
        prefix, _, name = figure.subset.partition(":")
        if prefix == "type" and figure.n:
            numbers[name] = max(figure.n, numbers.get(name, 0))
    by_type = [Column("OA", "vqa", "oa"), Column("AA", "vqa", "aa"), *_by("type", "vqa", "accuracy", types)]
    corpora = index.subsets("vqa", "corpus", "accuracy")
    return {
        "dots": drawn([dots(view, "vqa", "oa"), *of_types]),
        "blind_model": any(variant.kind == "gpt" for variant in index.baselines("vqa", "oa")),
        "numbers": sorted(numbers.items()),
        "by_type": variants_table(view, by_type),
        "beside_blind": _beside_blind(view, by_type),
        "by_corpus": variants_table(view, _by("corpus", "vqa", "accuracy", corpora)),
        "examples": [
            (example, {name: _is_right(answer, example.answer) for name, answer in example.answers.items()})
            for example in view.details.questions
        ],
    }


def _beside_blind(view: ReportView, columns: Sequence[Column]) -> Table:
    """A row for each model and baseline that the evaluation compared by type, with their differences."""
    reasons, rows = Reasons(), []
    for variant in view.index.trained("vqa", "oa"):
        for other in view.index.baselines("vqa", "oa"):
            name = difference(variant.name, other.name)
            figures = [view.index.find("vqa", column.metric, name, subset=column.subset) for column in columns]
            if any(figure is not None and figure.subset != EVERYTHING for figure in figures):
                rows.append(Row([view.name_cell(variant), other.name, *map(reasons.cell, figures)]))
    heads = ["variant", "minus", *(column.title for column in columns)]
    return Table(heads, rows, texts=("minus",), notes=reasons.notes)


def _is_right(answer: str, right: str) -> bool:
    return normalise_answer(answer) == normalise_answer(right)


def foils(view: ReportView) -> dict[str, Any]:
    """Return how often a true caption is preferred to one with a changed fact, by the kind of fact."""
    kinds = view.index.subsets("foils", "kind")
    mean = Column("mean of the kinds", "foils", "mean_accuracy")
    return {
        "dots": drawn(
            dots(view, "foils", "accuracy", subset=f"kind:{kind}", title=f"Changed: {kind}", reference=CHANCE)
            for kind in kinds
        ),
        "by_kind": variants_table(view, [mean, *_by("kind", "foils", "accuracy", kinds, " changed")]),
        "examples": view.details.foils,
    }


def physics(view: ReportView) -> dict[str, Any] | None:
    """Return curves over looks, resolution and contrast, and removed objects; None where no scene was imaged."""
    index = view.index
    name = next((figure.benchmark for figure in index.figures if figure.task == "physics"), None)
    if name is None:
        return None
    measured = {figure.variant for figure in index.of("physics", benchmark=name) if figure.value is not None}
    removals = _columns("physics", names_in("physics", "pairs"), REMOVED, name)
    return {
        "shown": [variant for variant in index.variants if variant.name in measured],
        "curves": [drawn(_curve(view, name, metric, condition) for condition in CONDITIONS) for metric in CURVES],
        "tables": [
            (metric_of("physics", metric).title, variants_table(view, _of_settings(view, name, metric)))
            for metric in CURVES
        ],
        "removed": drawn(
            dots(
                view,
                "physics",
                metric,
                subset=REMOVED,
                benchmark=name,
                reference=CHANCE if metric == "similarity_fell" else None,
            )
            for metric in REMOVALS
        ),
        "removals": variants_table(view, removals),
        "strips": view.details.strips,
    }


def _settings(view: ReportView, benchmark: str, metric: str, condition: str) -> dict[str, str]:
    """The subsets of a condition's settings with their values in words, by size."""
    figures = view.index.of("physics", metric, benchmark=benchmark)
    parts = (figure.subset.partition(":") for figure in figures if figure.value is not None)
    settings = {setting for name, _, setting in parts if name == condition}
    words = {setting: number(float(setting), 0 if float(setting).is_integer() else 1) for setting in settings}
    return {f"{condition}:{setting}": words[setting] for setting in sorted(settings, key=by_size)}


def _curve(view: ReportView, benchmark: str, metric: str, condition: str) -> Chart | None:
    settings = _settings(view, benchmark, metric, condition)
    if len(settings) < 2:
        return None
    below, variants = CONDITIONS[condition], view.index.variants
    return curves(
        view, "physics", metric, settings, by=condition, below=below, variants=variants, benchmark=benchmark
    )


def _of_settings(view: ReportView, benchmark: str, metric: str) -> list[Column]:
    return [
        Column(f"{condition} {words}", "physics", metric, subset, benchmark)
        for condition in CONDITIONS
        for subset, words in _settings(view, benchmark, metric, condition).items()
    ]
