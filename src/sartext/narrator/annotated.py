"""Facts from annotations: A2C from detection annotations, SA2C from segmentation masks, and the labels of scenes.

A2C places objects as its published ancestor (RSM-ITD) does: an object is in the center if its box centre lies in
[w/4, 3w/4] x [h/4, 3h/4]. SA2C names a zone of land cover if it holds at least 60 % of the class: one of the four
quadrants, or the middle (1/4 to 3/4 of width and height) instead where it holds more. A class that covers nearly
all of the image lies everywhere.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.errors import ArtefactError, nearest
from sartext.narrator.facts import CaptionMethod, CoverFact, Facts, ObjectFact, ReadIndex, RowFacts, Tally
from sartext.narrator.vocabulary import SHARES, ZONES, cover_noun, share_word

SMALL_AREA = 32.0**2
MEDIUM_AREA = 96.0**2

CACHED_RECORDS = 1 << 14
"""Records of facts that are kept to be used again: most images of a corpus hold one to three objects."""

PLACES_AND_SIZES = 6
"""In and outside the center, times three sizes."""

STUFF_FRACTION = 0.005
RARE_COMPONENT = 10
ZONE_FRACTION = 0.6
EVERYWHERE = SHARES[0][0]


@dataclass(frozen=True, slots=True, eq=False)
class Naming:
    """How the things of a corpus are called: label, noun and plural, empty for what captions do not name.

    Classes with one noun are one. ``codes`` is the place in ``things`` by label, times ``PLACES_AND_SIZES``.
    """

    corpus: str
    things: tuple[tuple[str, str, str], ...]
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CoverNaming:
    """How the land cover of a corpus is called, by label: as captions say it, and whether it is rare.

    The word is empty for what is never named. ``places`` is the order of the catalogue.
    """

    corpus: str
    stuff: Mapping[str, tuple[str, bool]]
    places: Mapping[str, int]


def naming(entry: Entry) -> Naming:
    """Return how captions call the objects of a corpus."""
    places: dict[str, int] = {}
    things: list[tuple[str, str, str]] = []
    codes = {}
    for corpus_class in entry.part_classes:
        is_named = corpus_class.say and corpus_class.valid and not corpus_class.stuff
        noun = corpus_class.noun if is_named else ""
        if noun not in places:
            places[noun] = len(things)
            things.append((corpus_class.label, noun, corpus_class.plural) if noun else ("", "", ""))
        codes[corpus_class.label] = places[noun] * PLACES_AND_SIZES
    return Naming(entry.name, tuple(things), codes)


def cover_naming(entry: Entry) -> CoverNaming:
    """Return how captions call the land cover of a corpus."""
    stuff = {
        corpus_class.label: (cover_noun(corpus_class), corpus_class.rare)
        if corpus_class.stuff and corpus_class.say and corpus_class.valid
        else ("", False)
        for corpus_class in entry.part_classes
    }
    return CoverNaming(entry.name, stuff, {label: place for place, label in enumerate(stuff)})


def annotation_facts(entry: Entry, read_index: ReadIndex) -> RowFacts:
    """Return what makes facts of the rows of an annotated corpus: objects, land cover or the proven background."""
    del read_index
    names, stuff = naming(entry), cover_naming(entry)

    def row_facts(row: Mapping[str, Any], tally: Tally) -> Facts | str:
        counted, dropped = object_facts(row["objects"], row["width"], row["height"], names)
        tally.dropped_boxes += dropped
        if not row["regions"]:
            return counted if counted.objects else "no objects and no mask proves the background"
        cover = cover_facts(row["regions"], stuff)
        if cover or counted.objects:
            return Facts(objects=counted.objects, cover=cover)
        nothing = "the mask holds nothing that a caption may tell"
        return Facts(scene=entry.background) if entry.background else nothing

    return row_facts


def scene_naming(entry: Entry) -> dict[str, str]:
    """Return what captions say that an image of a scene class shows, by label of those that are named."""
    return {kind.label: kind.noun for kind in entry.scene_classes if kind.say and kind.valid}


def scene_facts(entry: Entry, read_index: ReadIndex) -> RowFacts:
    """Return what makes facts of the rows of a corpus of scene classes."""
    del read_index
    names, known = scene_naming(entry), {kind.label for kind in entry.scene_classes}

    def row_facts(row: Mapping[str, Any], tally: Tally) -> Facts | str:
        del tally
        if row["scene_class"] not in known:
            raise _unknown(row["scene_class"], entry.name, known)
        noun = names.get(row["scene_class"])
        return Facts(scene_class=noun) if noun else "a scene class that captions do not name"

    return row_facts


def object_facts(
    objects: Iterable[Mapping[str, Any]], width: float, height: float, names: Naming
) -> tuple[Facts, int]:
    """Return the facts about an image's objects, by descending count and noun, and how many boxes were dropped.

    Args:
        objects: rows with ``label``, ``xmin``, ``ymin``, ``xmax``, ``ymax`` in pixels and ``angle`` (null for an
            upright box). A box that leaves the image is clipped; one without area, or that is not finite, is
            dropped. A rotated box is placed by its own centre.
        width: of the image in pixels.
        height: of the image in pixels.
        names: how the corpus's classes are called.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    # a centre is half a sum of two edges: the sums are compared with twice the bounds
    left, right, top, bottom = width / 2, width * 3 / 2, height / 2, height * 3 / 2
    codes = names.codes
    codes_found: list[int] = []
    dropped = 0
    for row in objects:
        x0, y0, x1, y1 = row["xmin"], row["ymin"], row["xmax"], row["ymax"]
        x, y = x0 + x1, y0 + y1
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            if not isfinite(x + y):
                dropped += 1
                continue
            x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)
            if row["angle"] is None:
                x, y = x0 + x1, y0 + y1
        if not (x1 > x0 and y1 > y0):  # also where one of them is not a number
            dropped += 1
            continue
        code = codes.get(row["label"])
        if code is None:
            raise _unknown(row["label"], names.corpus, codes)
        if not (left <= x <= right and top <= y <= bottom):
            code += 3
        area = (x1 - x0) * (y1 - y0)
        codes_found.append(code if area < SMALL_AREA else code + 1 if area < MEDIUM_AREA else code + 2)
    if len(codes_found) > 1:
        codes_found.sort()
    return _counted(tuple(codes_found), names), dropped


