"""Facts to text. The same facts, image and seed give the same text on every machine.

Every form states the same facts; which one an image gets is chosen evenly by a hash of its id, see `Choices`.
"""

from collections.abc import Sequence

from sartext.narrator.choices import Choices
from sartext.narrator.cover_grammar import WORDS, Cover, canonical_cover, cover_text
from sartext.narrator.facts import CoverFact, Facts, Item
from sartext.narrator.object_grammar import canonical_objects, further_objects, objects_text, shortest_objects
from sartext.narrator.presence_grammar import named, scene_of, seen
from sartext.narrator.vocabulary import SOME, enumerate_phrases
from sartext.narrator.wording import sentences

ATTEMPTS = 60


def realise(facts: Facts, image_id: str, seed: int, n: int = 1) -> list[str]:
    """Return up to ``n`` distinct captions that state the same facts; the first is the one that is released.

    ``image_id`` and ``seed`` choose them; there are fewer where the grammar has no more, for optical captions one.
    """
    if n == 1:
        return [_text(facts, Choices.of(seed, image_id))]
    texts: dict[str, None] = {}
    for attempt in range(ATTEMPTS):
        texts.setdefault(_text(facts, Choices.of(seed, image_id, attempt)))
        if len(texts) == n:
            break
    return list(texts)


def canonical(facts: Facts) -> str:
    """Return the caption without paraphrase: land cover, then the two published sentences on objects."""
    if facts.statements:
        return " ".join(facts.statements)
    if scene := facts.scene or facts.scene_class:
        return f"This SAR image shows {scene}."
    objects = canonical_objects(facts.items) if facts.items else ""
    present = _canonical_present(facts)
    room = WORDS - len(f"{objects} {present}".split())
    cover = canonical_cover(_as_said(facts.cover), room) if facts.cover else ""
    return " ".join(part for part in (cover, objects, present) if part)


def _canonical_present(facts: Facts) -> str:
    """Land cover without a share, then objects without a number."""
    stuff, things = _present(facts)
    parts = [f"{enumerate_phrases(stuff)} can be seen in this SAR image"] if stuff else []
    if things:
        parts.append(f"there is {enumerate_phrases([f'{SOME} {noun}' for noun in things])} in this SAR image")
    return sentences(*parts)


def _present(facts: Facts) -> tuple[list[str], list[str]]:
    """The nouns of land cover without a share, and of objects without a number."""
    stuff = [fact.noun for fact in facts.present if fact.stuff]
    return stuff, [fact.noun for fact in facts.present if not fact.stuff]


def _text(facts: Facts, choices: Choices) -> str:
    if facts.statements:
        return " ".join(facts.statements)
    if facts.scene:
        told = sentences(seen([facts.scene], choices, alone=True))
    elif facts.scene_class:
        told = scene_of(facts.scene_class, choices)
    elif facts.cover:
        told = _cover_and_objects(_as_said(facts.cover), facts.items, choices)
    else:
        told = objects_text(facts.items, choices) if facts.items else ""
    return f"{told} {named(*_present(facts), choices, first=not told)}".strip() if facts.present else told


def _cover_and_objects(cover: tuple[Cover, ...], items: tuple[Item, ...], choices: Choices) -> str:
    if not items:
        return cover_text(cover, choices)
    objects = further_objects(items, choices)
    text = f"{cover_text(cover, choices, WORDS - objects.count(' ') - 1)} {objects}"
    if text.count(" ") < WORDS:
        return text
    return f"{cover_text(cover, choices, 0)} {shortest_objects(items)}"


def _as_said(cover: Sequence[CoverFact]) -> tuple[Cover, ...]:
    return tuple((fact.noun, fact.share, fact.zone) for fact in cover)
