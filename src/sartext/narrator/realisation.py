"""Facts to text. The same facts, image and seed give the same text on every machine.

A style is a number; its digits choose among the patterns that fit the facts. Every pattern states the same facts.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

from sartext.narrator.cover_grammar import WORDS, Cover, canonical_cover, cover_text
from sartext.narrator.facts import CoverFact, Facts, Item
from sartext.narrator.vocabulary import CACHED, LARGEST_COUNT, SOME, capital, enumerate_phrases, number_word

STYLES = 4 * 12 * 42
"""Styles of objects: four for one sentence or two, twelve for where, forty-two (six times seven) for how many."""

PRESENT = (
    "There is {} in this SAR image.",
    "This SAR image shows {}.",
    "{} can be seen in this SAR image.",
    "This SAR image contains {}.",
    "In this SAR image, there is {}.",
)
"""How a caption says what is there without a number."""

SEEN = (
    "{} can be seen in this SAR image.",
    "This SAR image shows {}.",
    "In this SAR image, {} can be seen.",
    "This SAR image contains {}.",
    "{} can be found in this SAR image.",
)
"""How a caption names land cover without a share."""

ATTEMPTS = 60
SHORTEST = 1
"""The style of the shortest sentence on objects after land cover."""

COVER_STYLES = 99991
"""A prime, so that the patterns of land cover do not go with those of objects."""

SCENES = (
    "This SAR image shows {}.",
    "{} can be seen in this SAR image.",
    "In this SAR image there is only {}.",
    "This SAR image shows only {}.",
    "Only {} can be seen in this SAR image.",
    "There is only {} in this SAR image.",
)

SCENE_CLASSES = (
    "This SAR image shows {}.",
    "{} can be seen in this SAR image.",
    "In this SAR image, {} can be seen.",
    "This is a SAR image of {}.",
    "This SAR image contains {}.",
)
"""How a caption says what the image is of as a whole; something else may be there, too."""


def realise(facts: Facts, image_id: str, seed: int, n: int = 1) -> list[str]:
    """Return up to ``n`` distinct captions that state the same facts; the first is the one that is released.

    ``image_id`` and ``seed`` choose them; there are fewer where the grammar has no more, for optical captions one.
    """
    if n == 1:
        return [_text(facts, _style(seed, image_id, 0))]
    texts: dict[str, None] = {}
    for attempt in range(ATTEMPTS):
        texts.setdefault(_text(facts, _style(seed, image_id, attempt)))
        if len(texts) == n:
            break
    return list(texts)


def canonical(facts: Facts) -> str:
    """Return the caption without paraphrase: land cover, then the two published sentences on objects."""
    if facts.statements:
        return " ".join(facts.statements)
    if facts.scene is not None:
        return SCENES[0].format(facts.scene)
    if facts.scene_class is not None:
        return SCENE_CLASSES[0].format(facts.scene_class)
    objects = _canonical_objects(facts.items) if facts.items else ""
    present = _present(facts, 0)
    room = WORDS - len(f"{objects} {present}".split())
    cover = canonical_cover(_as_said(facts.cover), room) if facts.cover else ""
    return " ".join(part for part in (cover, objects, present) if part)


def _style(seed: int, image_id: str, attempt: int) -> int:
    name = f"{seed}/{image_id}/{attempt}" if attempt else f"{seed}/{image_id}"
    return int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "big")


def _present(facts: Facts, style: int) -> str:
    """Land cover without a share, then objects without a number."""
    sentences = []
    if stuff := [fact.noun for fact in facts.present if fact.stuff]:
        sentences.append(capital(SEEN[style % len(SEEN)].format(enumerate_phrases(stuff))))
    if things := [f"{SOME} {fact.noun}" for fact in facts.present if not fact.stuff]:
        pattern = PRESENT[style // len(SEEN) % len(PRESENT) if stuff else style % len(PRESENT)]
        sentences.append(capital(pattern.format(enumerate_phrases(things))))
    return " ".join(sentences)


def _text(facts: Facts, style: int) -> str:
    counted = _counted(facts, style) if not facts.present or facts.cover or facts.items or facts.scene else ""
    return f"{counted} {_present(facts, style // COVER_STYLES)}".strip() if facts.present else counted


def _counted(facts: Facts, style: int) -> str:
    if facts.items and not facts.cover:
        return _objects_text(facts.items, style % STYLES)
    if facts.statements:
        return " ".join(facts.statements)
    if scene := facts.scene or facts.scene_class:
        patterns = SCENES if facts.scene else SCENE_CLASSES
        return capital(patterns[style % len(patterns)].format(scene))
    if not facts.items:
        return cover_text(_as_said(facts.cover), style % COVER_STYLES)
    cover = _as_said(facts.cover)
    objects = _further_objects(facts.items, style % 6)
    text = f"{cover_text(cover, style % COVER_STYLES, WORDS - objects.count(' ') - 1)} {objects}"
    if text.count(" ") < WORDS:
        return text
    return f"{cover_text(cover, style % COVER_STYLES, 0)} {_further_objects(facts.items, SHORTEST)}"


def _as_said(cover: Sequence[CoverFact]) -> tuple[Cover, ...]:
    return tuple((fact.noun, fact.share, fact.zone) for fact in cover)


def _canonical_objects(items: Sequence[Item]) -> str:
    """The two published sentences: the first counts every class, the second places them."""
    counted, first, _ = _group(items, 2)
    return f"There {_be(first)} {counted} in this SAR image. {_canonical_places(items)}"


def _canonical_places(items: Sequence[Item]) -> str:
    if sum(item[2] for item in items) == 1:
        return f"It is {'in' if items[0][3] else 'outside'} the center."
    parts = []
    zones: tuple[tuple[Literal[3, 4], str], ...] = ((3, "in the center"), (4, "outside the center"))
    for position, zone in zones:
        if any(item[position] for item in items):
            text, _, total = _group(items, position)
            parts.append(f"{text} {_be(total)} {zone}")
    return capital("; ".join(parts)) + "."


def _objects_text(items: tuple[Item, ...], style: int) -> str:
    """One paraphrase; ``style``, from 0 to ``STYLES - 1``, decides the patterns."""
    style, fused = divmod(style, 4)
    if fused == 0 and (text := _fused(items, style % 6)):
        return text
    first, second = divmod(style, 12)
    return f"{_counts(items, first % 7)} {_places(items, second)}"


@lru_cache(maxsize=CACHED)
def _further_objects(items: tuple[Item, ...], style: int) -> str:
    """One paraphrase that follows sentences on the same image: a single short sentence."""
    zone = _only_zone(items)
    if not zone:
        return _further_zones(items, style)
    text, first, total = _group(items, 2)
    return (
        f"There {_be(first)} {text} {zone}.",
        f"{capital(text)} {_lie(total)} {zone}.",
        f"{capital(text)} {_be(total)} visible {zone}.",
        f"{capital(text)} can be seen {zone}.",
        f"{capital(zone)} there {_be(first)} {text}.",
        f"The image also shows {text} {zone}.",
    )[style % 6]


def _further_zones(items: Sequence[Item], style: int) -> str:
    inner, first, total = _group(items, 3)
    outer, first_outer, total_outer = _group(items, 4)
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
    text, first, total = _group(items, 2)
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
    return _group(items, position)


def _only_zone(items: Sequence[Item]) -> str | None:
    """The zone that holds everything; sums of counts over twenty tell nothing, as these are all alike."""
    if not any(item[4] for item in items):
        return "in the center"
    return None if any(item[3] for item in items) else "outside the center"


def _single_zone(items: Sequence[Item], total: int, zone: str, style: int) -> str:
    subjects = {
        1: ("It is", "It lies", "It is located", "It is situated"),
        2: ("Both are", "Both lie", "Both of them are", "They are both"),
    }.get(total, ("All of them are", "They are all", "All of them lie", "They all lie"))
    return f"{subjects[style % 4]} {zone}."


@lru_cache(maxsize=CACHED)
def _fused(items: tuple[Item, ...], style: int) -> str | None:
    """One sentence that counts and places at once, where it stays short and loses nothing."""
    total = sum(item[2] for item in items)
    zone = _only_zone(items)
    if not zone:
        return _fused_zones(items, style) if total <= LARGEST_COUNT and len(items) <= 2 else None
    text, first, _ = _group(items, 2)
    return (
        f"There {_be(first)} {text} {zone} of this SAR image.",
        f"{capital(text)} {_be(total)} {zone} of this SAR image.",
        f"{capital(text)} can be seen {zone} of this SAR image.",
        f"{capital(zone)} of this SAR image there {_be(first)} {text}.",
        f"{capital(text)} {_lie(total)} {zone} of this SAR image.",
        f"This SAR image shows {text} {zone}.",
    )[style]


def _fused_zones(items: Sequence[Item], style: int) -> str:
    inner, first, _ = _group(items, 3)
    outer, outer_first, _ = _group(items, 4)
    be, outer_be = f"there {_be(first)}", f"there {_be(outer_first)}"
    if len(items) == 1:
        outer = number_word(items[0][4])
    return (
        f"{capital(be)} {inner} in the center of this SAR image and {outer} outside it.",
        f"This SAR image shows {inner} in the center and {outer} outside it.",
        f"This SAR image contains {inner} in the center and {outer} outside it.",
        f"In the center of this SAR image {be} {inner}; outside it {outer_be} {outer}.",
    )[style % 4]


def _group(items: Sequence[Item], position: Literal[2, 3, 4]) -> tuple[str, int, int]:
    """The enumeration of all objects (2), those in the center (3) or outside; its first count and its total."""
    counts = [item[position] for item in items if item[position]]
    nouns = [item[0] if item[position] == 1 else item[1] for item in items if item[position]]
    text = enumerate_phrases([f"{number_word(count)} {noun}" for count, noun in zip(counts, nouns, strict=True)])
    return text, counts[0], sum(counts)


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def _lie(count: int) -> str:
    return "lies" if count == 1 else "lie"
