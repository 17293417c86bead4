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


BRIDGE = ObjectFact("bridge", "bridge", "bridges", 1, 1, 0)
CARGO = ObjectFact("cargo", "cargo ship", "cargo ships", 1, 0, 1)
SEA = annotation_of(entry_of("segmentation", classes=COVERS, background="the sea"))
CASES = st.one_of(detections().map(lambda item: (item, OF_BOXES)), masks().map(lambda item: (item, OF_MASKS)))


def land(*covers: CoverFact) -> Facts:
    return Facts(cover=covers)


def claims(facts: Facts, annotation=OF_BOXES, **more) -> list[Claim]:
    return claims_of(Image(facts, annotation, 10, **more))


def answers(facts: Facts, form: str, annotation=OF_BOXES, **more) -> dict[tuple[str, ...], str]:
    return {item.subjects: item.answer for item in claims(facts, annotation, **more) if item.form == form}


def row_of(claim: Claim) -> dict[str, object]:
    return {
        "type": claim.type,
        "form": claim.form,
        "subjects": list(claim.subjects),
        "answer": claim.answer,
        "facts": evidence(claim.facts, claim.exhaustive),
    }


@settings(deadline=None, max_examples=60)
@given(CASES)
def test_every_claim_is_proven_by_the_facts_and_by_its_own_part_of_them_whichever_way_it_is_turned(case) -> None:
    truth, annotation = case
    for claim in claims(truth.facts, annotation, doubt=truth.doubt):
        for form in [claim, turned(claim)] if len(claim.subjects) == 2 else [claim]:
            assert proves(row_of(form), truth.facts), form
            if form.form != "dominant":  # what is not told must be known to be smaller
                assert proves(row_of(form), form.facts), form


@settings(deadline=None, max_examples=60)
@given(CASES)
def test_what_is_claimed_to_be_absent_is_not_even_there_untold(case) -> None:
    truth, annotation = case
    for claim in claims(truth.facts, annotation, doubt=truth.doubt):
        for key in claim.exhaustive:
            assert not truth.there(key), claim
            assert annotation.subjects[key].exhaustive
        if claim.answer in {"no", "zero"} and claim.form in {"exists", "how-many"}:
            assert claim.exhaustive == claim.subjects


@settings(deadline=None, max_examples=150)
@given(CASES)
def test_what_is_asked_is_true_whatever_the_annotation_lacks(case) -> None:
    truth, annotation = case
    for claim in claims(truth.facts, annotation, doubt=truth.doubt):
        assert true_answer(truth, claim) in {claim.answer, None}, claim
        if claim.type == "count":
            assert NUMBER_WORDS.index(claim.answer) <= 10
        if claim.form == "larger":
            first, second = (truth.pixels[item] for item in claim.subjects)
            assert abs(first - second) / sum(truth.pixels.values()) >= MARGIN - 1e-9


def test_the_class_of_a_scene_proves_neither_presence_nor_absence() -> None:
    annotation = annotation_of(entry_of("scene-classification", classes=BOXES.classes))
    assert claims(Facts(scene_class="ship"), annotation) == []
    absence = row_of(Claim("presence", "exists", ("bridge",), "no", Facts(), ("bridge",)))
    assert proves(absence, Facts()) and not proves(absence, Facts(scene_class="ship"))


def true_answer(truth: Truth, claim: Claim) -> str | None:
    """What the whole truth answers; nothing where it does not say."""
    if claim.form == "exists":
        return "yes" if truth.there(*claim.subjects) else "no"
    if claim.form == "how-many":
        return NUMBER_WORDS[truth.counts[claim.subjects[0]]]
    if claim.form in {"more", "larger"}:
        amounts = truth.counts if claim.form == "more" else truth.pixels
        return "yes" if amounts[claim.subjects[0]] > amounts[claim.subjects[1]] else "no"
    if claim.form == "dominant":
        return max(truth.pixels, key=lambda noun: (truth.pixels[noun], noun == claim.answer))
    return None


