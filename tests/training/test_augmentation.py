"""A turned picture gets a caption that is true of it; what has no data stays so; named sides stay in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.masks import summarise_mask
from sartext.narrator.annotated import object_facts
from sartext.training.augmentation import (
    CURVES,
    TURNS,
    WORDINGS,
    draw,
    names_a_side,
    turn,
    turn_box,
    turn_region,
    turned_facts,
)
from sartext.training.shards.selection import annotated_facts, corpus_naming

SIDE = 64
LANDCOVER = load_entry(PACKAGED / "sim-landcover.yaml")


def box(x0: float, y0: float, x1: float, y1: float, angle: float | None = None) -> dict[str, object]:
    edges = {"xmin": x0, "ymin": y0, "xmax": x1, "ymax": y1}
    return {"label": "ship", "source_label": "ship", **edges, "angle": angle}


def class_map(seed: int, entry: Entry) -> np.ndarray:
    """Patches of land cover and two ships, as positions of the catalogue's classes."""
    random = np.random.default_rng(seed)
    names = [entry_class.label for entry_class in entry.classes]
    stuff = [names.index(label) for label in ("water", "forest", "crops", "built-up")]
    classes = np.repeat(np.repeat(random.choice(stuff, (4, 4), p=(0.55, 0.15, 0.2, 0.1)), 16, axis=0), 16, axis=1)
    for row, column in random.integers(4, 50, (2, 2)):
        classes[row : row + 3, column : column + 9] = names.index("ship")
    return classes.astype(np.int16)


@pytest.mark.parametrize("k", range(TURNS))
@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40), st.sampled_from([None, 20.0])
)
def test_a_box_lies_where_its_pixels_are_turned_to(
    k: int, x: int, y: int, width: int, height: int, angle: float | None
) -> None:
    x1, y1 = min(x + width, SIDE), min(y + height, SIDE)
    picture = np.zeros((SIDE, SIDE), dtype=np.uint8)
    picture[y:y1, x:x1] = 9
    turned = turn_box(box(x, y, x1, y1, angle), SIDE, k)
    expected = np.zeros_like(picture)
    expected[int(turned["ymin"]) : int(turned["ymax"]), int(turned["xmin"]) : int(turned["xmax"])] = 9
    np.testing.assert_array_equal(turn(picture, k), expected)
    assert turned["angle"] == (angle if angle is None or k < 4 else -angle)


@pytest.mark.parametrize("k", range(TURNS))
@pytest.mark.parametrize("seed", range(6))
def test_facts_of_a_turned_picture_are_those_of_its_turned_mask(k: int, seed: int) -> None:
    classes, naming = class_map(seed, LANDCOVER), corpus_naming(LANDCOVER)
    upright = summarise_mask(classes, LANDCOVER)
    again = summarise_mask(np.ascontiguousarray(turn(classes, k)), LANDCOVER)
    derived = turned_facts(tuple(upright.objects), tuple(upright.regions), SIDE, k, naming)
    assert derived == annotated_facts(again.objects, again.regions, SIDE, SIDE, naming)
    zones = sorted((region["label"], region["zone"], region["fraction"]) for region in again.regions)
    turned = sorted(
        (region["label"], region["zone"], region["fraction"])
        for region in (turn_region(row, k) for row in upright.regions)
    )
    assert turned == zones


def test_the_eight_turns_are_all_different() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 6).repeat(3, axis=0)
    assert len({turn(picture, k).tobytes() + str(turn(picture, k).shape).encode() for k in range(TURNS)}) == TURNS


@pytest.mark.parametrize("width", [64, 61])
def test_center_and_outside_do_not_change_by_turning(width: int) -> None:
    naming, random = corpus_naming(LANDCOVER), np.random.default_rng(1)
    corners = random.uniform(0, width, (20, 2, 2))
    boxes = [box(*corner.min(axis=0), *corner.max(axis=0)) for corner in corners]
    facts, _ = object_facts(boxes, width, width, naming.objects)
    for k in range(TURNS):
        assert turned_facts(tuple(boxes), (), width, k, naming).objects == facts.objects


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a river on the left of the town", True),
        ("the upper right corner is a lake", True),
        ("the pond is in the Northwest of the field", True),
        ("buildings at the topmost edge", True),
        ("two roads run horizontally", True),
        ("a parking lot is below the house", True),
        ("from above we see the blue ocean", False),
        ("a bridge over a wide river", False),
        ("the trees stand close together", False),
        ("a bright lot of upright trees", False),
    ],
)
def test_captions_that_name_a_side_are_known(caption: str, expected: bool) -> None:
    assert names_a_side(caption) is expected


def test_gain_and_contrast_are_mild_and_keep_what_has_no_data() -> None:
    levels = np.arange(256)
    for curves in CURVES:
        for curve in curves:
            assert curve[0] == 0
            assert curve[1:].min() >= 1
            assert (np.diff(curve.astype(int)) >= 0).all()
            assert np.abs(curve.astype(int) - levels)[1:].max() <= 8 + 0.1 * 127.5 + 1
    np.testing.assert_array_equal(CURVES[4][4][1:], levels[1:])


def test_draws_depend_on_seed_and_position_and_reach_everything() -> None:
    drawn = [draw(5, position, 3) for position in range(4000)]
    assert drawn == [draw(5, position, 3) for position in range(4000)]
    assert drawn != [draw(6, position, 3) for position in range(4000)]
    for name, count in (("look", 3), ("turn", TURNS), ("gain", 9), ("contrast", 9)):
        seen = np.bincount([getattr(choice, name) for choice in drawn], minlength=count)
        assert len(seen) == count
        assert seen.min() > 0.7 * 4000 / count
    worded = np.bincount([choice.wording % WORDINGS for choice in drawn])
    assert worded.min() > 0.7 * 4000 / WORDINGS
