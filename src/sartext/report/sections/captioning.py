"""Captioning: scores and facts beside the baselines, parts of the test set, and a grid of images with captions."""

from collections.abc import Sequence
from html import escape

from sartext.evaluation.details import CaptionExample, Written
from sartext.evaluation.measures import FACTS, SCORES, STATEMENTS, in_order, measure
from sartext.report import lines
from sartext.report.axis import axis_of
from sartext.report.comparison import MAIN_ARM, NARROW
from sartext.report.lines import Line, Point
from sartext.report.marks import swatch
from sartext.report.tables import Column, variants_table
from sartext.report.view import PERCENT, View, charts, chosen, dots, paragraph, section, unfolded

PARTS = ("bleu_4", "cider_d", "fact_precision", "fact_recall")
"""The metrics that are shown for each corpus and each size of objects."""

SIZED = ("object_precision", "object_recall", "fact_recall")
SIZES = ("under-2px", "2-4px", "4-8px", "from-8px")


def captioning(view: View) -> str:
    """Return the section."""
    return section(
        "captioning",
        "Captioning",
        [
            paragraph(_ABOUT),
            charts([dots(view, "captioning", metric) for metric in PARTS]),
            _scores(view),
            _facts(view),
            _corpora(view),
            _sizes(view),
            _grid(view),
        ],
    )


_ABOUT = (
    "Captions are scored against up to five wordings of the same facts, after the field's tokenisation, and "
    "read back statement by statement against the annotation. The captions are made by a grammar, so the "
    "scores must be read between two lines: the <b>ceiling</b>, a further wording of the right facts, and the "
    "<b>baselines</b>, which write nothing of their own: the most frequent training caption and, where shown, the "
    "training caption that the retrieval model finds nearest to the picture."
)


def _scores(view: View) -> str:
    columns = [Column(measure("captioning", one).title, "captioning", one) for one in SCORES]
    caption = (
        "<b>Scores</b>. CIDEr-D weighs words by the test references, as the field does; with <b>frozen idf</b> by "
        "those of the train split, so that it does not change with the test set."
    )
    return variants_table(caption, view.index, columns, view.looks)


def _facts(view: View) -> str:
    known = {one.metric for one in view.index.of("captioning") if one.subset == "all"} - set(SCORES)
    kinds = {f"{kind}_{end}" for kind in STATEMENTS for end in ("precision", "recall")} & known
    caption = (
        "<b>Facts stated</b>. Precision: of the statements, those that the "
        "annotation confirms; recall: of its facts, those that are stated. What an annotation does not decide "
        "is not judged."
    )
    told = "<b>Precision and recall of each kind of statement</b>."
    words = "<b>The captions themselves</b>: their length, how many differ, and how many say nothing."
    return (
        _by_metric(view, caption, set(FACTS) & known)
        + unfolded("By kind of statement", _by_metric(view, told, kinds))
        + unfolded("Length and diversity", _by_metric(view, words, known - set(FACTS) - kinds))
    )


def _by_metric(view: View, caption: str, metrics: set[str]) -> str:
    columns = [Column(_head(one), "captioning", one) for one in in_order("captioning", metrics)]
    return variants_table(caption, view.index, columns, view.looks)


def _head(metric: str) -> str:
    known = measure("captioning", metric)
    return f"{known.title}, {known.unit}" if known.unit else known.title


def _corpora(view: View) -> str:
    names = view.index.subsets("captioning", "corpus")
    tables = "".join(_by_part(view, metric, "corpus", names) for metric in PARTS)
    return unfolded(f"By corpus ({len(names)}): BLEU-4, CIDEr-D, facts", tables) if names else ""


def _by_part(view: View, metric: str, prefix: str, names: Sequence[str], titles: Sequence[str] = ()) -> str:
    columns = [
        Column(title, "captioning", metric, f"{prefix}:{name}")
        for name, title in zip(names, titles or names, strict=True)
    ]
    known = measure("captioning", metric)
    return variants_table(f"<b>{escape(known.title)}</b>, {escape(known.unit)}.", view.index, columns, view.looks)


