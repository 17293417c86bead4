"""The boxes of a release in COCO's JSON: from the indexes of the corpora, and proven by the facts of the captions.

A category is a class as captions name it: classes of one noun are one, whatever corpus they come from.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.corpora.formats import FORMATS as ANNOTATION_FORMATS
from sartext.narrator.facts import from_json
from sartext.release.formats.coco_document import Document, Images, Row, numbers_of
from sartext.release.formats.format import Material
from sartext.release.inputs import read_index

DECIMALS = 6
"""Of pixels."""

TOLERANCE = 1e-4
"""Pixels by which a box may leave its image: width and height are differences of rounded numbers."""

STATED = ("angle", "difficulty")
"""What a box has beside COCO's own keys, where its source says so; see `tables.OBJECT`."""


def counted_classes(entry: Entry) -> dict[str, CorpusClass]:
    """Return the classes whose objects captions count, by label; none where the annotation is no boxes."""
    if entry.annotations is None or ANNOTATION_FORMATS[entry.annotations.format].makes != "boxes":
        return {}
    return {kind.label: kind for kind in entry.part_classes if kind.say and kind.valid and not kind.stuff}


def instances(material: Material, images: Images) -> dict[str, Document]:
    """Return the boxes of each split, of the corpora that have any; nothing where none has.

    An image of such a corpus without an annotation is one that people looked at and found empty.
    """
    every = [row for rows in images.splits.values() for row in rows]
    held = {row["corpus"] for row in every}
    found = {name: counted_classes(entry) for name, entry in material.catalogue.items() if name in held}
    classes = {name: of_corpus for name, of_corpus in found.items() if of_corpus}
    if not classes:
        return {}
    categories = _categories(classes.values())
    category_of = {str(category["name"]): int(category["id"]) for category in categories}
    boxed = [row for row in every if row["corpus"] in classes]
    objects = _objects(material, classes, {row["image_id"] for row in boxed})
    names = {
        image_id: [f"{image_id}#{place}" for place in range(len(objects[image_id]))]
        for image_id in (row["image_id"] for row in boxed)
    }
    numbers = numbers_of(name for of_image in names.values() for name in of_image)
    documents: dict[str, Document] = {}
    for split, rows in images.splits.items():
        of_split = [row for row in rows if row["corpus"] in classes]
        annotations = [
            {"id": numbers[name], "image_id": images.numbers[image_id], "category_id": category_of[noun], **box}
            for image_id in (row["image_id"] for row in of_split)
            for name, (noun, box) in zip(names[image_id], objects[image_id], strict=True)
        ]
        documents[split] = {
            "licenses": images.licence_records(),
            "images": images.records(of_split),
            "annotations": annotations,
            "categories": categories,
        }
    return documents


def _categories(classes: Iterable[Mapping[str, CorpusClass]]) -> list[dict[str, Any]]:
    above: dict[str, str] = {}
    for of_corpus in classes:
        for kind in of_corpus.values():
            above.setdefault(kind.noun, kind.hypernym)
    return [
        {"id": number, "name": noun, "supercategory": above[noun]}
        for number, noun in enumerate(sorted(above), start=1)
    ]


def _objects(
    material: Material, classes: Mapping[str, Mapping[str, CorpusClass]], wanted: set[str]
) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The boxes of the wanted images, in the order of their index: noun, and what COCO says of a box."""
    objects = {}
    for name, of_corpus in classes.items():
        index = read_index(material.project, name).select(["image_id", "width", "height", "objects"])
        for batch in index.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                if row["image_id"] in wanted:
                    shown = (box for box in row["objects"] if box["label"] in of_corpus)
                    placed = ((of_corpus[box["label"]].noun, _box(box, row)) for box in shown)
                    objects[row["image_id"]] = [(noun, box) for noun, box in placed if box["area"] > 0]
    return objects


def _box(box: Row, image: Row) -> dict[str, Any]:
    """What COCO says of a box, clipped to its image; its area is 0 where nothing of it is left."""
    left, right = (min(max(box[name], 0.0), float(image["width"])) for name in ("xmin", "xmax"))
    top, bottom = (min(max(box[name], 0.0), float(image["height"])) for name in ("ymin", "ymax"))
    width, height = right - left, bottom - top
    bounds = [round(value, DECIMALS) for value in (left, top, width, height)]
    area = round(width * height, DECIMALS) if width > 0 and height > 0 else 0.0
    stated = {name: box[name] for name in STATED if box[name] is not None}
    return {"bbox": bounds, "area": area, "iscrowd": 0, **stated}


def box_problems(images: Images, documents: Mapping[str, Document]) -> dict[str, str]:
    """Return what is wrong with the boxes of a release, by split or by image id.

    Their images are those of the Parquet files, all that a corpus has in the split; each box lies in its image,
    and there are as many of each class as the facts of the caption say.

    Raises:
        KeyError, TypeError, ValueError: a document lacks what one of COCO has.
    """
    corpora = {image["corpus"] for document in documents.values() for image in document["images"]}
    boxed = {split: [row for row in rows if row["corpus"] in corpora] for split, rows in images.splits.items()}
    categories = next(iter(documents.values()))["categories"]
    wrong: dict[str, str] = {}
    for split, document in documents.items():
        known = {images.numbers[row["image_id"]] for row in boxed[split]}
        stray = next((box["image_id"] for box in document["annotations"] if box["image_id"] not in known), None)
        if document["images"] != images.records(boxed[split]) or document["licenses"] != images.licence_records():
            wrong[split] = "its images are not those of the Parquet files"
        elif document["categories"] != categories:
            wrong[split] = "its categories are not those of the other splits"
        elif stray is not None:
            wrong[split] = f"a box of an image that is not in it ({stray})"
    if wrong:
        return wrong
    rows = {images.numbers[row["image_id"]]: row for of_split in boxed.values() for row in of_split}
    nouns = {int(category["id"]): str(category["name"]) for category in categories}
    boxes = [box for document in documents.values() for box in document["annotations"]]
    return _wrong_images(rows, boxes, nouns)


def _wrong_images(rows: Mapping[int, Row], boxes: Iterable[Row], nouns: Mapping[int, str]) -> dict[str, str]:
    """The images, by id, that have a box that is none, or other boxes than their facts count."""
    wrong: dict[str, str] = {}
    used: set[int] = {0}
    counts: dict[int, Counter[str]] = {number: Counter() for number in rows}
    for box in boxes:
        row = rows[box["image_id"]]
        if problem := _box_problem(box, row, nouns, used):
            wrong[row["image_id"]] = problem
        else:
            counts[box["image_id"]][nouns[box["category_id"]]] += 1
    for number, row in rows.items():
        stated = {fact.noun: fact.count for fact in from_json(row["facts"]).objects}
        if stated and stated != counts[number]:
            wrong.setdefault(row["image_id"], "its boxes are not as many as its facts say")
    return wrong


def _box_problem(box: Row, image: Row, nouns: Mapping[int, str], used: set[int]) -> str:
    left, top, width, height = (float(value) for value in box["bbox"])
    if box["id"] in used:
        return f"a box has the id of another ({box['id']})"
    used.add(box["id"])
    if box["category_id"] not in nouns:
        return f"a box of no category ({box['category_id']})"
    outside = min(left, top, image["width"] - left - width, image["height"] - top - height) < -TOLERANCE
    if not math.isfinite(left + top + width + height) or outside or width <= 0 or height <= 0:
        return "a box does not lie in its image"
    return (
        "" if math.isclose(box["area"], width * height, rel_tol=1e-3, abs_tol=1e-3) else "a box has another area"
    )
