"""What the section on the grounder shows: objects, land cover and scenes by corpus and class."""

from collections.abc import Mapping, Sequence
from typing import Any

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING
from sartext.evaluation.grounding import AVERAGE_PRECISION, MEAN_IOU
from sartext.evaluation.registry import METRICS, metric_of
from sartext.pages import Cell, Row, Table
from sartext.report.view import Reasons, ReportView, dots, drawn


def grounding(view: ReportView) -> dict[str, Any] | None:
    """Return figures by corpus and class beside what corpora show most often; None where nothing was grounded."""
    index = view.index
    figures = index.of("grounding")
    if not figures:
        return None
    names = {figure.variant for figure in figures}
    shown = [variant for variant in index.variants if variant.name in names]
    metrics = [metric for metric in METRICS["grounding"].names if index.measured("grounding", metric)]
    corpora = {f"corpus:{name}": name for name in index.subsets("grounding", "corpus")}
    return {
        "shown": shown,
        "dots": drawn(dots(view, "grounding", metric) for metric in metrics),
        "by_corpus": _by_corpus(view, shown, metrics, {EVERYTHING: "all corpora", **corpora}),
        "by_class": [
            (metric_of("grounding", metric).title, _by_class(view, shown, metric))
            for metric in metrics
            if metric in {AVERAGE_PRECISION, MEAN_IOU}
        ],
    }


def _by_corpus(
    view: ReportView, shown: Sequence[Variant], metrics: Sequence[str], parts: Mapping[str, str]
) -> Table:
    """A row for each variant in each corpus, a column for each metric."""
    reasons, rows = Reasons(), []
    for subset, title in parts.items():
        for variant in shown:
            figures = [view.index.find("grounding", metric, variant.name, subset=subset) for metric in metrics]
            rows.append(Row([view.name_cell(variant), *map(reasons.cell, figures)], title))
    known = [metric_of("grounding", metric) for metric in metrics]
    return Table(["variant", *(f"{each.title}, {each.unit}" for each in known)], rows, notes=reasons.notes)


def _by_class(view: ReportView, shown: Sequence[Variant], metric: str) -> Table:
    """A row for each class, of all corpora and of each that has several, a column for each variant."""
    reasons, rows = Reasons(), []
    parts = [("class", name, "all corpora", name) for name in view.index.subsets("grounding", "class", metric)]
    for part in view.index.subsets("grounding", "part", metric):
        corpus, _, name = part.partition("/")
        parts.append(("part", part, corpus, name))
    for prefix, part, corpus, name in parts:
        figures = [
            view.index.find("grounding", metric, variant.name, subset=f"{prefix}:{part}") for variant in shown
        ]
        images = max((figure.n for figure in figures if figure is not None), default=0)
        rows.append(Row([Cell(name), f"{images:,}", *map(reasons.cell, figures)], corpus))
    return Table(["class", "images", *(variant.name for variant in shown)], rows, notes=reasons.notes)
