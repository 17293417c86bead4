"""A2C: objects are counted by class and placed by the centre of their box."""

from dataclasses import asdict, replace

import pytest

from sartext.errors import ArtefactError
from sartext.files import canonical_json
from sartext.narrator.annotated import naming, object_facts
from sartext.narrator.facts import CoverFact, Facts, PresentFact, from_json, normalise, to_json
from sartext.narrator.realisation import canonical

from .examples import box, entry_of, thing

NAMES = naming(entry_of())


def facts_of(*boxes, width=64, height=64):
    return object_facts(boxes, width, height, NAMES)[0].objects


def caption_of(*boxes):
    return canonical(Facts(objects=facts_of(*boxes)))


@pytest.mark.parametrize("outside", [(15.99, 32), (48.01, 32), (32, 15.99), (32, 48.01)])
@pytest.mark.parametrize("inside", [(16, 16), (48, 48), (16, 48), (32, 32)])
def test_the_centre_is_a_quarter_to_three_quarters_both_inclusive(inside, outside):
    (ships,) = facts_of(box("ship", *inside), box("ship", *outside))
    assert (ships.center, ships.outside) == (1, 1)
    (ship,) = facts_of(box("ship", *inside))
    assert (ship.center, ship.outside) == (1, 0)


@pytest.mark.parametrize(("y", "center"), [(30, 1), (31, 0)])
def test_width_and_height_have_their_own_quarters(y, center):
    (ship,) = facts_of(box("ship", 100, y), width=400, height=40)
    assert ship.center == center


def test_a_box_that_leaves_the_image_is_clipped_and_placed_by_what_is_left():
    row = {**box("ship", 0, 0), "xmin": -100.0, "xmax": 40.0, "ymin": 20.0, "ymax": 44.0}
    (ship,) = facts_of(row)
    assert ship.center == 1  # 0 to 40, not -100 to 40
    assert ship.sizes == (1, 0, 0)


def test_a_rotated_box_is_placed_by_its_own_centre():
    (ship,) = facts_of(box("ship", 10, 32, width=60, height=4, angle=30.0))
    assert ship.center == 0


@pytest.mark.parametrize(
    "row",
    [
        box("ship", 30, 30, width=0),
        box("ship", 30, 30, height=0),
        box("ship", 30, 30, width=-4),
        box("ship", 200, 30),
        box("ship", float("nan"), 30),
        box("ship", float("inf"), 30),
    ],
)
def test_a_box_without_area_is_dropped_and_counted(row):
    assert object_facts([row, box("ship", 30, 30)], 64, 64, NAMES)[1] == 1


def test_classes_stand_in_descending_count_and_then_by_name():
    found = facts_of(box("ship", 1, 1), box("bridge", 2, 2), box("A220", 3, 3), box("A220", 4, 4))
    assert [fact.noun for fact in found] == ["A220 aircraft", "bridge", "ship"]


def test_sizes_are_counted_as_coco_does():
    boxes = [box("ship", 200, 200, side, side) for side in (31.9, 32, 95.9, 96)]
    (ship,) = facts_of(*boxes, width=400, height=400)
    assert ship.sizes == (1, 2, 1)


def test_classes_with_one_noun_are_counted_together():
    classes = (thing("cargo", "ship", "ships"), thing("tanker", "ship", "ships"))
    names = naming(entry_of(classes=classes))
    (ship,) = object_facts([box("tanker", 3, 3), box("cargo", 30, 30)], 64, 64, names)[0].objects
    assert (ship.label, ship.count) == ("cargo", 2)


@pytest.mark.parametrize(
    ("boxes", "caption"),
    [
        (
            [box("ship", 30, 30), box("ship", 31, 30), box("ship", 1, 1), box("bridge", 2, 2)],
            "There are three ships and one bridge in this SAR image. "
            "Two ships are in the center; one ship and one bridge are outside the center.",
        ),
        ([box("ship", 30, 30)], "There is one ship in this SAR image. It is in the center."),
        ([box("A220", 3, 3)], "There is one A220 aircraft in this SAR image. It is outside the center."),
        (
            [box("ship", 3, 30), box("ship", 3, 40)],
            "There are two ships in this SAR image. Two ships are outside the center.",
        ),
        (
            [box("other", 30, 30), box("other", 31, 30), box("A220", 3, 3)],
            "There are two aircraft of another type and one A220 aircraft in this SAR image. "
            "Two aircraft of another type are in the center; one A220 aircraft is outside the center.",
        ),
    ],
    ids=["the paper's two sentences", "one object", "an A220", "an empty zone", "types as the catalogue says"],
)
def test_the_sentences_of_objects(boxes, caption):
    assert caption_of(*boxes) == caption


@pytest.mark.parametrize(
    ("count", "word"),
    [(1, "one"), (2, "two"), (11, "eleven"), (20, "twenty"), (21, "more than twenty"), (300, "more than twenty")],
)
def test_counts_are_words_up_to_twenty(count, word):
    text = caption_of(*[box("ship", 30, 30)] * count)
    noun = "ship" if count == 1 else "ships"
    assert f" {word} {noun} in this SAR image." in text


def test_what_is_no_record_of_facts_is_an_error():
    with pytest.raises(ArtefactError, match="build the captions again"):
        from_json('{"objects": 3}')


def test_captions_are_the_same_if_they_say_the_same():
    def normal(*boxes):
        return normalise(Facts(objects=facts_of(*boxes)))

    small, large = box("ship", 30, 30, 2, 2), box("ship", 34, 31, 20, 20)
    assert normal(small) == normal(large)  # sizes and exact places are not told
    assert normal(small) != normal(box("ship", 3, 3))
    assert normal(small) != normal(small, small)
    assert normal(*[small] * 25) == normal(*[small] * 30)  # both are "more than twenty"
    assert normal(*[small] * 20) != normal(*[small] * 21)


def test_json_is_that_of_the_canonical_writer():
    facts = Facts(
        objects=facts_of(box("ship", 1, 1), box("other", 30, 30)),
        cover=(CoverFact("water", 'w\u00e4ter "x"', 0.1 + 0.2, "about a quarter", "middle"),),
        scene="open water",
        statements=("There is a river.",),
        source_caption="a river \\ .",
        dropped=(("colour", 2), ("weather", 1)),
    )
    whole = {**asdict(facts), "dropped": dict(facts.dropped)}
    some = replace(facts, present=(PresentFact("ship", "ship", "ships"),), scene_class='a "wood"')
    rare = ("present", "scene_class")  # only where there are some
    content = {name: value for name, value in whole.items() if name not in rare}
    assert to_json(facts) == canonical_json(content)
    assert to_json(some) == canonical_json(content | {name: asdict(some)[name] for name in rare})
    assert from_json(to_json(facts)) == facts and from_json(to_json(some)) == some