@lru_cache(maxsize=CACHED_RECORDS)
def _counted(codes: tuple[int, ...], names: Naming) -> Facts:
    """The facts of objects, each the code of its class, plus its size, plus three outside the center."""
    tally: dict[int, list[int]] = {}
    for code in codes:
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


def cover_facts(regions: Iterable[Mapping[str, Any]], names: CoverNaming) -> tuple[CoverFact, ...]:
    """Return the facts about an image's land cover, the dominant class first.

    ``regions`` are rows with ``label``, ``zone``, ``fraction`` and ``largest_component``, as the index has them.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    spread: dict[str, dict[str, float]] = {}
    whole: dict[str, Mapping[str, Any]] = {}
    for row in regions:
        label, zone = row["label"], row["zone"]
        if zone == "image":
            whole[label] = row
        else:
            spread.setdefault(label, {})[zone] = row["fraction"]
    said: dict[str, list[str]] = {}
    for label, row in whole.items():
        if label not in names.stuff:
            raise _unknown(label, names.corpus, names.stuff)
        noun = names.stuff[label][0]
        if noun and row["fraction"] > 0:
            said.setdefault(noun, []).append(label)
    facts = [fact for noun, labels in said.items() if (fact := _cover_fact(noun, labels, names, whole, spread))]
    facts.sort(key=lambda fact: (-fact.fraction, fact.noun))
    return tuple(facts)


def names_rare(region: Mapping[str, Any], names: CoverNaming) -> bool:
    """Whether a row of the land cover is of a rare class, for the whole image, and large enough to be named."""
    noun, rare = names.stuff.get(region["label"], ("", False))
    return bool(noun) and rare and region["zone"] == "image" and _is_large_enough([region])


def _is_large_enough(regions: Iterable[Mapping[str, Any]]) -> bool:
    return max(row["largest_component"] or 0 for row in regions) >= RARE_COMPONENT


def _unknown(label: str, corpus: str, known: Collection[str]) -> ArtefactError:
    return ArtefactError(
        f"the index names the class '{label}', which the catalogue does not have ({nearest(label, known)})",
        where=f"corpus {corpus}",
        way_out=f"run `sartext corpus {corpus}` again",
    )


def _cover_fact(
    noun: str,
    labels: list[str],
    names: CoverNaming,
    whole: Mapping[str, Mapping[str, Any]],
    spread: Mapping[str, Mapping[str, float]],
) -> CoverFact | None:
    """The fact about classes that are called the same, nearly always a single one; None if it is too little."""
    label = labels[0] if len(labels) == 1 else min(labels, key=names.places.__getitem__)
    fraction = min(1.0, sum(whole[name]["fraction"] for name in labels))
    rare = names.stuff[label][1]
    if not (_is_large_enough(whole[name] for name in labels) if rare else fraction >= STUFF_FRACTION):
        return None
    shares = spread.get(label, {})
    if len(labels) > 1:
        parts = [(whole[name]["fraction"] / fraction, spread.get(name, {})) for name in labels]
        shares = {zone: sum(part * zones.get(zone, 0.0) for part, zones in parts) for zone in ZONES}
    return CoverFact(label, noun, fraction, share_word(fraction), named_zone(fraction, shares))


def named_zone(fraction: float, shares: Mapping[str, float]) -> str | None:
    """Return the zone that a caption names for a class, if any.

    ``fraction`` is its share of the valid pixels, ``shares`` those of its own pixels in each zone.
    """
    zone = max(ZONES, key=lambda zone: shares.get(zone, 0.0))  # the middle stands last: a quadrant wins a tie
    return zone if fraction < EVERYWHERE and shares.get(zone, 0.0) >= ZONE_FRACTION else None


A2C = CaptionMethod(
    "a2c",
    "1.0",
    "from annotated objects: how many of each class there are, and which lie in the center",
    row_facts={"detection": annotation_facts},
)

SA2C = CaptionMethod(
    "sa2c",
    "1.0",
    "from segmentation masks: which land cover there is, how much of it, and where",
    row_facts={"segmentation": annotation_facts},
)

SCENE_LABEL = CaptionMethod(
    "scene-label",
    "1.0",
    "from the class of the whole scene: what the image shows, and nothing of how much or where",
    row_facts={"scene-classification": scene_facts},
)
