"""Chips of OpenSARShip: the type of the ship in a chip's name, checked against the list of ships of its scene.

``Ship.xml`` beside the folders of chips says which corners a chip has and what the ship's AIS told: MMSI, IMO
number, name and call sign among it. Nothing that it holds leaves this module, neither as a value nor in the detail
of a fault: only whether a chip has the size that its corners give, and which AIS values are impossible.
"""

import math
import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sartext.corpora.markup import parse_xml
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import AnnotationFormat, Record, Source, read_content

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

CHIP = re.compile(r"(?P<type>[^/]+?)_x(?P<x>-?\d+)_y(?P<y>-?\d+)\.\w+$")

POSSIBLE = {
    "course": ("Cog", 0.0, 360.0),
    "heading": ("True_Head", 0.0, 360.0),
    "speed": ("Sog", 0.0, 102.3),
}
"""AIS values, where they stand and what they may be: degrees, degrees, knots. Some scenes have tenths of them."""

NOT_AVAILABLE = {"Cog": 360.0, "True_Head": 511.0, "Sog": 102.3}
"""How AIS says that a value is not known, which is no fault."""

LIKE = 0.2
"""Annotated length and that of AIS differ by at most this share of the longer one, or the match is doubtful."""

Chip = tuple[int, int, tuple[tuple[str, str], ...]]
"""Width and height by the corners (0 where they are not known), and what is odd about the ship."""


def read_chip(source: Source) -> list[Record]:
    """Return the record of a chip, ``source.file``: the type of its ship as the class of the image.

    Its width and height are those that the list of ships gives it.

    Raises:
        Unusable: ``no-annotation``: the name holds no type and place.
    """
    match = CHIP.search(source.file)
    if match is None:
        raise Unusable("no-annotation", "the name is not TYPE_xCOLUMN_yROW")
    listed = PurePosixPath(source.file).parent.parent / "Ship.xml"
    chips, problem = _chips(source.folder / listed)
    width, height, odd = chips.get((int(match["x"]), int(match["y"])), (0, 0, ()))
    left_out = (*odd, *((("unreadable-ship-list", problem),) if problem else ()))
    return [Record("", source.file, width, height, scene_class=match["type"], left_out=left_out)]


@lru_cache(maxsize=64)
def _chips(path: Path) -> tuple[dict[tuple[int, int], Chip], str]:
    """The chips of a scene by their centre, and why its list cannot be read; an absent list has none."""
    if not path.is_file():
        return {}, ""
    try:
        root = parse_xml(read_content(path)).root
    except Unusable as error:
        return {}, error.reason  # its detail may quote the file
    chips = {}
    for ship in root.iter("ship"):
        centre = _number(ship, "SARShipInformation/Center_x"), _number(ship, "SARShipInformation/Center_y")
        if all(map(math.isfinite, centre)):
            chips[int(centre[0]), int(centre[1])] = (_extent(ship, "x"), _extent(ship, "y"), tuple(_odd(ship)))
    return chips, ""


def _extent(ship: "Element", axis: str) -> int:
    """Pixels from corner to corner, both included, whichever of them is called the upper left."""
    corners = [_number(ship, f"SARShipInformation/{name}_{axis}") for name in ("UpperLeft", "LowerRight")]
    return int(max(corners) - min(corners)) + 1 if all(map(math.isfinite, corners)) else 0


def _odd(ship: "Element") -> list[tuple[str, str]]:
    odd = []
    for value, (tag, low, high) in POSSIBLE.items():
        number = _number(ship, f"AISShipInformation/{tag}")
        if math.isfinite(number) and not low <= number < high and number != NOT_AVAILABLE[tag]:
            odd.append((f"impossible-{value}", f"not in {low:g} to {high:g}"))
    lengths = [_number(ship, path) for path in ("SARShipInformation/Manual_Length", "AISShipInformation/Length")]
    if min(lengths) > 0 and max(lengths) - min(lengths) > LIKE * max(lengths):
        odd.append(("doubtful-ship", "its length and that of the ship that it was matched with are unlike"))
    return odd


def _number(element: "Element", path: str) -> float:
    try:
        return float(element.findtext(path) or "nan")
    except ValueError:
        return math.nan


FORMAT = AnnotationFormat(
    "opensarship",
    "chips of OpenSARShip: the ship's type in the name, checked against Ship.xml",
    "scenes",
    "name",
    read_chip,
    (),
)
