"""Retrieval: recall curves, both scorings, corpora and classes, and rankings with their errors."""

import math
from collections.abc import Sequence
from html import escape

from sartext.evaluation.details import Curve, Ranked, RetrievalExample
from sartext.evaluation.measures import CUTS, measure
from sartext.report import lines
from sartext.report.axis import axis_of
from sartext.report.lines import Line, Point
from sartext.report.marks import legend, swatch
from sartext.report.tables import Column, variants_table
from sartext.report.view import PERCENT, View, charts, chosen, dots, paragraph, section, unfolded

AWARE, ONE = "duplicate_aware", "one_positive"
WAYS = (("i2t", "Image to text"), ("t2i", "Text to image"))
CHANCE = "chance"
TICKS = (1, 2, 5, 10, 20, 50)
MOST_CORPORA = 12
MOST_CLASSES = 30


def retrieval(view: View) -> str:
    """Return the section."""
    return section(
        "retrieval",
        "Retrieval",
        [
            paragraph(_ABOUT + _chance(view)),
            _legend(view),
            _curves(view, AWARE),
            unfolded("The same curves, one positive: an image's own caption alone counts", _curves(view, ONE)),
            charts(
                [
                    dots(view, "retrieval", f"{AWARE}.mean_recall"),
                    dots(view, "retrieval", f"{ONE}.mean_recall"),
                ]
            ),
            _cuts(view),
            *_parts(view),
            _examples(view),
        ],
    )


_ABOUT = (
    "Each test image ranks all captions, each caption ranks all images. Recall at k is the share of queries "
    "with a right answer among the first k; mean recall is the mean of R@1, R@5 and R@10 both ways."
)


def _chance(view: View) -> str:
    """Why a random order finds something, where one was drawn."""
    row = view.details.benchmarks[0]
    if CHANCE not in {one.name for one in view.index.measured("retrieval", f"{AWARE}.mean_recall")}:
        return ""
    return (
        f" <b>{CHANCE}</b> is an order drawn at random: the more captions have equal facts, the more of them are "
        "right answers, and the farther above 0 its duplicate-aware recall lies (the "
        f"{row.images:,} captions of {escape(row.name)} state {row.distinct_facts:,} different sets of facts)."
    )


def _legend(view: View) -> str:
    names = {one.variant for one in view.details.curves}
    return legend([one for one in view.details.variants if one.name in names], view.looks)


def _curves(view: View, scoring: str) -> str:
    found = [one for one in view.details.curves if (one.scoring, one.benchmark) == (scoring, view.index.benchmark)]
    order = [one.name for one in view.details.variants]
    found.sort(key=lambda one: -order.index(one.variant))
    return charts([_chart(view, found, way, title) for way, title in WAYS]) if found else ""


def _chart(view: View, found: Sequence[Curve], way: str, title: str) -> str:
    drawn = [Line(one.variant, view.looks[one.variant], _points(getattr(one, way)), marked=False) for one in found]
    most = max(len(line.points) for line in drawn)
    places = [(_at(k, most), str(k)) for k in TICKS if k <= most]
    axis = axis_of([point.value for line in drawn for point in line.points], bounds=PERCENT)
    told = f"{title}: recall at k, 0 to 100, k up to {most}"
    return (
        f'<figure><h4>{title} <span class="range">recall at k, 0 to 100</span></h4>'
        f"{lines.draw(told, drawn, axis, places, 'k, on a logarithmic scale')}</figure>"
    )


def _points(recalls: Sequence[float]) -> list[Point]:
    return [Point(_at(k, len(recalls)), value) for k, value in enumerate(recalls, start=1)]


def _at(k: int, most: int) -> float:
    return math.log(k) / math.log(most) if most > 1 else 0.5


def _cuts(view: View) -> str:
    metrics = [one for one in CUTS if view.index.measured("retrieval", one)]
    parts = []
    for scoring, title in ((AWARE, "duplicate-aware"), (ONE, "one positive")):
        columns = [
            Column(measure("retrieval", one).title, "retrieval", one) for one in metrics if one.startswith(scoring)
        ]
        parts.append(variants_table(f"<b>Recall at 1, 5 and 10</b>, {title}.", view.index, columns, view.looks))
    return unfolded("Recall at 1, 5 and 10, both ways", "".join(parts))


def _parts(view: View) -> list[str]:
    """Mean recall by corpus and by class."""
    metric = f"{AWARE}.mean_recall"
    corpora = view.index.subsets("retrieval", "corpus", metric)[:MOST_CORPORA]
    classes = view.index.subsets("retrieval", "class", metric)[:MOST_CLASSES]
    by_corpus = variants_table(
        "<b>By corpus</b>: duplicate-aware mean recall of a corpus's queries, ranked against the whole test set.",
        view.index,
        [Column(one, "retrieval", metric, f"corpus:{one}") for one in corpora],
        view.looks,
    )
    by_class = variants_table(
        "<b>By class</b>: duplicate-aware mean recall of the images whose facts hold it.",
        view.index,
        [Column(one, "retrieval", metric, f"class:{one}") for one in classes],
        view.looks,
    )
    return [by_corpus, unfolded(f"Mean recall by class ({len(classes)})", by_class)]


def _examples(view: View) -> str:
    shown = []
    for kind, title, wide in (
        ("i2t", "An image, and the captions that rank first", ""),
        ("t2i", "A caption, and the images that rank first", " wide"),
    ):
        cards = "".join(_card(view, one) for one in view.details.retrieval if one.kind == kind)
        if cards:
            shown.append(f'<h4>{title}</h4><div class="gallery{wide}">{cards}</div>')
    about = f"<h3>Rankings, errors shown too</h3>{chosen(view, 'retrieval')}"
    return about + "".join(shown) if shown else ""


def _card(view: View, one: RetrievalExample) -> str:
    by = f'<div class="id">{swatch(view.looks[one.variant])} {escape(one.variant)} ranks</div>'
    if one.kind == "i2t":
        picture = view.pictures.show(one.image_id, f"SAR image: {one.caption}")
        items = "".join(_caption(place, at) for at, place in enumerate(one.ranked, start=1))
        return (
            f'<article class="card"><div class="top">{picture}<div><div class="id">{escape(one.image_id)}</div>'
            f'{escape(one.caption)}{by}</div></div><ol class="ranked">{items}</ol></article>'
        )
    items = "".join(_picture(view, place, at) for at, place in enumerate(one.ranked, start=1))
    return (
        f'<article class="card"><div><div class="id">the caption of {escape(one.image_id)}</div>'
        f'“{escape(one.caption)}”{by}</div><ol class="thumbs">{items}</ol></article>'
    )


def _caption(place: Ranked, at: int) -> str:
    kind, sign, told = _judged(place)
    return (
        f'<li><span class="place">{at}</span><span class="{kind}" role="img" aria-label="{told}">{sign}</span>'
        f"<span>{escape(place.caption)}</span></li>"
    )


def _picture(view: View, place: Ranked, at: int) -> str:
    kind, sign, told = _judged(place)
    return f'<li class="{kind}">{view.pictures.show(place.image_id, f"{told}: {place.caption}")}{at} {sign}</li>'


def _judged(place: Ranked) -> tuple[str, str, str]:
    return ("yes", "\u2713", "right") if place.right else ("no", "\u2717", "wrong")
