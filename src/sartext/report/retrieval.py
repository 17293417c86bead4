"""Retrieval: recall curves, both scorings, corpora and classes, and rankings with their errors."""

import math
from collections.abc import Sequence
from typing import Any

from sartext.evaluation.details import Curve
from sartext.evaluation.registry import metric_of, names_in
from sartext.pages import Chart, charts
from sartext.report.comparison import AWARE, ONE_POSITIVE
from sartext.report.view import PERCENT, Column, ReportView, dots, drawn, variants_table

SCORINGS = {"duplicate_aware": "duplicate-aware", "one_positive": "one positive"}
DIRECTIONS = {"i2t": "Image to text", "t2i": "Text to image"}
CHANCE = "chance"
TICKS = (1, 2, 5, 10, 20, 50)
MOST_CORPORA = 12
MOST_CLASSES = 30


def retrieval(view: ReportView) -> dict[str, Any]:
    """Return what the section shows."""
    index, details = view.index, view.details
    corpora = index.subsets("retrieval", "corpus", AWARE)[:MOST_CORPORA]
    classes = index.subsets("retrieval", "class", AWARE)[:MOST_CLASSES]
    curved = {curve.variant for curve in details.curves}
    return {
        "benchmark": details.benchmarks[0],
        "chance": CHANCE if CHANCE in {variant.name for variant in index.measured("retrieval", AWARE)} else None,
        "curved": [variant for variant in details.variants if variant.name in curved],
        "curves": {scoring: _curves(view, scoring) for scoring in SCORINGS},
        "dots": drawn(dots(view, "retrieval", metric) for metric in (AWARE, ONE_POSITIVE)),
        "cuts": {title: variants_table(view, _cuts(view, scoring)) for scoring, title in SCORINGS.items()},
        "by_corpus": variants_table(
            view, [Column(name, "retrieval", AWARE, f"corpus:{name}") for name in corpora]
        ),
        "by_class": variants_table(view, [Column(name, "retrieval", AWARE, f"class:{name}") for name in classes]),
        "classes": len(classes),
        "of_images": [example for example in details.retrieval if example.kind == "i2t"],
        "of_captions": [example for example in details.retrieval if example.kind == "t2i"],
    }


def _cuts(view: ReportView, scoring: str) -> list[Column]:
    cuts = (metric for metric in names_in("retrieval", "cuts") if metric.startswith(scoring))
    metrics = [metric for metric in cuts if view.index.measured("retrieval", metric)]
    return [Column(metric_of("retrieval", metric).title, "retrieval", metric) for metric in metrics]


def _curves(view: ReportView, scoring: str) -> list[Chart]:
    order = [variant.name for variant in view.details.variants]
    curves = [
        curve
        for curve in view.details.curves
        if (curve.scoring, curve.benchmark) == (scoring, view.index.benchmark)
    ]
    curves.sort(key=lambda curve: -order.index(curve.variant))
    return [_chart(view, curves, direction, title) for direction, title in DIRECTIONS.items()] if curves else []


def _chart(view: ReportView, curves: Sequence[Curve], direction: str, title: str) -> Chart:
    lines = [
        charts.Line(curve.variant, view.looks[curve.variant], _points(getattr(curve, direction)), marked=False)
        for curve in curves
    ]
    most = max(len(line.points) for line in lines)
    places = [(_at(k, most), str(k)) for k in TICKS if k <= most]
    svg = charts.lines(
        f"{title}: recall at k, 0 to 100, k up to {most}",
        lines,
        places,
        "k, on a logarithmic scale",
        bounds=PERCENT,
    )
    return Chart(title, "recall at k, 0 to 100", svg)


def _points(recalls: Sequence[float]) -> list[charts.Point]:
    return [charts.Point(_at(k, len(recalls)), recall) for k, recall in enumerate(recalls, start=1)]


def _at(k: int, most: int) -> float:
    return math.log(k) / math.log(most) if most > 1 else 0.5
