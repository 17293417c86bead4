"""COCO JSON in all the ways in which real corpora write it."""

import json

import numpy as np
import pytest
from pycocotools import mask as run_lengths

from tests.corpora.making import DETECTION, corners, picture


@pytest.fixture
def coco(corpus):
    annotations = {"format": "coco", "files": ["annotations/*.json*"]}
    corpus.declare(**{**DETECTION, "annotations": annotations})
    for image in (1, 2, 3):
        corpus.put(f"images/P{image}.png", picture(seed=image))
    return corpus


def content(*annotations, images=(1, 2, 3), category=1, first=20180000000):
    return {
        "images": [{"id": first + i, "file_name": f"P{i}.png", "width": 40, "height": 30} for i in images],
        "annotations": [
            {"id": n, "image_id": first + image, "category_id": category, "bbox": box, "iscrowd": 0}
            for n, (image, box) in enumerate(annotations)
        ],
        "categories": [{"supercategory": None, "id": category, "name": "ship"}],
    }


def index(coco, *files):
    """Index the corpus with these annotation files, of JSON or of anything else."""
    for number, value in enumerate(files):
        coco.put(f"annotations/{number}.json", json.dumps(value) if isinstance(value, dict) else value)
    coco.index()


SHIP = (1, [1, 1, 5, 5])


@pytest.mark.parametrize("category", [0, 1])
@pytest.mark.parametrize("name", ["train.json", "train.json.gz"])
def test_boxes_are_corner_and_size_whatever_the_first_category_is(coco, name, category):
    coco.put(f"annotations/{name}", json.dumps(content((1, [5, 6, 10.5, 4]), category=category)))
    coco.index()
    (box,) = coco.rows()["P1"]["objects"]
    assert (box["xmin"], box["ymin"], box["xmax"], box["ymax"]) == (5, 6, 15.5, 10)


def test_ids_are_looked_up_within_their_file(coco):
    other = content((1, [2, 2, 6, 6]), images=(1,), category=1, first=0)
    other["images"][0]["file_name"] = "P2.png"
    index(coco, content(SHIP, images=(1, 3), category=0, first=0), other)
    assert [row["objects"][0]["xmin"] for row in list(coco.rows().values())[:2]] == [1, 2]


def test_zero_area_box_is_dropped_and_counted_and_an_image_without_annotations_is_empty(coco):
    index(coco, b"\xef\xbb\xbf" + json.dumps(content((1, [0, 0, 0, 0]), SHIP)).encode())
    assert [len(row["objects"]) for row in coco.rows().values()] == [1, 0, 0]
    assert coco.reasons("box") == {"P1": "box-without-area"}


def test_images_without_a_record_and_records_without_an_image_are_told(coco):
    index(coco, content(SHIP, images=(1, 7)))
    assert coco.reasons() == {"P2": "no-annotation", "P3": "no-annotation"}
    assert [fault.path for fault in coco.faults("annotation")] == ["P7.png"]


def test_annotation_of_an_image_that_the_file_does_not_list_is_told(coco):
    index(coco, content(SHIP, (9, [1, 1, 5, 5])))
    (fault,) = coco.faults("annotation")
    assert (fault.path, fault.reason) == ("image id 20180000009", "annotation-of-unlisted-image")


def test_same_record_in_two_files_counts_once_and_a_contradiction_costs_the_image(coco):
    index(coco, content(SHIP, (2, [1, 1, 5, 5])), content(SHIP, (2, [1, 1, 6, 6]), images=(1, 2)))
    assert len(coco.rows()["P1"]["objects"]) == 1
    assert coco.reasons() == {"P2": "conflicting-annotations"}
    assert [fault.reason for fault in coco.faults("annotation")] == ["repeated-annotation"]


def test_two_images_with_one_id_are_ambiguous(coco):
    value = content(SHIP)
    value["images"][1]["id"] = value["images"][0]["id"]
    index(coco, value)
    assert coco.reasons() == {"P1": "ambiguous-annotation", "P2": "ambiguous-annotation"}


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"iscrowd": 1}, "crowd-box"),
        ({"category_id": 5}, "unknown-class"),
        *(({"bbox": box}, "box-not-a-number") for box in ([float("nan"), 1, 5, 5], [1, 1, 5], "1,1,5,5")),
        *(({"bbox": box}, "box-not-a-number") for box in (None, [1, 1, [5], 5])),
    ],
)
def test_a_crowd_an_unknown_category_or_a_malformed_box_costs_the_image(coco, field, reason):
    value = content(SHIP)
    value["annotations"][0] |= field
    index(coco, value)
    assert coco.reasons() == {"P1": reason}


