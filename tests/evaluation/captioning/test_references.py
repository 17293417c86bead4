"""What captions are compared with: references, and the captions of baselines."""

import re

import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.caption_texts import REFERENCES, grammar, most_frequent, references_of
from sartext.narrator.facts import Facts
from tests.evaluation.captioning.making import (
    BRIDGE,
    CROPS,
    SHIP,
    WATER,
    benchmark,
    cover_facts,
    example,
    object_facts,
    quoted_facts,
    train_caption,
)

RICH = [
    object_facts((SHIP, 2, 1), (BRIDGE, 0, 1)),
    cover_facts((WATER, 0.7, None), (CROPS, 0.3, "upper-left")),
    Facts(object_facts((SHIP, 1, 0)).objects, cover_facts((WATER, 1.0, None)).cover),
]


def words(text):
    return re.findall(r"\w+", text.casefold())


def row(facts, caption=None, image_id="a/1"):
    return train_caption(image_id, facts, caption)


@pytest.mark.parametrize("facts", RICH)
@pytest.mark.parametrize("image_id", ["a/1", "a/2", "b/3"])
def test_five_references_and_a_sixth_wording_that_are_all_distinct(facts, image_id):
    released = row(facts, image_id=image_id)
    references = references_of(released, seed=4)
    assert references.texts[0] == released.caption
    assert len(references.texts) == REFERENCES == 5
    assert references.sixth is not None
    assert len({tuple(words(text)) for text in (*references.texts, references.sixth)}) == 6
    assert references == references_of(released, seed=4)


def test_the_seed_chooses_the_references_of_but_not_the_first():
    drawn = [references_of(row(RICH[0]), seed).texts for seed in range(6)]
    assert {texts[0] for texts in drawn} == {row(RICH[0]).caption}
    assert len(set(drawn)) > 1


def test_a_rewritten_optical_caption_has_one_wording():
    caption = "There is a harbor with many ships."
    references = references_of(row(quoted_facts(caption), caption), seed=4)
    assert references.texts == (caption,)
    assert references.sixth is None


def test_a_wording_that_differs_in_signs_only_is_the_same(monkeypatch):
    from sartext.evaluation import caption_texts

    monkeypatch.setattr(
        caption_texts, "realise", lambda *_: ["one ship; it is here", "One ship, it is here.", "Two"]
    )
    references = references_of(row(RICH[0], "One ship. It is here."), seed=4)
    assert references.texts == ("One ship. It is here.", "Two")


FACTS = object_facts((SHIP, 2, 1))
OTHER = object_facts((BRIDGE, 0, 1))
TRAIN = [train_caption(f"a/{number}", FACTS, text) for number, text in enumerate(["b.", "c.", "b.", "a.", "a."])]
BENCHMARK = benchmark(
    [example("a/t1", FACTS), example("a/t2", OTHER), example("o/t3", quoted_facts("A harbor."), "A harbor.")],
    TRAIN,
)


def test_of_the_most_frequent_captions_the_first_in_alphabetical_order():
    assert most_frequent(BENCHMARK) == {"a/t1": "a.", "a/t2": "a.", "o/t3": "a."}


def test_what_a_model_wrote_is_no_caption_of_the_train_split():
    written = [train_caption(f"n/{number}", FACTS, "z.", method="narrator") for number in range(9)]
    assert most_frequent(benchmark(BENCHMARK.examples, [*TRAIN, *written]))["a/t1"] == "a."
    with pytest.raises(EvaluationError, match="models wrote all captions"):
        most_frequent(benchmark(BENCHMARK.examples, written))


def test_the_ceiling_is_said_of_images_that_have_a_sixth_wording_and_is_no_reference():
    captions = grammar(BENCHMARK, seed=4)
    assert set(captions) == {"a/t1", "a/t2"}
    for example_of in BENCHMARK.examples[:2]:
        assert captions[example_of.image_id] not in references_of(example_of, 4).texts


def test_without_a_train_split_there_is_no_baseline_of_it():
    with pytest.raises(EvaluationError, match="the train split is empty"):
        most_frequent(benchmark([example("a/t1", FACTS)]))