def test_boxes_prove_what_is_not_there() -> None:
    facts = Facts(objects=(ships(3),))
    assert answers(facts, "exists")["ship",] == "yes"
    assert answers(facts, "exists")["bridge",] == "no"
    absent = dict.fromkeys(
        [("bridge",), ("storage tank",), ("a220 aircraft",), ("a320 or a321 aircraft",)], "zero"
    )
    assert answers(facts, "how-many") == {("ship",): "three", **absent}


def test_nothing_is_absent_that_is_not_annotated_exhaustively_or_is_of_a_kind_that_is_there() -> None:
    stated = answers(Facts(objects=(ships(3),)), "exists")
    absent = {key for (key,), answer in stated.items() if answer == "no"}
    assert not absent & {"vehicle", "cargo ship", "aircraft of another type"}
    assert ("ship",) not in answers(Facts(objects=(CARGO,)), "exists")


@pytest.mark.parametrize("doubt", [Doubt.OBJECTS, Doubt.PIXELS])
def test_of_things_a_doubtful_image_proves_only_that_they_are_there(doubt: Doubt) -> None:
    found = claims(Facts(objects=(ships(4, 1), BRIDGE)), doubt=doubt)
    assert [(item.form, item.answer) for item in found] == [("exists", "yes")] * 2
    assert {item.subjects for item in found} == {("bridge",), ("ship",)}


def test_components_too_small_for_objects_leave_the_shares_of_a_mask_as_they_are() -> None:
    stated = (cover("water", 0.6), cover("forest", 0.39, "upper-left"))
    found = claims(Facts(objects=(ships(2),), cover=stated), OF_MASKS, doubt=Doubt.OBJECTS)
    shares = [("zone", "upper left"), ("larger", "no"), ("largest", "water"), ("dominant", "water")]
    assert [(item.form, item.answer) for item in found] == [*[("exists", "yes")] * 3, *shares]


@pytest.mark.parametrize(
    ("water", "forest", "forms"),
    [
        (0.5, 0.4, []),
        (0.56, 0.4, ["larger", "largest", "dominant"]),
        (0.6, 0.4 - 1 / 4096, ["larger", "largest", "dominant"]),
        (0.4, 0.2, []),
    ],
)
def test_pixels_without_a_class_may_be_of_the_smaller_one_and_lie_anywhere(
    water: float, forest: float, forms: list[str]
) -> None:
    stated = land(cover("water", water), cover("forest", forest, "upper-left"))
    found = claims(stated, OF_MASKS, doubt=Doubt.PIXELS)
    assert [item.form for item in found if item.form != "exists"] == forms


def test_an_image_of_the_background_may_hold_what_was_left_out() -> None:
    assert not claims(Facts(scene="the sea"), SEA, doubt=Doubt.OBJECTS)
    assert answers(land(cover("forest", 0.5)), "only", SEA, doubt=Doubt.PIXELS) == {("the sea",): "no"}


def test_a_class_that_is_not_annotated_exhaustively_is_neither_counted_nor_placed_nor_compared() -> None:
    cars = Facts(objects=(ObjectFact("car", "vehicle", "vehicles", 4, 1, 3), ships(3)))
    meadow = land(cover("meadows", 0.7, "upper-left"), cover("water", 0.3))
    for facts, annotation, noun in ((cars, OF_BOXES, "vehicle"), (meadow, OF_MASKS, "meadows")):
        assert {item.form for item in claims(facts, annotation) if noun in item.subjects} == {"exists", "shown"}


def test_a_class_of_which_one_is_not_annotated_exhaustively_is_not_as_a_whole() -> None:
    first, second = COVERS[0], COVERS[0].model_copy(update={"label": "lake", "exhaustive": False})
    assert not annotation_of(entry_of(classes=(first, second))).subjects["water"].exhaustive


def test_a_mask_proves_absence_only_where_the_told_cover_is_the_whole_image() -> None:
    present = {("water",): "yes", ("forest",): "yes"}
    absent = dict.fromkeys([("built-up areas",), ("bare soil",), ("oil spill",), ("ship",)], "no")
    whole = land(cover("water", 0.75), cover("forest", 0.25))
    assert answers(whole, "exists", OF_MASKS) == present | absent
    short = land(cover("water", 0.75), cover("forest", 0.25 - 1 / 4096))
    assert answers(short, "exists", OF_MASKS) == present


