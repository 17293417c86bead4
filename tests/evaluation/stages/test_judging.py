"""What is wrong with a caption, in words."""

import pytest

from sartext.evaluation.benchmarks import Example
from sartext.evaluation.metrics.faithfulness import CheckableClasses, checkable_classes
from sartext.evaluation.stages.captioning import judge_caption
from sartext.narrator.facts import Facts
from tests.evaluation.captioning.making import (
    BRIDGE,
    SHIP,
    STUFF,
    THINGS,
    cover_facts,
    entry,
    example,
    object_facts,
    quoted_facts,
)

CHECKABLE: CheckableClasses = checkable_classes({"a": entry("a", *THINGS, *STUFF), "ships": entry("ships", SHIP)})


def of(facts: Facts, corpus: str = "a") -> Example:
    return example(f"{corpus}/1", facts)


def test_a_caption_that_says_what_is_there_is_right() -> None:
    one = of(object_facts((SHIP, 2, 1)))
    told = judge_caption(one.caption, one, CHECKABLE)
    assert (told.text, told.wrong, told.missed, told.judged) == (one.caption, (), (), True)


def test_counts_and_places_are_told_in_words() -> None:
    truth, said = of(object_facts((SHIP, 2, 1))), of(object_facts((SHIP, 0, 4)))
    told = judge_caption(said.caption, truth, CHECKABLE)
    assert told.wrong == ("ship: four", "ship: four outside the center")
    assert told.missed == ("ship: three", "ship: one outside the center", "ship: two in the center")


def test_of_a_class_that_is_not_there_only_that_it_is_named() -> None:
    truth = of(object_facts((SHIP, 1, 0)))
    said = of(object_facts((SHIP, 1, 0), (BRIDGE, 1, 1)))
    assert judge_caption(said.caption, truth, CHECKABLE).wrong == ("bridge",)
    assert judge_caption(truth.caption, said, CHECKABLE).missed == ("bridge",)


def test_shares_and_zones_of_land_cover_are_told_in_words() -> None:
    truth = of(cover_facts((STUFF[0], 0.9, None)))
    said = of(cover_facts((STUFF[0], 0.3, "upper-left")))
    told = judge_caption(said.caption, truth, CHECKABLE)
    label = STUFF[0].label
    assert any(one.startswith(f"{label}: ") for one in told.wrong)
    assert any(one.startswith(f"{label} in the ") for one in told.wrong)
    assert any(one.startswith(f"{label}: ") for one in told.missed)


def test_what_the_corpus_does_not_annotate_is_neither_right_nor_wrong() -> None:
    truth = of(object_facts((SHIP, 1, 0)), "ships")
    said = of(object_facts((SHIP, 1, 0), (BRIDGE, 1, 1)))
    assert judge_caption(said.caption, truth, CHECKABLE).wrong == ()


def test_at_least_one_is_judged_as_the_class_alone() -> None:
    truth = of(object_facts((SHIP, 2, 0)))
    told = judge_caption("There is at least one ship in this SAR image.", truth, CHECKABLE)
    assert (told.judged, told.wrong, told.missed) == (True, (), ("ship: two", "ship: two in the center"))
    told = judge_caption("There is at least one bridge in this SAR image.", truth, CHECKABLE)
    assert (told.judged, told.wrong, told.missed) == (True, ("bridge",), ("ship",))
    land = Facts(objects=truth.facts.objects, cover=cover_facts((STUFF[0], 0.9, None)).cover)
    said = "Water covers nearly all of this SAR image. There is at least one ship in it."
    assert "ship" not in judge_caption(said, of(land), CHECKABLE).missed


@pytest.mark.parametrize("caption", ["", "Lorem ipsum dolor."])
def test_a_caption_that_cannot_be_read_is_not_judged(caption: str) -> None:
    told = judge_caption(caption, of(object_facts((SHIP, 1, 0))), CHECKABLE)
    assert (told.judged, told.wrong, told.missed) == (False, (), ())


def test_nothing_is_judged_against_a_quotation() -> None:
    quoted = of(quoted_facts("There is a harbor with ships."))
    assert not judge_caption("There is one ship.", quoted, CHECKABLE).judged
