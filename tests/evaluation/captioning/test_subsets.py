import math

import pytest

from sartext.evaluation.caption_scoring import smallest_side, subsets
from tests.evaluation.generated import SHIP, WATER, cover_facts, example, object_facts

FACTS = object_facts((SHIP, 1, 0))


def box(xmin, ymin, xmax, ymax):
    return {"label": "ship", "xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def ship(name, *boxes, size=(128, 128)):
    return example(name, FACTS, boxes=boxes, size=size)


def test_the_shorter_side_of_the_smallest_object_is_measured_in_the_squashed_image():
    wide = ship("a/1", box(0, 0, 40, 16), box(0, 0, 100, 100), size=(400, 128))
    assert smallest_side(wide, 64) == pytest.approx(min(40 * 64 / 400, 16 * 64 / 128))


def test_boxes_are_clipped_to_the_image_and_those_without_area_left_out():
    assert smallest_side(ship("a/1", box(-10, 0, 6, 128), box(130, 0, 140, 9), box(5, 5, 5, 9)), 64) == 3
    assert math.isnan(smallest_side(ship("a/1", box(130, 0, 140, 9)), 64))


def test_parts_by_corpus_and_by_size_with_lower_bounds_inclusive():
    examples = [ship(f"a/{side}", box(0, 0, side, side), size=(64, 64)) for side in (1, 2, 4, 8)]
    examples += [example("b/1", cover_facts((WATER, 1.0, None)), boxes=()), example("b/2", FACTS)]
    parts = {name: mask.nonzero()[0].tolist() for name, mask in subsets(examples, 64).items()}
    assert parts == {
        "all": [0, 1, 2, 3, 4, 5],
        "corpus:a": [0, 1, 2, 3],
        "corpus:b": [4, 5],
        "objects:under-2px": [0],
        "objects:2-4px": [1],
        "objects:4-8px": [2],
        "objects:from-8px": [3],
    }


def test_without_boxes_there_are_no_parts_by_size():
    assert set(subsets([example("b/2", FACTS)], 64)) == {"all", "corpus:b"}