def _sizes(view: View) -> str:
    found = view.index.subsets("captioning", "objects")
    names = [one for one in SIZES if one in found] + [one for one in found if one not in SIZES]
    if not names:
        return ""
    titles = [one.replace("-px", " px").replace("px", " px").replace("under-", "under ").replace("from-", "from ")
              for one in names]  # fmt: skip
    drawn = charts([_by_size(view, metric, names, titles) for metric in SIZED], small=True)
    tables = "".join(_by_part(view, metric, "objects", names, titles) for metric in (*PARTS, "object_recall"))
    about = paragraph(
        "Images by the shorter side of their smallest object, in pixels of model input. Below two pixels an "
        "object is hardly more than a speckle grain: no model can be asked to see it."
    )
    return f"<h3>Objects by size</h3>{about}{drawn}{unfolded('The figures by size of objects', tables)}"


def _few(view: View) -> set[str]:
    """The variants of a chart in which all would hide each other: models, foundation, and progressive transfer."""
    kept = (one for one in view.index.variants if not one.name.endswith(NARROW))
    return {one.name for one in kept if one.role in {"model", "foundation"} or one.name.endswith(MAIN_ARM)}


def _by_size(view: View, metric: str, names: Sequence[str], titles: Sequence[str]) -> str:
    drawn = []
    shown = _few(view)
    for variant in view.index.variants:
        found = [view.index.find("captioning", metric, variant.name, subset=f"objects:{one}") for one in names]
        points = [
            Point(at / max(1, len(names) - 1), one.value, one.low, one.high)
            for at, one in enumerate(found)
            if one is not None and one.value is not None
        ]
        if points and variant.name in shown:
            drawn.append(Line(variant.name, view.looks[variant.name], points))
    if not drawn:
        return ""
    ends = [
        end for line in drawn for one in line.points for end in (one.value, one.low, one.high) if end is not None
    ]
    places = [(at / max(1, len(names) - 1), title) for at, title in enumerate(titles)]
    known = measure("captioning", metric)
    title = f"{known.title[0].upper()}{known.title[1:]} by size"
    axis = axis_of(ends, bounds=PERCENT if known.unit == "%" else None)
    chart = lines.draw(f"{title}, with 95 % intervals", drawn, axis, places, "smallest object of the image")
    return f'<figure><h4>{escape(title)} <span class="range">{escape(known.unit)}</span></h4>{chart}</figure>'


def _grid(view: View) -> str:
    if not view.details.captions:
        return ""
    cards = "".join(_card(view, one) for one in view.details.captions)
    about = (
        '<p class="soft">Red: statements that the annotation contradicts. Grey: what is in it and not stated.</p>'
    )
    grid = f'<div class="gallery">{cards}</div>'
    return f"<h3>Images and what is written of them</h3>{chosen(view, 'captions')}{about}{grid}"


def _card(view: View, one: CaptionExample) -> str:
    picture = view.pictures.show(one.image_id, f"SAR image: {one.reference}")
    order = [variant.name for variant in view.details.variants]
    written = "".join(
        f"<dt>{swatch(view.looks[name])} {escape(name)}</dt><dd>{_written(one.captions[name])}</dd>"
        for name in sorted(one.captions, key=order.index)
    )
    return (
        f'<article class="card"><div class="top">{picture}<div><div class="id">{escape(one.image_id)}</div>'
        f"<b>Reference.</b> {escape(one.reference)}</div></div><dl>{written}</dl></article>"
    )


def _written(one: Written) -> str:
    text = escape(one.text) or "<i>nothing</i>"
    if not one.judged:
        return f'{text}<div class="missed">not read back</div>'
    wrong = f'<div class="wrong">\u2717 wrong: {escape("; ".join(one.wrong))}</div>' if one.wrong else ""
    missed = f'<div class="missed">not said: {escape("; ".join(one.missed))}</div>' if one.missed else ""
    right = "" if wrong or missed or not one.text else '<div class="right">\u2713 every fact right</div>'
    return text + wrong + missed + right
