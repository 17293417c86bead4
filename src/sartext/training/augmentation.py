"""Views of a pair: flips and quarter turns, mild gain and contrast, another look; nothing is cropped.

What a caption says of sides and quadrants is derived again from the turned annotation; a caption that people wrote
and that names a side keeps its image upright.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartext.models.squashing import Pixels
from sartext.narrator.facts import Facts
from sartext.training.sampler import mixed
from sartext.training.shards.selection import CorpusNaming, Row, annotated_facts

TURNS = 8
"""Quarter turns 0 to 3, and the same followed by a flip of left and right."""

WORDINGS = 5
"""Paraphrases of the same facts that a training meets."""

DRAWN_WORDINGS = 60
"""Wordings are drawn from so many and then counted round: one to six captions of an image come equally often."""

GAIN = 8
"""Largest shift in grey levels; 0.8 dB where the window is 25 dB."""

CONTRAST = 0.1
"""Largest change of the slope about the middle grey."""

LEVELS = 9
"""Steps of gain and of contrast, the middle one no change."""

_SIDES = re.compile(
    r"\b(?:(?:left|right|upper|lower|top|bottom|north|south|east|west|northern|southern|eastern|western"
    r"|(?:north|south)(?:east|west)(?:ern)?)(?:most|wards?|side|hand)?"
    r"|(?:horizontal|vertical|diagonal)(?:ly)?|(?:anti|counter)?clockwise|upside|corners?|above|below)\b",
    re.IGNORECASE,
)
_FROM_ABOVE = re.compile(r"\b(?:from|seen from) (?:above|the top)\b", re.IGNORECASE)
_POLES = {(-1, -1): "upper-left", (1, -1): "upper-right", (-1, 1): "lower-left", (1, 1): "lower-right"}


def names_a_side(caption: str) -> bool:
    """Whether a caption says where something is in the image, so that it is false of a turned one."""
    return _SIDES.search(_FROM_ABOVE.sub(" ", caption)) is not None


def turn(picture: Pixels, k: int) -> Pixels:
    """Return a square picture after ``k % 4`` quarter turns against the clock, then flipped if ``k >= 4``."""
    turned = np.rot90(picture, k % 4)
    return turned[:, ::-1] if k >= 4 else turned


def turn_box(box: Row, side: float, k: int) -> dict[str, Any]:
    """Return a row of `tables.OBJECT` as it lies in the turned picture of ``side`` x ``side`` pixels.

    A quarter turn swaps the extents of a rotated box, which leaves its angle; a flip changes its sign.
    """
    x0, y0, x1, y1 = box["xmin"], box["ymin"], box["xmax"], box["ymax"]
    for _ in range(k % 4):
        x0, y0, x1, y1 = y0, side - x1, y1, side - x0
    angle = box["angle"]
    if k >= 4:
        x0, x1 = side - x1, side - x0
        angle = None if angle is None else -angle
    return {**box, "xmin": x0, "ymin": y0, "xmax": x1, "ymax": y1, "angle": angle}


def _turned_zone(x: int, y: int, k: int) -> str:
    for _ in range(k % 4):
        x, y = y, -x
    return _POLES[(-x if k >= 4 else x, y)]


ZONES_TURNED = tuple({name: _turned_zone(*pole, k) for pole, name in _POLES.items()} for k in range(TURNS))


def turn_region(region: Row, k: int) -> dict[str, Any]:
    """Return a row of `tables.REGION` of the turned picture (exact for even sides): quadrants change places."""
    return {**region, "zone": ZONES_TURNED[k].get(region["zone"], region["zone"])}


def turned_facts(
    objects: Sequence[Row],
    regions: Sequence[Row],
    side: int,
    k: int,
    naming: CorpusNaming,
    *,
    scene_class: str | None = None,
) -> Facts:
    """Return the facts of the turned picture, derived from the turned annotation."""
    boxes = [turn_box(box, side, k) for box in objects]
    turned = [turn_region(region, k) for region in regions]
    return annotated_facts(boxes, turned, side, side, naming, scene_class=scene_class)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is drawn for one view: look, turn, wording, and the levels of gain and contrast (4 is no change)."""

    look: int = 0
    turn: int = 0
    wording: int = 0
    gain: int = LEVELS // 2
    contrast: int = LEVELS // 2


UPRIGHT = Choice()


def draw(seed: int, position: int, looks: int) -> Choice:
    """Draw a view from the seed and the sample's position in the whole training."""
    bits, look = divmod(mixed(seed, position), looks)
    bits, k = divmod(bits, TURNS)
    bits, wording = divmod(bits, DRAWN_WORDINGS)
    bits, gain = divmod(bits, LEVELS)
    return Choice(look, k, wording, gain, bits % LEVELS)


def _curve(gain: int, contrast: int) -> Pixels:
    """Grey levels through gain and contrast; black stays black, because it marks what has no data."""
    half = LEVELS // 2
    shift, slope = GAIN * (gain - half) / half, 1.0 + CONTRAST * (contrast - half) / half
    levels = np.arange(256, dtype=np.float64)
    curve = np.clip(np.floor((levels - 127.5) * slope + 127.5 + shift + 0.5), 1, 255).astype(np.uint8)
    curve[0] = 0
    return curve


CURVES = tuple(tuple(_curve(gain, contrast) for contrast in range(LEVELS)) for gain in range(LEVELS))


def view(picture: Pixels, choice: Choice) -> Pixels:
    """Return a picture as a view shows it: turned, with gain and contrast; the look was chosen before."""
    return np.asarray(CURVES[choice.gain][choice.contrast][turn(picture, choice.turn)])
