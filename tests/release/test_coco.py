"""COCO's JSON of a release: what pycocotools reads, boxes proven by facts, numbers that stay, planted faults."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sartext.files import read_json
from sartext.narrator.facts import from_json
from sartext.release.formats.coco_document import numbers_of
from tests.release.built import Built
from tests.release.sealing import assert_found

CAPTIONS, INSTANCES = "coco/train_captions.json", "coco/train_instances.json"


def test_pycocotools_reads_captions_of_every_image_that_is_here(published: Path, assembled_once: Built) -> None:
    from pycocotools.coco import COCO

    coco = COCO(str(published / CAPTIONS))
    read = {
        coco.loadImgs(annotation["image_id"])[0]["name"]: annotation["caption"]
        for annotation in coco.loadAnns(coco.getAnnIds())
    }
    train = [row for row in assembled_once.pairs() if row["split"] == "train" and row["corpus"] == "alpha"]
    assert read == {row["image_id"]: row["caption"] for row in train}


def test_pycocotools_reads_the_boxes_of_each_image(published: Path, assembled_once: Built) -> None:
    from pycocotools.coco import COCO

    coco = COCO(str(published / INSTANCES))
    (ship,) = coco.loadCats(coco.getCatIds())
    assert (ship["name"], ship["supercategory"]) == ("ship", "vessel")
    for row in assembled_once.pairs():
        if row["split"] == "train" and row["corpus"] == "alpha":
            (image,) = [image for image in coco.dataset["images"] if image["name"] == row["image_id"]]
            boxes = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            assert len(boxes) == from_json(row["facts"]).objects[0].count
            assert image["file_name"] == f"images/{row['image_id']}.png"
    assert all(box["bbox"][2] * box["bbox"][3] == box["area"] > 0 for box in coco.dataset["annotations"])


def test_the_licence_and_the_withheld_are_told(published: Path) -> None:
    document = read_json(published / CAPTIONS)
    assert document["licenses"] == [{"id": 1, "name": "CC-BY-4.0", "url": ""}]
    assert {image["corpus"] for image in document["images"]} == {"alpha"}, "the images of beta are withheld"
    assert read_json(published / "statistics.json")["coco"]["images"] == 30


def test_numbers_stay_when_images_come_and_go() -> None:
    before = numbers_of(["a/1", "a/2", "b/1"])
    assert {name: numbers_of(["a/2", "b/0", "b/1"])[name] for name in ("a/2", "b/1")} == {
        name: before[name] for name in ("a/2", "b/1")
    }
    assert len(set(before.values())) == 3
    assert all(0 < number < 1 << 53 for number in before.values()), "a double holds them"


def test_two_names_with_one_hash_get_two_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sartext.release.formats.coco_document.sha256_text", lambda name: "0" * 64)
    assert numbers_of(["a", "b", "c"]) == {"a": 1, "b": 2, "c": 3}


def test_a_corpus_without_boxes_has_no_instances(built: Built) -> None:
    for name in ("alpha", "beta"):
        path = built.root / f"catalogue/{name}.yaml"
        path.write_text(path.read_text().replace("format: voc", "format: karpathy"))
    release = built.assemble()
    assert sorted(path.name for path in (release / "coco").iterdir()) == [
        f"{split}_captions.json" for split in ("test", "train", "validation")
    ]
    assert "coco" not in read_json(release / "statistics.json")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = read_json(path)
    change(document)
    path.write_text(json.dumps(document))


def first(document: dict[str, Any]) -> dict[str, Any]:
    return document["annotations"][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            CAPTIONS,
            lambda it: first(it).update(caption="A ship."),
            r"train_captions\.json: its images and captions",
        ),
        (CAPTIONS, lambda it: it["images"].pop(), r"train_captions\.json: its images and captions"),
        (INSTANCES, lambda it: it["images"].reverse(), r"train_instances\.json: its images are not those"),
        (INSTANCES, lambda it: it["annotations"].pop(), "its boxes are not as many as its facts say"),
        (INSTANCES, lambda it: it["annotations"].append(dict(first(it))), "a box has the id of another"),
        (
            INSTANCES,
            lambda it: first(it).update(image_id=5),
            r"train_instances\.json: a box of an image that is not",
        ),
        (INSTANCES, lambda it: first(it).update(category_id=9), "alpha/0000: a box of no category"),
        (
            INSTANCES,
            lambda it: first(it).update(bbox=[20, 1, 9, 2]),
            "alpha/0000: a box does not lie in its image",
        ),
        (INSTANCES, lambda it: first(it).update(bbox=[1, 1, 0, 2]), "alpha/0000: a box does not lie in its image"),
        (INSTANCES, lambda it: first(it).update(area=1e9), "alpha/0000: a box has another area"),
        (INSTANCES, lambda it: it["categories"][0].update(name="<b>"), "its categories are not those"),
        (INSTANCES, lambda it: it.pop("annotations"), "no document of COCO"),
        (INSTANCES, lambda it: first(it).update(bbox=["x"]), "no document of COCO"),
    ],
)
def test_a_planted_fault_is_found_behind_a_fitting_manifest(
    release: Path, name: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(release / name, change)
    assert_found(release, message)


def test_the_card_counts_the_boxes(published: Path, assembled_once: Built) -> None:
    counts = Counter(
        {
            row["image_id"]: from_json(row["facts"]).objects[0].count
            for row in assembled_once.pairs()
            if row["corpus"] == "alpha"
        }
    )
    card = (published / "README.md").read_text()
    assert f"| ship | {counts.total()} |" in card
    assert "- object-detection" in card
