"""What captions are compared with: references, the captions of baselines; and the parts that are told apart."""

import math
import re

import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.caption_scoring import smallest_side, subsets
from sartext.evaluation.caption_texts import REFERENCES, grammar, most_frequent, references_of
from sartext.narrator.facts import Facts
from tests.evaluation.generated import (
    BRIDGE,
    CROPS,
    SHIP,
    WATER,
    benchmark_of,
    cover_facts,
    example,
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
    released = example(image_id, facts)
    references = references_of(released, seed=4)
    assert references.texts[0] == released.caption
    assert len(references.texts) == REFERENCES == 5
    assert references.sixth is not None
    assert len({tuple(words(text)) for text in (*references.texts, references.sixth)}) == 6
    assert references == references_of(released, seed=4)


def test_the_seed_chooses_the_references_of_but_not_the_first():
    released = example("a/1", RICH[0])
    drawn = [references_of(released, seed).texts for seed in range(6)]
    assert {texts[0] for texts in drawn} == {released.caption}
    assert len(set(drawn)) > 1


def test_a_rewritten_optical_caption_has_one_wording():
    caption = "There is a harbor with many ships."
    references = references_of(example("o/1", quoted_facts(caption), caption), seed=4)
    assert references.texts == (caption,)
    assert references.sixth is None


def test_a_wording_that_differs_in_signs_only_is_the_same(monkeypatch):
    wordings = ["one ship; it is here", "One ship, it is here.", "Two"]
    monkeypatch.setattr("sartext.evaluation.caption_texts.realise", lambda *_: wordings)
    references = references_of(example("a/1", RICH[0], "One ship. It is here."), seed=4)
    assert references.texts == ("One ship. It is here.", "Two")


FACTS = object_facts((SHIP, 2, 1))
TRAIN = [example(f"a/{number}", FACTS, text) for number, text in enumerate(["b.", "c.", "b.", "a.", "a."])]
BENCHMARK = benchmark_of(
    [
        example("a/t1", FACTS),
        example("a/t2", object_facts((BRIDGE, 0, 1))),
        example("o/t3", quoted_facts("A harbor."), "A harbor."),
    ],
    TRAIN,
)


def test_of_the_most_frequent_captions_the_first_in_alphabetical_order():
    assert most_frequent(BENCHMARK) == {"a/t1": "a.", "a/t2": "a.", "o/t3": "a."}


def test_what_a_model_wrote_is_no_caption_of_the_train_split():
    written = [example(f"n/{number}", FACTS, "z.", method="narrator") for number in range(9)]
    assert most_frequent(benchmark_of(BENCHMARK.examples, [*TRAIN, *written]))["a/t1"] == "a."
    for train, problem in ((written, "models wrote all captions"), ([], "the train split is empty")):
        with pytest.raises(EvaluationError, match=problem):
            most_frequent(benchmark_of(BENCHMARK.examples, train))


def test_the_ceiling_is_said_of_images_that_have_a_sixth_wording_and_is_no_reference():
    captions = grammar(BENCHMARK, seed=4)
    assert set(captions) == {"a/t1", "a/t2"}
    for shown in BENCHMARK.examples[:2]:
        assert captions[shown.image_id] not in references_of(shown, 4).texts


ONE_SHIP = object_facts((SHIP, 1, 0))


def box(xmin, ymin, xmax, ymax):
    return {"label": "ship", "xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def ship(name, *boxes, size=(128, 128)):
    return example(name, ONE_SHIP, boxes=boxes, size=size)


def test_the_shorter_side_of_the_smallest_object_is_measured_in_the_squashed_image():
    wide = ship("a/1", box(0, 0, 40, 16), box(0, 0, 100, 100), size=(400, 128))
    assert smallest_side(wide, 64) == pytest.approx(min(40 * 64 / 400, 16 * 64 / 128))


def test_boxes_are_clipped_to_the_image_and_those_without_area_left_out():
    assert smallest_side(ship("a/1", box(-10, 0, 6, 128), box(130, 0, 140, 9), box(5, 5, 5, 9)), 64) == 3
    assert math.isnan(smallest_side(ship("a/1", box(130, 0, 140, 9)), 64))


def test_parts_by_corpus_and_by_size_with_lower_bounds_inclusive():
    examples = [ship(f"a/{side}", box(0, 0, side, side), size=(64, 64)) for side in (1, 2, 4, 8)]
    examples += [example("b/1", cover_facts((WATER, 1.0, None)), boxes=()), example("b/2", ONE_SHIP)]
    parts = {name: mask.nonzero()[0].tolist() for name, mask in subsets(examples, 64).items()}
    assert parts == {
        "all": [0, 1, 2, 3, 4, 5],
        "corpus:a": [0, 1, 2, 3],
        "corpus:b": [4, 5],
        "objects:under-2px": [0],
        "objects:2-4px": [1],
        "objects:4-8px": [2],
        "objects:from-8px": [3],
    }


def test_without_boxes_there_are_no_parts_by_size():
    assert set(subsets([example("b/2", ONE_SHIP)], 64)) == {"all", "corpus:b"}
