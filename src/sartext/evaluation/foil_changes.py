"""How one fact of an image can be changed so that it becomes false and stays plausible.

A change keeps the shape of the caption, so that both are put by the same patterns: the same zones are mentioned,
and land cover keeps its order and its groups of equal shares. Every change has an opposite, true and false
exchanged; `foils.choose` takes both directions equally often.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

import numpy as np

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.narrator.annotated import A2C, EVERYWHERE
from sartext.narrator.facts import CoverFact, Facts, ObjectFact
from sartext.narrator.vocabulary import LARGEST_COUNT, SHARES, ZONES, bare, share_word
from sartext.vqa.subjects import annotation_of, related, subject_of

Kind = Literal["count", "class", "zone", "share"]
KINDS: tuple[Kind, ...] = ("count", "class", "zone", "share")

QUADRANTS = tuple(zone for zone in ZONES if zone != "middle")
"""The middle overlaps them: a class may lie in the middle and in a quadrant, but not in two quadrants."""

SHARE_MARGIN = 0.05
"""A share in words is called false only if the true fraction lies at least this far outside of its bounds."""

STATED_WHOLE = 0.9
"""Captions that state at least this part of the image must not state far less of it in the foil."""

COUNTED_BY = A2C.name
"""Boxes prove that a class of objects is absent; a mask's components under ten pixels are not stated."""

SEVERAL = 3
"""Partners in a change of class have equally many objects, or both at least so many."""

_BOUNDS, _WORDS = zip(*SHARES[::-1], strict=True)
_LOWEST = dict(zip(_WORDS, _BOUNDS, strict=True))
_HIGHEST = dict(zip(_WORDS, (*_BOUNDS[1:], 1.0), strict=True))


@dataclass(frozen=True)
class Change:
    """A change of one fact to what the foil states.

    ``coarse`` names the pair of values, ``fine`` also where they stand; the opposite change differs in ``forward``
    only.
    """

    kind: Kind
    facts: Facts
    fine: str
    coarse: str
    forward: bool


def changes_of(facts: Facts, corpus: str, method: str, entry: Entry | None) -> Iterator[Change]:
    """Yield every change of the true facts of an image; without its corpus's entry no class is changed."""
    for at, fact in enumerate(facts.objects):
        if fact.count <= LARGEST_COUNT:
            yield from _counts(facts, at, corpus)
            yield from _object_zones(facts, at, corpus)
            if method == COUNTED_BY and entry is not None:
                yield from _object_classes(facts, at, entry)
    for at, _ in enumerate(facts.cover):
        yield from _shares(facts, at, corpus)
        yield from _cover_zones(facts, at, corpus)
        if entry is not None:
            yield from _cover_classes(facts, at, entry)


def _change(kind: Kind, facts: Facts, place: Sequence[object], where: object, values: tuple[str, str]) -> Change:
    """``place`` is what the pair of values belongs to, ``values`` the true and the false one."""
    pair = "/".join(map(str, [kind, *place, *sorted(values)]))
    return Change(kind, facts, f"{pair} {where}", pair, values[0] < values[1])


def _with_object(facts: Facts, at: int, changed: ObjectFact) -> Facts:
    """The facts with another object, in the order of captions."""
    objects = [*facts.objects[:at], changed, *facts.objects[at + 1 :]]
    return replace(facts, objects=tuple(sorted(objects, key=lambda fact: (-fact.count, fact.noun))))


def _with_cover(facts: Facts, at: int, changed: CoverFact) -> Facts:
    return replace(facts, cover=(*facts.cover[:at], changed, *facts.cover[at + 1 :]))


def _counts(facts: Facts, at: int, corpus: str) -> Iterator[Change]:
    """One more or one fewer, in a zone that is mentioned before and after."""
    fact = facts.objects[at]
    for step in (1, -1):
        for center, outside in ((fact.center + step, fact.outside), (fact.center, fact.outside + step)):
            changed = replace(fact, count=fact.count + step, center=center, outside=outside)
            kept = min(center, outside) >= 0 and _zones([changed]) == _zones([fact])
            if kept and changed.count <= LARGEST_COUNT:
                where = (_zones([fact]), len(facts.objects), bool(facts.cover))
                values = (f"{fact.count:02}", f"{changed.count:02}")
                yield _change("count", _with_object(facts, at, changed), (corpus, fact.label), where, values)


def _object_zones(facts: Facts, at: int, corpus: str) -> Iterator[Change]:
    """Those inside and outside the center change places, or one of them moves."""
    fact = facts.objects[at]
    moves = dict.fromkeys(
        (center, fact.count - center) for center in (fact.outside, fact.center - 1, fact.center + 1)
    )
    for center, outside in moves:
        changed = replace(fact, center=center, outside=outside)
        facts_changed = _with_object(facts, at, changed)
        if min(center, outside) < 0 or center == fact.center or sum(_zones([changed])) != sum(_zones([fact])):
            continue
        if sum(_zones(facts_changed.objects)) == sum(_zones(facts.objects)):
            where = (len(facts.objects), bool(facts.cover))
            values = (f"{fact.center:02}", f"{center:02}")
            yield _change("zone", facts_changed, (corpus, fact.label, fact.count), where, values)


