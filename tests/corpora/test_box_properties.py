"""Whatever the format, a box that is written and read back is the same box."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as run_lengths

from sartext.catalogue.entry import AngleConvention, Annotations, CorpusClass, Entry
from sartext.corpora.cleaning import clean_boxes
from sartext.corpora.formats import FORMATS
from sartext.corpora.forms import Forms, Turned, boxes_of
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox, Source
from sartext.corpora.shapes import overlap, side_angle, turned_corners, upright_box
from tests.corpora.making import BASE, SHIP

WIDTH, HEIGHT = 640, 480

CONVENTIONS = [
    AngleConvention(unit=unit, side=side, sense=sense)
    for unit in ("degrees", "radians")
    for side in ("width", "height")
    for sense in ("clockwise", "anticlockwise")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


def read(folder, name, text, angle=None):
    """The boxes that a format reads of one file of an image of 640 x 480 pixels."""
    file = {"coco": "all.json", "voc": "1.xml"}.get(name, "1.txt")
    (folder / file).write_text(text)
    declared = Annotations(format=name, files=(file,), angle=angle)
    fields = {**BASE, "name": "made", "kind": "detection", "images": ("*",), "classes": (CorpusClass(**SHIP),)}
    entry = Entry(**fields, annotations=declared)
    (record,) = FORMATS[name].read(Source(folder, file, entry, size_of=lambda _: (WIDTH, HEIGHT)))
    assert not record.left_out
    return record.boxes


whole_boxes = st.builds(
    lambda x, y, width, height: (x, y, min(x + width, WIDTH), min(y + height, HEIGHT)),
    st.integers(0, WIDTH - 2),
    st.integers(0, HEIGHT - 2),
    st.integers(1, WIDTH),
    st.integers(1, HEIGHT),
)
"""Upright boxes in whole pixels, inside the image, some on its sides."""

turned_boxes = st.builds(
    Turned,
    x=st.floats(200, 440),
    y=st.floats(200, 280),
    width=st.floats(5, 150),
    height=st.floats(5, 150),
    angle=st.floats(-math.pi, math.pi),
)
"""Turned boxes inside the image, their angles in radians."""


def as_voc(box):
    sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
    return _voc(f"<bndbox>{''.join(f'<{name}>{value}</{name}>' for name, value in sides)}</bndbox>")


def _voc(*forms):
    objects = "".join(f"<object><name>ship</name>{form}</object>" for form in forms)
    return f"<annotation>{objects}</annotation>"


def as_segm(box):
    points = [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]
    return _voc(f"<segm>{''.join(f'<point>{x},{y}</point>' for x, y in points)}</segm>")


def as_coco(box, form="bbox"):
    x0, y0, x1, y1 = box
    said = {"bbox": [x0, y0, x1 - x0, y1 - y0], "polygon": [[x0, y0, x1, y0, x1, y1, x0, y1]], "mask": None}[form]
    if form == "mask":
        values = np.zeros((HEIGHT, WIDTH), dtype=np.uint8, order="F")
        values[y0:y1, x0:x1] = 1
        encoded = run_lengths.encode(values)
        said = {"size": encoded["size"], "counts": encoded["counts"].decode()}
    field = "bbox" if form == "bbox" else "segmentation"
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "1.png"}],
            "categories": [{"id": 1, "name": "ship"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, field: said}],
        }
    )


def as_yolo(box):
    x0, y0, x1, y1 = (value / side for value, side in zip(box, (WIDTH, HEIGHT) * 2, strict=True))
    return f"ship {(x0 + x1) / 2:.6f} {(y0 + y1) / 2:.6f} {x1 - x0:.6f} {y1 - y0:.6f}"


def as_yolo_oriented(points):
    return "ship " + " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in points)


def as_dota(points):
    return "gsd:1\n" + " ".join(f"{number:.1f}" for point in points for number in point) + " ship 1"


def corners_of(box):
    return box.xmin, box.ymin, box.xmax, box.ymax


UPRIGHT = {
    "voc": ("voc", as_voc),
    "voc polygon": ("voc", as_segm),
    "coco": ("coco", as_coco),
    "coco polygon": ("coco", lambda box: as_coco(box, "polygon")),
    "coco mask": ("coco", lambda box: as_coco(box, "mask")),
    "yolo": ("yolo", as_yolo),
    "yolo-oriented": ("yolo-oriented", lambda box: as_yolo_oriented(_around(box))),
    "dota": ("dota", lambda box: as_dota(_around(box))),
}


def _around(box):
    return [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]


@pytest.mark.parametrize("form", UPRIGHT)
@settings(max_examples=50, deadline=None)
@given(box=whole_boxes)
def test_an_upright_box_comes_back_whole(folder, form, box):
    name, write = UPRIGHT[form]
    (found,) = read(folder, name, write(box))
    assert corners_of(found) == pytest.approx(box, abs=1e-3)
    objects, told = clean_boxes((found,), WIDTH, HEIGHT, {"ship": "ship"})
    assert len(objects) == 1
    assert not told, "nothing of it is clipped for its decimals"


@pytest.mark.parametrize("name", ["dota", "yolo-oriented", "voc"])
@settings(max_examples=50, deadline=None)
@given(turned=turned_boxes, order=st.permutations(range(4)))
def test_four_corners_come_back_in_any_order(folder, name, turned, order):
    corners = turned_corners((turned.x, turned.y), turned.width, turned.height, turned.angle)
    points = [corners[place] for place in order]
    numbered = "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(points, 1))
    written = {
        "dota": as_dota(points),
        "yolo-oriented": as_yolo_oriented(points),
        "voc": _voc(f"<robndbox>{numbered}</robndbox>"),
    }
    (found,) = read(folder, name, written[name])
    assert corners_of(found) == pytest.approx(upright_box(points), abs=0.06)
    # five pixels of a side in tenths of a pixel leave a degree and a half of doubt
    assert apart(found.angle, math.degrees(turned.angle)) < 1.7


def apart(angle, other):
    """Degrees between the sides of two turned boxes."""
    return abs((angle - other + 45) % 90 - 45)


def written_as(turned, convention):
    """A box of an angle in radians clockwise of its width side, as a convention writes it."""
    width, height, angle = turned.width, turned.height, turned.angle
    if convention.side == "height":  # the side that is turned is the other one
        width, height = height, width
    angle = -angle if convention.sense == "anticlockwise" else angle
    return Turned(
        turned.x, turned.y, width, height, math.degrees(angle) if convention.unit == "degrees" else angle
    )


def shape_of(turned, convention):
    """The corners of a written box by its convention."""
    return turned_corners((turned.x, turned.y), turned.width, turned.height, turned.radians(convention))


def area(points):
    following = [*points[1:], *points[:1]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, following, strict=True))) / 2


@pytest.mark.parametrize("convention", CONVENTIONS, ids=lambda each: f"{each.unit}-{each.side}-{each.sense}")
@settings(max_examples=50, deadline=None)
@given(turned=turned_boxes)
def test_a_convention_changes_neither_area_nor_centre_nor_the_box(folder, convention, turned):
    plain = turned_corners((turned.x, turned.y), turned.width, turned.height, turned.angle)
    written = written_as(turned, convention)
    assert all(min(math.dist(point, other) for other in plain) < 1e-6 for point in shape_of(written, convention))
    for any_convention in CONVENTIONS:
        shape = shape_of(written, any_convention)
        assert area(shape) == pytest.approx(turned.width * turned.height)
        centre = [sum(numbers) / 4 for numbers in zip(*shape, strict=True)]
        assert centre == pytest.approx([turned.x, turned.y])
    tags = zip(
        ("cx", "cy", "w", "h", "angle"), (written.x, written.y, written.width, written.height), strict=False
    )
    numbers = "".join(f"<{name}>{value}</{name}>" for name, value in tags) + f"<angle>{written.angle}</angle>"
    (found,) = read(folder, "voc", _voc(f"<robndbox>{numbers}</robndbox>"), convention)
    assert corners_of(found) == pytest.approx(upright_box(plain), abs=1e-6)
    assert apart(found.angle, side_angle(plain)) < 1e-3


@settings(max_examples=50, deadline=None)
@given(turned=turned_boxes, convention=st.sampled_from(CONVENTIONS), stated=st.sampled_from(CONVENTIONS))
def test_a_wrong_convention_never_moves_a_box_in_silence(turned, convention, stated):
    """Either the file is refused, or told of, or the boxes are those that its upright boxes say."""
    plain = upright_box(turned_corners((turned.x, turned.y), turned.width, turned.height, turned.angle))
    objects = [Forms("ship", plain, turned=written_as(turned, convention))]
    try:
        (box,), told = boxes_of(objects, stated)
    except Unusable as refused:
        assert refused.reason == "angle-convention"
        return
    assert corners_of(box) == plain
    if not told:
        assert overlap(written_as(turned, convention).upright(stated), plain) >= 0.45
    assert convention != stated or not told


@settings(max_examples=50, deadline=None)
@given(boxes=st.lists(whole_boxes, max_size=8), repeats=st.integers(0, 3))
def test_repeats_never_change_what_is_counted(boxes, repeats):
    raw = tuple(RawBox("ship", *box) for box in boxes)
    once, _ = clean_boxes(raw, WIDTH, HEIGHT, {"ship": "ship"})
    again, _ = clean_boxes(raw + raw * repeats, WIDTH, HEIGHT, {"ship": "ship"})
    assert once == again
    assert len(once) == len(set(boxes))
