import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.caption_texts import grammar, most_frequent, references_of
from tests.evaluation.captioning.making import (
    BRIDGE,
    SHIP,
    benchmark,
    example,
    object_facts,
    quoted_facts,
    train_caption,
)

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
