"""The paraphrase grammar of objects: how many there are of each class, and where.

A style is a number; its digits choose among the patterns that fit the facts. Every pattern states the same facts.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from sartext.narrator.facts import Item
from sartext.narrator.vocabulary import LARGEST_COUNT, number_word

STYLES = 4 * 12 * 42
"""Styles in use: four for one sentence or two, twelve for where, forty-two (six times seven) for how many."""

CACHED = 1 << 15
"""Sentences kept: a corpus has few different facts, and each has few patterns."""


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def enumerate_phrases(phrases: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def phrase(noun: str, plural: str, count: int) -> str:
    """Return a number and a noun that agree."""
    return f"{number_word(count)} {noun if count == 1 else plural}"


def canonical_objects(items: Sequence[Item]) -> str:
    """Return the two published sentences: the first counts every class, the second places them."""
    counted, first, _ = _group([(noun, plural, count) for noun, plural, count, _, _ in items])
    return f"There {_be(first)} {counted} in this SAR image. {_canonical_places(items)}"


def _canonical_places(items: Sequence[Item]) -> str:
    if sum(item[2] for item in items) == 1:
        return f"It is {'in' if items[0][3] else 'outside'} the center."
    parts = []
    zones: tuple[tuple[Literal[3, 4], str], ...] = ((3, "in the center"), (4, "outside the center"))
    for position, zone in zones:
        if any(item[position] for item in items):
            text, _, total = _placed_group(items, position)
            parts.append(f"{text} {_be(total)} {zone}")
    return capital("; ".join(parts)) + "."


def objects_text(items: tuple[Item, ...], style: int) -> str:
    """Return one paraphrase.

    Args:
        items: the classes, in the order in which they are named.
        style: from 0 to ``STYLES - 1``; decides the patterns.
    """
    style, fused = divmod(style, 4)
    if fused == 0 and (text := _fused(items, style % 6)):
        return text
    first, second = divmod(style, 12)
    return f"{_counts(items, first % 7)} {_places(items, second)}"


@lru_cache(maxsize=CACHED)
def further_objects(items: tuple[Item, ...], style: int) -> str:
    """Return one paraphrase that follows sentences on the same image: a single short sentence.

    Args:
        items: the classes, in the order in which they are named.
        style: from 0 to ``STYLES - 1``; decides the pattern.
    """
    zone = _only_zone(items)
    if not zone:
        return _further_zones(items, style)
    text, first, total = _group([(noun, plural, count) for noun, plural, count, _, _ in items])
    return (
        f"There {_be(first)} {text} {zone}.",
        f"{capital(text)} {_lie(total)} {zone}.",
        f"{capital(text)} {_be(total)} visible {zone}.",
        f"{capital(text)} can be seen {zone}.",
        f"{capital(zone)} there {_be(first)} {text}.",
        f"The image also shows {text} {zone}.",
    )[style % 6]


def _further_zones(items: Sequence[Item], style: int) -> str:
    inner, first, total = _placed_group(items, 3)
    outer, first_outer, total_outer = _placed_group(items, 4)
    if len(items) == 1:
        outer = number_word(items[0][4])
    be, outer_be = _be(total), "" if _be(total) == _be(total_outer) else f" {_be(total_outer)}"
    return (
        f"There {_be(first)} {inner} in the center and {outer} outside it.",
        f"{capital(inner)} {be} in the center and {outer}{outer_be} outside it.",
        f"The image also shows {inner} in the center and {outer} outside it.",
        f"In the center there {_be(first)} {inner}; outside it there {_be(first_outer)} {outer}.",
        f"{capital(inner)} can be seen in the center and {outer} outside it.",
        f"The image also contains {inner} in the center and {outer} outside it.",
    )[style % 6]


@lru_cache(maxsize=CACHED)
def _counts(items: tuple[Item, ...], style: int) -> str:
    text, first, total = _group([(noun, plural, count) for noun, plural, count, _, _ in items])
    return (
        f"There {_be(first)} {text} in this SAR image.",
        f"This SAR image shows {text}.",
        f"This SAR image contains {text}.",
        f"{capital(text)} {_be(total)} visible in this SAR image.",
        f"{capital(text)} can be seen in this SAR image.",
        f"In this SAR image, there {_be(first)} {text}.",
        f"{capital(text)} {'appears' if total == 1 else 'appear'} in this SAR image.",
    )[style]


@lru_cache(maxsize=CACHED)
def _places(items: tuple[Item, ...], style: int) -> str:
    zone = _only_zone(items)
    if zone:
        return _single_zone(items, sum(item[2] for item in items), zone, style)
    inner, first_inner, count_inner = _placed(items, 3)
    outer, first_outer, count_outer = _placed(items, 4)
    be_in, be_out = _be(count_inner), _be(count_outer)
    return (
        f"{capital(inner)} {be_in} in the center; {outer} {be_out} outside the center.",
        f"{capital(inner)} {be_in} in the center, and {outer} {be_out} outside it.",
        f"{capital(inner)} {be_in} in the center, while {outer} {be_out} outside it.",
        f"In the center there {_be(first_inner)} {inner}; outside it there {_be(first_outer)} {outer}.",
        f"{capital(inner)} {_lie(count_inner)} in the center, and {outer} {_lie(count_outer)} outside the center.",
        f"{capital(outer)} {be_out} outside the center, and {inner} {be_in} in it.",
    )[style % 6]


def _placed(items: Sequence[Item], position: Literal[3, 4]) -> tuple[str, int, int]:
    """The phrase for what lies in a zone; a single class was named a sentence before and needs no noun."""
    if len(items) == 1:
        count = items[0][position]
        return number_word(count), count, count
    return _placed_group(items, position)


def _placed_group(items: Sequence[Item], position: Literal[3, 4]) -> tuple[str, int, int]:
    return _group([(item[0], item[1], item[position]) for item in items if item[position]])


def _only_zone(items: Sequence[Item]) -> str | None:
    """The zone that holds everything; sums of counts over twenty tell nothing, as these are all alike."""
    if not any(item[4] for item in items):
        return "in the center"
    return None if any(item[3] for item in items) else "outside the center"


def _single_zone(items: Sequence[Item], total: int, zone: str, style: int) -> str:
    if total == 1:
        return (f"It is {zone}.", f"It lies {zone}.", f"It is located {zone}.", f"It is situated {zone}.")[
            style % 4
        ]
    if total == 2:
        return (f"Both are {zone}.", f"Both lie {zone}.", f"Both of them are {zone}.", f"They are both {zone}.")[
            style % 4
        ]
    return (
        f"All of them are {zone}.",
        f"They are all {zone}.",
        f"All of them lie {zone}.",
        f"They all lie {zone}.",
    )[style % 4]


@lru_cache(maxsize=CACHED)
def _fused(items: tuple[Item, ...], style: int) -> str | None:
    """One sentence that counts and places at once, where it stays short and loses nothing."""
    total = sum(item[2] for item in items)
    zone = _only_zone(items)
    if not zone:
        return _fused_zones(items, style) if total <= LARGEST_COUNT and len(items) <= 2 else None
    text, first, _ = _group([(noun, plural, count) for noun, plural, count, _, _ in items])
    return (
        f"There {_be(first)} {text} {zone} of this SAR image.",
        f"{capital(text)} {_be(total)} {zone} of this SAR image.",
        f"{capital(text)} can be seen {zone} of this SAR image.",
        f"{capital(zone)} of this SAR image there {_be(first)} {text}.",
        f"{capital(text)} {_lie(total)} {zone} of this SAR image.",
        f"This SAR image shows {text} {zone}.",
    )[style]


def _fused_zones(items: Sequence[Item], style: int) -> str:
    inner, first, _ = _placed_group(items, 3)
    outer, outer_first, _ = _placed_group(items, 4)
    be, outer_be = f"there {_be(first)}", f"there {_be(outer_first)}"
    if len(items) == 1:
        outer = number_word(items[0][4])
    return (
        f"{capital(be)} {inner} in the center of this SAR image and {outer} outside it.",
        f"This SAR image shows {inner} in the center and {outer} outside it.",
        f"This SAR image contains {inner} in the center and {outer} outside it.",
        f"In the center of this SAR image {be} {inner}; outside it {outer_be} {outer}.",
    )[style % 4]


def _group(parts: Sequence[tuple[str, str, int]]) -> tuple[str, int, int]:
    """Return the enumeration, its first count and its total."""
    text = enumerate_phrases([phrase(noun, plural, count) for noun, plural, count in parts])
    return text, parts[0][2], sum(count for _, _, count in parts)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _lie(count: int) -> str:
    return "lies" if count == 1 else "lie"
