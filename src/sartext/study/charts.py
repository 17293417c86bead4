"""Line charts as SVG: figures against the share of SAR captions, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from sartext.evaluation.bootstrap import Interval

WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 44
SPREAD = 5.0
"""Pixels by which lines at the same share stand apart, so that their intervals can be told apart."""

NOTE = 18
"""Height of a line of words below."""

FAR = 1.5
"""How many times the range of the other lines a line lies apart from them to be left out."""

MARKS = ("circle", "square", "diamond", "triangle", "cross", "bar")


@dataclass(frozen=True)
class Line:
    """A line of a chart: a value with its interval at each share; ``style`` is the number of colour and mark."""

    title: str
    style: int
    points: Sequence[tuple[float, Interval]]


def chart(title: str, lines: Sequence[Line], *, zero: bool = False) -> str:
    """Return a chart as SVG that scales with its container.

    Args:
        title: said of the vertical axis.
        lines: at least one; points without a value are left out. One that lies far from all others, so that they
            could not be told apart beside it, is told in words below.
        zero: draw the line at zero and keep it in sight, as differences need.
    """
    shares = sorted({share for line in lines for share, _ in line.points})
    far = [line for line in lines if _is_far(line, lines)]
    lines = [line for line in lines if line not in far]
    low, high, ticks = _axis([end for line in lines for end in _ends(line)], zero)
    places = {share: _x(share, shares) for share in shares}
    parts = [f"<title>{escape(title)}</title>", _levels(low, high, ticks, zero), _shares(places)]
    for number, line in enumerate(lines):
        parts.append(_draw(line, places, (number - (len(lines) - 1) / 2) * SPREAD, low, high))
    parts += [_beyond(line, HEIGHT + NOTE * number) for number, line in enumerate(far)]
    label = escape(f"{title} against the share of SAR captions; the table holds the figures")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + NOTE * len(far)}" role="img" aria-label="{label}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def mark(style: int, x: float, y: float, size: float = 4.0) -> str:
    """Return the mark of a style at a place."""
    kind = MARKS[style % len(MARKS)]
    if kind == "circle":
        return f'<circle class="mark s{style}" cx="{x:.1f}" cy="{y:.1f}" r="{size:g}"/>'
    s = size
    shapes = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "diamond": [(0, -s * 1.4), (s * 1.4, 0), (0, s * 1.4), (-s * 1.4, 0)],
        "triangle": [(0, -s * 1.3), (s * 1.2, s), (-s * 1.2, s)],
        "cross": [(-s, -s / 3), (-s / 3, -s / 3), (-s / 3, -s), (s / 3, -s), (s / 3, -s / 3), (s, -s / 3),
                  (s, s / 3), (s / 3, s / 3), (s / 3, s), (-s / 3, s), (-s / 3, s / 3), (-s, s / 3)],
        "bar": [(-s * 1.3, -s / 2), (s * 1.3, -s / 2), (s * 1.3, s / 2), (-s * 1.3, s / 2)],
    }  # fmt: skip
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in shapes[kind])
    return f'<polygon class="mark s{style}" points="{points}"/>'


def swatch(style: int) -> str:
    """Return a line with its mark, for a legend."""
    return (
        '<svg class="swatch" viewBox="0 0 34 14" aria-hidden="true">'
        f'<line class="line s{style}" x1="1" y1="7" x2="33" y2="7"/>{mark(style, 17, 7)}</svg>'
    )


def _ends(line: Line) -> list[float]:
    """The values of a line and the ends of their intervals."""
    found = [end for _, one in line.points for end in (one.low, one.value, one.high)]
    return [end for end in found if end is not None]


def _is_far(line: Line, lines: Sequence[Line]) -> bool:
    own, others = _ends(line), [end for other in lines if other is not line for end in _ends(other)]
    if not own or len(lines) < 3 or not others:
        return False
    apart = FAR * (max(others) - min(others))
    return min(own) > max(others) + apart or max(own) < min(others) - apart


def _beyond(line: Line, y: float) -> str:
    ends = _ends(line)
    told = f"{line.title}: {_number(round(min(ends), 2))} to {_number(round(max(ends), 2))}, beyond this figure"
    return f'<text class="tick" x="{LEFT}" y="{y + 10:.1f}">{escape(told)}</text>'


def _axis(values: Sequence[float | None], zero: bool) -> tuple[float, float, list[float]]:
    """Round ends of the axis and its ticks."""
    known = [one for one in values if one is not None] + ([0.0] if zero else [])
    if not known:
        known = [0.0, 1.0]
    low, high = min(known), max(known)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return first * step, last * step, [number * step for number in range(first, last + 1)]


def _x(share: float, shares: Sequence[float]) -> float:
    """Shares stand at the same distance from each other where there is one, else by their logarithm."""
    inner = WIDTH - LEFT - RIGHT - 40
    if len(shares) == 1:
        return LEFT + 20 + inner / 2
    first, last = math.log(shares[0]), math.log(shares[-1])
    return LEFT + 20 + inner * (math.log(share) - first) / (last - first)


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)


def _levels(low: float, high: float, ticks: Sequence[float], zero: bool) -> str:
    parts = []
    for tick in ticks:
        y = _y(tick, low, high)
        kind = "zero" if zero and abs(tick) < 1e-12 else "grid"
        parts.append(f'<line class="{kind}" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    return "".join(parts)


def _shares(places: dict[float, float]) -> str:
    bottom, middle = HEIGHT - BOTTOM, (LEFT + WIDTH - RIGHT) / 2
    parts = [f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{WIDTH - RIGHT}" y2="{bottom}"/>']
    for share, x in places.items():
        parts.append(f'<line class="axis" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{bottom + 4}"/>')
        label = f"{100 * share:g} %"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">SAR captions</text>')
    return "".join(parts)


def _number(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:g}".replace("-", "\u2212")


def _draw(line: Line, places: dict[float, float], aside: float, low: float, high: float) -> str:
    path, over = [], []
    for share, one in line.points:
        if one.value is None or one.low is None or one.high is None:
            continue
        x, y = places[share] + aside, _y(one.value, low, high)
        path.append(f"{x:.1f},{y:.1f}")
        top, bottom = _y(one.high, low, high), _y(one.low, low, high)
        over.append(
            f'<line class="whisker s{line.style}" x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}"/>'
        )
        over.append(mark(line.style, x, y))
    drawn = f'<polyline class="line s{line.style}" points="{" ".join(path)}"/>' if len(path) > 1 else ""
    return f"<g><title>{escape(line.title)}</title>{drawn}{''.join(over)}</g>"
