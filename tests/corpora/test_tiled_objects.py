"""Objects of tiles: whatever the format, each is where it was in the scene, with angle, difficulty and outline."""

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as run_lengths

from sartext.catalogue.loading import load_entry
from sartext.corpora.annotations import match_annotations
from sartext.corpora.formats import FORMATS
from sartext.corpora.listing import matching_files
from sartext.corpora.reading import Source
from sartext.corpora.shapes import turned_corners, upright_box
from sartext.corpora.tiling import Tiling, tile_scenes
from sartext.errors import CorpusError
from tests.corpora.making import DETECTION, Corpus, tiff

WHOLE = {**DETECTION, "quantity": "amplitude", "polarisation": "VV"}
SIDE = 100

turned_boxes = st.tuples(
    st.tuples(st.floats(0, 250), st.floats(0, 150)),
    st.floats(6, 60),
    st.floats(6, 60),
    st.floats(0, math.pi),
    st.sampled_from([None, 0, 1, 2]),
)
"""Centre, width, height, angle in radians clockwise, and difficulty."""


def cut(corpus, name, annotations, width=250, height=150, **tiling):
    """Cut a scene with these annotations; return the counts and what the reader makes of each tile."""
    path = {"coco": "all.json", "yolo": "annotations/s.txt", "dota": "annotations/s.txt"}[name]
    corpus.declare(**{**WHOLE, "annotations": {"format": name, "files": [path]}})
    corpus.put("images/s.tif", tiff(np.ones((height, width), np.uint16)))
    corpus.put(path, annotations)
    target = corpus.root / "cut"
    counts = tile_scenes(corpus.folder, corpus.load(), target, Tiling(side=SIDE, **tiling))
    entry = load_entry(target / "cut.yaml")
    paths = matching_files(target, entry.images)
    matches = match_annotations(target, entry, entry.annotations, paths)
    assert not matches.problems
    assert not matches.faults
    records = dict(matches.records)
    for image, file in matches.files.items():
        (records[image],) = FORMATS[entry.annotations.format].read(Source(target, file, entry))
    assert not any(record.left_out for record in records.values())
    return counts, {tuple(map(int, Path(image).stem.split("_")[1:])): records[image] for image in paths}


def share_inside(box, place):
    """The share of a turned box that lies in a tile, by points spread over it."""
    centre, width, height, angle, _ = box
    steps = (np.arange(60) + 0.5) / 60 - 0.5
    along, across = np.meshgrid(steps * width, steps * height)
    x = centre[0] + along * math.cos(angle) - across * math.sin(angle) - place[0]
    y = centre[1] + along * math.sin(angle) + across * math.cos(angle) - place[1]
    return ((x >= 0) & (x < min(SIDE, 250 - place[0])) & (y >= 0) & (y < min(SIDE, 150 - place[1]))).mean()


@settings(max_examples=25, deadline=None)
@given(objects=st.lists(turned_boxes, max_size=4))
def test_turned_boxes_come_back_where_they_were_with_angle_and_difficulty(objects):
    lines = []
    for number, (centre, width, height, angle, difficulty) in enumerate(objects):
        points = turned_corners(centre, width, height, angle)
        said = [repr(value) for point in points for value in point] + [f"ship-{number}"]
        lines.append(" ".join(said + ([] if difficulty is None else [str(difficulty)])))
    with TemporaryDirectory() as folder:
        counts, tiles = cut(Corpus(Path(folder)), "dota", "\n".join(lines), overlap=25)
    assert counts["tiles"] + counts["tiles_with_hardly_visible_objects"] == 6
    for place, record in tiles.items():
        found = {int(box.label.removeprefix("ship-")): box for box in record.boxes}
        for number, box in enumerate(objects):
            share = share_inside(box, place)
            assert not 0.05 < share < 0.45, "a tile with a part of an object is left out"
            if number not in found:
                assert share <= 0.55
                continue
            assert share >= 0.45
            one, (centre, width, height, angle, difficulty) = found[number], box
            assert one.difficulty == difficulty
            assert abs((one.angle - math.degrees(angle) + 45) % 90 - 45) < 0.01
            if share == 1:
                whole = upright_box(turned_corners(centre, width, height, angle))
                there = (one.xmin + place[0], one.ymin + place[1], one.xmax + place[0], one.ymax + place[1])
                beyond = max(0, place[0] - whole[0], place[1] - whole[1])
                assert there == pytest.approx(whole, abs=1 + beyond)


