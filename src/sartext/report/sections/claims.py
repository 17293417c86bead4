"""The table that the paper's claims stand in, beside the paper's own figures."""

from collections.abc import Iterator, Sequence
from html import escape

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure, Task
from sartext.evaluation.measures import OVER, measure, shown
from sartext.report.comparison import RATIOS, Comparison, compare, foundation_of, trained
from sartext.report.tables import Column, Reasons, cell, place, table, variants_table
from sartext.report.view import View, paragraph, section, unfolded

ONE, AWARE = "one_positive.mean_recall", "duplicate_aware.mean_recall"
COLUMNS: Sequence[tuple[str, Task, str]] = (
    ("mean recall, one positive", "retrieval", ONE),
    ("mean recall, duplicate-aware", "retrieval", AWARE),
    ("BLEU-4", "captioning", "bleu_4"),
    ("CIDEr-D", "captioning", "cider_d"),
    ("METEOR", "captioning", "meteor"),
    ("SPICE", "captioning", "spice"),
    ("VQA, AA", "vqa", "aa"),
    ("VQA, OA", "vqa", "oa"),
)
PAPER_RATIOS = {"bleu_4": "more than 8\u00d7", "spice": "more than 4\u00d7", "cider_d": "more than 10\u00d7"}
GAINS = (("OSdataset-512", "+16.43", "+12.97"), ("HRSID", "+10.54", "+10.0"))
"""Gains in mean recall over the foundation: in version 1 of arXiv 2507.18743 and in later ones."""

FIRST, LATER = "the paper, version 1", "the paper, later versions"
BLIND = "above the baseline and single-stage models"
NONE = "\u2013"
BOTH = "its figure, and the other's"
ALIKE = '<td class="text soft">as in version 1</td>'


def claims(view: View) -> str:
    """Return the table of every model, and the paper's claims with what was found here."""
    others = [name for name in view.index.benchmarks("retrieval") if name != view.index.benchmark]
    return section(
        "claims",
        "The claims",
        [
            paragraph(_ABOUT),
            _figures(view, view.index.benchmark),
            *(unfolded(f"The same on <b>{escape(one)}</b>", _figures(view, one)) for one in others),
            "<h3>Beside the paper's own figures</h3>",
            paragraph(_PAPER),
            _paper(view),
        ],
    )


_ABOUT = (
    "Every model on the same test images, with 95 % intervals. <b>One positive</b> counts an image's own caption "
    "alone, as the field does; captions of equal facts repeat, so even a perfect model reaches only the figure in "
    "the row <b>perfect</b>. <b>Duplicate-aware</b> counts every caption with equal facts, and a perfect model "
    "reaches 100."
)
_PAPER = (
    "arXiv 2507.18743 reports gains of ViT-L models with pretrained weights on other corpora. They are comparable "
    "with the figures here in kind only: which model is ahead of which, not by how much."
)


def _figures(view: View, benchmark: str) -> str:
    columns = [Column(title, task, metric, benchmark=benchmark) for title, task, metric in COLUMNS]
    row = next((one for one in view.details.benchmarks if one.name == benchmark), None)
    size = f", {row.images:,} images in {row.groups:,} groups" if row else ""
    caption = (
        f"<b>{escape(benchmark)}</b>{size}. Samples are the pairs (VQA: questions) seen in training over all "
        "stages until each stopped, repetitions counted. A dash: not made for the task, not trained, or not "
        "counted apart."
    )
    facts = {one.name: [_count(one.samples), _count(one.sar_samples)] for one in view.index.variants}
    return variants_table(caption, view.index, columns, view.looks, facts=facts, heads=["samples", "of them SAR"])


def _count(value: int | None) -> str:
    return "\u2013" if value is None else f"{value:,}"


def _paper(view: View) -> str:
    reasons = Reasons()
    rows = [*_gains(view, reasons), *_ratios(view, reasons), *_answers(view, reasons)]
    caption = (
        "<b>Better</b> and <b>worse</b> are said only where the 95 % interval of the paired difference lies "
        "on one side of zero or, where no paired difference was measured, where both figures have intervals and "
        "these do not meet."
    )
    heads = ["claim", FIRST, LATER, "here", BOTH, "measured on", "verdict"]
    body = f"<tbody>{''.join(rows)}</tbody>"
    return table(caption, heads, body, reasons, texts={*heads} - {"here", BOTH})


