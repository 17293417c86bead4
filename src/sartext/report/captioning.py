"""Captioning: scores and facts beside the baselines, parts of the test set, and images with their captions."""

from collections.abc import Iterable, Sequence
from typing import Any

from sartext.evaluation.figures import EVERYTHING
from sartext.evaluation.registry import headlines, in_order, metric_of, names_in
from sartext.pages import Table
from sartext.report.view import Column, ReportView, curves, dots, drawn, variants_table

SCORES, FACTS, STATEMENTS = (names_in("captioning", section) for section in ("scores", "facts", "statements"))
PARTS = headlines("captioning")
"""The metrics that are shown for each corpus and each size of objects."""

SIZED = ("object_precision", "object_recall", "fact_recall")
SIZES = ("under-2px", "2-4px", "4-8px", "from-8px")


def captioning(view: ReportView) -> dict[str, Any]:
    """Return what the section shows."""
    index = view.index
    known = {figure.metric for figure in index.of("captioning") if figure.subset == EVERYTHING} - {*SCORES}
    kinds = known & {*STATEMENTS}
    corpora = index.subsets("captioning", "corpus")
    present = index.subsets("captioning", "objects")
    sizes = [size for size in SIZES if size in present] + [size for size in present if size not in SIZES]
    subsets = {f"objects:{size}": _words(size) for size in sizes}
    drawn_variants = [variant for variant in index.variants if _is_in_charts(view, variant.name)]
    return {
        "dots": drawn(dots(view, "captioning", metric) for metric in PARTS),
        "scores": variants_table(
            view, [Column(metric_of("captioning", metric).title, "captioning", metric) for metric in SCORES]
        ),
        "facts": _by_metric(view, known & {*FACTS}),
        "kinds": _by_metric(view, kinds),
        "words": _by_metric(view, known - {*FACTS} - kinds),
        "corpora": corpora,
        "by_corpus": _by_part(view, PARTS, [f"corpus:{name}" for name in corpora], corpora),
        "sizes": drawn(
            curves(
                view,
                "captioning",
                metric,
                subsets,
                by="size",
                below="smallest object of the image",
                variants=drawn_variants,
            )
            for metric in SIZED
        ),
        "by_size": _by_part(view, (*PARTS, "object_recall"), [*subsets], [*subsets.values()]),
        "examples": view.details.captions,
    }


def _by_metric(view: ReportView, metrics: Iterable[str]) -> Table:
    columns = []
    for metric in in_order("captioning", {*metrics}):
        known = metric_of("captioning", metric)
        columns.append(Column(f"{known.title}, {known.unit}" if known.unit else known.title, "captioning", metric))
    return variants_table(view, columns)


def _by_part(
    view: ReportView, metrics: Sequence[str], subsets: Sequence[str], titles: Sequence[str]
) -> list[tuple[str, str, Table]]:
    """The title, unit and table of each metric, a column per part of the test set."""
    tables = []
    for metric in metrics if subsets else ():
        known = metric_of("captioning", metric)
        columns = [
            Column(title, "captioning", metric, subset) for subset, title in zip(subsets, titles, strict=True)
        ]
        tables.append((known.title, known.unit, variants_table(view, columns)))
    return tables


def _words(size: str) -> str:
    return size.replace("-px", " px").replace("px", " px").replace("under-", "under ").replace("from-", "from ")


def _is_in_charts(view: ReportView, name: str) -> bool:
    """Whether a variant is among the few of a chart in which all would hide each other."""
    variant = view.index.named[name]
    return variant.role == "foundation" or view.index.is_headline(variant) or bool(view.index.controls_of(variant))
