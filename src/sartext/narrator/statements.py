"""What a caption, or a record of facts, states: the one definition for calibration, gate, evaluation and study.

Facts and text become the same thing, a set of statements, so that they can be compared. Classes go by their key,
the noun that captions use in lower case and without article, because corpora label the same thing differently.

Objects in the center and objects outside it are two statements, each with its number: a caption that has one of
them right is half right. "At least one" of a class states the class alone, as land cover that is named without a
share.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.reading import Reading, Stated, read_caption
from sartext.narrator.vocabulary import LARGEST_COUNT, SHARES, ZONES, Vocabulary, bare, number_word

OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE = "object class", "object count", "object zone"
COVER_CLASS, COVER_SHARE, COVER_ZONE = "cover class", "cover share", "cover zone"
SCENE = "scene"

OBJECT_KINDS = (OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE)
COVER_KINDS = (COVER_CLASS, COVER_SHARE, COVER_ZONE)
KINDS = (*OBJECT_KINDS, *COVER_KINDS, SCENE)

NO_FACTS = "says what is not among the facts that can be checked"
CONTRADICTORY = "contradicts itself"
INCOMPLETE = "does not say how many, how much or where"
NOTHING = "states nothing"

Nouns = Mapping[str, tuple[str, str]]
"""Every noun that is recognised, in lower case: its class, and ``one``, ``many``, ``any`` or ``cover``."""

_LEAST = {words: bound for bound, words in SHARES}
_MOST = dict(zip((words for _, words in SHARES), (1.0, *(bound for bound, _ in SHARES)), strict=False))


@dataclass(frozen=True, order=True, slots=True)
class Statement:
    """One thing that a caption says.

    ``kind`` is one of ``KINDS``; ``label`` the key of the class; ``value`` what is said of it: nothing for a
    class, the number (21 for "more than twenty"), ``2 center`` or ``1 outside``, the share or the zone in words.
    """

    kind: str
    label: str
    value: str = ""

    @property
    def words(self) -> str:
        """The statement for people, such as ``ship: two in the center``."""
        if self.kind in {OBJECT_COUNT, OBJECT_ZONE}:
            count, _, place = self.value.partition(" ")
            where = {"": "", "center": " in the center", "outside": " outside the center"}[place]
            return f"{self.label}: {number_word(int(count))}{where}"
        if self.kind == COVER_SHARE:
            return f"{self.label}: {self.value}"
        return f"{self.label} in the {self.value}" if self.kind == COVER_ZONE else self.label


@dataclass(frozen=True)
class CaptionStatements:
    """What was read in a caption, land cover in the order of the text.

    ``problems`` are what could not be read, or contradicts itself; ``denied`` the classes of which it says that
    there are none, which no facts can say.
    """

    statements: tuple[Statement, ...]
    problems: tuple[str, ...]
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Count:
    """Statements of one kind: right ones, stated ones, and those that the truth holds."""

    right: int = 0
    stated: int = 0
    true: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.right + other.right, self.stated + other.stated, self.true + other.true)


def statements_of(facts: Facts) -> tuple[Statement, ...]:
    """Return the statements of a record of facts; the clauses of a rewritten optical caption are none."""
    objects = chain.from_iterable(
        _of_object(bare(noun), count, center, outside) for noun, _, count, center, outside in facts.items
    )
    present = (Statement(OBJECT_CLASS, bare(fact.noun)) for fact in facts.present if not fact.stuff)
    seen = (Statement(COVER_CLASS, bare(fact.noun)) for fact in facts.present if fact.stuff)
    cover = chain.from_iterable(
        _of_cover(bare(fact.noun), fact.share, ZONES.get(fact.zone, fact.zone) if fact.zone else None)
        for fact in facts.cover
    )
    scene = [Statement(SCENE, name.casefold()) for name in (facts.scene, facts.scene_class) if name]
    return (*objects, *present, *cover, *seen, *scene)


def read_statements(caption: str, nouns: Nouns, scenes: Iterable[str] = ()) -> CaptionStatements:
    """Return the statements of a text, of which nothing is assumed; for the rest see `Vocabulary`."""
    reading, scene = _read(caption, nouns, scenes)
    objects = chain.from_iterable(_of_stated(label, stated) for label, stated in reading.objects.items())
    present = (Statement(OBJECT_CLASS, label) for label in reading.present)
    cover = chain.from_iterable(_of_cover(label, share, zone) for label, (share, zone) in reading.cover.items())
    seen = (Statement(COVER_CLASS, label) for label in reading.seen)
    background = (Statement(SCENE, scene.casefold()),) if scene else ()
    return CaptionStatements(
        tuple(dict.fromkeys((*objects, *present, *cover, *seen, *background))),
        tuple(reading.problems),
        tuple(label for label, stated in reading.objects.items() if not _total(stated)),
    )


def read_facts(caption: str, vocabulary: Vocabulary) -> Facts | str:
    """Return the facts that a text states, or why it is unusable.

    A text is taken as it stands or not at all: a word that no fact accounts for, or a contradiction, makes it
    unusable. A share of land cover is a range; the record holds its middle. The dominant class stands first.
    """
    reading, scene = _read(caption, vocabulary.nouns, vocabulary.scenes)
    if reading.problems:
        return NO_FACTS if reading.unknown else CONTRADICTORY
    if not (reading.objects or reading.cover or reading.present or reading.seen or scene):
        return NOTHING
    if not all(map(_adds_up, reading.objects.values())):
        return CONTRADICTORY
    if sum(_LEAST[share] for share, _ in reading.cover.values()) > 1.0 + 1e-9:
        return CONTRADICTORY
    if not all(map(_is_placed, reading.objects.values())):
        return INCOMPLETE
    objects = [_object_fact(key, stated, vocabulary) for key, stated in reading.objects.items()]
    cover = [_cover_fact(key, share, zone, vocabulary) for key, (share, zone) in reading.cover.items()]
    return Facts(
        objects=tuple(sorted(objects, key=lambda fact: (-fact.count, fact.noun))),
        cover=tuple(sorted(cover, key=lambda fact: -fact.fraction)),
        scene=None if scene in vocabulary.scene_classes else scene,
        scene_class=scene if scene in vocabulary.scene_classes else None,
        present=(
            *(PresentFact(*vocabulary.things[key]) for key in reading.present),
            *(seen_fact(key, vocabulary) for key in reading.seen),
        ),
    )


def compare(
    stated: Iterable[Statement], true: Iterable[Statement], decided: Collection[str] | None = None
) -> tuple[dict[str, Count], int]:
    """Count what is right of what a caption states: by kind, every one of ``KINDS``; and what nothing decides.

    ``decided`` are the classes that the annotation decides, see `annotated_by`; all where it is absent.
    """
    truth, said = set(true), set(stated)
    known = {statement.label for statement in truth}
    judged = said if decided is None else {item for item in said if item.label in decided or item.label in known}
    counts = {
        kind: Count(
            sum(statement.kind == kind for statement in judged & truth),
            sum(statement.kind == kind for statement in judged),
            sum(statement.kind == kind for statement in truth),
        )
        for kind in KINDS
    }
    return counts, len(said) - len(judged)


def judge(
    stated: Iterable[Statement], true: Iterable[Statement], decided: Collection[str]
) -> Iterator[tuple[Statement, bool]]:
    """Yield the statements on classes that an annotation decides, and whether each is true.

    A class that the annotation has here, but not exhaustively, is left out: judged only where it is there, it
    would always be right.
    """
    truth = frozenset(true)
    for statement in stated:
        if statement.label in decided:
            yield statement, statement in truth


def in_words(statements: Iterable[Statement], known: Collection[str]) -> tuple[str, ...]:
    """Return statements for people, sorted; of a class that is not among the known ones only that it is named."""
    named = {OBJECT_CLASS, COVER_CLASS}
    shown = (item for item in sorted(statements) if item.kind in named or item.label in known)
    return tuple(item.words for item in shown)


def _read(caption: str, nouns: Nouns, scenes: Iterable[str]) -> tuple[Reading, str | None]:
    """The reading of a text, and the scene that it names where it names nothing else: the longest."""
    reading = read_caption(caption, nouns, None)
    scene = None
    if not (reading.objects or reading.cover or reading.present):
        named = (
            scene for scene in scenes if re.search(rf"(?<![\w/-]){re.escape(scene)}(?![\w/-])", caption, re.I)
        )
        scene = max(named, key=len, default=None)
        if scene:  # a background may be called as a class of land cover is
            reading = read_caption(caption, nouns, scene)
    return reading, scene


def _total(stated: Stated) -> int:
    if stated.total is not None:
        return stated.total
    return min((stated.center or 0) + (stated.outside or 0), LARGEST_COUNT + 1)


def _of_stated(label: str, stated: Stated) -> Iterable[Statement]:
    center, outside, total = stated.center or 0, stated.outside or 0, _total(stated)
    return _of_object(label, total, center, outside) if total or center or outside else ()


def _of_object(label: str, count: int, center: int, outside: int) -> Iterable[Statement]:
    """A zone without objects is not mentioned, and so no statement."""
    yield Statement(OBJECT_CLASS, label)
    yield Statement(OBJECT_COUNT, label, str(count))
    if center:
        yield Statement(OBJECT_ZONE, label, f"{center} center")
    if outside:
        yield Statement(OBJECT_ZONE, label, f"{outside} outside")


def _of_cover(label: str, share: str, zone: str | None) -> Iterable[Statement]:
    yield Statement(COVER_CLASS, label)
    yield Statement(COVER_SHARE, label, share)
    if zone:
        yield Statement(COVER_ZONE, label, zone)


def _is_placed(stated: Stated) -> bool:
    return stated.center is not None or stated.outside is not None


def _adds_up(stated: Stated) -> bool:
    """Whether the numbers of a class agree; "more than twenty" is at least as many, and captions deny nothing."""
    parts = (stated.center or 0) + (stated.outside or 0)
    if not _total(stated):
        return False
    return not _is_placed(stated) or stated.total is None or min(parts, LARGEST_COUNT + 1) == stated.total


def _object_fact(key: str, stated: Stated, vocabulary: Vocabulary) -> ObjectFact:
    center, outside = stated.center or 0, stated.outside or 0
    return ObjectFact(*vocabulary.things[key], center + outside, center, outside)


def _cover_fact(key: str, share: str, zone: str | None, vocabulary: Vocabulary) -> CoverFact:
    middle = round((_LEAST[share] + _MOST[share]) / 2, 4)
    return CoverFact(*vocabulary.stuff[key], middle, share, zone.replace(" ", "-") if zone else None)


def seen_fact(key: str, vocabulary: Vocabulary) -> PresentFact:
    """Return the fact that a class of land cover is there."""
    label, noun = vocabulary.stuff[key]
    return PresentFact(label, noun, noun, stuff=True)
