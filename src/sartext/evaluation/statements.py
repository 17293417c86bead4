"""What a caption states, one by one: precision and recall of facts, by type of statement.

Facts and generated text become the same thing, a set of statements, so that they can be compared. Classes go by
the noun that captions use, in lower case, because corpora label the same thing differently.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from sartext.narrator.facts import CoverFact, Facts
from sartext.narrator.nouns import bare
from sartext.narrator.reading import Stated, read_caption
from sartext.narrator.vocabulary import LARGEST_COUNT, ZONES

OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE = "object class", "object count", "object zone"
COVER_CLASS, COVER_SHARE, COVER_ZONE = "cover class", "cover share", "cover zone"
SCENE = "scene"

OBJECT_KINDS = (OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE)
COVER_KINDS = (COVER_CLASS, COVER_SHARE, COVER_ZONE)
KINDS = (*OBJECT_KINDS, *COVER_KINDS, SCENE)

Nouns = Mapping[str, tuple[str, str]]
"""Every noun that is recognised, in lower case: its class, and ``one``, ``many``, ``any`` or ``cover``."""


@dataclass(frozen=True, order=True, slots=True)
class Statement:
    """One thing that a caption says.

    ``kind`` is one of ``KINDS``; ``label`` the class, as captions call one of it; ``value`` what is said of it:
    nothing for a class, the number, ``2 center`` or ``1 outside``, the share or the zone in words.
    """

    kind: str
    label: str
    value: str = ""


@dataclass(frozen=True)
class Told:
    """What was read in a caption: its statements, and what could not be read or contradicts itself."""

    statements: tuple[Statement, ...]
    problems: tuple[str, ...]


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
        _of_object(noun.casefold(), count, center, outside) for noun, _, count, center, outside in facts.items
    )
    scene = (Statement(SCENE, facts.scene.casefold()),) if facts.scene else ()
    return (*objects, *chain.from_iterable(map(_of_cover_fact, facts.cover)), *scene)


def read_facts(caption: str, nouns: Nouns, scenes: Iterable[str] = ()) -> Told:
    """Return the statements of a text; "at least one" of a class states the class alone.

    Args:
        caption: the text; nothing is assumed of it.
        nouns: see ``narrator.nouns.Vocabulary``.
        scenes: backgrounds that may be named.
    """
    reading = read_caption(caption, nouns, None)
    named = _background(caption, scenes) if not (reading.objects or reading.cover or reading.present) else None
    if named:  # a background is what an image shows that holds nothing else, and may be called as a class is
        reading = read_caption(caption, nouns, named)
    objects = chain.from_iterable(_of_stated(label, one) for label, one in reading.objects.items())
    present = (Statement(OBJECT_CLASS, label) for label in reading.present)
    cover = chain.from_iterable(
        _of_cover(label, share, zone) for label, (share, zone) in reading.cover.items() if share
    )
    scene = (Statement(SCENE, named.casefold()),) if named else ()
    return Told(tuple(dict.fromkeys((*objects, *present, *cover, *scene))), tuple(reading.problems))


def compare(
    stated: Iterable[Statement], true: Iterable[Statement], decided: Collection[str] | None = None
) -> tuple[dict[str, Count], int]:
    """Count what is right of what a caption states.

    Args:
        stated: what the caption says.
        true: what the annotation says.
        decided: the classes that the annotation decides (see ``narrator.nouns.annotated_by``); all where absent.

    Returns:
        The counts by kind, every kind of ``KINDS``; how many statements nothing decides.
    """
    truth, told = set(true), set(stated)
    known = {one.label for one in truth}
    judged = {one for one in told if decided is None or one.label in decided or one.label in known}
    counts = {
        kind: Count(
            sum(one.kind == kind for one in judged & truth),
            sum(one.kind == kind for one in judged),
            sum(one.kind == kind for one in truth),
        )
        for kind in KINDS
    }
    return counts, len(told) - len(judged)


def _of_stated(label: str, one: Stated) -> Iterable[Statement]:
    center, outside = one.center or 0, one.outside or 0
    total = one.total if one.total is not None else min(center + outside, LARGEST_COUNT + 1)
    return _of_object(label, total, center, outside) if total or center or outside else ()


def _of_object(label: str, count: int, center: int, outside: int) -> Iterable[Statement]:
    """A zone without objects is not mentioned, and so no statement."""
    yield Statement(OBJECT_CLASS, label)
    yield Statement(OBJECT_COUNT, label, str(count))
    if center:
        yield Statement(OBJECT_ZONE, label, f"{center} center")
    if outside:
        yield Statement(OBJECT_ZONE, label, f"{outside} outside")


def _of_cover_fact(fact: CoverFact) -> Iterable[Statement]:
    return _of_cover(bare(fact.noun), fact.share, ZONES.get(fact.zone, fact.zone) if fact.zone else None)


def _of_cover(label: str, share: str, zone: str | None) -> Iterable[Statement]:
    yield Statement(COVER_CLASS, label)
    yield Statement(COVER_SHARE, label, share)
    if zone:
        yield Statement(COVER_ZONE, label, zone)


def _background(caption: str, scenes: Iterable[str]) -> str | None:
    return next((one for one in scenes if one.casefold() in caption.casefold()), None)
