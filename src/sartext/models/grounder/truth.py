"""What annotations say of an image, in the words of the vocabulary: what maps are taught, fitted and judged by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.narrator.vocabulary import annotated_by, key_of

DISTANCE = 1 / 16
"""Between a peak and the centre of the object that it may stand for, as a share of the picture's side."""

OTHER, UNTAUGHT = -1, -2
"""Of a pixel: land cover that captions do not name; an object, or unknown."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """What an image is known to show, in pixels of model input of a picture of ``side`` pixels.

    ``centres`` are those of the objects by class, ``shares`` the land cover by class and zone (``image`` and, as a
    share of the class's own area, the zones); ``decided`` are the classes on which the annotation decides.
    """

    side: int
    centres: Mapping[str, Sequence[tuple[float, float]]]
    shares: Mapping[str, Mapping[str, float]]
    decided: frozenset[str]


def truth_of(
    objects: Iterable[Mapping[str, Any]], regions: Iterable[Mapping[str, Any]], entry: Entry, side: int
) -> Truth:
    """Return what an annotation says of objects and land cover, by the keys of the vocabulary.

    Args:
        objects: ``label`` and corners of boxes in pixels of model input.
        regions: ``label``, ``zone`` and ``fraction`` of land cover, see `tables.REGION`.
        entry: of the corpus.
        side: of model input in pixels.
    """
    keys = {kind.label: key_of(kind) for kind in entry.classes if kind.say and kind.valid}
    centres: dict[str, list[tuple[float, float]]] = {}
    shares: dict[str, dict[str, float]] = {}
    for box in objects:
        if box["label"] in keys:
            place = (box["xmin"] + box["xmax"]) / 2, (box["ymin"] + box["ymax"]) / 2
            centres.setdefault(keys[box["label"]], []).append(place)
    for region in regions:
        if region["label"] in keys:
            shares.setdefault(keys[region["label"]], {})[region["zone"]] = region["fraction"]
    return Truth(side, centres, shares, annotated_by(entry))


def cover_codes(entry: Entry, stuff: Sequence[str]) -> npt.NDArray[np.int16]:
    """Return what each value of a `squashed_mask` is: a place in ``stuff``, ``OTHER`` or ``UNTAUGHT``."""
    places = {key: number for number, key in enumerate(stuff)}
    codes = np.full(256, UNTAUGHT, dtype=np.int16)
    for code, kind in enumerate(entry.classes):
        if kind.stuff and kind.valid:
            codes[code] = places.get(key_of(kind), OTHER) if kind.say else OTHER
    return codes


def match(peaks: Sequence[tuple[float, Point]], centres: Sequence[Point], distance: float) -> list[bool]:
    """Return for each peak (height and place, the highest first) whether it stands for an object of its own."""
    free = list(centres)
    matched = []
    for _, (x, y) in peaks:
        gaps = [np.hypot(x - left, y - top) for left, top in free]
        nearest = int(np.argmin(gaps)) if gaps else -1
        matched.append(nearest >= 0 and gaps[nearest] <= distance)
        if matched[-1]:
            free.pop(nearest)
    return matched