@pytest.mark.parametrize("damage", ["{", "[]", '{"images": 5}', "[" * 100_000])
def test_one_damaged_file_of_two_costs_only_its_images(coco, damage):
    index(coco, content(SHIP, images=(1,)), damage)
    assert set(coco.rows()) == {"P1"}
    assert coco.faults("annotation")[0].path == "annotations/1.json"


@pytest.mark.parametrize(("category", "written"), [(0, "0"), ("0", 0), (1.0, 1), ("ship-1", "ship-1")])
def test_an_id_is_the_same_as_a_number_and_as_text(coco, category, written):
    value = content(SHIP, (2, [2, 2, 5, 5]), category=category)
    value["annotations"][0]["category_id"] = written
    value["annotations"][0]["image_id"] = str(value["annotations"][0]["image_id"])
    index(coco, value)
    assert [len(row["objects"]) for row in coco.rows().values()] == [1, 1, 0]
    assert not coco.faults()


def test_ids_that_differ_in_type_only_keep_what_each_means(coco):
    value = content(SHIP, (2, [1, 1, 5, 5]), (3, [1, 1, 5, 5]), category=0)
    value["categories"].append({"id": "0", "name": "buoy"})
    value["annotations"][1]["category_id"] = "0"
    index(coco, value)
    assert set(coco.rows()) == {"P1", "P3"}
    assert [(fault.image_id, fault.detail) for fault in coco.faults()] == [("made/P2", "'buoy'")]


def test_a_category_id_with_two_names_is_unknown(coco):
    value = content(SHIP)
    value["categories"].append({"id": 1, "name": "boat"})
    index(coco, value)
    (fault,) = coco.faults()
    assert (fault.reason, fault.detail) == ("unknown-class", "'category 1 or boat or ship'")


def test_one_annotation_id_under_two_images_is_told_of_both_and_no_box_moves(coco):
    value = content(SHIP, (2, [2, 2, 6, 6]), (3, [3, 3, 5, 5]))
    value["annotations"][1]["id"] = value["annotations"][0]["id"]
    index(coco, value)
    assert [row["objects"][0]["xmin"] for row in coco.rows().values()] == [1, 2, 3]
    told = {fault.image_id: (fault.reason, fault.detail) for fault in coco.faults()}
    assert told == {
        "made/P1": ("repeated-annotation-id", "id 0 is also of P2.png"),
        "made/P2": ("repeated-annotation-id", "id 0 is also of P1.png"),
    }


def test_an_object_written_twice_counts_once(coco):
    index(coco, content(SHIP, SHIP))
    assert len(coco.rows()["P1"]["objects"]) == 1
    assert coco.reasons() == {}
    assert coco.reasons("box") == {"P1": "repeated-box"}


def mask(compressed):
    """A mask of 40 x 30 pixels of which columns 5 to 14 and rows 6 to 9 are the object."""
    values = np.zeros((30, 40), dtype=np.uint8, order="F")
    values[6:10, 5:15] = 1
    if compressed:
        encoded = run_lengths.encode(values)
        return {"size": encoded["size"], "counts": encoded["counts"].decode()}
    flat = values.ravel(order="F")
    ends = [0, *(np.flatnonzero(np.diff(flat)) + 1), flat.size]
    return {"size": [30, 40], "counts": np.diff(ends).tolist()}


SEGMENTATIONS = {
    "polygon": [[5, 6, 15, 7, 14, 10, 6, 9]],
    "two polygons": [[5, 6, 9, 6, 9, 10], [11, 7, 15, 7, 15, 9]],
    "flat polygon": [5, 6, 15, 6, 15, 10, 5, 10],
    "two corners": [[5, 6, 15, 10]],
    "compressed mask": mask(compressed=True),
    "mask": mask(compressed=False),
}


@pytest.mark.parametrize("form", SEGMENTATIONS)
@pytest.mark.parametrize("bbox", [None, [5, 6, 10, 4], [0, 0, 0, 0]], ids=["alone", "beside a box", "no area"])
def test_an_outline_gives_the_box_where_there_is_none(coco, form, bbox):
    value = content(SHIP)
    value["annotations"][0] |= {"segmentation": SEGMENTATIONS[form], "bbox": bbox}
    index(coco, value)
    assert corners(coco.rows()["P1"]) == [("ship", 5, 6, 15, 10)]
    told = {"P1": "box-from-other-form"} if bbox == [0, 0, 0, 0] else {}
    assert coco.reasons("annotation") == told