@pytest.mark.parametrize(
    ("count", "center", "form", "answer"),
    [
        (1, 1, "where-one", "in the center"),
        (1, 0, "where-one", "outside the center"),
        (2, 2, "where-many", "in the center"),
        (5, 1, "where-many", "both"),
        (5, 1, "mostly-where", "outside the center"),
        (4, 2, "mostly-where", None),
    ],
)
def test_objects_lie_in_the_center_outside_it_or_both(
    count: int, center: int, form: str, answer: str | None
) -> None:
    assert answers(Facts(objects=(ships(count, center),)), form).get(("ship",)) == answer


@pytest.mark.parametrize(
    ("facts", "annotation", "form", "expected"),
    [
        (
            land(cover("water", 0.7), cover("forest", 0.2, "upper-left")),
            OF_MASKS,
            "zone",
            {("forest",): "upper left"},
        ),
        (land(cover("water", 0.3)), OF_MASKS, "dominant", {}),
        (land(cover("water", 0.6)), OF_MASKS, "dominant", {(): "water"}),
        (Facts(scene="the sea"), SEA, "only", {("the sea",): "yes"}),
        (land(cover("forest", 0.5)), SEA, "only", {("the sea",): "no"}),
    ],
    ids=["a zone of the facts", "more is untold", "dominant", "the background alone", "with something"],
)
def test_land_cover_is_placed_and_weighed(facts: Facts, annotation, form: str, expected: dict) -> None:
    assert answers(facts, form, annotation) == expected


def test_equal_counts_one_kind_and_nearly_equal_shares_are_not_compared() -> None:
    bridges = ObjectFact("bridge", "bridge", "bridges", 3, 0, 3)
    pairs = answers(Facts(objects=(ships(3), bridges)), "more").keys()
    assert ("bridge", "storage tank") in pairs and ("bridge", "ship") not in pairs
    assert ("cargo ship", "ship") not in answers(Facts(objects=(ships(3), CARGO)), "more")
    near = land(cover("water", 0.34), cover("forest", 0.30))
    assert not [item for item in claims(near, OF_MASKS) if item.type == "comparison"]


def test_what_holds_an_or_is_no_option() -> None:
    pairs = answers(Facts(objects=(ships(3),)), "shown").keys()
    assert pairs == {("bridge", "ship"), ("ship", "storage tank"), ("a220 aircraft", "ship")}


def test_at_least_one_proves_that_there_is_one_and_a_clause_of_an_optical_caption_nothing() -> None:
    assert claims(Facts(statements=("There is a wood beside a lake.",))) == []
    found = claims(Facts(present=(PresentFact("ship", "ship", "ships"),)), doubt=Doubt.OBJECTS)
    assert [(item.form, item.answer) for item in found] == [("exists", "yes")]


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
    (claim,) = [item for item in claims(facts) if item.form == "how-many" and item.subjects == ("ship",)]
    assert proves(row_of(claim), facts)
    assert not proves({**row_of(claim), **change}, facts), why


def test_every_other_answer_to_a_claim_is_refuted() -> None:
    cases = [
        (Facts(objects=(ships(4, 1), BRIDGE)), OF_BOXES),
        (land(cover("water", 0.6), cover("forest", 0.4, "upper-left")), OF_MASKS),
    ]
    known = "yes no in_the_center outside_the_center both upper_left middle ships bridges water forest one zero"
    for facts, annotation in cases:
        for claim in claims(facts, annotation):
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
        land(cover("water", 0.75), cover("forest", 0.25 - 1 / 4096)),
        Facts(objects=(ships(1),), cover=(cover("water", 0.999),)),
        Facts(scene="the sea"),
    ],
)
def test_no_absence_is_proven_in_a_mask_that_is_not_told_to_the_last_pixel(facts: Facts) -> None:
    claim = Claim("presence", "exists", ("bridge",), "no", facts, ("bridge",))
    assert not proves(row_of(claim), facts)
