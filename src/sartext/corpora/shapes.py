"""Shapes of objects in pixels, x to the right and y down: upright boxes, turned boxes and outlines."""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Corners = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""

NO_BOX: Corners = (math.nan, math.nan, math.nan, math.nan)


def upright_box(points: Sequence[Point]) -> Corners:
    """Return the upright box around points; `NO_BOX` where there are none or one is not finite."""
    if not points or not all(math.isfinite(number) for point in points for number in point):
        return NO_BOX
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def turned_corners(centre: Point, width: float, height: float, angle: float) -> tuple[Point, ...]:
    """Return the four corners of a box whose width side is turned clockwise from the x axis, by radians."""
    cosine, sine = math.cos(angle), math.sin(angle)
    half = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    return tuple((centre[0] + x * cosine - y * sine, centre[1] + x * sine + y * cosine) for x, y in half)


def side_angle(points: Sequence[Point]) -> float | None:
    """Return how far the sides of a turned box are turned clockwise from the axes, in degrees from 0 below 90.

    Args:
        points: its four corners, in any order.

    Returns:
        The direction of its longest side, modulo 90; None where there is no such side.
    """
    corners = around(points)
    sides = [(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True)]
    across, down = max(sides, key=lambda side: math.hypot(*side), default=(0.0, 0.0))
    return modulo_quarter(math.degrees(math.atan2(down, across))) if math.hypot(across, down) > 0 else None


def modulo_quarter(degrees: float) -> float:
    """Return an angle in degrees modulo 90, free of the rounding that makes 90 of it."""
    return round(degrees % 90, 6) % 90


def around(points: Sequence[Point]) -> list[Point]:
    """Return points in their order around their centre."""
    if not points:
        return []
    x, y = (sum(numbers) / len(points) for numbers in zip(*points, strict=True))
    return sorted(points, key=lambda point: math.atan2(point[1] - y, point[0] - x))


def overlap(box: Corners, other: Corners) -> float:
    """Return the intersection of two upright boxes over their union, 0 where one has no area or is `NO_BOX`."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if not (width > 0 and height > 0):
        return 0.0
    both = width * height
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, other)]
    return both / (sum(areas) - both)
