"""Line charts as SVG with direct labels: recall against rank, figures against a physical condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sartext.report.axis import Axis
from sartext.report.marks import Look, dot

PLOT, HEIGHT = 320, 290
LEFT, TOP, BOTTOM = 40, 12, 44
LETTER = 7.4
"""Pixels of a letter of a name, at most on average: at the right there is room for the longest."""

GAP = 13.0
"""Pixels between two names."""

SPREAD = 5.0
"""Pixels between the marks of neighbouring lines at one place, so that their intervals can be told apart."""


@dataclass(frozen=True)
class Point:
    """A value at a place of the horizontal axis (0 to 1), with its interval if it has one."""

    at: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """The points of one variant; ``marked`` where each stands for a measurement of its own."""

    name: str
    look: Look
    points: Sequence[Point]
    marked: bool = True


def draw(title: str, lines: Sequence[Line], axis: Axis, places: Sequence[tuple[float, str]], below: str) -> str:
    """Return a chart that scales with its container.

    Args:
        title: what a reader without sight is told.
        lines: drawn in their order; the last one is on top.
        axis: of the values.
        places: of the horizontal axis (0 to 1) with their words.
        below: what the horizontal axis means.
    """
    marked = [line for line in lines if line.marked]
    width = PLOT + 14 + LETTER * max((len(line.name) for line in lines), default=0)
    parts = [f"<title>{escape(title)}</title>", _levels(axis), _places(places, below)]
    for line in lines:
        aside = (marked.index(line) - (len(marked) - 1) / 2) * SPREAD if line.marked else 0.0
        parts.append(_draw(line, axis, aside))
    parts.append(_names(lines, axis))
    return (
        f'<svg viewBox="0 0 {width:.0f} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _x(at: float) -> float:
    return LEFT + 10 + at * (PLOT - LEFT - 20)


def _y(value: float, axis: Axis) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _levels(axis: Axis) -> str:
    parts = []
    for tick in axis.ticks:
        y = _y(tick, axis)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{PLOT}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{axis.words(tick)}</text>'
        )
    return "".join(parts)


def _places(places: Sequence[tuple[float, str]], below: str) -> str:
    bottom = HEIGHT - BOTTOM
    parts = [f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{PLOT}" y2="{bottom}"/>']
    for at, words in places:
        x = _x(at)
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"/>')
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{escape(words)}</text>'
        )
    middle = (LEFT + PLOT) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(below)}</text>')
    return "".join(parts)


def _draw(line: Line, axis: Axis, aside: float) -> str:
    path = " ".join(f"{_x(one.at) + aside:.1f},{_y(one.value, axis):.1f}" for one in line.points)
    parts = [f"<title>{escape(line.name)}</title>"]
    if len(line.points) > 1:
        parts.append(f'<polyline class="line {line.look.classes}" points="{path}"/>')
    for one in line.points if line.marked else ():
        x = _x(one.at) + aside
        if one.low is not None and one.high is not None:
            low, high = _y(one.low, axis), _y(one.high, axis)
            parts.append(
                f'<line class="whisker v{line.look.colour}" x1="{x:.1f}" y1="{high:.1f}" x2="{x:.1f}" '
                f'y2="{low:.1f}"/>'
            )
        parts.append(dot(line.look, x, _y(one.value, axis)))
    return f"<g>{''.join(parts)}</g>"


def _names(lines: Sequence[Line], axis: Axis) -> str:
    """The names at the right ends, moved apart where they would lie upon each other."""
    ends = sorted(
        ((_y(line.points[-1].value, axis), number, line) for number, line in enumerate(lines) if line.points),
        key=lambda end: end[:2],
    )
    places = _apart([y for y, _, _ in ends])
    parts = []
    for (y, _, line), place in zip(ends, places, strict=True):
        start, end = _x(line.points[-1].at) + 8, PLOT + 12
        parts.append(
            f'<polyline class="leader {line.look.classes}" points="{start:.1f},{y:.1f} {end - 6:.1f},{place:.1f} '
            f'{end - 2:.1f},{place:.1f}"/>'
            f'<text class="name" x="{end}" y="{place + 4:.1f}">{escape(line.name)}</text>'
        )
    return "".join(parts)


def _apart(wanted: Sequence[float]) -> list[float]:
    """Places in the same order at least ``GAP`` apart, as near as simple pushing brings them to those wanted."""
    places: list[float] = []
    for y in wanted:
        places.append(max(y, places[-1] + GAP) if places else max(y, TOP))
    bottom = HEIGHT - BOTTOM + 8
    for number in reversed(range(len(places))):
        limit = bottom if number == len(places) - 1 else places[number + 1] - GAP
        places[number] = min(places[number], limit)
    return places
