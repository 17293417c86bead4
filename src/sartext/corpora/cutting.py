"""What of an object is visible in a tile of its scene: its box, its polygons or its mask, cut at the border."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sartext.corpora.reading import RawBox
from sartext.corpora.shapes import Corners, Point, turned_corners, upright_box

Place = tuple[int, int, int, int]
"""Column, row, width and height of a tile in its scene, in pixels."""

SPECK = 1.0
"""Square pixels of the smallest part of an object that can be seen."""


def visible_part(box: RawBox, place: Place) -> tuple[RawBox, float]:
    """Return an object in pixels of a tile, cut at its border, and the share of its area that is visible, 0 to 1.

    The area is that of its mask, else its polygons, else its upright box. The upright box is that of what is
    visible. A turned box that is cut becomes the one of the same angle around what is visible.
    """
    whole = _sorted_corners(box)
    upright = _inside(whole, place)
    if not _has_area(upright):
        return box, 0.0
    shown, total, visible = upright, _size(whole), _size(upright)
    parts, mask = tuple(part for part in box.parts if area(part) > 0), box.mask
    if mask is not None:
        mask, total, visible, shown = _cut_mask(mask, place)
    elif parts:
        cut = tuple(clipped for part in parts if area(clipped := clip(part, place)) > 0)
        total, visible = (sum(map(area, polygons)) for polygons in (parts, cut))
        shown = upright_box([point for part in cut for point in part])
        if cut != parts:
            parts = cut if box.angle is None else tuple(turned_around(part, box.angle) for part in cut)
    if visible < min(SPECK, total):
        return box, 0.0
    x, y, *_ = place
    xmin, ymin, xmax, ymax = (
        max(upright[0], shown[0]),
        max(upright[1], shown[1]),
        *map(min, upright[2:], shown[2:]),
    )
    # where box and polygon are of something else there is nothing to write, and not nothing to see
    share = visible / total if xmin < xmax and ymin < ymax else math.ulp(0.0)
    moved = tuple(tuple((across - x, down - y) for across, down in part) for part in parts)
    part = replace(box, xmin=xmin - x, ymin=ymin - y, xmax=xmax - x, ymax=ymax - y, parts=moved, mask=mask)
    return part, share


def clip(polygon: Sequence[Point], place: Place) -> tuple[Point, ...]:
    """Return the part of a polygon that lies in a tile, in pixels of the scene (Sutherland and Hodgman, 1974)."""
    x, y, width, height = place
    points = list(polygon)
    for axis, border, sign in ((0, x, 1), (0, x + width, -1), (1, y, 1), (1, y + height, -1)):
        kept: list[Point] = []
        for before, point in zip(points[-1:] + points[:-1], points, strict=True):
            was_in, is_in = (sign * (each[axis] - border) >= 0 for each in (before, point))
            if was_in != is_in:
                share = (border - before[axis]) / (point[axis] - before[axis])
                crossing = [a + share * (b - a) for a, b in zip(before, point, strict=True)]
                crossing[axis] = border
                kept.append((crossing[0], crossing[1]))
            if is_in:
                kept.append(point)
        points = kept
    return tuple(points)


def area(polygon: Sequence[Point]) -> float:
    """Return the area of a polygon in square pixels."""
    following = [*polygon[1:], *polygon[:1]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(polygon, following, strict=True))) / 2


def turned_around(polygon: Sequence[Point], angle: float) -> tuple[Point, ...]:
    """Return the corners of the smallest box around a polygon whose sides are turned clockwise by degrees."""
    turn = math.radians(angle)
    cosine, sine = math.cos(turn), math.sin(turn)
    xmin, ymin, xmax, ymax = upright_box([(x * cosine + y * sine, y * cosine - x * sine) for x, y in polygon])
    across, down = (xmin + xmax) / 2, (ymin + ymax) / 2
    centre = (across * cosine - down * sine, across * sine + down * cosine)
    return turned_corners(centre, xmax - xmin, ymax - ymin, turn)


def _cut_mask(mask: Mapping[str, Any], place: Place) -> tuple[Mapping[str, Any], int, int, Corners]:
    """A mask in a tile, in run lengths, its pixels in all and there, and its box there in pixels of the scene."""
    import numpy as np
    from pycocotools import mask as run_lengths

    x, y, width, height = place
    (window,) = run_lengths.frPyObjects(np.array([place], dtype=np.float64), *mask["size"])
    both = run_lengths.merge([dict(mask), window], intersect=True)
    total, pixels = (int(run_lengths.area(each)) for each in (dict(mask), both))
    if not pixels:
        return mask, 1, 0, upright_box([])
    left, top, across, down = map(float, run_lengths.toBbox(both))
    values = np.zeros((height, width), dtype=np.uint8, order="F")
    cut = run_lengths.decode(both)[y : y + height, x : x + width]
    values[: cut.shape[0], : cut.shape[1]] = cut
    return run_lengths.encode(values), total, pixels, (left, top, left + across, top + down)


def _sorted_corners(box: RawBox) -> Corners:
    (xmin, xmax), (ymin, ymax) = sorted((box.xmin, box.xmax)), sorted((box.ymin, box.ymax))
    return xmin, ymin, xmax, ymax


def _inside(corners: Corners, place: Place) -> Corners:
    x, y, width, height = place
    return max(corners[0], x), max(corners[1], y), min(corners[2], x + width), min(corners[3], y + height)


def _has_area(corners: Corners) -> bool:
    return corners[0] < corners[2] and corners[1] < corners[3]


def _size(corners: Corners) -> float:
    return (corners[2] - corners[0]) * (corners[3] - corners[1])
