"""What facts prove, and that nothing else is claimed: against facts, and against the whole truth behind them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.vocabulary import NUMBER_WORDS, share_word
from sartext.vqa.claims import MARGIN, Claim, Doubt, Image, claims_of, turned
from sartext.vqa.making import evidence
from sartext.vqa.proof import proves
from sartext.vqa.subjects import annotation_of
from tests.narrator.examples import entry_of
from tests.vqa.scenes import BOXES, COVERS, MASKS, Truth, detections, masks

OF_BOXES, OF_MASKS = annotation_of(BOXES), annotation_of(MASKS)


def ships(count: int, center: int = 0) -> ObjectFact:
    return ObjectFact("ship", "ship", "ships", count, center, count - center)


def cover(noun: str, fraction: float, zone: str | None = None) -> CoverFact:
    return CoverFact(noun, noun, fraction, share_word(fraction), zone)


def asked(facts: Facts, annotation=OF_BOXES, **more) -> list[Claim]:
    return claims_of(Image(facts, annotation, 10, **more))


def answers(claims: list[Claim], form: str) -> dict[tuple[str, ...], str]:
    return {item.subjects: item.answer for item in claims if item.form == form}


def row_of(claim: Claim) -> dict[str, object]:
    return {
        "type": claim.type,
        "form": claim.form,
        "subjects": list(claim.subjects),
        "answer": claim.answer,
        "facts": evidence(claim.facts, claim.exhaustive),
    }


@settings(deadline=None, max_examples=60)
@given(st.one_of(detections().map(lambda item: (item, OF_BOXES)), masks().map(lambda item: (item, OF_MASKS))))
def test_every_claim_is_proven_by_the_facts_and_by_its_own_part_of_them_whichever_way_it_is_turned(case) -> None:
    truth, annotation = case
    for claim in asked(truth.facts, annotation, doubt=truth.doubt):
        for form in [claim, turned(claim)] if len(claim.subjects) == 2 else [claim]:
            assert proves(row_of(form), truth.facts), form
            if form.form != "dominant":  # what is not told must be known to be smaller
                assert proves(row_of(form), form.facts), form


@settings(deadline=None, max_examples=60)
@given(st.one_of(detections().map(lambda item: (item, OF_BOXES)), masks().map(lambda item: (item, OF_MASKS))))
def test_what_is_claimed_to_be_absent_is_not_even_there_untold(case) -> None:
    truth, annotation = case
    for claim in asked(truth.facts, annotation, doubt=truth.doubt):
        for key in claim.exhaustive:
            assert not truth.there(key), claim
            assert annotation.subjects[key].exhaustive
        if claim.answer in {"no", "zero"} and claim.form in {"exists", "how-many"}:
            assert claim.exhaustive == claim.subjects


@settings(deadline=None, max_examples=60)
@given(masks())
def test_the_dominant_class_and_the_larger_share_are_those_of_the_mask(truth: Truth) -> None:
    for claim in asked(truth.facts, OF_MASKS, doubt=truth.doubt):
        if claim.form == "dominant":
            assert truth.pixels[claim.answer] == max(truth.pixels.values())
        if claim.form == "larger":
            first, second = (truth.pixels[item] for item in claim.subjects)
            assert (first > second) == (claim.answer == "yes")
            assert abs(first - second) / sum(truth.pixels.values()) >= MARGIN - 1e-9


@settings(deadline=None, max_examples=40)
@given(detections())
def test_no_count_above_ten_is_asked(truth: Truth) -> None:
    for claim in asked(truth.facts, doubt=truth.doubt):
        if claim.type == "count":
            assert NUMBER_WORDS.index(claim.answer) == truth.counts[claim.subjects[0]] <= 10


@settings(deadline=None, max_examples=150)
@given(st.one_of(detections().map(lambda item: (item, OF_BOXES)), masks().map(lambda item: (item, OF_MASKS))))
def test_what_is_asked_is_true_whatever_the_annotation_lacks(case) -> None:
    truth, annotation = case
    for claim in asked(truth.facts, annotation, doubt=truth.doubt):
        assert true_answer(truth, claim) in {claim.answer, None}, claim


def true_answer(truth: Truth, claim: Claim) -> str | None:
    """What the whole truth answers; nothing where it does not say."""
    if claim.form == "exists":
        return "yes" if truth.there(*claim.subjects) else "no"
    if claim.form == "how-many":
        return NUMBER_WORDS[truth.counts[claim.subjects[0]]]
    if claim.form in {"more", "larger"}:
        amounts = truth.counts if claim.form == "more" else truth.pixels
        return "yes" if amounts[claim.subjects[0]] > amounts[claim.subjects[1]] else "no"
    return None


def test_boxes_prove_what_is_not_there() -> None:
    claims = asked(Facts(objects=(ships(3),)))
    assert answers(claims, "exists")["ship",] == "yes"
    assert answers(claims, "exists")["bridge",] == "no"
    assert answers(claims, "how-many") == {
        ("ship",): "three",
        ("bridge",): "zero",
        ("storage tank",): "zero",
        ("a220 aircraft",): "zero",
        ("a320 or a321 aircraft",): "zero",
    }


def test_nothing_is_absent_that_is_not_annotated_exhaustively_or_is_of_a_kind_that_is_there() -> None:
    stated = answers(asked(Facts(objects=(ships(3),))), "exists")
    absent = {key for (key,), answer in stated.items() if answer == "no"}
    assert not absent & {"vehicle", "cargo ship", "aircraft of another type"}
    cargo = ObjectFact("cargo", "cargo ship", "cargo ships", 1, 0, 1)
    assert ("ship",) not in answers(asked(Facts(objects=(cargo,))), "exists")


@pytest.mark.parametrize("doubt", [Doubt.OBJECTS, Doubt.PIXELS])
def test_of_things_a_doubtful_image_proves_only_that_they_are_there(doubt: Doubt) -> None:
    bridge = ObjectFact("bridge", "bridge", "bridges", 1, 1, 0)
    claims = asked(Facts(objects=(ships(4, 1), bridge)), doubt=doubt)
    assert [(item.form, item.subjects, item.answer) for item in claims] == [
        ("exists", ("bridge",), "yes"),
        ("exists", ("ship",), "yes"),
    ]


def test_components_too_small_for_objects_leave_the_shares_of_a_mask_as_they_are() -> None:
    stated = (cover("water", 0.6), cover("forest", 0.39, "upper-left"))
    claims = asked(Facts(objects=(ships(2),), cover=stated), OF_MASKS, doubt=Doubt.OBJECTS)
    assert [(item.form, item.answer) for item in claims] == [
        ("exists", "yes"),
        ("exists", "yes"),
        ("exists", "yes"),
        ("zone", "upper left"),
        ("larger", "no"),
        ("largest", "water"),
        ("dominant", "water"),
    ]


@pytest.mark.parametrize(
    ("shares", "forms"),
    [
        ((0.5, 0.4), []),
        ((0.56, 0.4), ["larger", "largest", "dominant"]),
        ((0.6, 0.4 - 1 / 4096), ["larger", "largest", "dominant"]),
        ((0.4, 0.2), []),
    ],
)
def test_pixels_without_a_class_may_be_of_the_smaller_one_and_lie_anywhere(
    shares: tuple[float, float], forms: list[str]
) -> None:
    stated = (cover("water", shares[0]), cover("forest", shares[1], "upper-left"))
    claims = asked(Facts(cover=stated), OF_MASKS, doubt=Doubt.PIXELS)
    assert [item.form for item in claims if item.form != "exists"] == forms


def test_an_image_of_the_background_may_hold_what_was_left_out() -> None:
    sea = annotation_of(entry_of("segmentation", classes=COVERS, background="the sea"))
    assert not asked(Facts(scene="the sea"), sea, doubt=Doubt.OBJECTS)
    forest = Facts(cover=(cover("forest", 0.5),))
    assert answers(asked(forest, sea, doubt=Doubt.PIXELS), "only") == {("the sea",): "no"}


def test_a_class_that_is_not_annotated_exhaustively_is_neither_counted_nor_placed_nor_compared() -> None:
    cars = ObjectFact("car", "vehicle", "vehicles", 4, 1, 3)
    claims = asked(Facts(objects=(cars, ships(3))))
    assert {item.form for item in claims if "vehicle" in item.subjects} == {"exists", "shown"}
    meadow = Facts(cover=(cover("meadows", 0.7, "upper-left"), cover("water", 0.3)))
    claims = asked(meadow, OF_MASKS)
    assert {item.form for item in claims if "meadows" in item.subjects} == {"exists", "shown"}


def test_a_class_of_which_one_is_not_annotated_exhaustively_is_not_as_a_whole() -> None:
    first, second = COVERS[0], COVERS[0].model_copy(update={"label": "lake", "exhaustive": False})
    assert not annotation_of(entry_of(classes=(first, second))).subjects["water"].exhaustive


def test_a_mask_proves_absence_only_where_the_told_cover_is_the_whole_image() -> None:
    whole = Facts(cover=(cover("water", 0.75), cover("forest", 0.25)))
    assert answers(asked(whole, OF_MASKS), "exists") == {
        ("water",): "yes",
        ("forest",): "yes",
        ("built-up areas",): "no",
        ("bare soil",): "no",
        ("oil spill",): "no",
        ("ship",): "no",
    }
    short = Facts(cover=(cover("water", 0.75), cover("forest", 0.25 - 1 / 4096)))
    assert answers(asked(short, OF_MASKS), "exists") == {("water",): "yes", ("forest",): "yes"}


def test_objects_lie_in_the_center_outside_it_or_both() -> None:
    assert answers(asked(Facts(objects=(ships(1, 1),))), "where-one") == {("ship",): "in the center"}
    assert answers(asked(Facts(objects=(ships(1),))), "where-one") == {("ship",): "outside the center"}
    assert answers(asked(Facts(objects=(ships(2, 2),))), "where-many") == {("ship",): "in the center"}
    claims = asked(Facts(objects=(ships(5, 1),)))
    assert answers(claims, "where-many") == {("ship",): "both"}
    assert answers(claims, "mostly-where") == {("ship",): "outside the center"}
    assert not answers(asked(Facts(objects=(ships(4, 2),))), "mostly-where")


def test_a_zone_is_asked_where_the_facts_have_one() -> None:
    facts = Facts(cover=(cover("water", 0.7), cover("forest", 0.2, "upper-left")))
    assert answers(asked(facts, OF_MASKS), "zone") == {("forest",): "upper left"}


def test_equal_counts_and_nearly_equal_shares_are_not_compared() -> None:
    bridges = ObjectFact("bridge", "bridge", "bridges", 3, 0, 3)
    pairs = answers(asked(Facts(objects=(ships(3), bridges))), "more").keys()
    assert ("bridge", "storage tank") in pairs
    assert ("bridge", "ship") not in pairs
    near = Facts(cover=(cover("water", 0.34), cover("forest", 0.30)))
    assert not [item for item in asked(near, OF_MASKS) if item.type == "comparison"]


def test_a_class_is_not_compared_with_its_own_kind() -> None:
    cargo = ObjectFact("cargo", "cargo ship", "cargo ships", 1, 0, 1)
    pairs = answers(asked(Facts(objects=(ships(3), cargo))), "more").keys()
    assert ("cargo ship", "ship") not in pairs


def test_what_holds_an_or_is_no_option() -> None:
    pairs = answers(asked(Facts(objects=(ships(3),))), "shown").keys()
    assert pairs == {("bridge", "ship"), ("ship", "storage tank"), ("a220 aircraft", "ship")}


def test_the_largest_told_share_is_not_dominant_where_more_is_untold() -> None:
    assert not answers(asked(Facts(cover=(cover("water", 0.3),)), OF_MASKS), "dominant")
    assert answers(asked(Facts(cover=(cover("water", 0.6),)), OF_MASKS), "dominant") == {(): "water"}


def test_the_background_alone_or_with_something() -> None:
    sea = annotation_of(entry_of("segmentation", classes=COVERS, background="the sea"))
    assert answers(asked(Facts(scene="the sea"), sea), "only") == {("the sea",): "yes"}
    assert answers(asked(Facts(cover=(cover("forest", 0.5),)), sea), "only") == {("the sea",): "no"}


def test_statements_of_optical_captions_prove_nothing_precise() -> None:
    assert asked(Facts(statements=("There is a wood beside a lake.",))) == []


def test_at_least_one_proves_that_there_is_one_and_no_number() -> None:
    claims = asked(Facts(present=(PresentFact("ship", "ship", "ships"),)), doubt=Doubt.OBJECTS)
    assert [(item.form, item.answer) for item in claims] == [("exists", "yes")]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"answer": "four"}, "another number"),
        ({"answer": "eleven"}, "a number over ten"),
        ({"form": "exists"}, "a form of another type"),
        ({"subjects": []}, "no class"),
        ({"subjects": ["ship", "bridge"]}, "two classes"),
        ({"subjects": ["bridge"]}, "another class"),
        ({"form": "how-much"}, "an unknown form"),
    ],
)
def test_a_wrong_answer_is_not_proven(change: dict[str, object], why: str) -> None:
    facts = Facts(objects=(ships(3),))
    (claim,) = [item for item in asked(facts) if item.form == "how-many" and item.subjects == ("ship",)]
    assert proves(row_of(claim), facts)
    assert not proves({**row_of(claim), **change}, facts), why


def test_every_other_answer_to_a_claim_is_refuted() -> None:
    bridges = ObjectFact("bridge", "bridge", "bridges", 1, 1, 0)
    cases = [
        (Facts(objects=(ships(4, 1), bridges)), OF_BOXES),
        (Facts(cover=(cover("water", 0.6), cover("forest", 0.4, "upper-left"))), OF_MASKS),
    ]
    known = "yes no in_the_center outside_the_center both upper_left middle ships bridges water forest one zero"
    for facts, annotation in cases:
        for claim in asked(facts, annotation):
            for other in {item.replace("_", " ") for item in known.split()} - {claim.answer}:
                assert not proves(row_of(replace(claim, answer=other)), facts), (claim, other)


def test_a_fact_that_the_image_does_not_have_proves_nothing() -> None:
    facts = Facts(objects=(ships(3),))
    claim = Claim("count", "how-many", ("ship",), "three", Facts(objects=(ships(3, 1),)))
    assert not proves(row_of(claim), facts)


def test_absence_is_proven_only_if_all_that_is_told_is_stated_and_the_class_is_exhaustive() -> None:
    facts = Facts(objects=(ships(3),))
    claim = Claim("presence", "exists", ("bridge",), "no", facts, ("bridge",))
    assert proves(row_of(claim), facts)
    assert not proves(row_of(replace(claim, facts=Facts())), facts)
    assert not proves(row_of(replace(claim, exhaustive=())), facts)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(cover=(cover("water", 0.75), cover("forest", 0.25 - 1 / 4096))),
        Facts(objects=(ships(1),), cover=(cover("water", 0.999),)),
        Facts(scene="the sea"),
    ],
)
def test_no_absence_is_proven_in_a_mask_that_is_not_told_to_the_last_pixel(facts: Facts) -> None:
    claim = Claim("presence", "exists", ("bridge",), "no", facts, ("bridge",))
    assert not proves(row_of(claim), facts)
