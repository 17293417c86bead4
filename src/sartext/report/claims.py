"""The table that the paper's claims stand in, beside the paper's own figures."""

from collections.abc import Iterator, Sequence
from typing import Any

from sartext.evaluation.figures import OVER, Figure, Task
from sartext.evaluation.registry import metric_of, shown
from sartext.pages import Cell, Row, Table
from sartext.report.comparison import AWARE, DISTINCT, ONE_POSITIVE, RATIOS, WORDS, compare
from sartext.report.view import DASH, Column, Reasons, ReportView, place, variants_table

COLUMNS: Sequence[tuple[str, Task, str]] = (
    ("mean recall, distinct facts", "retrieval", DISTINCT),
    ("mean recall, one positive", "retrieval", ONE_POSITIVE),
    ("mean recall, duplicate-aware", "retrieval", AWARE),
    ("BLEU-4", "captioning", "bleu_4"),
    ("CIDEr-D", "captioning", "cider_d"),
    ("METEOR", "captioning", "meteor"),
    ("SPICE", "captioning", "spice"),
    ("VQA, AA", "vqa", "aa"),
    ("VQA, OA", "vqa", "oa"),
)
PAPER_RATIOS = {"bleu_4": "more than 8\u00d7", "spice": "more than 4\u00d7", "cider_d": "more than 10\u00d7"}
PAPER_GAINS = ("+16.43 on OSdataset-512, +10.54 on HRSID", "+12.97 on OSdataset-512, +10.0 on HRSID")
"""Gains in mean recall over the foundation: in version 1 of arXiv 2507.18743 and in later ones."""

PAPER_ANSWERS = "above the baseline and single-stage models"
NOT_REPORTED = "not reported"
AS_IN_FIRST = "as in version 1"

FIRST, LATER = "the paper, version 1", "the paper, later versions"
HERE, BOTH = "here", "its figure, and the other's"
HEADS = ("claim", FIRST, LATER, HERE, BOTH, "measured on", "verdict")


def claims(view: ReportView) -> dict[str, Any]:
    """Return the table of every model, and the paper's claims with what was found here."""
    reasons = Reasons()
    rows = [*_gains(view, reasons), *_ratios(view, reasons), *_answers(view, reasons)]
    texts = [head for head in HEADS if head not in {HERE, BOTH}]
    benchmarks = view.index.benchmarks("retrieval") or [view.index.benchmark]
    described = {row.name: row for row in view.details.benchmarks}
    return {
        "tables": [((name, described.get(name)), _figures(view, name)) for name in benchmarks],
        "paper": Table(HEADS, rows, texts, reasons.notes),
    }


def _figures(view: ReportView, benchmark: str) -> Table:
    columns = [Column(title, task, metric, benchmark=benchmark) for title, task, metric in COLUMNS]
    samples = {
        variant.name: [DASH if count is None else f"{count:,}" for count in (variant.samples, variant.sar_samples)]
        for variant in view.index.variants
    }
    return variants_table(view, columns, facts=samples, heads=["samples", "of them SAR"])


def _gains(view: ReportView, reasons: Reasons) -> Iterator[Row]:
    """The retrieval models over their foundations."""
    index = view.index
    for variant in index.trained("retrieval", ONE_POSITIVE):
        foundation = index.foundation_of(variant, "retrieval", ONE_POSITIVE)
        if foundation is None or variant.kind != "clip" or not index.is_headline(variant):
            continue
        sides = (variant.name, foundation.name)
        for metric in (ONE_POSITIVE, DISTINCT):
            what = f"{variant.name}: gain in {metric_of('retrieval', metric).title} over {foundation.name}"
            paper = PAPER_GAINS if metric == ONE_POSITIVE else (NOT_REPORTED, NOT_REPORTED)
            for benchmark in index.benchmarks("retrieval"):
                comparison = compare(index, *sides, "retrieval", metric, benchmark=benchmark)
                if comparison is not None:
                    yield _row(view, [what, *paper], sides, comparison.figure, reasons)


def _ratios(view: ReportView, reasons: Reasons) -> Iterator[Row]:
    """The captioning models' scores as multiples of their foundations'."""
    for metric in RATIOS:
        title = metric_of("captioning", metric).title
        for figure in view.index.figures:
            name, over, other = figure.variant.partition(OVER)
            if not over or figure.metric != metric:
                continue
            variant = view.index.named[name]
            if variant.kind == "coca" and view.index.is_headline(variant):
                what = f"{name}: {title} as a multiple of {other}"
                yield _row(view, [what, PAPER_RATIOS[metric], AS_IN_FIRST], (name, other), figure, reasons)


def _answers(view: ReportView, reasons: Reasons) -> Iterator[Row]:
    """The models that answer, over baselines and arms."""
    measured = view.index.measured("vqa", "oa")
    for variant in measured:
        for other in measured:
            if variant.role != "model" or other.role not in {"baseline", "arm"}:
                continue
            sides = (variant.name, other.name)
            comparison = compare(view.index, *sides, "vqa", "oa")
            if comparison is not None:
                what = f"{variant.name}: overall accuracy above {other.name}"
                yield _row(view, [what, PAPER_ANSWERS, AS_IN_FIRST], sides, comparison.figure, reasons)


def _row(view: ReportView, words: Sequence[str], sides: tuple[str, str], figure: Figure, reasons: Reasons) -> Row:
    """A claim in the paper's words, the figure here, both figures that it is of, and the verdict."""
    claim, *paper = words
    comparison = compare(view.index, *sides, figure.task, figure.metric, benchmark=figure.benchmark)
    verdict = Cell(DASH, kind="none")
    if comparison is not None:
        verdict = Cell(WORDS[comparison.verdict], mark=comparison.verdict)
    both = (view.index.find(figure.task, figure.metric, name, benchmark=figure.benchmark) for name in sides)
    parts = tuple(
        Cell(shown(part)[0], figure=place(part)) for part in both if part is not None and part.value is not None
    )
    said = [Cell(text, kind="soft") for text in paper]
    return Row([claim, *said, reasons.cell(figure), Cell(DASH, parts=parts), figure.benchmark, verdict])
