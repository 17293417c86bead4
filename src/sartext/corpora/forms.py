"""One object that a file writes in several forms: an upright box, an outline, the corners of a turned box, or its
centre, sides and angle.

The first of these that is there is the object's box; the others are compared with it. What an angle means is
nowhere in a file: the unit, the side that it belongs to, and the sense in which it turns. So it is taken for what
the catalogue states, and never guessed; a file whose other forms contradict the catalogue is refused, and one that
has nothing but an angle needs the statement.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sartext.catalogue.entry import AngleConvention
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox
from sartext.corpora.shapes import (
    Corners,
    Point,
    around,
    modulo_quarter,
    overlap,
    side_angle,
    turned_corners,
    upright_box,
)

AGREES = 0.45
"""Intersection over union from which on two forms are of one object. A turned box is larger than the upright box
of the outline that it was drawn around: those of SSDD overlap by 0.48 at least."""

CLEARLY = 0.15
"""By how much better another convention must fit a file to contradict the stated one. No file of SSDD contradicts
its own convention then, and three of four contradict a wrong unit or side."""

OTHERWISE = 20.0
"""Degrees of a file in sum by which corners must be nearer to the other sense to contradict the stated one."""

OUTLINE = 2.0
"""Pixels by which an outline may leave its upright box, or fall short of it."""

CONVENTIONS = tuple(
    AngleConvention(unit=unit, side=side, sense="clockwise")
    for unit, side in product(("degrees", "radians"), ("width", "height"))
)
"""All that differ in the upright box; it is the same for either sense."""


@dataclass(frozen=True)
class Turned:
    """A box by its centre, its sides and its angle, as written."""

    x: float
    y: float
    width: float
    height: float
    angle: float

    def radians(self, convention: AngleConvention) -> float:
        """Return by how much the width side is turned clockwise from the x axis."""
        angle = math.radians(self.angle) if convention.unit == "degrees" else self.angle
        return (angle if convention.sense == "clockwise" else -angle) - (
            0.0 if convention.side == "width" else math.pi / 2
        )

    def upright(self, convention: AngleConvention) -> Corners:
        """Return the upright box around it."""
        if not math.isfinite(self.angle):
            return upright_box([])
        return upright_box(self.corners(convention))

    def corners(self, convention: AngleConvention) -> tuple[Point, ...]:
        """Return its four corners; the angle is finite."""
        return turned_corners((self.x, self.y), self.width, self.height, self.radians(convention))


@dataclass(frozen=True)
class Forms:
    """An object in the forms that its file has; the absent ones are None or empty.

    ``outline`` has all points of polygons, or two of a mask; ``parts`` are the polygons where there may be many.
    """

    label: str
    upright: Corners | None = None
    outline: tuple[Point, ...] = ()
    corners: tuple[Point, ...] = ()
    turned: Turned | None = None
    crowd: bool = False
    difficulty: int | None = None
    parts: tuple[tuple[Point, ...], ...] = ()
    mask: Mapping[str, Any] | None = None

    @property
    def sure(self) -> Corners | None:
        """The box that no convention is needed for: the upright one, else the outline's or the corners'.

        An upright box without area stands for one that is not there, where another form has an area.
        """
        others = [upright_box(points) for points in (self.outline, self.corners) if points]
        if self.upright is not None and not (_is_empty(self.upright) and any(map(_has_area, others))):
            return self.upright
        return others[0] if others else None


def boxes_of(
    objects: Sequence[Forms], convention: AngleConvention | None
) -> tuple[tuple[RawBox, ...], tuple[tuple[str, str], ...]]:
    """Return the boxes of an image, and what is to be said of their forms, as `reading.Record.left_out`.

    ``forms-differ``: another form of an object is of something else; the box stays. ``box-from-other-form``: the
    upright box has no area, and an outline or corners have.

    Raises:
        Unusable: ``angle-convention``: the catalogue states none and a box needs one, or states another than the
            file has.
    """
    _refuse_unknown(objects, convention)
    if convention is not None and (detail := _contradiction(objects, convention)):
        raise Unusable("angle-convention", detail)
    boxes = tuple(_box(each, convention) for each in objects)
    differ = sum(not _agree(each, box, convention) for each, box in zip(objects, boxes, strict=True))
    replaced = sum(each.upright is not None and each.sure != each.upright for each in objects)
    told = {"forms-differ": differ, "box-from-other-form": replaced}
    return boxes, tuple((reason, f"{count} of {len(boxes)}") for reason, count in told.items() if count)


def _refuse_unknown(objects: Sequence[Forms], convention: AngleConvention | None) -> None:
    if convention is None and (alone := sum(each.sure is None and each.turned is not None for each in objects)):
        what = f"{alone} boxes have an angle only: state `angle` in `annotations` of the catalogue file"
        raise Unusable("angle-convention", what)


def _contradiction(objects: Sequence[Forms], stated: AngleConvention) -> str:
    """Say how a file contradicts the stated convention; empty where it does not."""
    largest = max((abs(each.turned.angle) for each in objects if each.turned), default=0.0)
    in_degrees = largest > 2 * math.pi
    if in_degrees and stated.unit == "radians":
        return f"stated in radians, and there is an angle of {largest:g}"
    possible = [each for each in CONVENTIONS if each.unit == "degrees" or not in_degrees]
    best = max(possible, key=lambda convention: _fit(objects, convention))
    if _fit(objects, best) >= max(AGREES, _fit(objects, stated) + CLEARLY):
        return f"stated in {stated.unit} of the {stated.side}, the boxes fit {best.unit} of the {best.side}"
    return f"stated {stated.sense}, the corners turn the other way" if _turn_otherwise(objects, stated) else ""


def _turn_otherwise(objects: Sequence[Forms], stated: AngleConvention) -> bool:
    """Whether the corners beside angles say, clearly, that these turn in the other sense."""
    differences = 0.0
    for each in objects:
        if each.turned and (angle := side_angle(each.corners)) is not None and math.isfinite(each.turned.angle):
            by_angle = math.degrees(each.turned.radians(stated))
            differences += _apart(angle, by_angle) - _apart(angle, -by_angle)
    return differences > OTHERWISE


def _apart(angle: float, other: float) -> float:
    """The degrees between the sides of two boxes."""
    return abs((angle - other + 45) % 90 - 45)


def _fit(objects: Sequence[Forms], convention: AngleConvention) -> float:
    """The mean overlap of the turned boxes with the sure ones; 1 where there is nothing to compare."""
    overlaps = [overlap(sure, turned.upright(convention)) for sure, turned in _compared(objects)]
    return sum(overlaps) / len(overlaps) if overlaps else 1.0


def _compared(objects: Sequence[Forms]) -> Iterator[tuple[Corners, Turned]]:
    for each in objects:
        if each.turned is not None and (sure := each.sure) is not None:
            yield sure, each.turned


def _box(each: Forms, convention: AngleConvention | None) -> RawBox:
    corners = each.sure
    if corners is None:
        corners = each.turned.upright(convention) if each.turned and convention else upright_box([])
    angle = _angle(each, convention)
    parts = each.parts or ((each.outline,) if each.outline else ())
    if angle is not None:
        parts = (tuple(around(each.corners)) or _turned_corners(each, convention),)
    return RawBox(each.label, *corners, angle, each.crowd, each.difficulty, parts, each.mask)


def _turned_corners(each: Forms, convention: AngleConvention | None) -> tuple[Point, ...]:
    return each.turned.corners(convention) if each.turned and convention else ()


def _angle(each: Forms, convention: AngleConvention | None) -> float | None:
    """The angle in the index; None where neither corners nor the catalogue say it."""
    if each.corners:
        return side_angle(each.corners)
    if each.turned is None or convention is None or not math.isfinite(each.turned.angle):
        return None
    return modulo_quarter(math.degrees(each.turned.radians(convention)))


def _agree(each: Forms, box: RawBox, convention: AngleConvention | None) -> bool:
    """Whether the other forms of an object are of the same object as its box."""
    corners = box.xmin, box.ymin, box.xmax, box.ymax
    if not _has_area(corners):
        return True  # the box itself has its reason
    conventions = CONVENTIONS if convention is None else (convention,)
    outline = upright_box(each.outline)
    return (
        (not each.outline or max(abs(a - b) for a, b in zip(outline, corners, strict=True)) <= OUTLINE)
        and (not each.corners or overlap(upright_box(each.corners), corners) >= AGREES)
        and (not each.turned or any(overlap(each.turned.upright(one), corners) >= AGREES for one in conventions))
    )


def _has_area(box: Corners) -> bool:
    return box[0] < box[2] and box[1] < box[3]


def _is_empty(box: Corners) -> bool:
    return box[0] == box[2] or box[1] == box[3]
