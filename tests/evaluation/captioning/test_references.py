import re

import pytest

from sartext.evaluation.captioning.references import REFERENCES, wordings
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
    told = wordings(released, facts, image_id, seed=4)
    assert told.references[0] == released
    assert len(told.references) == REFERENCES == 5
    assert told.sixth is not None
    assert len({tuple(words(one)) for one in (*told.references, told.sixth)}) == 6
    assert told == wordings(released, facts, image_id, seed=4)


def test_the_seed_chooses_the_wordings_but_not_the_first():
    released = realise(RICH[0], "a/1", 11)[0]
    told = [wordings(released, RICH[0], "a/1", seed) for seed in range(6)]
    assert {one.references[0] for one in told} == {released}
    assert len({one.references for one in told}) > 1


def test_a_rewritten_optical_caption_has_one_wording():
    caption = "There is a harbor with many ships."
    told = wordings(caption, quoted_facts(caption), "a/1", seed=4)
    assert told.references == (caption,)
    assert told.sixth is None


def test_a_wording_that_differs_in_signs_only_is_the_same(monkeypatch):
    from sartext.evaluation.captioning import references

    monkeypatch.setattr(references, "realise", lambda *_: ["one ship; it is here", "One ship, it is here.", "Two"])
    told = wordings("One ship. It is here.", RICH[0], "a/1", seed=4)
    assert told.references == ("One ship. It is here.", "Two")
