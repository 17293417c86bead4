"""Contradictions planted in captions of every form are found, and true captions are not accused.

Two hundred of each kind are planted: half the captions tell wrong facts in the grammar's own words, in the others
a word is exchanged. ``pytest -s`` prints the figures.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import realise
from sartext.narrator.vocabulary import NUMBER_WORDS, SHARES, ZONES, number_word, share_word

from .generated import COVER, THINGS, facts_with

PLANTED, FOUND, FALSE_ALARMS = 200, 0.99, 0.01
IN_CENTER, OUTSIDE = ("in the center", "in the central part"), ("outside the center", "outside the central part")


def exchanged(text: str, one: str, other: str, random: Random) -> str:
    """The text with one of the places where a phrase stands whole exchanged for another phrase."""
    places = list(re.finditer(rf"(?<![\w-]){re.escape(one)}(?![\w-])", text, re.I))
    if not places:
        return text
    start, end = random.choice(places).span()
    return text[:start] + (other.capitalize() if text[start].isupper() else other) + text[end:]


def fact_of(facts: tuple, random: Random) -> tuple[int, ObjectFact | CoverFact]:
    place = random.randrange(len(facts))
    return place, facts[place]


def with_fact(facts: tuple, place: int, changed: ObjectFact | CoverFact) -> tuple:
    return (*facts[:place], changed, *facts[place + 1 :])


def wrong_count(facts: Facts, random: Random) -> Facts:
    place, fact = fact_of(facts.objects, random)
    more = random.choice([1, 2, 5])
    zone = "center" if fact.center and fact.center <= 15 else "outside"
    changed = replace(fact, count=fact.count + more, **{zone: getattr(fact, zone) + more})
    return replace(facts, objects=with_fact(facts.objects, place, changed))


def count_word(text: str, random: Random) -> str:
    found = [word for word in NUMBER_WORDS[2:] if re.search(rf"(?<![\w-]){word}(?! third)(?![\w-])", text, re.I)]
    if not found:
        return text
    word = random.choice(found)
    other = random.choice([number for number in NUMBER_WORDS[2:] if number != word])
    return exchanged(text, word, other, random)


def wrong_class(facts: Facts, random: Random) -> Facts:
    if facts.cover and (not facts.objects or random.random() < 0.5):
        place, fact = fact_of(facts.cover, random)
        noun = random.choice([noun for noun in COVER if noun not in {other.noun for other in facts.cover}])
        return replace(facts, cover=with_fact(facts.cover, place, replace(fact, label=noun, noun=noun)))
    place, fact = fact_of(facts.objects, random)
    known = {other.noun for other in facts.objects}
    noun, plural = random.choice([names for names in THINGS if names[0] not in known])
    return replace(facts, objects=with_fact(facts.objects, place, replace(fact, noun=noun, plural=plural)))


def class_word(text: str, random: Random) -> str:
    pairs = [*(plural for _, plural in THINGS), *(noun for noun in COVER if noun != "an oil spill")]
    found = [noun for noun in pairs if re.search(rf"(?<![\w-]){noun}(?![\w-])", text, re.I)]
    if not found:
        return text
    noun = random.choice(found)
    others = [other for other in pairs if other != noun and not (noun in other or other in noun)]
    return exchanged(text, noun, random.choice(others), random)


def wrong_zone(facts: Facts, random: Random) -> Facts:
    if facts.cover and (not facts.objects or random.random() < 0.5):
        place, fact = fact_of(facts.cover, random)
        zone = random.choice([zone for zone in (*ZONES, None) if zone != fact.zone])
        return replace(facts, cover=with_fact(facts.cover, place, replace(fact, zone=zone)))
    place, fact = fact_of(facts.objects, random)
    moved = replace(fact, center=fact.outside, outside=fact.center)
    if fact.center == fact.outside or min(fact.center, fact.outside) > 20:
        moved = replace(fact, center=0, outside=fact.count)
    return replace(facts, objects=with_fact(facts.objects, place, moved))


def zone_word(text: str, random: Random) -> str:
    names = [*(f"in the {zone}" for zone in ZONES.values()), *IN_CENTER, *OUTSIDE]
    found = [name for name in names if name in text.casefold()]
    if not found:
        return text
    name = random.choice(found)
    same = IN_CENTER if name in IN_CENTER else OUTSIDE if name in OUTSIDE else ()
    objects_zone = bool(same)
    others = (OUTSIDE if same == IN_CENTER else IN_CENTER) if objects_zone else [n for n in names[:5] if n != name]
    return exchanged(text, name, random.choice(list(others)), random)


def wrong_share(facts: Facts, random: Random) -> Facts:
    place, fact = fact_of(facts.cover, random)
    fraction = random.choice([0.9, 0.6, 0.5, 0.4, 0.25, 0.15, 0.05])
    fraction = fraction if share_word(fraction) != fact.share else (0.5 if fact.share != "about half" else 0.25)
    changed = with_fact(facts.cover, place, replace(fact, fraction=fraction, share=share_word(fraction)))
    return replace(facts, cover=tuple(sorted(changed, key=lambda fact: -fact.fraction)))


def share_words(text: str, random: Random) -> str:
    words = [share for _, share in SHARES]
    found = [share for share in words if re.search(rf"(?<![\w-]){share}(?![\w-])", text, re.I)]
    if not found:
        return text
    share = random.choice(found)
    return exchanged(text, share, random.choice([word for word in words if word != share]), random)


KINDS: dict[str, tuple[tuple[str, ...], Callable, Callable]] = {
    "count": (("objects", "both"), wrong_count, count_word),
    "class": (("objects", "cover", "both"), wrong_class, class_word),
    "zone": (("objects", "cover", "both"), wrong_zone, zone_word),
    "share": (("cover", "both"), wrong_share, share_words),
}


def said(facts: Facts) -> tuple:
    """What of a record captions say: numbers over twenty are alike."""
    counts = {(fact.noun, *map(number_word, (fact.count, fact.center, fact.outside))) for fact in facts.objects}
    return counts, {(fact.noun, fact.share, fact.zone) for fact in facts.cover}


def planted(kind: str, seed: int) -> list[tuple[str, str, Facts]]:
    """Wrong captions, the true ones and the facts: as many as `PLANTED`."""
    sources, wrong, word = KINDS[kind]
    random, found = Random(seed), []
    while len(found) < PLANTED:
        facts = facts_with(random, random.choice(sources))
        name = f"toy/{random.random()}"
        true = realise(facts, name, 11)[0]
        changed = wrong(facts, random)
        told = realise(changed, name, 11)[0] if len(found) % 2 else word(true, random)
        if told != true and (not len(found) % 2 or said(changed) != said(facts)):
            found.append((told, true, facts))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_planted_contradictions_are_found_and_true_captions_are_not_accused(kind):
    captions = planted(kind, seed=len(kind))
    missed = [wrong for wrong, _, facts in captions if not contradictions(wrong, to_json(facts), "sa2c", None)]
    accused = [true for _, true, facts in captions if contradictions(true, to_json(facts), "sa2c", None)]
    print(f"{kind}: {PLANTED - len(missed)} of {PLANTED} found, {len(accused)} false alarms")
    assert len(missed) / PLANTED <= 1 - FOUND, missed
    assert len(accused) / PLANTED < FALSE_ALARMS, accused