def _gains(view: View, reasons: Reasons) -> Iterator[str]:
    index = view.index
    for one in trained(index, "retrieval", ONE):
        foundation = foundation_of(index, one, "retrieval", ONE)
        if foundation is None or not _is_claimed(view, one, "retrieval"):
            continue
        for metric in (ONE, AWARE):
            for benchmark in index.benchmarks("retrieval"):
                found = compare(index, one.name, foundation.name, "retrieval", metric, benchmark=benchmark)
                if found is not None:
                    what = f"{one.name}: gain in {measure('retrieval', metric).title} over {foundation.name}"
                    first = ", ".join(f"{gain} on {name}" for name, gain, _ in GAINS) if metric == ONE else ""
                    later = ", ".join(f"{gain} on {name}" for name, _, gain in GAINS) if metric == ONE else ""
                    yield _row(
                        what,
                        first,
                        later,
                        cell(found.figure, reasons),
                        found=found,
                        sides=_sides(view, one.name, foundation.name, found.figure),
                    )


def _is_claimed(view: View, one: Variant, task: Task) -> bool:
    """Whether a claim is told of a variant: a model of the claim's kind that learned all captions it could."""
    kinds = {"retrieval": {"clip"}, "captioning": {"coca"}}[task]
    return one.kind in kinds and one.role == "model" and not one.name.endswith("-annotated")


def _ratios(view: View, reasons: Reasons) -> Iterator[str]:
    index = view.index
    for metric in RATIOS:
        for figure in index.figures:
            name, over, other = figure.variant.partition(OVER)
            if over and figure.metric == metric and _is_claimed(view, index.named[name], "captioning"):
                found = compare(index, name, other, "captioning", metric)
                what = f"{name}: {measure('captioning', metric).title} as a multiple of {other}"
                told = PAPER_RATIOS[metric]
                yield _row(
                    what, told, None, cell(figure, reasons), found=found, sides=_sides(view, name, other, figure)
                )


def _answers(view: View, reasons: Reasons) -> Iterator[str]:
    index = view.index
    others = [one for one in index.measured("vqa", "oa") if one.role in {"baseline", "arm"}]
    for one in index.measured("vqa", "oa"):
        if one.role != "model" or one in others:
            continue
        for other in others:
            found = compare(index, one.name, other.name, "vqa", "oa")
            if found is not None:
                what = f"{one.name}: overall accuracy above {other.name}"
                yield _row(
                    what,
                    BLIND,
                    None,
                    cell(found.figure, reasons),
                    found=found,
                    sides=_sides(view, one.name, other.name, found.figure),
                )


def _row(what: str, first: str, later: str | None, here: str, *, found: Comparison | None, sides: str) -> str:
    said = f'<td class="text soft">{escape(first) or "not reported"}</td>'
    after = ALIKE if later is None else f'<td class="text soft">{escape(later) or "not reported"}</td>'
    verdict = '<td class="text none">\u2013</td>' if found is None else _verdict(found)
    return f'<tr><th scope="row">{escape(what)}</th>{said}{after}{here}{sides}{verdict}</tr>'


def _sides(view: View, one: str, other: str, figure: Figure) -> str:
    """The two figures that a gain or a ratio is of, and what they were measured on."""
    found = [
        view.index.find(figure.task, figure.metric, name, benchmark=figure.benchmark) for name in (one, other)
    ]
    told = [
        f'<span data-figure="{place(side)}" class="value">{shown(side)[0]}</span>'
        for side in found
        if side is not None and side.value is not None
    ]
    sides = ", ".join(told) or NONE
    return f'<td>{sides}</td><td class="text">{escape(figure.benchmark)}</td>'


def _verdict(found: Comparison) -> str:
    words = {"better": "better", "worse": "worse", "even": "not told apart"}[found.verdict]
    return f'<td class="text"><span class="mark {found.verdict}">{words}</span></td>'
