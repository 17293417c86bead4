"""The paraphrase grammar of land cover: the dominant class in a sentence of its own, then the others."""

from collections.abc import Sequence
from functools import lru_cache

from sartext.narrator.grammar import CACHED, capital, enumerate_phrases
from sartext.narrator.vocabulary import ZONES

Cover = tuple[str, str, str | None]
"""Noun as it is said, share in words, zone as the index names it."""

_ARTICLES = ("a ", "an ")
SINGULAR_IN_S = frozenset({"debris", "gas"})


def canonical_cover(items: Sequence[Cover]) -> str:
    """Return the sentences of land cover without paraphrase."""
    clauses = [
        _clause(group, place % 2, "mostly", second=place % 2 == 1) for place, group in enumerate(_alike(items[1:]))
    ]
    return _sentences(_dominant(items[0], 0, "mostly"), clauses, ", and ")


def cover_text(items: tuple[Cover, ...], style: int) -> str:
    """Return one paraphrase; ``style`` decides the patterns."""
    style, adverb_number = divmod(style, 3)
    adverb = ("mostly", "mainly", "largely")[adverb_number]
    style, first = divmod(style, 7)
    style, joint = divmod(style, 3)
    clauses = []
    for place, group in enumerate(_alike(items[1:])):
        style, form = divmod(style, 4)
        clauses.append(_clause(group, form, adverb, second=place % 2 == 1))
    return _sentences(_dominant(items[0], first, adverb), clauses, (", and ", "; ", ", while ")[joint])


def _sentences(dominant: str, clauses: Sequence[str], joint: str) -> str:
    pairs = [joint.join(clauses[place : place + 2]) for place in range(0, len(clauses), 2)]
    return " ".join(f"{capital(one)}." for one in (dominant, *pairs))


@lru_cache(maxsize=CACHED)
def _dominant(item: Cover, form: int, adverb: str) -> str:
    noun, share, _ = item
    where = _where(item, adverb)
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
def _clause(group: tuple[Cover, ...], form: int, adverb: str, second: bool) -> str:
    """What one class, or several with the same share, cover; ``second`` in its sentence needs no "of it"."""
    noun, share, _ = group[0]
    part = share if second else f"{share} of it"
    where = _where(group[0], adverb)
    if len(group) > 1:
        nouns = enumerate_phrases([one[0] for one in group])
        return f"{nouns} each {'cover' if form < 2 else 'take up'} {part}{where}"
    return (
        f"{noun} {_verb(noun, 'cover')} {part}{where}",
        f"{part} {_is(noun)} {noun}{where}",
        f"{part} is covered by {noun}{where}",
        f"{noun} {_verb(noun, 'take')} up {part}{where}",
    )[form]


def _alike(items: Sequence[Cover]) -> list[tuple[Cover, ...]]:
    """Classes of one share and one zone are told together, at the place of the first; a countable one alone."""
    groups: dict[tuple[str, str, str | None], tuple[Cover, ...]] = {}
    for item in items:
        noun, share, zone = item
        key = (noun if noun.startswith(_ARTICLES) else "", share, zone)
        groups[key] = (*groups[key], item) if key in groups else (item,)
    return list(groups.values())


def _where(item: Cover, adverb: str) -> str:
    return f", {adverb} in the {ZONES[item[2]]}" if item[2] else ""


def _is(noun: str) -> str:
    return "is covered by" if _is_plural(noun) or noun.startswith(_ARTICLES) else "is"


def _verb(noun: str, verb: str) -> str:
    if _is_plural(noun):
        return verb
    return f"{verb[:-1]}ies" if verb.endswith("y") else f"{verb}s"


def _is_plural(noun: str) -> bool:
    if noun.startswith(_ARTICLES) or noun in SINGULAR_IN_S:
        return False
    return noun.endswith("s") and not noun.endswith("ss")
