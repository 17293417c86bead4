"""The annotation files of the embedded corpora, in the formats of the real ones."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sartext.simulation.rendering import Rendered
from sartext.simulation.truth import THING_LABELS

Annotator = Callable[[Path, Sequence[Rendered], int], int]
"""Writes the annotation files of a corpus below its folder.

It gets the folder, the images in the order of their numbers, and their width and height in pixels; it returns the
number of objects or sentences written.
"""

HIDDEN_TRUTH: Final = "hidden_truth.json"
"""What SAR images show, by file name. It is no annotation: it measures captions and is read for nothing else."""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _json(path: Path, value: object) -> None:
    _write(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def _voc(folder: Path, images: Sequence[Rendered], size: int) -> int:
    """One XML per image, and the split lists; ids that end in 0 or 5 are the test split."""
    names = [image.record["name"] for image in images]
    for image in images:
        _write(folder / "Annotations" / f"{image.record['name']}.xml", _voc_xml(image.record, size))
    for split, tested in (("train", False), ("test", True)):
        members = "".join(f"{name}\n" for name in names if (name[-1] in "05") == tested)
        _write(folder / "ImageSets" / "Main" / f"{split}.txt", members)
    return sum(len(image.record["objects"]) for image in images)


def _voc_xml(record: dict[str, Any], size: int) -> str:
    lines = [
        "<annotation>",
        "\t<folder>JPEGImages</folder>",
        f"\t<filename>{record['name']}.png</filename>",
        "\t<source>\n\t\t<database>SAR-Text simulation</database>\n\t</source>",
        f"\t<size>\n\t\t<width>{size}</width>\n\t\t<height>{size}</height>\n\t\t<depth>1</depth>\n\t</size>",
        "\t<segmented>0</segmented>",
    ]
    for item in record["objects"]:
        xmin, ymin, xmax, ymax = item["box"]
        lines += [
            "\t<object>",
            f"\t\t<name>{item['label']}</name>",
            "\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>",
            f"\t\t<bndbox>\n\t\t\t<xmin>{xmin}</xmin>\n\t\t\t<ymin>{ymin}</ymin>",
            f"\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<ymax>{ymax}</ymax>\n\t\t</bndbox>",
            "\t</object>",
        ]
    return "\n".join([*lines, "</annotation>"]) + "\n"


def _coco(folder: Path, images: Sequence[Rendered], size: int) -> int:
    """One JSON of images, categories and annotations with boxes as x, y, width, height."""
    annotations: list[dict[str, Any]] = []
    for image in images:
        for item in image.record["objects"]:
            xmin, ymin, xmax, ymax = item["box"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image.number + 1,
                    "category_id": THING_LABELS.index(item["label"]) + 1,
                    "bbox": [xmin, ymin, xmax - xmin, ymax - ymin],
                    "area": (xmax - xmin) * (ymax - ymin),
                    "iscrowd": 0,
                }
            )
    labels = enumerate(THING_LABELS, start=1)
    content = {
        "info": {"description": "SAR-Text simulation: objects", "version": "1"},
        "licenses": [{"id": 1, "name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}],
        "categories": [{"id": index, "name": label, "supercategory": "object"} for index, label in labels],
        "images": [
            {
                "id": image.number + 1,
                "file_name": f"{image.record['name']}.png",
                "width": size,
                "height": size,
                "license": 1,
            }
            for image in images
        ],
        "annotations": annotations,
    }
    _json(folder / "annotations" / "instances.json", content)
    return len(annotations)


def _karpathy(path: Path, dataset: str, images: Sequence[Rendered]) -> int:
    """Karpathy's JSON: images with split and sentences, each raw and as tokens."""
    entries: list[dict[str, Any]] = []
    written = 0
    for image in images:
        if captions := image.record["captions"]:
            sentences = [
                {
                    "raw": raw,
                    "tokens": [word for word in raw.split() if word not in {",", "."}],
                    "imgid": len(entries),
                    "sentid": number,
                }
                for number, raw in enumerate(captions, start=written)
            ]
            written += len(captions)
            entries.append(
                {
                    "filename": image.record["name"],
                    "imgid": len(entries),
                    "split": {8: "val", 9: "test"}.get(image.number % 10, "train"),
                    "sentids": [sentence["sentid"] for sentence in sentences],
                    "sentences": sentences,
                }
            )
    _json(path, {"dataset": dataset, "images": entries})
    return written


def _pairs(folder: Path, images: Sequence[Rendered], size: int) -> int:
    _json(folder / HIDDEN_TRUTH, {image.record["sar"]: image.record["truth"] for image in images})
    return _karpathy(folder / "captions.json", "sim-pairs", images)


def _unlabelled(folder: Path, images: Sequence[Rendered], size: int) -> int:
    truth = {image.record["name"]: image.record["truth"] for image in images}
    _json(folder / HIDDEN_TRUTH, truth)
    return sum(len(scene["objects"]) for scene in truth.values())


ANNOTATORS: Final[dict[str, Annotator]] = {
    "sim-ships": _voc,
    "sim-objects": _coco,
    "sim-landcover": lambda *_: 0,  # the masks are the annotation
    "sim-pairs": _pairs,
    "sim-optical": lambda folder, images, _: _karpathy(folder / "dataset.json", "sim-optical", images),
    "sim-unlabelled": _unlabelled,
}
