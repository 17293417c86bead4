"""Boxes that a source got wrong, and class names that the catalogue does not know."""

import math

import pytest

from sartext.corpora.cleaning import BOX_LIMIT, clean_boxes
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox
from tests.corpora.making import DETECTION, SHIP

LABELS = {"ship": "ship"}


def cleaned(*corners):
    objects, reasons = clean_boxes((RawBox("ship", *corners),), 100, 80, LABELS)
    return [(box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in objects], reasons


@pytest.mark.parametrize(
    ("corners", "kept", "reasons"),
    [
        ((0, 0, 10, 10), [(0, 0, 10, 10)], {}),
        ((90, 70, 100, 80), [(90, 70, 100, 80)], {}),
        ((-5, 10, 20, 90), [(0, 10, 20, 80)], {"box-clipped": 1}),
        ((20, 30, 10, 12), [(10, 12, 20, 30)], {"box-inverted": 1}),
        ((0, 0, 0, 0), [], {"box-without-area": 1}),
        ((10, 10, 10, 20), [], {"box-without-area": 1}),
    ],
)
def test_box_is_kept_repaired_or_dropped_with_a_reason(corners, kept, reasons):
    assert cleaned(*corners) == (kept, reasons)


GOOD = RawBox("ship", 1, 1, 9, 9)


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ((GOOD, RawBox("ship", 0, 10, math.inf, 20)), "box-not-a-number: 1 of 2"),
        ((GOOD,) * (BOX_LIMIT + 1), "too-many-boxes"),
        ((RawBox("ship", 1, 1, 9, 9, crowd=True),), "crowd-box"),
    ],
    ids=["infinite", "absurdly many", "crowd"],
)
def test_boxes_that_would_be_miscounted_cost_the_image(boxes, reason):
    with pytest.raises(Unusable, match=reason):
        clean_boxes(boxes, 100, 80, LABELS)
    most = tuple(RawBox("ship", 1, 1, 2 + number / BOX_LIMIT, 9) for number in range(BOX_LIMIT))
    assert len(clean_boxes(most, 100, 80, LABELS)[0]) == BOX_LIMIT


def test_repeated_box_is_told_and_counts_once():
    others = (RawBox("ship", 1, 1, 9, 8), RawBox("ship", 1, 1, 9, 9, angle=30), RawBox("boat", 1, 1, 9, 9))
    objects, reasons = clean_boxes((GOOD, *others, GOOD, GOOD), 100, 80, {"ship": "ship", "boat": "boat"})
    assert [(box["label"], box["ymax"], box["angle"]) for box in objects] == [
        ("ship", 9, None),
        ("ship", 8, None),
        ("ship", 9, 30),
        ("boat", 9, None),
    ]
    assert reasons == {"repeated-box": 2}
    dropped = (RawBox("ship", 110, 10, 120, 20),) * 2
    assert clean_boxes((GOOD, *dropped), 100, 80, LABELS)[1] == {"box-outside": 2}, "not told again as repeated"


@pytest.mark.parametrize("corners", [(110, 10, 120, 20), (-10, 10, 0, 20)])
def test_a_box_outside_is_dropped_and_an_image_of_which_all_are_outside_is_not_empty(corners):
    outside = RawBox("ship", *corners)
    objects, reasons = clean_boxes((GOOD, outside), 100, 80, LABELS)
    assert (len(objects), reasons) == (1, {"box-outside": 1})
    with pytest.raises(Unusable, match="boxes-outside: 1 of 2"):
        clean_boxes((outside, RawBox("ship", 5, 5, 5, 9)), 100, 80, LABELS)


def test_bad_boxes_are_told_per_image_and_good_ones_stay(detection):
    boxes = [("ship", 1, 1, 9, 9), ("ship", 1, 1, 9, 9), ("ship", 3, 1, 3, 9), ("ship", 50, 1, 60, 9)]
    detection.add("1", *boxes)
    metrics = detection.index()
    assert len(detection.rows()["1"]["objects"]) == 1, "one ship, written twice, is one ship"
    reasons = ("box-outside", "box-without-area", "repeated-box")
    faults = [(fault.path, fault.reason, fault.detail) for fault in detection.faults("box")]
    assert faults == [("data/made/images/1.png", reason, "1 of 4") for reason in reasons]
    assert metrics["reasons"]["box"] == dict.fromkeys(reasons, 1)


@pytest.mark.parametrize(
    ("box", "reason", "detail"),
    [
        (("ship", "nan", 1, 9, 9), "box-not-a-number", "1 of 2"),
        (("ship", "x", 1, 9, 9), "box-not-a-number", "1 of 2"),
        (("ship", "", 1, 9, 9), "box-not-a-number", "1 of 2"),
        (("buoy", 1, 1, 9, 9), "unknown-class", "'buoy'"),
    ],
)
def test_a_box_that_is_no_number_or_of_an_unknown_class_costs_its_image(detection, box, reason, detail):
    detection.add("1", ("ship", 1, 1, 9, 9), box, seed=1)
    detection.add("2", ("ship", 1, 1, 9, 9), ("ship", 2, 1, 9, 9), seed=2)
    detection.index()
    (fault,) = detection.faults("image")
    assert (fault.image_id, fault.reason, fault.detail) == ("made/1", reason, detail)
    assert set(detection.rows()) == {"2"}


def test_class_names_are_mapped_through_the_catalogue(corpus):
    corpus.declare(**{**DETECTION, "classes": [{**SHIP, "source": ["Ship ", "\u8239", "cargo/tanker"]}]})
    names = ["ship", "SHIP", "\u8239", "cargo/tanker"]
    corpus.add("1", *[(name, 1, 1, 9, 9 + place) for place, name in enumerate(names)])
    corpus.index()
    objects = corpus.rows()["1"]["objects"]
    assert [box["label"] for box in objects] == ["ship"] * 4
    assert [box["source_label"] for box in objects] == names
