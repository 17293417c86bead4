"""SA2C: facts about land cover from segmentation masks.

A zone is told if it holds at least 60 % of the class: one of the four quadrants, or the middle (1/4 to 3/4 of
width and height) instead where it holds more. A class that covers nearly all of the image lies everywhere.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.errors import ArtefactError, nearest
from sartext.narrator.facts import CoverFact
from sartext.narrator.vocabulary import SHARES, ZONES, share_word

STUFF_FRACTION = 0.005
RARE_COMPONENT = 10
ZONE_FRACTION = 0.6
EVERYWHERE = SHARES[0][0]


def cover_facts(regions: Iterable[Mapping[str, Any]], entry: Entry) -> tuple[CoverFact, ...]:
    """Return the facts about an image's land cover, the dominant class first.

    Args:
        regions: rows with ``label``, ``zone``, ``fraction`` and ``largest_component``, as the index has them.
        entry: the corpus; it says which classes are stuff, which are rare and which are never told.

    Raises:
        ArtefactError: the index names a class that the catalogue does not know.
    """
    classes = entry.by_label()
    spread: dict[str, dict[str, float]] = {}
    fractions: dict[str, float] = {}
    components: dict[str, int] = {}
    for row in regions:
        label = row["label"]
        if label not in classes:
            raise ArtefactError(
                f"the index names the class '{label}', which the catalogue does not have "
                f"({nearest(label, classes)})",
                where=f"corpus {entry.name}",
                way_out=f"run `sartext corpus {entry.name}` again",
            )
        if row["zone"] == "image":
            fractions[label] = row["fraction"]
            components[label] = row["largest_component"] or 0
        else:
            spread.setdefault(label, {})[row["zone"]] = row["fraction"]
    said: dict[str, list[CorpusClass]] = {}
    for one in entry.classes:
        if one.stuff and one.say and one.valid and fractions.get(one.label, 0) > 0:
            said.setdefault(spoken(one), []).append(one)
    facts = []
    for noun, same in said.items():
        if any(one.rare for one in same):
            enough = max(components[one.label] for one in same) >= RARE_COMPONENT
        else:
            enough = sum(fractions[one.label] for one in same) >= STUFF_FRACTION
        if enough:
            facts.append(_fact(noun, [one.label for one in same], fractions, spread))
    return tuple(sorted(facts, key=lambda fact: (-fact.fraction, fact.noun)))


def spoken(one: CorpusClass) -> str:
    """Return a stuff class as captions say it.

    A mass noun or plural as it is (``water``, ``crops``), a rare countable one with its article (``an oil
    spill``: the mask proves at least one), another countable one in the plural (``built-up areas``).
    """
    if one.noun == one.plural or one.noun.startswith(("a ", "an ")):
        return one.noun
    if one.rare:
        return f"{'an' if one.noun[0] in 'aeiou' else 'a'} {one.noun}"
    return one.plural


def _fact(
    noun: str,
    labels: list[str],
    fractions: Mapping[str, float],
    spread: Mapping[str, Mapping[str, float]],
) -> CoverFact:
    """The fact about classes that are called the same; usually it is one class."""
    fraction = min(1.0, sum(fractions[label] for label in labels))
    shares = dict(spread.get(labels[0], {}))
    if len(labels) > 1:
        parts = [(fractions[label] / fraction, spread.get(label, {})) for label in labels]
        shares = {zone: sum(part * zones.get(zone, 0.0) for part, zones in parts) for zone in ZONES}
    return CoverFact(labels[0], noun, fraction, share_word(fraction), named_zone(fraction, shares))


def named_zone(fraction: float, shares: Mapping[str, float]) -> str | None:
    """Return the zone that a caption names for a class, if any.

    Args:
        fraction: the class's share of the valid pixels.
        shares: the share of the class's own pixels in each zone.
    """
    if fraction >= EVERYWHERE:
        return None
    zone = max(ZONES, key=lambda name: shares.get(name, 0.0))  # the middle stands last: a quadrant wins a tie
    return zone if shares.get(zone, 0.0) >= ZONE_FRACTION else None
