"""Facts to text. The same facts, image and seed give the same text on every machine."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from sartext.narrator.cover_grammar import canonical_cover, cover_text
from sartext.narrator.facts import Facts, ObjectFact
from sartext.narrator.grammar import STYLES, Item, canonical_objects, capital, objects_text
from sartext.narrator.vocabulary import LARGEST_COUNT

ATTEMPTS = 60
SCENES = (
    "This SAR image shows {}.",
    "{} can be seen in this SAR image.",
    "In this SAR image there is only {}.",
    "This SAR image shows only {}.",
    "Only {} can be seen in this SAR image.",
    "There is only {} in this SAR image.",
)


def realise(facts: Facts, image_id: str, seed: int, n: int = 1) -> list[str]:
    """Return up to ``n`` distinct captions that state the same facts; the first is the one that is released.

    Args:
        facts: what to say; not empty.
        image_id: chooses the paraphrases together with ``seed``.
        seed: ``narrator.seed`` of the parameters.
        n: how many; fewer are returned where the grammar has no more (optical captions have one).
    """
    if n == 1:
        return [_text(facts, _style(seed, image_id, 0))]
    found: dict[str, None] = {}
    for attempt in range(ATTEMPTS):
        found.setdefault(_text(facts, _style(seed, image_id, attempt)))
        if len(found) == n:
            break
    return list(found)


def canonical(facts: Facts) -> str:
    """Return the caption without paraphrase."""
    if facts.statements:
        return join_statements(facts.statements)
    if facts.scene is not None:
        return SCENES[0].format(facts.scene)
    parts = []
    if facts.cover:
        parts.append(canonical_cover([(one.noun, one.share, one.zone) for one in facts.cover]))
    if facts.objects:
        parts.append(canonical_objects(_items(facts.objects)))
    return " ".join(parts)


def join_statements(statements: Sequence[str]) -> str:
    """Return the statements of a rewritten optical caption as sentences."""
    return " ".join(statements)


def _style(seed: int, image_id: str, attempt: int) -> int:
    name = f"{seed}/{image_id}/{attempt}" if attempt else f"{seed}/{image_id}"
    return int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "big")


def _text(facts: Facts, style: int) -> str:
    if facts.objects and not facts.cover:
        return objects_text(_items(facts.objects), style % STYLES, True)
    if facts.statements:
        return join_statements(facts.statements)
    if facts.scene is not None:
        return capital(SCENES[style % len(SCENES)].format(facts.scene))
    text = cover_text(tuple((one.noun, one.share, one.zone) for one in facts.cover), style % 99991)
    if facts.objects:
        return f"{text} {objects_text(_items(facts.objects), style % STYLES, False)}"
    return text


@lru_cache(maxsize=4096)
def _item(noun: str, plural: str, count: int, center: int, outside: int) -> Item:
    most = LARGEST_COUNT + 1
    return (noun, plural, min(count, most), min(center, most), min(outside, most))


def _items(objects: Sequence[ObjectFact]) -> tuple[Item, ...]:
    return tuple(_item(one.noun, one.plural, one.count, one.center, one.outside) for one in objects)
