"""A2C: facts about objects from detection annotations.

The centre is that of the published ancestor of the algorithm (RSM-ITD): an object is in it if its box centre lies
in [w/4, 3w/4] x [h/4, 3h/4].
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.errors import ArtefactError, nearest
from sartext.narrator.facts import Facts, ObjectFact

SMALL_AREA = 32.0**2
MEDIUM_AREA = 96.0**2


KEPT = 1 << 14
"""Records of facts that are kept to be used again: most images of a corpus hold one to three objects."""

PLACES_AND_SIZES = 6
"""In and outside the center, times three sizes."""


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """How the things of a corpus are called.

    ``things`` are label, noun and plural, the label empty for what captions do not name; classes with one noun are
    one. ``codes`` is the place in ``things`` by label, times ``PLACES_AND_SIZES``.
    """

    corpus: str
    things: tuple[tuple[str, str, str], ...]
    codes: Mapping[str, int]


def naming(entry: Entry) -> Naming:
    """Return how captions call the objects of a corpus."""
    places: dict[str, int] = {}
    things: list[tuple[str, str, str]] = []
    codes = {}
    for one in entry.classes:
        noun = one.noun if one.say and one.valid and not one.stuff else ""
        if noun not in places:
            places[noun] = len(things)
            things.append((one.label, noun, one.plural) if noun else ("", "", ""))
        codes[one.label] = places[noun] * PLACES_AND_SIZES
    return Naming(entry.name, tuple(things), codes)


def object_facts(
    objects: Iterable[Mapping[str, Any]], width: float, height: float, names: Naming
) -> tuple[Facts, int]:
    """Return the facts about an image's objects, and how many boxes were dropped.

    Args:
        objects: rows with ``label``, ``xmin``, ``ymin``, ``xmax``, ``ymax`` in pixels and ``angle`` (null for an
            upright box). A box that leaves the image is clipped; one without area, or that is not finite, is
            dropped. A rotated box is placed by its own centre.
        width: of the image in pixels.
        height: of the image in pixels.
        names: how the corpus's classes are called.

    Returns:
        A record with the objects of each class, by descending count and then noun; the number of dropped boxes.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    # a centre is half a sum of two edges: the sums are compared with twice the bounds
    left, right, top, bottom = width / 2, width * 3 / 2, height / 2, height * 3 / 2
    codes = names.codes
    found: list[int] = []
    dropped = 0
    for one in objects:
        x0, y0, x1, y1 = one["xmin"], one["ymin"], one["xmax"], one["ymax"]
        x, y = x0 + x1, y0 + y1
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            if not isfinite(x + y):
                dropped += 1
                continue
            x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)
            if one["angle"] is None:
                x, y = x0 + x1, y0 + y1
        if not (x1 > x0 and y1 > y0):  # also where one of them is not a number
            dropped += 1
            continue
        code = codes.get(one["label"])
        if code is None:
            raise _unknown(one["label"], names)
        if not (left <= x <= right and top <= y <= bottom):
            code += 3
        area = (x1 - x0) * (y1 - y0)
        found.append(code if area < SMALL_AREA else code + 1 if area < MEDIUM_AREA else code + 2)
    if len(found) > 1:
        found.sort()
    return _facts(tuple(found), names), dropped


@lru_cache(maxsize=KEPT)
def _facts(found: tuple[int, ...], names: Naming) -> Facts:
    """The facts of what was found: the code of an object's class, plus its size, plus three outside the center."""
    tally: dict[int, list[int]] = {}
    for code in found:
        number, rest = divmod(code, PLACES_AND_SIZES)
        tally.setdefault(number, [0] * PLACES_AND_SIZES)[rest] += 1
    facts = [
        ObjectFact(
            *names.things[number],
            sum(counts),
            sum(counts[:3]),
            sum(counts[3:]),
            (counts[0] + counts[3], counts[1] + counts[4], counts[2] + counts[5]),
        )
        for number, counts in tally.items()
        if names.things[number][1]
    ]
    return Facts(objects=tuple(sorted(facts, key=lambda fact: (-fact.count, fact.noun))))


def _unknown(label: str, names: Naming) -> ArtefactError:
    return ArtefactError(
        f"the index names the class '{label}', which the catalogue does not have ({nearest(label, names.codes)})",
        where=f"corpus {names.corpus}",
        way_out=f"run `sartext corpus {names.corpus}` again",
    )
