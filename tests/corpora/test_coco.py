"""COCO JSON in all the ways in which real corpora write it."""

import json

import pytest

from tests.corpora.making import DETECTION, picture


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


def test_nonsense_ids_do_not_stop_the_reader(coco):
    value = content(SHIP)
    value["annotations"] += [{"image_id": [1], "category_id": {}, "bbox": [1, 1, 5, 5]}, 7, None]
    value["images"] += [{"id": {}, "file_name": 3}, "x"]
    index(coco, value)
    assert len(coco.rows()) == 3
