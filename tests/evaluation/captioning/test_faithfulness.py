"""What captions state against what is true, in numbers and in words."""

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Example
from sartext.evaluation.metrics.reference_free import CheckableClasses, checkable_classes, judge
from sartext.evaluation.stages.captioning import judge_caption
from sartext.narrator.facts import Facts
from sartext.narrator.statements import KINDS, OBJECT_COUNT
from tests.evaluation.captioning.making import (
    BRIDGE,
    CROPS,
    SHIP,
    STUFF,
    TANK,
    THINGS,
    WATER,
    cover_facts,
    entry,
    example,
    object_facts,
    quoted_facts,
)

ANNOTATION = checkable_classes(
    {
        "ships": entry("ships", *THINGS),
        "rough": entry("rough", SHIP, TANK.model_copy(update={"exhaustive": False})),
        "land": entry("land", *STUFF),
        "pairs": entry("pairs"),
    }
)
THREE_SHIPS = object_facts((SHIP, 2, 1), (BRIDGE, 0, 1))


def judged(caption, facts, corpus="ships"):
    return judge([caption], [example(f"{corpus}/1", facts)], ANNOTATION)


def test_a_true_caption_is_right_throughout():
    shown = example("ships/1", THREE_SHIPS)
    found = judge([shown.caption], [shown], ANNOTATION)
    assert found.of("fact").tolist() == [[7, 7, 7]]
    assert found.of("object").tolist() == [[7, 7, 7]]
    assert found.of("cover").tolist() == [[0, 0, 0]]
    assert found.invented.tolist() == found.undecided.tolist() == [0]
    assert not found.silent[0]
    assert not found.odd[0]


def test_right_stated_and_true_by_kind():
    found = judged("There are two ships in this SAR image. Two ships are in the center.", THREE_SHIPS)
    counts = dict(zip(KINDS, found.counts[0].tolist(), strict=True))
    assert counts["object class"] == [1, 1, 2]
    assert counts[OBJECT_COUNT] == [0, 1, 2]
    assert counts["object zone"] == [1, 1, 3]
    assert found.of("object_count").tolist() == [[0, 1, 2]]


def test_invented_classes_are_not_counted_as_wrong_counts_too():
    text = "There are two ships and four storage tanks in this SAR image. Four storage tanks are in the center."
    found = judged(text, THREE_SHIPS)
    assert found.invented.tolist() == [1]
    assert found.wrong["wrong_counts"].tolist() == [[1, 1]]
    assert found.wrong["wrong_zones"].tolist() == [[0, 0]]


def test_zones_and_shares_told_wrong_of_what_is_there():
    found = judged("There are three ships in this SAR image. Three ships are in the center.", THREE_SHIPS)
    assert found.wrong["wrong_zones"].tolist() == [[1, 1]]
    land = cover_facts((WATER, 0.7, "lower-left"), (CROPS, 0.3, None))
    said = "Water covers about half of this SAR image in the upper right, and crops cover about a quarter of it."
    found = judged(said, land, "land")
    assert found.wrong["wrong_shares"].tolist() == [[1, 2]]
    assert found.wrong["wrong_zones"].tolist() == [[1, 1]]
    assert found.invented.tolist() == [0]


def test_what_is_not_annotated_exhaustively_is_neither_invented_nor_wrong():
    found = judged("There are four storage tanks in this SAR image.", object_facts((SHIP, 1, 0)), "rough")
    assert found.invented.tolist() == [0]
    assert found.undecided.tolist() == [2]
    assert found.of("fact").tolist() == [[0, 0, 3]]


def test_quoted_facts_judge_no_caption():
    found = judged("There are four ships in this SAR image.", quoted_facts("A harbor with ships."), "pairs")
    assert not found.judged[0]
    assert found.counts.sum() == found.invented.sum() == found.undecided.sum() == 0


@pytest.mark.parametrize("caption", ["", "xyzzy", "a photo of a dog."])
def test_captions_that_state_nothing_are_counted(caption):
    found = judged(caption, THREE_SHIPS)
    assert found.silent[0]
    assert found.odd[0]
    assert found.of("fact").tolist() == [[0, 0, 7]]


def test_rows_are_in_the_order_of_the_captions():
    examples = [example("ships/1", THREE_SHIPS), example("land/2", cover_facts((WATER, 1.0, None)))]
    found = judge([examples[0].caption, examples[0].caption], examples, ANNOTATION)
    assert found.of("fact")[:, 0].tolist() == [7, 0]
    assert found.of("cover")[:, 2].tolist() == [0, 2]
    assert found.undecided.tolist() == [0, 7]


def test_at_least_one_of_a_class_states_the_class():
    found = judged("There is at least one ship and at least one storage tank in this SAR image.", THREE_SHIPS)
    assert found.of("fact").tolist() == [[1, 2, 7]]
    assert found.of("object_class").tolist() == [[1, 2, 2]]
    assert found.invented.tolist() == [1]
    assert not found.silent[0]
    assert not found.odd[0]


