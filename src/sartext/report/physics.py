"""Physics curves: what a model does where looks, resolution and contrast change, and where an object is gone."""

from collections.abc import Mapping
from typing import Any

from sartext.evaluation.registry import metric_of, names_in, number
from sartext.pages import Chart
from sartext.report.comparison import by_size
from sartext.report.view import Column, ReportView, curves, dots, drawn, variants_table

CONDITIONS = {
    "looks": "number of looks",
    "resolution": "resolution cell, times the ordinary one",
    "contrast": "contrast of the targets, dB from the ordinary one",
}
CURVES = ("duplicate_aware_mean_recall", "fact_precision", "fact_recall")
REMOVED = "removed"
"""The subset of the figures on removed objects."""

REMOVALS = names_in("physics", "pairs")
DRAWN = ("caption_changed", "caption_changed_by_speckle", "count_followed", "similarity_fell")


def physics(view: ReportView) -> dict[str, Any] | None:
    """Return what the section shows; None where no scene was imaged."""
    index = view.index
    benchmark = next((figure.benchmark for figure in index.figures if figure.task == "physics"), None)
    if benchmark is None:
        return None
    measured = {figure.variant for figure in index.of("physics", benchmark=benchmark) if figure.value is not None}
    removals = [Column(metric_of("physics", name).title, "physics", name, REMOVED, benchmark) for name in REMOVALS]
    return {
        "shown": [variant for variant in index.variants if variant.name in measured],
        "curves": [
            drawn(_curve(view, benchmark, metric, condition) for condition in CONDITIONS) for metric in CURVES
        ],
        "tables": [
            (metric_of("physics", metric).title, variants_table(view, _columns(view, benchmark, metric)))
            for metric in CURVES
        ],
        "removed": drawn(
            dots(
                view,
                "physics",
                metric,
                subset=REMOVED,
                benchmark=benchmark,
                reference=(50.0, "chance") if metric == "similarity_fell" else None,
            )
            for metric in DRAWN
        ),
        "removals": variants_table(view, removals),
        "strips": view.details.strips,
    }


def _settings(view: ReportView, benchmark: str, metric: str, condition: str) -> dict[str, str]:
    """The subsets of a condition's settings with their values in words, by size."""
    settings = {
        figure.subset.partition(":")[2]
        for figure in view.index.of("physics", metric, benchmark=benchmark)
        if figure.subset.startswith(f"{condition}:") and figure.value is not None
    }
    return {f"{condition}:{setting}": _words(float(setting)) for setting in sorted(settings, key=by_size)}


def _words(setting: float) -> str:
    return number(setting, 0 if setting == int(setting) else 1)


def _curve(view: ReportView, benchmark: str, metric: str, condition: str) -> Chart | None:
    settings: Mapping[str, str] = _settings(view, benchmark, metric, condition)
    if len(settings) < 2:
        return None
    return curves(
        view,
        "physics",
        metric,
        settings,
        by=condition,
        below=CONDITIONS[condition],
        variants=view.index.variants,
        benchmark=benchmark,
    )


def _columns(view: ReportView, benchmark: str, metric: str) -> list[Column]:
    return [
        Column(f"{condition} {words}", "physics", metric, subset, benchmark)
        for condition in CONDITIONS
        for subset, words in _settings(view, benchmark, metric, condition).items()
    ]
