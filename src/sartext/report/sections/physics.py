"""Physics curves: what a model does where looks, resolution and contrast change, and where an object is gone."""

from collections.abc import Sequence
from html import escape

from sartext.evaluation.details import Strip
from sartext.evaluation.figures import Figure
from sartext.evaluation.measures import measure, number
from sartext.report import forest, lines
from sartext.report.axis import axis_of
from sartext.report.lines import Line, Point
from sartext.report.marks import legend
from sartext.report.tables import Column, variants_table
from sartext.report.view import PERCENT, View, charts, chosen, paragraph, section, unfolded

CONDITIONS = (
    ("looks", "number of looks"),
    ("resolution", "resolution cell, times the ordinary one"),
    ("contrast", "contrast of the targets, dB from the ordinary one"),
)
CURVES = ("duplicate_aware_mean_recall", "fact_precision", "fact_recall")
GONE = "removed"
"""The subset of the figures on removed objects."""

REMOVED = (
    "caption_changed",
    "caption_changed_by_speckle",
    "caption_changed_beyond_speckle",
    "count_followed",
    "count_followed_by_speckle",
    "count_followed_beyond_speckle",
    "similarity_fell",
)
DRAWN = ("caption_changed", "caption_changed_by_speckle", "count_followed", "similarity_fell")


def physics(view: View) -> str:
    """Return the section."""
    name = next((one.benchmark for one in view.index.figures if one.task == "physics"), None)
    if name is None:
        return ""
    shown = [one for one in view.index.variants if one.name in {figure.variant for figure in _of(view, name)}]
    return section(
        "physics",
        "Physics curves",
        [
            paragraph(_ABOUT),
            legend(shown, view.looks),
            *(_row(view, name, metric) for metric in CURVES),
            _tables(view, name),
            _removed(view, name),
            _strips(view),
        ],
    )


_ABOUT = (
    "The same simulated scenes, imaged with more or fewer looks, with a larger resolution cell (pixel spacing and "
    "picture size stay), and with brighter or darker targets; the facts stay those of the scene. At coarse "
    "resolution small objects cannot be seen by anyone: part of the fall there is physics, not the model."
)


def _row(view: View, benchmark: str, metric: str) -> str:
    return charts([_curve(view, benchmark, metric, *condition) for condition in CONDITIONS], small=True)


def _of(view: View, benchmark: str) -> list[Figure]:
    return [one for one in view.index.of("physics", benchmark=benchmark) if one.value is not None]


def _settings(view: View, benchmark: str, condition: str, metric: str) -> list[str]:
    found = {
        one.subset.partition(":")[2]
        for one in _of(view, benchmark)
        if one.metric == metric and one.subset.startswith(f"{condition}:")
    }
    return sorted(found, key=float)


def _curve(view: View, benchmark: str, metric: str, condition: str, below: str) -> str:
    settings = _settings(view, benchmark, condition, metric)
    if len(settings) < 2:
        return ""
    places = {one: at / (len(settings) - 1) for at, one in enumerate(settings)}
    drawn = []
    for variant in view.index.variants:
        points = []
        for setting, at in places.items():
            figure = view.index.find(
                "physics", metric, variant.name, subset=f"{condition}:{setting}", benchmark=benchmark
            )
            if figure is not None and figure.value is not None:
                points.append(Point(at, figure.value, figure.low, figure.high))
        if points:
            drawn.append(Line(variant.name, view.looks[variant.name], points))
    ends = [
        end for line in drawn for one in line.points for end in (one.value, one.low, one.high) if end is not None
    ]
    known = measure("physics", metric)
    title = f"{known.title[0].upper()}{known.title[1:]} by {condition}"
    chart = lines.draw(
        f"{title}, with 95 % intervals",
        drawn,
        axis_of(ends, bounds=PERCENT),
        [(at, _words(setting)) for setting, at in places.items()],
        below,
    )
    return f'<figure><h4>{escape(title)} <span class="range">{escape(known.unit)}</span></h4>{chart}</figure>'


def _words(setting: str) -> str:
    value = float(setting)
    return number(value, 0 if value == int(value) else 1)


def _tables(view: View, benchmark: str) -> str:
    tables = []
    for metric in CURVES:
        columns = [
            Column(f"{condition} {_words(one)}", "physics", metric, f"{condition}:{one}", benchmark)
            for condition, _ in CONDITIONS
            for one in _settings(view, benchmark, condition, metric)
        ]
        caption = f"<b>{escape(measure('physics', metric).title)}</b> at every setting."
        tables.append(variants_table(caption, view.index, columns, view.looks))
    return unfolded("The figures of the curves", "".join(tables))


def _removed(view: View, benchmark: str) -> str:
    order = [one.name for one in view.index.variants]
    every = sorted(_of(view, benchmark), key=lambda one: order.index(one.variant))
    kept = charts([_dots(view, each, [one for one in every if _is(one, each)]) for each in DRAWN])
    if not kept:
        return ""
    columns = [Column(measure("physics", one).title, "physics", one, GONE, benchmark) for one in REMOVED]
    table = variants_table("<b>One object removed</b>, % of the pairs.", view.index, columns, view.looks)
    about = paragraph(
        "Pairs of images of one scene with the same speckle, but one object is gone. A model that reads objects "
        "changes its caption then, and far more often than with nothing but another draw of the speckle."
    )
    return f"<h3>One object removed</h3>{about}{kept}{unfolded('The figures', table)}"


def _is(one: Figure, metric: str) -> bool:
    return (one.metric, one.subset) == (metric, GONE)


def _dots(view: View, metric: str, rows: Sequence[Figure]) -> str:
    if not rows:
        return ""
    known = measure("physics", metric)
    title = f"{known.title[0].upper()}{known.title[1:]}"
    reference = (50.0, "chance") if metric == "similarity_fell" else None
    drawn = forest.draw(f"{title}, with 95 % intervals", rows, view.looks, reference=reference, bounds=PERCENT)
    return f'<figure><h4>{escape(title)} <span class="range">{escape(known.unit)}</span></h4>{drawn}</figure>'


def _strips(view: View) -> str:
    if not view.details.strips:
        return ""
    drawn = "".join(_strip(view, one) for one in view.details.strips)
    return f"<h3>What it looks like</h3>{chosen(view, 'strips')}{drawn}"


def _strip(view: View, one: Strip) -> str:
    frames = "".join(
        f"<figure>{view.pictures.show(frame.picture, f'{one.title}, {frame.setting}')}<figcaption>"
        f"<b>{escape(frame.setting)}</b>{escape(frame.caption)}</figcaption></figure>"
        for frame in one.frames
    )
    return (
        f'<h4>{escape(one.title)} <span class="range">captions by {escape(one.variant)}</span></h4>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(one.title, quote=True)}">'
        f'<div class="strip">{frames}</div></div>'
    )