def test_statements_are_told_by_class_too():
    text = "There are two ships and four storage tanks in this SAR image. Two ships are in the center."
    found = judged(text, THREE_SHIPS)
    assert {name: counts.tolist() for name, counts in found.classes.items()} == {
        "ship": [[2, 3, 4]],
        "bridge": [[0, 0, 3]],
        "storage tank": [[0, 2, 0]],
    }
    assert "storage tank" not in judged(text, object_facts((SHIP, 1, 0)), "rough").classes


def test_a_background_is_read_and_judged():
    sea = entry("oil", SHIP, background="open water")
    found = judge(
        ["Only open water can be seen in this SAR image."] * 2,
        [example("oil/1", Facts(scene="open water")), example("oil/2", object_facts((SHIP, 1, 0)))],
        checkable_classes({"oil": sea}),
    )
    assert found.of("scene").tolist() == [[1, 1, 1], [0, 1, 0]]


def test_an_unknown_corpus_is_refused():
    with pytest.raises(EvaluationError, match="the catalogue has no corpus 'shps'; did you mean 'ships'"):
        judge(["x"], [example("shps/1", THREE_SHIPS)], ANNOTATION)


def test_nothing_gives_empty_arrays():
    found = judge([], [], ANNOTATION)
    assert found.of("fact").shape == (0, 3)
    assert np.shape(found.wrong["wrong_counts"]) == (0, 2)


CHECKABLE: CheckableClasses = checkable_classes({"a": entry("a", *THINGS, *STUFF), "ships": entry("ships", SHIP)})


def of(facts: Facts, corpus: str = "a") -> Example:
    return example(f"{corpus}/1", facts)


def test_a_caption_that_says_what_is_there_is_right() -> None:
    shown = of(object_facts((SHIP, 2, 1)))
    judged_caption = judge_caption(shown.caption, shown, CHECKABLE)
    assert (judged_caption.text, judged_caption.wrong, judged_caption.missed, judged_caption.judged) == (
        shown.caption,
        (),
        (),
        True,
    )


def test_counts_and_places_are_told_in_words() -> None:
    truth, said = of(object_facts((SHIP, 2, 1))), of(object_facts((SHIP, 0, 4)))
    judged_caption = judge_caption(said.caption, truth, CHECKABLE)
    assert judged_caption.wrong == ("ship: four", "ship: four outside the center")
    assert judged_caption.missed == ("ship: three", "ship: one outside the center", "ship: two in the center")


def test_of_a_class_that_is_not_there_only_that_it_is_named() -> None:
    truth = of(object_facts((SHIP, 1, 0)))
    said = of(object_facts((SHIP, 1, 0), (BRIDGE, 1, 1)))
    assert judge_caption(said.caption, truth, CHECKABLE).wrong == ("bridge",)
    assert judge_caption(truth.caption, said, CHECKABLE).missed == ("bridge",)


def test_shares_and_zones_of_land_cover_are_told_in_words() -> None:
    truth = of(cover_facts((STUFF[0], 0.9, None)))
    said = of(cover_facts((STUFF[0], 0.3, "upper-left")))
    judged_caption = judge_caption(said.caption, truth, CHECKABLE)
    label = STUFF[0].label
    assert any(problem.startswith(f"{label}: ") for problem in judged_caption.wrong)
    assert any(problem.startswith(f"{label} in the ") for problem in judged_caption.wrong)
    assert any(problem.startswith(f"{label}: ") for problem in judged_caption.missed)


def test_what_the_corpus_does_not_annotate_is_neither_right_nor_wrong() -> None:
    truth = of(object_facts((SHIP, 1, 0)), "ships")
    said = of(object_facts((SHIP, 1, 0), (BRIDGE, 1, 1)))
    assert judge_caption(said.caption, truth, CHECKABLE).wrong == ()


def test_at_least_one_is_judged_as_the_class_alone() -> None:
    truth = of(object_facts((SHIP, 2, 0)))
    judged_caption = judge_caption("There is at least one ship in this SAR image.", truth, CHECKABLE)
    assert (judged_caption.judged, judged_caption.wrong, judged_caption.missed) == (
        True,
        (),
        ("ship: two", "ship: two in the center"),
    )
    judged_caption = judge_caption("There is at least one bridge in this SAR image.", truth, CHECKABLE)
    assert (judged_caption.judged, judged_caption.wrong, judged_caption.missed) == (True, ("bridge",), ("ship",))
    land = Facts(objects=truth.facts.objects, cover=cover_facts((STUFF[0], 0.9, None)).cover)
    said = "Water covers nearly all of this SAR image. There is at least one ship in it."
    assert "ship" not in judge_caption(said, of(land), CHECKABLE).missed


@pytest.mark.parametrize("caption", ["", "Lorem ipsum dolor."])
def test_a_caption_that_cannot_be_read_is_not_judged(caption: str) -> None:
    judged_caption = judge_caption(caption, of(object_facts((SHIP, 1, 0))), CHECKABLE)
    assert (judged_caption.judged, judged_caption.wrong, judged_caption.missed) == (False, (), ())


def test_nothing_is_judged_against_a_quotation() -> None:
    quoted = of(quoted_facts("There is a harbor with ships."))
    assert not judge_caption("There is one ship.", quoted, CHECKABLE).judged
