"""A model's text to facts, and facts to the statements that are judged one by one.

A text is taken as it stands or not at all: whatever our own reader cannot account for, word by word, and whatever
contradicts itself, makes it unusable, with the reason.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.nouns import Vocabulary, bare
from sartext.narrator.reading import Reading, Stated, read_caption
from sartext.narrator.vocabulary import LARGEST_COUNT, SHARES, ZONES

OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE = "object class", "object count", "object zone"
COVER_CLASS, COVER_SHARE, COVER_ZONE = "cover class", "cover share", "cover zone"
SCENE = "scene"
OBJECT_TYPES = (OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE)
COVER_TYPES = (COVER_CLASS, COVER_SHARE, COVER_ZONE, SCENE)
TYPES = (*OBJECT_TYPES, *COVER_TYPES)

NO_FACTS = "says what is not among the facts that can be checked"
CONTRADICTORY = "contradicts itself"
INCOMPLETE = "does not say how many, how much or where"
NOTHING = "states nothing"

_SPOKEN_ZONES = {spoken: zone for zone, spoken in ZONES.items()}
_BOUNDS = {word: bound for bound, word in SHARES}
_UPPER = dict(zip((word for _, word in SHARES), (1.0, *(bound for bound, _ in SHARES)), strict=False))


@dataclass(frozen=True, order=True)
class Statement:
    """One thing that is said: its type, the class by its key, and what is said of it (nothing of a class)."""

    type: str
    key: str
    value: str = ""


def read_facts(text: str, vocabulary: Vocabulary) -> Facts | str:
    """Return the facts that a text states, or why it is unusable.

    A share of land cover is a range; the record holds its middle. The dominant class stands first.
    """
    reading = read_caption(text, vocabulary.nouns, None)
    scene = None
    if not (reading.objects or reading.cover or reading.present):
        scene = next((one for one in vocabulary.scenes if one.casefold() in text.casefold()), None)
        if scene:  # a background may be called as a class of land cover is
            reading = read_caption(text, vocabulary.nouns, scene)
    if reading.problems:
        return NO_FACTS if reading.unknown else CONTRADICTORY
    if not (reading.objects or reading.cover or reading.present or scene):
        return NOTHING
    if not all(map(_adds_up, reading.objects.values())) or _too_much(reading):
        return CONTRADICTORY
    if not all(map(_complete, reading.objects.values())) or not all(share for share, _ in reading.cover.values()):
        return INCOMPLETE
    objects = [_object(key, one, vocabulary) for key, one in reading.objects.items()]
    cover = [_cover(key, share, zone, vocabulary) for key, (share, zone) in reading.cover.items() if share]
    return Facts(
        objects=tuple(sorted(objects, key=lambda one: (-one.count, one.noun))),
        cover=tuple(sorted(cover, key=lambda one: -one.fraction)),
        scene=scene,
        present=tuple(PresentFact(*vocabulary.things[key]) for key in reading.present),
    )


def statements_of(facts: Facts) -> Iterator[Statement]:
    """Yield the statements of a record: counts as captions say them, both zones of a class of objects in one."""
    for noun, _, count, center, outside in facts.items:
        key = bare(noun)
        yield Statement(OBJECT_CLASS, key)
        yield Statement(OBJECT_COUNT, key, str(count))
        yield Statement(OBJECT_ZONE, key, f"{center} in, {outside} outside")
    for present in facts.present:
        yield Statement(OBJECT_CLASS, bare(present.noun))
    for one in facts.cover:
        key = bare(one.noun)
        yield Statement(COVER_CLASS, key)
        yield Statement(COVER_SHARE, key, one.share)
        if one.zone:
            yield Statement(COVER_ZONE, key, one.zone)
    if facts.scene:
        yield Statement(SCENE, facts.scene.casefold())


def judge(facts: Facts, truth: Facts, decided: Collection[str]) -> Iterator[tuple[Statement, bool]]:
    """Yield the statements that an annotation decides, and whether each is true.

    Args:
        facts: what is said.
        truth: what the annotation says.
        decided: keys of the classes that the annotation has exhaustively, see ``annotated_by``.
    """
    true = frozenset(statements_of(truth))
    for one in statements_of(facts):
        if one.key in decided:
            yield one, one in true


def _complete(one: Stated) -> bool:
    return one.center is not None or one.outside is not None


def _adds_up(one: Stated) -> bool:
    """Whether the numbers of a class agree; "more than twenty" is at least as many."""
    parts = (one.center or 0) + (one.outside or 0)
    if one.total == 0 or (one.total is None and parts == 0):
        return False  # captions tell what is there
    return not _complete(one) or one.total is None or min(parts, LARGEST_COUNT + 1) == one.total


def _too_much(reading: Reading) -> bool:
    shares = [share for share, _ in reading.cover.values() if share]
    return sum(_BOUNDS[share] for share in shares) > 1.0 + 1e-9


def _object(key: str, one: Stated, vocabulary: Vocabulary) -> ObjectFact:
    label, noun, plural = vocabulary.things[key]
    center, outside = one.center or 0, one.outside or 0
    return ObjectFact(label, noun, plural, center + outside, center, outside)


def _cover(key: str, share: str, zone: str | None, vocabulary: Vocabulary) -> CoverFact:
    label, noun = vocabulary.stuff[key]
    middle = round((_BOUNDS[share] + _UPPER[share]) / 2, 4)
    return CoverFact(label, noun, middle, share, _SPOKEN_ZONES[zone] if zone else None)
