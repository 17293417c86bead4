"""Facts to text. The same facts, image and seed give the same text on every machine."""

from collections.abc import Sequence
from hashlib import blake2b

from sartext.narrator.cover_grammar import WORDS, Cover, canonical_cover, cover_text
from sartext.narrator.facts import CoverFact, Facts
from sartext.narrator.grammar import (
    STYLES,
    canonical_objects,
    capital,
    enumerate_phrases,
    further_objects,
    objects_text,
)
from sartext.narrator.vocabulary import SOME

PRESENT = (
    "There is {} in this SAR image.",
    "This SAR image shows {}.",
    "{} can be seen in this SAR image.",
    "This SAR image contains {}.",
    "In this SAR image, there is {}.",
)
"""How a caption says what is there without a number."""

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
    texts: dict[str, None] = {}
    for attempt in range(ATTEMPTS):
        texts.setdefault(_text(facts, _style(seed, image_id, attempt)))
        if len(texts) == n:
            break
    return list(texts)


def canonical(facts: Facts) -> str:
    """Return the caption without paraphrase: land cover, then the two published sentences on objects."""
    if facts.statements:
        return join_statements(facts.statements)
    if facts.scene is not None:
        return SCENES[0].format(facts.scene)
    objects = canonical_objects(facts.items) if facts.items else ""
    present = _present(facts, 0)
    cover = (
        canonical_cover(_as_said(facts.cover), WORDS - len(f"{objects} {present}".split())) if facts.cover else ""
    )
    return " ".join(part for part in (cover, objects, present) if part)


def join_statements(statements: Sequence[str]) -> str:
    """Return the statements of a rewritten optical caption as sentences."""
    return " ".join(statements)


def _style(seed: int, image_id: str, attempt: int) -> int:
    name = f"{seed}/{image_id}/{attempt}" if attempt else f"{seed}/{image_id}"
    return int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "big")


def _present(facts: Facts, style: int) -> str:
    if not facts.present:
        return ""
    things = enumerate_phrases([f"{SOME} {fact.noun}" for fact in facts.present])
    return capital(PRESENT[style % len(PRESENT)].format(things))


def _text(facts: Facts, style: int) -> str:
    counted = _counted(facts, style) if not facts.present or facts.cover or facts.items else ""
    return f"{counted} {_present(facts, style // COVER_STYLES)}".strip() if facts.present else counted


def _counted(facts: Facts, style: int) -> str:
    if facts.items and not facts.cover:
        return objects_text(facts.items, style % STYLES)
    if facts.statements:
        return join_statements(facts.statements)
    if facts.scene is not None:
        return capital(SCENES[style % len(SCENES)].format(facts.scene))
    if not facts.items:
        return cover_text(_as_said(facts.cover), style % COVER_STYLES)
    cover = _as_said(facts.cover)
    objects = further_objects(facts.items, style % 6)
    text = f"{cover_text(cover, style % COVER_STYLES, WORDS - objects.count(' ') - 1)} {objects}"
    if text.count(" ") < WORDS:
        return text
    return f"{cover_text(cover, style % COVER_STYLES, 0)} {further_objects(facts.items, SHORTEST)}"


def _as_said(cover: Sequence[CoverFact]) -> tuple[Cover, ...]:
    return tuple((fact.noun, fact.share, fact.zone) for fact in cover)
