import re

import pytest

from sartext.evaluation.captioning.texts import REFERENCES, references_of
from sartext.narrator.facts import Facts
from sartext.narrator.realisation import realise
from tests.evaluation.captioning.making import (
    BRIDGE,
    CROPS,
    SHIP,
    WATER,
    cover_facts,
    object_facts,
    quoted_facts,
)

RICH = [
    object_facts((SHIP, 2, 1), (BRIDGE, 0, 1)),
    cover_facts((WATER, 0.7, None), (CROPS, 0.3, "upper-left")),
    Facts(object_facts((SHIP, 1, 0)).objects, cover_facts((WATER, 1.0, None)).cover),
]


def words(text):
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize("facts", RICH)
@pytest.mark.parametrize("image_id", ["a/1", "a/2", "b/3"])
def test_five_references_and_a_sixth_wording_that_are_all_distinct(facts, image_id):
    released = realise(facts, image_id, 11)[0]
    told = references_of(released, facts, image_id, seed=4)
    assert told.texts[0] == released
    assert len(told.texts) == REFERENCES == 5
    assert told.sixth is not None
    assert len({tuple(words(one)) for one in (*told.texts, told.sixth)}) == 6
    assert told == references_of(released, facts, image_id, seed=4)


def test_the_seed_chooses_the_references_of_but_not_the_first():
    released = realise(RICH[0], "a/1", 11)[0]
    told = [references_of(released, RICH[0], "a/1", seed) for seed in range(6)]
    assert {one.texts[0] for one in told} == {released}
    assert len({one.texts for one in told}) > 1


def test_a_rewritten_optical_caption_has_one_wording():
    caption = "There is a harbor with many ships."
    told = references_of(caption, quoted_facts(caption), "a/1", seed=4)
    assert told.texts == (caption,)
    assert told.sixth is None


def test_a_wording_that_differs_in_signs_only_is_the_same(monkeypatch):
    from sartext.evaluation.captioning import texts

    monkeypatch.setattr(texts, "realise", lambda *_: ["one ship; it is here", "One ship, it is here.", "Two"])
    told = references_of("One ship. It is here.", RICH[0], "a/1", seed=4)
    assert told.texts == ("One ship. It is here.", "Two")