def _zones(objects: Sequence[ObjectFact]) -> tuple[bool, bool]:
    """Whether objects in and outside the center are mentioned."""
    return any(fact.center > 0 for fact in objects), any(fact.outside > 0 for fact in objects)


def _object_classes(facts: Facts, at: int, entry: Entry) -> Iterator[Change]:
    """Another class of objects of the corpus, of which the annotation proves that there is none."""
    fact = facts.objects[at]
    if _class_of(entry, fact.label) is None:
        return
    for other in _absent(facts, entry):
        if not other.stuff:
            changed = replace(fact, label=other.label, noun=other.noun, plural=other.plural)
            where, values = (fact.count, len(facts.objects)), (fact.noun, other.noun)
            place = (entry.name, min(fact.count, SEVERAL))
            yield _change("class", _with_object(facts, at, changed), place, where, values)


def _cover_classes(facts: Facts, at: int, entry: Entry) -> Iterator[Change]:
    """Another land cover that is not there; not for a small part, as a trace of another is not stated."""
    fact = facts.cover[at]
    mine = _class_of(entry, fact.label)
    if fact.share == _WORDS[0] or mine is None:
        return
    for other in _absent(facts, entry):
        if other.stuff and other.rare == mine.rare:
            changed = replace(fact, label=other.label, noun=subject_of(other).noun)
            values = (fact.noun, changed.noun)
            # some classes never cover much: partners of another share would give that away
            yield _change("class", _with_cover(facts, at, changed), (entry.name, fact.share), at, values)


def _absent(facts: Facts, entry: Entry) -> Iterator[CorpusClass]:
    """The classes that the annotation proves absent, and whose noun is false of all that is there: no kind of it,
    nothing that it is a kind of, and no noun such as "of another type".
    """
    nouns = ((fact.noun for fact in of_kind) for of_kind in (facts.objects, facts.cover, facts.present))
    keys = set(map(bare, chain.from_iterable(nouns)))
    there = [subject for subject in map(subject_of, entry.classes) if subject.key in keys]
    known = annotation_of(entry).subjects
    for other in entry.classes:
        subject = known.get(subject_of(other).key)
        if subject is None or subject.key in keys or not (other.say and other.valid and subject.exhaustive):
            continue
        if not any(related(subject, subject_there) for subject_there in there):
            yield other


def _class_of(entry: Entry, label: str) -> CorpusClass | None:
    return next((known for known in entry.classes if known.label == label), None)


def _cover_zones(facts: Facts, at: int, corpus: str) -> Iterator[Change]:
    """Another quadrant: at least 60 % of the class lie in the true one, so at most 40 % in another.

    Classes of one share that lie in one zone are named together, and stay together or apart.
    """
    fact = facts.cover[at]
    beside = {other.zone for place, other in enumerate(facts.cover) if place != at and other.share == fact.share}
    for zone in QUADRANTS if fact.zone in QUADRANTS else ():
        if zone != fact.zone and not beside & {zone, fact.zone}:
            changed = _with_cover(facts, at, replace(fact, zone=zone))
            yield _change("zone", changed, (corpus, fact.label), fact.share, (str(fact.zone), zone))


def _shares(facts: Facts, at: int, corpus: str) -> Iterator[Change]:
    """Another share in words that leaves the order of the classes, and could be true beside the others."""
    fact = facts.cover[at]
    others = [_WORDS.index(other.share) for place, other in enumerate(facts.cover) if place != at]
    mine = _WORDS.index(fact.share)
    for number, word in enumerate(_WORDS):
        far = max(_LOWEST[word] - fact.fraction, fact.fraction - _HIGHEST[word])
        kept = all(np.sign(number - other) == np.sign(mine - other) for other in others)
        if far < SHARE_MARGIN or not kept or not _fits(word, facts.cover, at):
            continue
        middle = (_LOWEST[word] + _HIGHEST[word]) / 2
        changed = _with_cover(facts, at, replace(fact, share=share_word(middle), fraction=middle))
        where = (at == 0, len(facts.cover), bool(facts.objects))
        yield _change("share", changed, (corpus, fact.label), where, (fact.share, word))


def _fits(word: str, cover: Sequence[CoverFact], at: int) -> bool:
    """Whether a share could be true beside the others: together at most the image, and as much as is stated."""
    if cover[at].zone and _HIGHEST[word] > EVERYWHERE:
        return False
    words = [word if place == at else fact.share for place, fact in enumerate(cover)]
    least, most = sum(_LOWEST[word_at] for word_at in words), sum(_HIGHEST[word_at] for word_at in words)
    stated = sum(fact.fraction for fact in cover)
    return least < 1 and (stated < STATED_WHOLE or most >= stated)
