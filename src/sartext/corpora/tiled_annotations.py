"""Annotations of tiles: for scenes in COCO the same, with polygons and masks; else VOC, with turned boxes."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sartext.corpora.reading import RawBox
from sartext.files import write_text


def write_voc(path: Path, width: int, height: int, boxes: Iterable[RawBox]) -> None:
    """Write the objects of a tile as Pascal VOC.

    ``robndbox`` has the corners of a turned box, so that no convention of angles is needed, ``segm`` a polygon,
    ``difficult`` the difficulty where it is known.
    """
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = f"{path.stem}.tif"
    size = ET.SubElement(root, "size")
    _numbers(size, {"width": width, "height": height})
    for box in boxes:
        item = ET.SubElement(root, "object")
        ET.SubElement(item, "name").text = box.label
        if box.difficulty is not None:
            ET.SubElement(item, "difficult").text = str(box.difficulty)
        sides = {side: getattr(box, side) for side in ("xmin", "ymin", "xmax", "ymax")}
        _numbers(ET.SubElement(item, "bndbox"), sides)
        points = [point for part in box.parts for point in part]
        if box.angle is not None:
            turned = ET.SubElement(item, "robndbox")
            for number, (x, y) in enumerate(points, 1):
                _numbers(turned, {f"x{number}": x, f"y{number}": y})
        elif points:
            segment = ET.SubElement(item, "segm")
            for x, y in points:
                ET.SubElement(segment, "point").text = f"{x!r},{y!r}"
    ET.indent(root)
    write_text(path, ET.tostring(root, encoding="unicode") + "\n")


def _numbers(element: ET.Element, numbers: dict[str, float]) -> None:
    for name, value in numbers.items():
        ET.SubElement(element, name).text = repr(value)


def write_coco(path: Path, tiles: Sequence[tuple[str, int, int, Sequence[RawBox]]], labels: Iterable[str]) -> None:
    """Write the objects of all tiles as COCO: polygons stay polygons, and masks become run lengths.

    Args:
        path: the file.
        tiles: name, width and height in pixels, and objects of each tile.
        labels: names of classes that are listed even where no tile shows one.
    """
    names = sorted({box.label for *_, boxes in tiles for box in boxes} | set(labels))
    numbers = {name: number for number, name in enumerate(names, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, width, height, boxes) in enumerate(tiles, 1):
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box in boxes:
            written = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[box.label]}
            corners = [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin]
            annotations.append({**written, "bbox": corners, "iscrowd": int(box.crowd), **_segmentation(box)})
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    write_text(path, json.dumps(content, indent=1) + "\n")


def _segmentation(box: RawBox) -> dict[str, Any]:
    if box.mask is not None:
        return {"segmentation": {"size": list(box.mask["size"]), "counts": box.mask["counts"].decode("ascii")}}
    if box.parts:
        return {"segmentation": [[number for point in part for number in point] for part in box.parts]}
    return {}
