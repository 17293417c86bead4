"""A2C: facts about objects from detection annotations.

The centre is that of the published ancestor of the algorithm (RSM-ITD): an object is in it if its box centre lies
in [w/4, 3w/4] x [h/4, 3h/4].
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.errors import ArtefactError, nearest
from sartext.narrator.facts import ObjectFact

SMALL_AREA = 32.0**2
MEDIUM_AREA = 96.0**2


@dataclass(frozen=True, slots=True)
class Naming:
    """How the things of a corpus are called, by label: label, noun and plural. Classes with one noun are one."""

    corpus: str
    things: Mapping[str, tuple[str, str, str]]


def naming(entry: Entry) -> Naming:
    """Return how captions call the objects of a corpus."""
    first: dict[str, tuple[str, str, str]] = {}
    things = {}
    for one in entry.classes:
        if one.say and one.valid and not one.stuff:
            things[one.label] = first.setdefault(one.noun, (one.label, one.noun, one.plural))
        else:
            things[one.label] = ("", "", "")
    return Naming(entry.name, things)


def object_facts(
    objects: Iterable[Mapping[str, Any]], width: float, height: float, names: Naming
) -> tuple[tuple[ObjectFact, ...], int]:
    """Return the facts about an image's objects, and how many boxes were dropped.

    Args:
        objects: rows with ``label``, ``xmin``, ``ymin``, ``xmax``, ``ymax`` in pixels and ``angle`` (null for an
            upright box). A box that leaves the image is clipped; one without area, or that is not finite, is
            dropped. A rotated box is placed by its own centre.
        width: of the image in pixels.
        height: of the image in pixels.
        names: how the corpus's classes are called.

    Returns:
        A record per class, by descending count and then noun, and the number of dropped boxes.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    left, right, top, bottom = width / 4, width * 3 / 4, height / 4, height * 3 / 4
    things = names.things
    tally: dict[tuple[str, str, str], list[int]] = {}
    dropped = 0
    for one in objects:
        x0, y0, x1, y1 = one["xmin"], one["ymin"], one["xmax"], one["ymax"]
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            if not isfinite(x + y):
                dropped += 1
                continue
            x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)
            if one["angle"] is None:
                x, y = (x0 + x1) / 2, (y0 + y1) / 2
        if not (x1 > x0 and y1 > y0):  # also where one of them is not a number
            dropped += 1
            continue
        name = things.get(one["label"])
        if name is None:
            raise _unknown(one["label"], names)
        counts = tally.get(name)
        if counts is None:
            counts = tally[name] = [0, 0, 0, 0, 0]
        counts[0 if left <= x <= right and top <= y <= bottom else 1] += 1
        area = (x1 - x0) * (y1 - y0)
        counts[2 if area < SMALL_AREA else 3 if area < MEDIUM_AREA else 4] += 1
    facts = [
        ObjectFact(label, noun, plural, center + outside, center, outside, (small, medium, large))
        for (label, noun, plural), (center, outside, small, medium, large) in tally.items()
        if label
    ]
    if len(facts) > 1:
        facts.sort(key=lambda fact: (-fact.count, fact.noun))
    return tuple(facts), dropped


def _unknown(label: str, names: Naming) -> ArtefactError:
    return ArtefactError(
        f"the index names the class '{label}', which the catalogue does not have ({nearest(label, names.things)})",
        where=f"corpus {names.corpus}",
        way_out=f"run `sartext corpus {names.corpus}` again",
    )