def coco(*segmentations, width=200, height=100):
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "segmentation": each}
        for number, each in enumerate(segmentations, 1)
    ]
    images = [{"id": 1, "file_name": "s.tif", "width": width, "height": height}]
    return json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "ship"}]})


def test_the_polygons_of_an_object_are_cut_and_its_box_is_that_of_the_visible_part(corpus):
    triangle = [60, 10, 120, 10, 60, 70]  # cut at x = 100; 8/9 of it are left of there
    _, tiles = cut(corpus, "coco", coco([triangle, [10, 10, 20, 10, 20, 20, 10, 20]]), 200, 100, visible=0.1)
    (left,), (right,) = tiles[0, 0].boxes, tiles[100, 0].boxes
    assert (left.xmin, left.ymin, left.xmax, left.ymax) == (10, 10, 100, 70)
    assert set(left.parts[0]) == {(60, 70), (60, 10), (100, 10), (100, 30)}
    assert (right.xmin, right.ymin, right.xmax, right.ymax) == (0, 10, 20, 30)


def test_a_polygon_whose_box_alone_reaches_a_tile_is_not_in_it(corpus):
    triangle = [80, 190, 190, 80, 190, 190]
    counts, tiles = cut(corpus, "coco", coco([triangle], width=200, height=200), 200, 200, visible=0.02)
    assert {place: len(record.boxes) for place, record in tiles.items()} == {
        (0, 0): 0,
        (100, 0): 1,
        (0, 100): 1,
        (100, 100): 1,
    }
    assert counts["tiles_with_hardly_visible_objects"] == 0


@pytest.mark.parametrize("compressed", [True, False])
def test_masks_are_cut_pixel_by_pixel(corpus, compressed):
    values = np.zeros((100, 200), np.uint8, order="F")
    values[20:60, 70:110] = 1
    values[20:30, 70:80] = 0
    encoded = run_lengths.encode(values)
    flat = np.concatenate([[0], values.ravel(order="F"), [2]])
    plain = np.diff(np.concatenate([[0], np.flatnonzero(np.diff(flat)), [values.size]]))
    counts = encoded["counts"].decode() if compressed else [int(run) for run in plain if run or run == plain[0]]
    _, tiles = cut(corpus, "coco", coco({"size": [100, 200], "counts": counts}), 200, 100, visible=0.2)
    for x in (0, 100):
        (box,) = tiles[x, 0].boxes
        assert (run_lengths.decode(dict(box.mask)) == values[:, x : x + 100]).all()
    assert (tiles[100, 0].boxes[0].xmin, tiles[100, 0].boxes[0].xmax) == (0, 10)


def test_shares_of_yolo_are_of_the_whole_scene(corpus):
    _, tiles = cut(corpus, "yolo", "ship 0.6 0.5 0.04 0.1", 250, 100)
    (box,) = tiles[100, 0].boxes
    assert (box.xmin, box.ymin, box.xmax, box.ymax) == pytest.approx((45, 45, 55, 55))


def test_a_scene_without_annotation_is_left_out_and_never_said_to_be_empty(corpus):
    corpus.declare(**WHOLE).put("images/other.tif", tiff(np.ones((SIDE, SIDE), np.uint16)))
    counts, tiles = cut(corpus, "coco", coco([10, 10, 20, 10, 20, 20, 10, 20]), 200, 100)
    assert counts["scenes_without_annotation"] == 1
    assert counts["scenes"] == 1
    assert [len(record.boxes) for record in tiles.values()] == [1, 0]


def test_a_box_that_is_no_number_is_named_before_anything_is_written(corpus):
    with pytest.raises(CorpusError, match="box-not-a-number"):
        cut(corpus, "dota", "1 1 nan 1 9 9 1 9 ship 0")
    assert not (corpus.root / "cut").exists()
