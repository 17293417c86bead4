"""Dots with their 95 % intervals, a row per variant: one metric, on one axis."""

from collections.abc import Mapping, Sequence
from html import escape

from sartext.evaluation.figures import Figure
from sartext.evaluation.measures import shown
from sartext.report.axis import Axis, axis_of
from sartext.report.marks import Look, dot

WIDTH = 500
LEFT, RIGHT = 164, 150
ROW = 22
BOTTOM = 24


def draw(
    title: str,
    figures: Sequence[Figure],
    looks: Mapping[str, Look],
    *,
    reference: tuple[float, str] | None = None,
    bounds: tuple[float, float] | None = None,
) -> str:
    """Return a chart with a row for each figure that has a value.

    Args:
        title: what a reader without sight is told.
        figures: of one metric, in the order of the rows.
        looks: of the variants.
        reference: a value to draw a line at, such as chance, with its name.
        bounds: what the axis must not pass.
    """
    rows = [one for one in figures if one.value is not None]
    ends = [end for one in rows for end in (one.value, one.low, one.high) if end is not None]
    axis = axis_of([*ends, *([reference[0]] if reference else [])], most=4, bounds=bounds)
    top = 16 if reference else 4
    height = top + ROW * len(rows) + BOTTOM
    parts = [f"<title>{escape(title)}</title>", _grid(axis, top, height - BOTTOM)]
    if reference:
        parts.append(_reference(reference, axis, top, height - BOTTOM))
    parts += [_row(one, looks[one.variant], axis, top + ROW * (at + 0.5)) for at, one in enumerate(rows)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _x(value: float, axis: Axis) -> float:
    return LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)


def _grid(axis: Axis, top: float, bottom: float) -> str:
    parts = []
    for tick in axis.ticks:
        x = _x(tick, axis)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom + 3:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 17:.1f}" text-anchor="middle">{axis.words(tick)}</text>'
        )
    return "".join(parts)


def _reference(reference: tuple[float, str], axis: Axis, top: float, bottom: float) -> str:
    x = _x(reference[0], axis)
    return (
        f'<line class="reference" x1="{x:.1f}" y1="{top - 2}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
        f'<text class="tick" x="{x:.1f}" y="{top - 5}" text-anchor="middle">{escape(reference[1])}</text>'
    )


def _row(figure: Figure, look: Look, axis: Axis, y: float) -> str:
    if figure.value is None:
        raise ValueError(f"{figure.place} has no value")
    value, interval = shown(figure)
    parts = [
        f'<text class="name" x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(figure.variant)}</text>'
    ]
    if figure.low is not None and figure.high is not None:
        low, high = _x(figure.low, axis), _x(figure.high, axis)
        parts.append(
            f'<line class="whisker wide v{look.colour}" x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}"/>'
        )
    parts.append(dot(look, _x(figure.value, axis), y))
    parts.append(
        f'<text class="name" x="{WIDTH - RIGHT + 12}" y="{y + 4:.1f}">{value} '
        f'<tspan class="tick">{interval}</tspan></text>'
    )
    return f"<g>{''.join(parts)}</g>"
