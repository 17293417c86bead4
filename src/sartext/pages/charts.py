"""Charts as static SVG: forest plots and lines with their intervals, in the colours of the page's style sheet.

Colours and widths are classes of ``style.css``, so a chart follows the reader's light or dark mode. They are drawn
here because matplotlib's SVG has fixed colours and bytes that follow the fonts of the machine.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

from sartext.pages.marks import Look, add, add_mark, add_text, chart, markup

Bounds = tuple[float, float] | None

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)

FOREST_WIDTH, FOREST_LEFT, FOREST_RIGHT = 500, 164, 150
FOREST_ROW, FOREST_BOTTOM = 22, 24

PLOT, HEIGHT = 320, 290
LEFT, TOP, BOTTOM = 40, 12, 44
LETTER = 7.4
"""Pixels of a letter of a name, at most on average: at the right there is room for the longest."""

GAP, NOTE = 13.0, 18
"""Pixels between two names, and height of a line of words below a chart."""

SPREAD = 5.0
"""Pixels between the marks of neighbouring lines at one place, so that their intervals can be told apart."""

FAR = 1.5
"""How many times the range of the other lines a line lies apart from them to be left out."""


@dataclass(frozen=True)
class ForestRow:
    """A row of a forest plot; ``text`` and ``interval`` are what stands beside the mark."""

    name: str
    look: Look
    value: float
    low: float | None = None
    high: float | None = None
    text: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Point:
    """A value at a place of the horizontal axis (0 to 1), with its interval if it has one."""

    at: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """The points of one name; ``marked`` where each stands for a measurement of its own."""

    name: str
    look: Look
    points: Sequence[Point]
    marked: bool = True


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high`` with its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def words(self, tick: float) -> str:
        """Return a tick as text, with as many digits as the distance between ticks needs."""
        step = self.ticks[1] - self.ticks[0]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        if round(step * 10**digits, 9) % 1:
            digits += 1
        return f"{tick:,.{digits}f}".replace("-", "\u2212")


def axis_of(values: Sequence[float], *, most: int = 5, from_zero: bool = True, bounds: Bounds = None) -> Axis:
    """Return an axis with round ends around values (none: 0 to 1), of at most ``most`` intervals between ticks.

    It begins at zero ``from_zero`` where no value is below, and does not pass the bounds that a measure has.
    """
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    if from_zero and low > 0:
        low = 0.0
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
        if from_zero and low < 0 <= min(known):
            low, high = 0.0, 1.0
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * size for size in STEPS if power * size >= rough - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(place * step, 12) for place in range(first, last + 1)]
    if bounds is not None:
        ticks = [tick for tick in ticks if bounds[0] - 1e-9 <= tick <= bounds[1] + 1e-9]
    return Axis(min(ticks[0], low), max(ticks[-1], high), tuple(ticks))


def forest(
    title: str, rows: Sequence[ForestRow], *, reference: tuple[float, str] | None = None, bounds: Bounds = None
) -> Markup:
    """Return a forest plot: dots with their intervals, a row each from top to bottom, on one axis within bounds.

    ``title`` is what a reader without sight hears, ``reference`` a value to draw a line at, with its name.
    """
    axis = axis_of([*_ends(rows), *([reference[0]] if reference else [])], most=4, bounds=bounds)
    top = 16 if reference else 4
    height = top + FOREST_ROW * len(rows) + FOREST_BOTTOM
    bottom = height - FOREST_BOTTOM
    svg = chart(title, FOREST_WIDTH, height)

    def x_of(value: float) -> float:
        return FOREST_LEFT + axis.share(value) * (FOREST_WIDTH - FOREST_LEFT - FOREST_RIGHT)

    for tick in axis.ticks:
        add(svg, "line", "grid", x1=x_of(tick), y1=top, x2=x_of(tick), y2=bottom + 3)
        add_text(svg, axis.words(tick), "tick", x_of(tick), bottom + 17, anchor="middle")
    if reference:
        x = x_of(reference[0])
        add(svg, "line", "reference", x1=x, y1=top - 2, x2=x, y2=bottom)
        add_text(svg, reference[1], "tick", x, top - 5, anchor="middle")
    for at, row in enumerate(rows):
        y = top + FOREST_ROW * (at + 0.5)
        group = add(svg, "g")
        add_text(group, row.name, "name", FOREST_LEFT - 10, y + 4, anchor="end")
        if row.low is not None and row.high is not None:
            whisker = f"whisker wide v{row.look.colour}"
            add(group, "line", whisker, x1=x_of(row.low), y1=y, x2=x_of(row.high), y2=y)
        add_mark(group, row.look, x_of(row.value), y)
        beside = add_text(group, f"{row.text} ", "name", FOREST_WIDTH - FOREST_RIGHT + 12, y + 4)
        add(beside, "tspan", "tick").text = row.interval
    return markup(svg)


def lines(
    title: str,
    drawn: Sequence[Line],
    places: Sequence[tuple[float, str]],
    below: str,
    *,
    bounds: Bounds = None,
    from_zero: bool = True,
    zero_line: bool = False,
    omit_far: bool = False,
) -> Markup:
    """Return a line chart with the names at the right ends, which scales with its container.

    Args:
        title: what a reader without sight hears.
        drawn: the lines in their order; the last one is on top.
        places: of the horizontal axis (0 to 1) with their words.
        below: what the horizontal axis means.
        bounds: what the vertical axis must not pass.
        from_zero: begin the vertical axis at zero where no value is below.
        zero_line: draw the line at zero and keep it in sight, as differences need.
        omit_far: tell a line in words below that lies so far from all others that they could not be told apart.
    """
    far = [line for line in drawn if omit_far and _is_far(line, drawn)]
    drawn = [line for line in drawn if line not in far]
    ends = [end for line in drawn for end in _ends(line.points)]
    axis = axis_of([*ends, 0.0] if zero_line and ends else ends, from_zero=from_zero, bounds=bounds)
    marked = [line for line in drawn if line.marked]
    width = PLOT + 14 + LETTER * max((len(line.name) for line in drawn), default=0)
    svg = chart(title, round(width), HEIGHT + NOTE * len(far))
    bottom = HEIGHT - BOTTOM
    for tick in axis.ticks:
        y = _y(tick, axis)
        add(svg, "line", "zero" if zero_line and tick == 0 else "grid", x1=LEFT, y1=y, x2=PLOT, y2=y)
        add_text(svg, axis.words(tick), "tick", LEFT - 6, y + 4, anchor="end")
    add(svg, "line", "axis", x1=LEFT, y1=bottom, x2=PLOT, y2=bottom)
    for at, words in places:
        add(svg, "line", "axis", x1=_x(at), y1=bottom, x2=_x(at), y2=bottom + 4)
        add_text(svg, words, "tick", _x(at), bottom + 18, anchor="middle")
    add_text(svg, below, "tick", (LEFT + PLOT) / 2, HEIGHT - 6, anchor="middle")
    for line in drawn:
        aside = (marked.index(line) - (len(marked) - 1) / 2) * SPREAD if line.marked else 0.0
        _draw(svg, line, axis, aside)
    _name_ends(svg, drawn, axis)
    for at, line in enumerate(far):
        own = _ends(line.points)
        words = f"{line.name}: {min(own):.4g} to {max(own):.4g}, beyond this figure"
        add_text(svg, words.replace("-", "\u2212"), "tick", LEFT, HEIGHT + NOTE * at + 10)
    return markup(svg)


def _x(at: float) -> float:
    return LEFT + 10 + at * (PLOT - LEFT - 20)


def _y(value: float, axis: Axis) -> float:
    return HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)


def _ends(points: Sequence[Point] | Sequence[ForestRow]) -> list[float]:
    """The values and the ends of their intervals."""
    return [end for point in points for end in (point.value, point.low, point.high) if end is not None]


def _is_far(line: Line, drawn: Sequence[Line]) -> bool:
    own = _ends(line.points)
    others = [end for other in drawn if other is not line for end in _ends(other.points)]
    if not own or len(drawn) < 3 or not others:
        return False
    apart = FAR * (max(others) - min(others))
    return min(own) > max(others) + apart or max(own) < min(others) - apart


def _draw(svg: Element, line: Line, axis: Axis, aside: float) -> None:
    group = add(svg, "g")
    add(group, "title").text = line.name
    if len(line.points) > 1:
        path = " ".join(f"{_x(point.at) + aside:.1f},{_y(point.value, axis):.1f}" for point in line.points)
        add(group, "polyline", "line " + line.look.classes, points=path)
    for point in line.points if line.marked else ():
        x = _x(point.at) + aside
        if point.low is not None and point.high is not None:
            y1, y2 = _y(point.high, axis), _y(point.low, axis)
            add(group, "line", f"whisker v{line.look.colour}", x1=x, y1=y1, x2=x, y2=y2)
        add_mark(group, line.look, x, _y(point.value, axis))


def _name_ends(svg: Element, drawn: Sequence[Line], axis: Axis) -> None:
    """Write the names at the right ends, moved apart where they would lie upon each other."""
    ends = sorted(
        ((_y(line.points[-1].value, axis), number, line) for number, line in enumerate(drawn) if line.points),
        key=lambda end: end[:2],
    )
    for (y, _, line), place in zip(ends, _apart([y for y, _, _ in ends]), strict=True):
        start, end = _x(line.points[-1].at) + 8, PLOT + 12
        path = f"{start:.1f},{y:.1f} {end - 6:.1f},{place:.1f} {end - 2:.1f},{place:.1f}"
        add(svg, "polyline", "leader " + line.look.classes, points=path)
        add_text(svg, line.name, "name", end, place + 4)


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