def test_a_box_stays_where_its_outline_is_of_something_else_and_that_is_told(coco):
    value = content((1, [5, 6, 10, 4]), (1, [1, 1, 5, 5]))
    value["annotations"][0]["segmentation"] = [[20, 6, 30, 6, 30, 10]]
    value["annotations"][1]["segmentation"] = [[1, 1, 6, float("inf"), 5, 5]]
    index(coco, value)
    assert corners(coco.rows()["P1"]) == [("ship", 5, 6, 15, 10), ("ship", 1, 1, 6, 6)]
    assert [(fault.reason, fault.detail) for fault in coco.faults()] == [("forms-differ", "2 of 2")]


@pytest.mark.parametrize(
    "damage",
    [
        {"size": [30, 40], "counts": [5, 5]},
        {"size": [30, 40], "counts": [float("nan"), 1200]},
        {"size": [30, 40], "counts": "no run lengths \u8239"},
        {"size": [float("inf"), 40], "counts": "a"},
        {"size": [30, 40], "counts": "00P"},
        {"size": [30], "counts": "00"},
        {"counts": None},
        [[5, 6, 15]],
        [[5, 6, 15, None]],
        [[5, 6], 7],
    ],
)
def test_a_damaged_outline_alone_costs_its_image_and_beside_a_box_is_told(coco, damage):
    value = content(SHIP, (2, [1, 1, 5, 5]))
    value["annotations"][0] |= {"segmentation": damage, "bbox": None}
    value["annotations"][1]["segmentation"] = damage
    index(coco, value)
    assert coco.reasons() == {"P1": "box-not-a-number"}
    assert coco.reasons("annotation") == {"P2": "forms-differ"}
    assert len(coco.rows()["P2"]["objects"]) == 1


def test_nonsense_ids_do_not_stop_the_reader(coco):
    value = content(SHIP)
    value["annotations"] += [{"image_id": [1], "category_id": {}, "bbox": [1, 1, 5, 5]}, 7, None]
    value["annotations"] += [{"image_id": float("nan"), "id": float("inf"), "iscrowd": float("nan")}]
    value["images"] += [
        {"id": {}, "file_name": 3},
        "x",
        {"id": float("nan"), "width": 1e999, "file_name": "P4.png"},
    ]
    index(coco, value)
    assert set(coco.rows()) == {"P1"}


def test_entries_that_are_no_objects_are_told_where_they_stand(coco):
    value = content(SHIP, (2, [1, 1, 5, 5]), (3, [1, 1, 5, 5]))
    value["annotations"] += [7, None]
    value["images"].append("x")
    value["categories"].insert(0, [])
    index(coco, value)
    places = ["annotations[3]", "annotations[4]", "categories[0]", "images[3]"]
    assert [(fault.path, fault.reason) for fault in coco.faults()] == [(at, "unreadable-row") for at in places]
    assert len(coco.rows()) == 3


@pytest.mark.parametrize("lost", [7, {"image_id": "P2.png", "category_id": 1, "bbox": [1, 1, 5, 5]}])
def test_an_image_is_not_empty_where_an_annotation_may_be_of_it(coco, lost):
    value = content(SHIP)
    value["annotations"].append(lost)
    index(coco, value)
    assert set(coco.rows()) == {"P1"}
    assert coco.reasons() == {"P2": "no-annotation", "P3": "no-annotation"}
    assert len(coco.faults("annotation")) == 1


@pytest.mark.parametrize("annotations", [None, [], {"1": {"image_id": 1}}])
def test_a_file_without_a_list_of_annotations_says_of_no_image_that_it_is_empty(coco, annotations):
    images_alone = {**content(images=[2]), "annotations": annotations}
    index(coco, content(SHIP, images=[1]), images_alone)
    assert coco.reasons() == {"P2": "no-annotation", "P3": "no-annotation"}


def test_an_image_without_an_id_is_not_taken_for_empty(coco):
    value = content(SHIP, images=[1, 2])
    del value["images"][1]["id"]
    index(coco, value)
    assert coco.reasons()["P2"] == "no-annotation"
