import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.captioning import baselines
from sartext.evaluation.captioning.baselines import grammar, most_frequent, nearest_rows, nearest_train
from sartext.evaluation.captioning.texts import references_of
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
    told = grammar(BENCHMARK, seed=4)
    assert set(told) == {"a/t1", "a/t2"}
    for one in BENCHMARK.examples[:2]:
        assert told[one.image_id] not in references_of(one.caption, one.facts, one.image_id, 4).texts


def test_the_nearest_training_caption():
    assert nearest_train(BENCHMARK, [3, 0, 1]) == {"a/t1": "a.", "a/t2": "b.", "o/t3": "c."}


@pytest.mark.parametrize(
    ("rows", "what"), [([1], "1 nearest rows for 3 images"), ([0, 1, 5], "no row 5"), ([0, -1, 1], "no row -1")]
)
def test_rows_that_are_none_of_the_train_split_are_refused(rows, what):
    with pytest.raises(EvaluationError, match=what):
        nearest_train(BENCHMARK, rows)


def test_without_a_train_split_there_is_no_baseline_of_it():
    with pytest.raises(EvaluationError, match="the train split is empty"):
        most_frequent(benchmark([example("a/t1", FACTS)]))


@pytest.mark.parametrize("budget", [1, 7, 10_000])
def test_nearest_rows_in_blocks_are_those_of_the_whole_product(monkeypatch, budget):
    rng = np.random.default_rng(2)
    queries, gallery = rng.normal(size=(23, 5)), rng.normal(size=(7, 5))
    monkeypatch.setattr(baselines, "BLOCK", budget)
    assert nearest_rows(queries, gallery).tolist() == (queries @ gallery.T).argmax(axis=1).tolist()


def test_of_equally_near_rows_the_first():
    assert nearest_rows(np.ones((1, 2)), np.ones((3, 2))).tolist() == [0]
    assert nearest_rows(np.ones((0, 2)), np.ones((3, 2))).tolist() == []


def test_features_that_cannot_be_compared_are_refused():
    bad = np.ones((3, 2))
    bad[1, 0] = np.nan
    for queries, gallery, what in (
        (bad, np.ones((3, 2)), "queries: row 1: a feature is not a number"),
        (np.ones((3, 2)), bad, "gallery: row 1: a feature is not a number"),
        (np.ones((3, 2)), np.ones((3, 4)), "cannot be compared"),
        (np.ones((3, 2)), np.ones((0, 2)), "cannot be compared"),
    ):
        with pytest.raises(EvaluationError, match=what):
            nearest_rows(queries, gallery)
