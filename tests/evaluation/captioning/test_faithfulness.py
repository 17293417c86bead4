"""What captions state against what is true, in numbers and in words."""

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Example
from sartext.evaluation.metrics.reference_free import CheckableClasses, checkable_classes, judge
from sartext.evaluation.stages.captioning import judge_caption
from sartext.narrator.facts import Facts
from tests.evaluation.generated import (
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


def check(caption, facts, corpus="ships", **expected):
    """Compare what is right, stated and true by group, what is wrong and stated, and the flags of a caption."""
    found = judged(caption, facts, corpus)
    for name, value in expected.items():
        if name in found.wrong:
            assert found.wrong[name].tolist() == [value], name
        elif isinstance(value, list):
            assert found.of(name).tolist() == [value], name
        else:
            assert getattr(found, name).tolist() == [value], name


def test_a_true_caption_is_right_throughout():
    caption = example("ships/1", THREE_SHIPS).caption
    check(caption, THREE_SHIPS, fact=[7, 7, 7], object=[7, 7, 7], cover=[0, 0, 0])
    check(caption, THREE_SHIPS, invented=0, undecided=0, silent=False, odd=False)


def test_right_stated_and_true_by_kind():
    text = "There are two ships in this SAR image. Two ships are in the center."
    check(text, THREE_SHIPS, object_class=[1, 1, 2], object_count=[0, 1, 2], object_zone=[1, 1, 3])


def test_invented_classes_are_not_counted_as_wrong_counts_too():
    text = "There are two ships and four storage tanks in this SAR image. Four storage tanks are in the center."
    check(text, THREE_SHIPS, invented=1, wrong_counts=[1, 1], wrong_zones=[0, 0])


def test_zones_and_shares_told_wrong_of_what_is_there():
    text = "There are three ships in this SAR image. Three ships are in the center."
    check(text, THREE_SHIPS, wrong_zones=[1, 1])
    land = cover_facts((WATER, 0.7, "lower-left"), (CROPS, 0.3, None))
    text = "Water covers about half of this SAR image in the upper right; cropland covers about a quarter of it."
    check(text, land, "land", wrong_shares=[1, 2], wrong_zones=[1, 1], invented=0)


def test_what_is_not_annotated_exhaustively_is_neither_invented_nor_wrong():
    text = "There are four storage tanks in this SAR image."
    check(text, object_facts((SHIP, 1, 0)), "rough", invented=0, undecided=2, fact=[0, 0, 3])


def test_quoted_facts_judge_no_caption():
    text, facts = "There are four ships in this SAR image.", quoted_facts("A harbor with ships.")
    check(text, facts, "pairs", judged=False, fact=[0, 0, 0], invented=0, undecided=0)


@pytest.mark.parametrize("caption", ["", "xyzzy", "a photo of a dog."])
def test_captions_that_state_nothing_are_counted(caption):
    check(caption, THREE_SHIPS, fact=[0, 0, 7], silent=True, odd=True)


def test_captions_by_way_of_optical_images_are_read_too():
    text = "This SAR image shows the ocean. Two vessels are on the sea."
    check(text, THREE_SHIPS, object_class=[1, 1, 2], object_count=[0, 1, 2], undecided=1, silent=False, odd=False)
    check("Some planes are parked at the airport.", quoted_facts("An airport."), "pairs", judged=False, odd=True)


def test_at_least_one_of_a_class_states_the_class():
    text = "There is at least one ship and at least one storage tank in this SAR image."
    check(text, THREE_SHIPS, fact=[1, 2, 7], object_class=[1, 2, 2], invented=1, silent=False, odd=False)


def test_rows_are_in_the_order_of_the_captions():
    examples = [example("ships/1", THREE_SHIPS), example("land/2", cover_facts((WATER, 1.0, None)))]
    found = judge([examples[0].caption, examples[0].caption], examples, ANNOTATION)
    assert found.of("fact")[:, 0].tolist() == [7, 0]
    assert found.of("cover")[:, 2].tolist() == [0, 2]
    assert found.undecided.tolist() == [0, 7]
    nothing = judge([], [], ANNOTATION)
    assert nothing.of("fact").shape == (0, 3)
    assert np.shape(nothing.wrong["wrong_counts"]) == (0, 2)


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


CHECKABLE: CheckableClasses = checkable_classes({"a": entry("a", *THINGS, *STUFF), "ships": entry("ships", SHIP)})


ONE_SHIP, TWO_SHIPS = object_facts((SHIP, 1, 0)), object_facts((SHIP, 2, 0))
SHIP_AND_BRIDGES = object_facts((SHIP, 1, 0), (BRIDGE, 1, 1))


def of(facts: Facts, corpus: str = "a") -> Example:
    return example(f"{corpus}/1", facts)


@pytest.mark.parametrize(
    ("caption", "truth", "wrong", "missed"),
    [
        (of(THREE_SHIPS).caption, of(THREE_SHIPS), (), ()),
        (
            of(object_facts((SHIP, 0, 4))).caption,
            of(object_facts((SHIP, 2, 1))),
            ("ship: four", "ship: four outside the center"),
            ("ship: three", "ship: one outside the center", "ship: two in the center"),
        ),
        (of(SHIP_AND_BRIDGES).caption, of(ONE_SHIP), ("bridge",), ()),
        (of(ONE_SHIP).caption, of(SHIP_AND_BRIDGES), (), ("bridge",)),
        (of(SHIP_AND_BRIDGES).caption, of(ONE_SHIP, "ships"), (), ()),
        ("There is at least one ship.", of(TWO_SHIPS), (), ("ship: two", "ship: two in the center")),
        ("There is at least one bridge.", of(TWO_SHIPS), ("bridge",), ("ship",)),
    ],
    ids=["right", "counts", "class", "missed-class", "unannotated-class", "at-least-one", "at-least-one-wrong"],
)
def test_what_is_wrong_and_missed_is_told_in_words(
    caption: str, truth: Example, wrong: tuple[str, ...], missed: tuple[str, ...]
) -> None:
    verdict = judge_caption(caption, truth, CHECKABLE)
    assert (verdict.text, verdict.wrong, verdict.missed, verdict.judged) == (caption, wrong, missed, True)


def test_shares_and_zones_of_land_cover_are_told_in_words() -> None:
    truth, said = of(cover_facts((WATER, 0.9, None))), of(cover_facts((WATER, 0.3, "upper-left")))
    verdict = judge_caption(said.caption, truth, CHECKABLE)
    assert any(problem.startswith("water: ") for problem in verdict.wrong)
    assert any(problem.startswith("water in the ") for problem in verdict.wrong)
    assert any(problem.startswith("water: ") for problem in verdict.missed)
    both = Facts(object_facts((SHIP, 2, 0)).objects, truth.facts.cover)
    text = "Water covers nearly all of this SAR image. There is at least one ship in it."
    assert "ship" not in judge_caption(text, of(both), CHECKABLE).missed


@pytest.mark.parametrize(
    ("caption", "facts"),
    [("", THREE_SHIPS), ("Lorem ipsum dolor.", THREE_SHIPS), ("There is one ship.", quoted_facts("A harbor."))],
    ids=["empty", "unreadable", "against-a-quotation"],
)
def test_what_cannot_be_read_or_compared_is_not_judged(caption: str, facts: Facts) -> None:
    verdict = judge_caption(caption, of(facts), CHECKABLE)
    assert (verdict.judged, verdict.wrong, verdict.missed) == (False, (), ())
