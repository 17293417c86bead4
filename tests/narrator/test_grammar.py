"""The paraphrase grammar: every form is English, true and read back exactly, and none is frequent."""

import re
from collections import Counter
from random import Random

import pytest

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import realise
from sartext.narrator.statements import read_statements, statements_of
from sartext.narrator.vocabulary import bare, thing_nouns
from sartext.release.gate.suites.diversity import noun_mask, pattern, sentences

from .generated import COVER, KINDS, SCENES, THINGS, facts_with

NOUNS = {bare(noun): (bare(noun), "cover") for noun in COVER}
for one, many in THINGS:
    NOUNS |= thing_nouns(one, many)
MASK = noun_mask([*NOUNS, *COVER, *SCENES, "open sea", "land without open water"])

DISAGREE = re.compile(
    r"\b(?:one (?:ship|aircraft|storage tank|bridge)|(?<!of )it|the (?:ship|storage tank|bridge)|water|"
    r"forest|bare soil|snow or ice|farmland) (?:are|lie|appear|cover|take|make|account|extend|stretch|occupy)\b"
    r"|\b(?:ships|tanks|bridges|crops|built-up areas|roads|industrial facilities|both|they|all of them) "
    r"(?:is|lies|appears|covers|takes|makes|accounts|extends|stretches|occupies)\b"
    r"|\bthere is (?:two|three|more|crops|roads|one or more)"
    r"|\bthere are (?:one (?!or )|water|forest|bare soil|at least one)"
)
LIST = rf"\b(?:{'|'.join([*COVER, *(noun for names in THINGS for noun in names)])}) and [^.;,]*"


def texts(kind, count, seed):
    """Pairs of facts and a caption of them, as many as asked."""
    random = Random(seed)
    for number in range(count):
        facts = facts_with(random, kind)
        yield facts, realise(facts, f"toy/{number}", seed)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_caption_is_read_back_as_its_facts(kind):
    for facts, text in texts(kind, 1500, 3):
        stated = read_statements(text, NOUNS, [name for name in (facts.scene, facts.scene_class) if name])
        assert not stated.problems, (text, stated.problems)
        assert set(stated.statements) == set(statements_of(facts)), text
        assert contradictions(text, to_json(facts), "sa2c", None) == []


@pytest.mark.parametrize("kind", KINDS)
def test_verbs_agree_and_nothing_stands_twice(kind):
    for _, text in texts(kind, 1500, 4):
        single = re.sub(LIST, "", text.casefold())  # "two ships and one bridge are"
        assert not DISAGREE.search(single), text
        assert not re.search(r"\b(\w+) \1\b", text.casefold()), text
        assert re.fullmatch(r"(?:[A-Z][^.]*\.)(?: [A-Z][^.]*\.)*", text), text
        assert not re.search(r"\s\s|\s[.,;]|[.,;]{2}", text), text


def ships(center, outside):
    return ObjectFact("ship", "ship", "ships", center + outside, center, outside)


WATER = CoverFact("water", "water", 0.6, "most")
COMMON = {
    "one ship": Facts(objects=(ships(1, 0),)),
    "two ships": Facts(objects=(ships(0, 2),)),
    "four ships": Facts(objects=(ships(4, 0),)),
    "three ships apart": Facts(objects=(ships(1, 2),)),
    "many ships apart": Facts(objects=(ships(20, 9),)),
    "ships and bridges": Facts(objects=(ships(2, 2), ObjectFact("bridge", "bridge", "bridges", 2, 1, 1))),
    "water": Facts(cover=(WATER,)),
    "water and a ship": Facts(cover=(WATER,), objects=(ships(0, 1),)),
    "water and ships apart": Facts(cover=(WATER,), objects=(ships(1, 1),)),
    "water, crops": Facts(cover=(WATER, CoverFact("crops", "crops", 0.25, "about a quarter", "upper-left"))),
    "at least one ship": Facts(present=(PresentFact("ship", "ship", "ships"),)),
    "background": Facts(scene="open sea"),
    "scene class": Facts(scene_class="industrial facilities"),
}


@pytest.mark.parametrize("name", COMMON)
def test_in_a_corpus_of_images_that_are_all_alike_no_pattern_has_over_five_percent(name):
    held = Counter(
        found
        for number in range(1000)
        for found in {pattern(part, MASK) for part in sentences(realise(COMMON[name], f"toy/{number}", 11)[0])}
    )
    assert max(held.values()) / 1000 <= 0.05, held.most_common(3)


def test_a_caption_has_at_most_eighty_words():
    assert max(len(text.split()) for kind in KINDS for _, text in texts(kind, 800, 5)) <= 80
