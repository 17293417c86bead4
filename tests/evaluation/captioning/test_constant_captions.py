"""The best that a caption gets which never sees the image: chosen on the train split, by trying all of it."""

import re

import numpy as np
import pytest

from sartext.evaluation.caption_texts import baselines
from sartext.evaluation.constant_captions import OBJECTIVES, constant_captions
from sartext.evaluation.details import BASELINES, CONSTANT_CIDER
from sartext.evaluation.metrics.cider import cider_d, document_frequencies, pair_up
from sartext.evaluation.metrics.reference_free import checkable_classes, judge
from tests.evaluation import generated
from tests.evaluation.generated import (
    SHIP,
    STUFF,
    THINGS,
    benchmark_of,
    entry,
    example,
    object_facts,
    quoted_facts,
)

CHECKABLE = checkable_classes({"mixed": entry("mixed", *THINGS, *STUFF), "solo": entry("solo", SHIP)})
QUOTED = quoted_facts("There is a harbor with ships.")


@pytest.fixture(scope="module")
def train():
    rng = np.random.default_rng(5)
    rows = [
        example(f"mixed/{at:02}", generated.cover(rng) if at % 3 else generated.objects(rng)) for at in range(40)
    ]
    rows += [example(f"solo/{at}", object_facts((SHIP, 1, 0)), "There is one ship.") for at in range(4)]
    return [*rows, example("pairs/1", QUOTED, QUOTED.statements[0], method="optical-rules")]


def said_of_all(caption, train):
    """Right, stated and true statements of a caption that is said of every row."""
    rows = [row for row in train if row.corpus in CHECKABLE.decided]
    return judge([caption] * len(rows), rows, CHECKABLE).of("fact").sum(axis=0)


def test_each_is_the_best_of_its_kind_if_said_of_the_whole_train_split(train):
    chosen = constant_captions(train, CHECKABLE)
    assert chosen.keys() == {*OBJECTIVES, CONSTANT_CIDER}
    assert all(BASELINES[name].blind for name in chosen)
    every = sorted({row.caption for row in train})
    for name, objective in OBJECTIVES.items():
        scores = {caption: float(objective(said_of_all(caption, train)[None])[0]) for caption in every}
        assert scores[chosen[name]] == pytest.approx(max(scores.values())), name
    assert len(set(chosen.values())) > 1, "little said is precise, much said is complete"


def test_the_consensus_has_the_best_cider_d_against_all_other_captions(train):
    tokens = {row.caption: " ".join(re.findall(r"\w+", row.caption.casefold())) for row in train}
    references = [[tokens[row.caption]] for row in train]
    frequencies = document_frequencies(references)
    scores = {
        caption: float(cider_d(pair_up([text] * len(train), references), frequencies).mean())
        for caption, text in tokens.items()
    }
    chosen = constant_captions(train, CHECKABLE)[CONSTANT_CIDER]
    assert scores[chosen] > 0.97 * max(scores.values()), "n-grams that a caption repeats are not clipped here"
    assert scores[chosen] > np.mean(list(scores.values()))


def test_what_a_model_wrote_is_no_candidate_and_no_reference(train):
    written = [
        example(f"mixed/n{at}", object_facts((SHIP, 1, 0)), "At least one ship is seen.", method="narrator")
        for at in range(200)
    ]
    examples = [example("solo/9", object_facts((SHIP, 2, 0)))]
    alone, beside = (baselines(benchmark_of(examples, rows), 3, CHECKABLE) for rows in (train, [*train, *written]))
    assert alone == beside


def test_of_facts_that_nobody_can_check_only_the_consensus_is_known():
    quoted = [example("pairs/1", QUOTED, QUOTED.statements[0], method="optical-rules")]
    assert constant_captions(quoted, CHECKABLE) == {CONSTANT_CIDER: QUOTED.statements[0]}
    assert constant_captions([], CHECKABLE) == {}
