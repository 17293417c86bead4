"""The boxes of a release as YOLO labels beside extracted images: a file per image, lists, ``data.yaml``."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.errors import ReleaseError
from sartext.files import write_text
from sartext.release.formats.coco_document import instances_file, read_document
from sartext.release.inputs import SPLIT_NAMES
from sartext.release.manifest import WAY_OUT, safe_path

LABELS = "labels"
"""Trainers look for the label of ``images/a/b.png`` at ``labels/a/b.txt``."""

DATA = "data.yaml"
KEYS = {"train": "train", "validation": "val", "test": "test"}


def write_yolo(release: Path, folder: Path) -> int:
    """Write ``labels/``, a list of images per split and ``data.yaml`` from a release's boxes; return their number.

    The lists name the images whose corpus annotates boxes, and no others: one that nobody annotated is not empty.
    A line of a label is the number of the class, centre x and y, width and height in shares of the image's sides.

    Raises:
        ReleaseError: the release holds no boxes, or they are damaged.
    """
    paths = {split: release / instances_file(split) for split in SPLIT_NAMES}
    documents = {split: read_document(path) for split, path in paths.items() if path.is_file()}
    if not documents:
        raise ReleaseError(
            "the release holds no boxes of COCO",
            where=release,
            way_out="list `coco` in `release.formats`; only corpora with boxes that may be passed on have any",
        )
    boxes = 0
    names: list[str] = []
    for split, document in documents.items():
        try:
            names = [str(category["name"]) for category in document["categories"]]
            boxes += _write_split(document, folder, split)
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise ReleaseError(f"no document of COCO ({error!r})", where=paths[split], way_out=WAY_OUT) from error
    lines = [f"{KEYS[split]}: {split}.txt" for split in documents]
    lines += ["names:", *(f"  {number}: {json.dumps(name)}" for number, name in enumerate(names))]
    write_text(folder / DATA, "\n".join(lines) + "\n")
    return boxes


def _write_split(document: Mapping[str, Any], folder: Path, split: str) -> int:
    classes = {category["id"]: number for number, category in enumerate(document["categories"])}
    lines: dict[int, list[str]] = defaultdict(list)
    sizes = {image["id"]: (image["width"], image["height"]) for image in document["images"]}
    for box in document["annotations"]:
        (left, top, width, height), (across, down) = box["bbox"], sizes[box["image_id"]]
        shares = ((left + width / 2) / across, (top + height / 2) / down, width / across, height / down)
        numbers = " ".join(f"{share:.6f}" for share in shares)
        lines[box["image_id"]].append(f"{classes[box['category_id']]} {numbers}\n")
    listed = []
    for image in document["images"]:
        path = safe_path(image["file_name"], f"{split}: {image['file_name']}")
        listed.append(f"./{path}\n")
        label = folder / LABELS / PurePosixPath(*path.parts[1:]).with_suffix(".txt")
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("".join(lines[image["id"]]), encoding="utf-8", newline="\n")
    write_text(folder / f"{split}.txt", "".join(listed))
    return len(document["annotations"])
