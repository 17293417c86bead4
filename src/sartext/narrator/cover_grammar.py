"""The paraphrase grammar of land cover: the dominant class in a sentence of its own, then the others by share.

Classes of one share are stated together, and those of one zone within them ("Small parts are forest and roads in
the upper left, crops in the middle and water"). A long text has shorter clauses: a text encoder reads 77 tokens.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from sartext.narrator.vocabulary import CACHED, ZONES, capital, enumerate_phrases

Cover = tuple[str, str, str | None]
"""Noun as it is said, share in words, zone as the index names it."""

Brevity = Literal[0, 1, 2]
"""1: clauses without "mostly" and "of it"; 2: the shortest names of zones too."""

WORDS = 50
"""Words that a caption has at most, wherever the grammar can say it so."""

EASY = 18
"""A text that stays this many words below its limit need not be brief."""

_PLURAL_SHARES = {"a small part": "small parts", "a part": "parts"}
_ARTICLES = ("a ", "an ")
SINGULAR_IN_S = frozenset({"debris", "gas"})


def canonical_cover(items: Sequence[Cover], room: int = WORDS) -> str:
    """Return the sentences of land cover without paraphrase; ``room`` is how many words they should have."""
    return _fitting(tuple(items), ("mostly", 0, ", and ", (0, 1)), room)


def cover_text(items: tuple[Cover, ...], style: int, room: int = WORDS) -> str:
    """Return one paraphrase; ``style`` decides the patterns, ``room`` is how many words it should have."""
    style, adverb = divmod(style, 3)
    style, first = divmod(style, 7)
    style, joint = divmod(style, 3)
    forms = (style % 4, style // 4 % 4, style // 16 % 4)
    patterns = (("mostly", "mainly", "largely")[adverb], first, (", and ", "; ", ", while ")[joint], forms)
    return _fitting(items, patterns, room)


_Patterns = tuple[str, int, str, tuple[int, ...]]
"""Adverb of zones, form of the dominant class, what joins two clauses, forms of the clauses."""


def _fitting(items: tuple[Cover, ...], patterns: _Patterns, room: int) -> str:
    text = _sentences(items, patterns, 0)
    if text.count(" ") >= room - EASY and len(items) > 1:
        text = _sentences(items, patterns, 1)
        if text.count(" ") >= room:
            return _sentences(items, patterns, 2)
    return text


def _sentences(items: tuple[Cover, ...], patterns: _Patterns, brevity: Brevity) -> str:
    adverb, first, joint, forms = patterns
    joint_count = _equals(items) if brevity else 1
    clauses = [
        _clause(group, forms[place % len(forms)], adverb, brevity, place % 2 == 1)
        for place, group in enumerate(_alike(items[joint_count:]))
    ]
    if joint == ", and " and " each " in "".join(clauses[1:2]):
        joint = "; "  # two lists and an "and" between them are hard to tell apart
    pairs = [joint.join(clauses[place : place + 2]) for place in range(0, len(clauses), 2)]
    if joint_count > 1:
        opening = _several(items[:joint_count], 0 if first % 2 else 3, adverb, brevity, " of this SAR image")
    else:
        opening = _dominant(items[0], first, adverb, brevity)
    return " ".join(f"{capital(sentence)}." for sentence in (opening, *pairs))


def _equals(items: tuple[Cover, ...]) -> int:
    """How many classes have the share of the dominant one and can be stated with it."""
    share, zone = items[0][1:]
    equal = sum(item[1] == share for item in items)
    alone = zone is None and any(item[2] for item in items[:equal])
    return 1 if alone or any(item[0].startswith(_ARTICLES) for item in items[:equal]) else equal


@lru_cache(maxsize=CACHED)
def _dominant(item: Cover, form: int, adverb: str, brevity: Brevity) -> str:
    noun, share, zone = item
    where = "" if not zone else f" {_zone(zone, 2)}" if brevity == 2 else f", {adverb} {_zone(zone, 0)}"
    form = ((0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 0, 5, 2), (0, 1, 5, 0, 0, 5, 5))[brevity][form]
    return (
        f"{noun} {_verb(noun, 'cover')} {share} of this SAR image{where}",
        f"{share} of this SAR image {_is(noun)} {noun}{where}",
        f"{share} of this SAR image is covered by {noun}{where}",
        f"{noun} {_verb(noun, 'take')} up {share} of this SAR image{where}",
        f"in this SAR image, {noun} {_verb(noun, 'cover')} {share} of the area{where}",
        f"{noun} {_verb(noun, 'occupy')} {share} of this SAR image{where}",
        f"this SAR image shows {noun} on {share} of its area{where}",
    )[form]


@lru_cache(maxsize=CACHED)
def _clause(group: tuple[Cover, ...], form: int, adverb: str, brevity: Brevity, second: bool) -> str:
    """What the classes of one share cover; ``second`` in its sentence, a clause needs no "of it"."""
    share, zone = group[0][1:]
    of_it = "" if second or brevity else " of it"
    if brevity == 2:
        form %= 2  # the short ones
    if len(group) > 1:
        return _several(group, form, adverb, brevity, of_it)
    where = _where(zone, adverb, brevity)
    noun = group[0][0]
    return (
        f"{noun} {_verb(noun, 'cover')} {share}{of_it}{where}",
        f"{share}{of_it} {_is(noun, brevity)} {noun}{where}",
        f"{share}{of_it} {'shows' if brevity else 'is covered by'} {noun}{where}",
        f"{noun} {_verb(noun, 'take')} up {share}{of_it}{where}",
    )[form]


def _several(group: tuple[Cover, ...], form: int, adverb: str, brevity: Brevity, of: str = "") -> str:
    """What several classes of one share cover, each in its zone or all in one; ``of`` what."""
    share, zone = group[0][1:]
    if any(item[2] != zone for item in group):
        nouns, where = _placed(group, brevity), ""
        form = (1, 1, 2, 2)[form] if len(group) > 2 else form  # a verb behind so many comes late
    else:
        nouns, where = enumerate_phrases([item[0] for item in group]), _where(zone, adverb, brevity)
    plural = _PLURAL_SHARES.get(share)
    if plural and form in {1, 2}:
        return f"{plural}{of} {'are' if form == 1 else 'show'} {nouns}{where}"
    return f"{nouns} each {'cover' if form < 2 else 'take up'} {share}{of}{where}"


def _where(zone: str | None, adverb: str, brevity: Brevity) -> str:
    return f"{'' if brevity else f', {adverb}'} {_zone(zone, brevity)}" if zone else ""


def _placed(group: tuple[Cover, ...], brevity: Brevity) -> str:
    """Nouns with their zones; a zone is that of all nouns since the one before, so the others stand last."""
    zones: dict[str | None, list[str]] = {}
    for noun, _, zone in group:
        zones.setdefault(zone, []).append(noun)
    elsewhere = zones.pop(None, [])
    placed = [f"{enumerate_phrases(nouns)} {_zone(zone, brevity)}" for zone, nouns in zones.items()]
    return enumerate_phrases([*placed, *elsewhere])


def _alike(items: Sequence[Cover]) -> list[tuple[Cover, ...]]:
    """Classes of one share are stated together, at the place of the first; a countable one alone."""
    groups: dict[tuple[str, str], tuple[Cover, ...]] = {}
    for item in items:
        noun, share, _ = item
        key = (noun if noun.startswith(_ARTICLES) else "", share)
        groups[key] = (*groups[key], item) if key in groups else (item,)
    return list(groups.values())


def _zone(zone: str | None, brevity: Brevity) -> str:
    name = ZONES[zone or "middle"]
    return f"in the {name}" if brevity < 2 or " " not in name else f"at {name}"


def _is(noun: str, brevity: Brevity = 0) -> str:
    if _is_plural(noun) or noun.startswith(_ARTICLES):
        return "shows" if brevity else "is covered by"
    return "is"


def _verb(noun: str, verb: str) -> str:
    singular = f"{verb[:-1]}ies" if verb.endswith("y") else f"{verb}s"
    return verb if _is_plural(noun) else singular


def _is_plural(noun: str) -> bool:
    if noun.startswith(_ARTICLES) or noun in SINGULAR_IN_S:
        return False
    return noun.endswith("s") and not noun.endswith("ss")
