"""The size that an annotation states, and the turn that EXIF states, against the file on disk."""

import io

import numpy as np
import pytest
from PIL import Image

from sartext.corpora.images import decode, exif_orientation, release_bytes
from tests.corpora.making import DETECTION, corners, encoded, picture, voc

TALL, FLAT = ("ship", 2, 2, 8, 36), ("ship", 2, 2, 36, 8)  # in an image of 40 x 30 only the second fits


def turned_picture(orientation, form="JPEG"):
    """A picture of 40 x 30 pixels whose EXIF tells viewers to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    values = np.random.default_rng(1).integers(0, 256, (30, 40), dtype=np.uint8)
    Image.fromarray(values).save(stream, form, exif=exif)
    return stream.getvalue()


NO_SIZES = [
    "",
    "<size/>",
    "<size><width>0</width><height>0</height></size>",
    "<size><width>40</width></size>",
    *(f"<size><height>{value}</height></size>" for value in ("nan", "inf", "-3", "tall")),
]


@pytest.mark.parametrize("size", NO_SIZES)
def test_a_size_that_states_nothing_is_none(detection, size):
    detection.put("images/1.png", picture())
    written = f"<annotation>{size}<object><name>ship</name>{voc(FLAT).partition('</name>')[2]}"
    detection.put("annotations/1.xml", written)
    detection.index()
    assert corners(detection.rows()["1"]) == [FLAT]
    assert not detection.faults()


@pytest.mark.parametrize("boxes", [[FLAT], [], [("ship", -1, 0, 41, 31)]])
def test_swapped_sides_are_told_where_the_boxes_lie_inside_as_they_are(detection, boxes):
    detection.add("1", *boxes, width=30, height=40)
    detection.index()
    assert len(detection.rows()["1"]["objects"]) == len(boxes)
    fault = next(fault for fault in detection.faults() if fault.reason == "size-swapped")
    assert fault.detail == "annotated at 30 x 40, the image has 40 x 30; the boxes lie inside as they are"


@pytest.mark.parametrize(
    ("boxes", "size", "detail"),
    [
        ([TALL], (30, 40), "the boxes fit the turned image only"),
        ([TALL, FLAT], (30, 40), "the image has 40 x 30"),
        ([FLAT], (41, 30), "annotated at 41 x 30"),
        ([FLAT], (30, 0), "annotated at 30 x 0"),
    ],
)
def test_the_size_of_another_image_or_of_the_turned_one_costs_the_image(detection, boxes, size, detail):
    detection.add("1", *boxes, width=size[0], height=size[1])
    detection.add("2", FLAT, seed=2)
    detection.index()
    (fault,) = detection.faults()
    assert (fault.image_id, fault.reason) == ("made/1", "size-mismatch")
    assert fault.detail.endswith(detail) or detail in fault.detail


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_an_image_that_exif_turns_is_taken_as_stored_and_told(corpus, form, orientation):
    corpus.declare(**{**DETECTION, "images": ["images/*"]})
    content = turned_picture(orientation, form)
    corpus.put("images/1.png", content)
    corpus.put("annotations/1.xml", voc(FLAT))
    corpus.index()
    row = corpus.rows()["1"]
    assert (row["width"], row["height"]) == (40, 30)
    assert corners(row) == [FLAT]
    assert [(fault.reason, fault.kind) for fault in corpus.faults()] == [("exif-turned", "annotation")]
    released = release_bytes(corpus.root, row, corpus.load())
    assert exif_orientation(released) == 1, "every viewer shows it as it was annotated"
    assert (decode(released) == decode(content)).all()


def test_boxes_of_the_picture_as_exif_turns_it_cost_the_image(detection):
    detection.put("images/1.png", turned_picture(6))
    detection.put("annotations/1.xml", voc(("ship", 2, 2, 8, 8), width=30, height=40))
    detection.add("2", FLAT, seed=2)
    detection.index()
    (fault,) = detection.faults()
    assert (fault.image_id, fault.reason) == ("made/1", "size-mismatch")
    assert "annotated as EXIF turns it" in fault.detail


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00broken", picture(form="BMP"), picture()]
)
def test_no_exif_or_a_damaged_one_turns_nothing(content):
    assert exif_orientation(content) == 1
    assert exif_orientation(turned_picture(9)) == 1


def test_a_jpeg_without_its_end_is_left_out_with_that_reason(detection):
    whole = encoded(np.zeros((30, 40), np.uint8), "JPEG")
    for image, content in {"1": whole, "2": whole[:-2], "3": whole[: len(whole) // 2]}.items():
        detection.put(f"images/{image}.jpg", content)
        detection.put(f"annotations/{image}.xml", voc(FLAT))
    detection.index()
    assert set(detection.rows()) == {"1"}
    assert [(fault.reason, fault.detail[:14]) for fault in detection.faults()] == [
        ("truncated-image", "no end marker:")
    ] * 2
