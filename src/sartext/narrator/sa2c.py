"""SA2C: facts about land cover from segmentation masks.

A zone is told if it holds at least 60 % of the class: one of the four quadrants, or the middle (1/4 to 3/4 of
width and height) instead where it holds more. A class that covers nearly all of the image lies everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.errors import ArtefactError, nearest
from sartext.narrator.facts import CoverFact
from sartext.narrator.nouns import cover_noun
from sartext.narrator.vocabulary import SHARES, ZONES, share_word

STUFF_FRACTION = 0.005
RARE_COMPONENT = 10
ZONE_FRACTION = 0.6
EVERYWHERE = SHARES[0][0]


@dataclass(frozen=True, slots=True)
class CoverNaming:
    """How the land cover of a corpus is called, by label: as captions say it, and whether it is rare.

    The word is empty for what is never told. ``places`` is the order of the catalogue.
    """

    corpus: str
    stuff: Mapping[str, tuple[str, bool]]
    places: Mapping[str, int]


def cover_naming(entry: Entry) -> CoverNaming:
    """Return how captions call the land cover of a corpus."""
    stuff = {
        one.label: (cover_noun(one), one.rare) if one.stuff and one.say and one.valid else ("", False)
        for one in entry.classes
    }
    return CoverNaming(entry.name, stuff, {label: place for place, label in enumerate(stuff)})


def cover_facts(regions: Iterable[Mapping[str, Any]], names: CoverNaming) -> tuple[CoverFact, ...]:
    """Return the facts about an image's land cover, the dominant class first.

    Args:
        regions: rows with ``label``, ``zone``, ``fraction`` and ``largest_component``, as the index has them.
        names: which classes are told, and how.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    spread: dict[str, dict[str, float]] = {}
    whole: dict[str, Mapping[str, Any]] = {}
    for row in regions:
        label, zone = row["label"], row["zone"]
        if zone == "image":
            whole[label] = row
        elif label in spread:
            spread[label][zone] = row["fraction"]
        else:
            spread[label] = {zone: row["fraction"]}
    said: dict[str, list[str]] = {}
    for label, row in whole.items():
        if label not in names.stuff:
            raise _unknown(label, names)
        noun = names.stuff[label][0]
        if noun and row["fraction"] > 0:
            said.setdefault(noun, []).append(label)
    facts = [fact for noun, labels in said.items() if (fact := _fact(noun, labels, names, whole, spread))]
    facts.sort(key=lambda fact: (-fact.fraction, fact.noun))
    return tuple(facts)


def names_rare(region: Mapping[str, Any], names: CoverNaming) -> bool:
    """Whether a row of the land cover is of a rare class, for the whole image, and large enough to be named."""
    noun, rare = names.stuff.get(region["label"], ("", False))
    return bool(noun) and rare and region["zone"] == "image" and _large_enough([region])


def _large_enough(regions: Iterable[Mapping[str, Any]]) -> bool:
    return max(one["largest_component"] or 0 for one in regions) >= RARE_COMPONENT


def _unknown(label: str, names: CoverNaming) -> ArtefactError:
    return ArtefactError(
        f"the index names the class '{label}', which the catalogue does not have ({nearest(label, names.stuff)})",
        where=f"corpus {names.corpus}",
        way_out=f"run `sartext corpus {names.corpus}` again",
    )


def _fact(
    noun: str,
    labels: list[str],
    names: CoverNaming,
    whole: Mapping[str, Mapping[str, Any]],
    spread: Mapping[str, Mapping[str, float]],
) -> CoverFact | None:
    """The fact about the classes that are called the same, nearly always one; nothing if it is too little."""
    label = labels[0] if len(labels) == 1 else min(labels, key=names.places.__getitem__)
    fraction = min(1.0, sum(whole[one]["fraction"] for one in labels))
    rare = names.stuff[label][1]
    if not (_large_enough(whole[one] for one in labels) if rare else fraction >= STUFF_FRACTION):
        return None
    shares = spread.get(label, {})
    if len(labels) > 1:
        parts = [(whole[one]["fraction"] / fraction, spread.get(one, {})) for one in labels]
        shares = {zone: sum(part * zones.get(zone, 0.0) for part, zones in parts) for zone in ZONES}
    return CoverFact(label, noun, fraction, share_word(fraction), named_zone(fraction, shares))


def named_zone(fraction: float, shares: Mapping[str, float]) -> str | None:
    """Return the zone that a caption names for a class, if any.

    Args:
        fraction: the class's share of the valid pixels.
        shares: the share of the class's own pixels in each zone.
    """
    if fraction >= EVERYWHERE:
        return None
    named, most = None, 0.0
    for zone in ZONES:  # the middle stands last: a quadrant wins a tie
        share = shares.get(zone, 0.0)
        if share > most:
            named, most = zone, share
    return named if most >= ZONE_FRACTION else None
