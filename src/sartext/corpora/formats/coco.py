"""COCO JSON: boxes, and captions in the same layout.

Category and image ids are looked up within their own file: they may start at 0 and repeat between files. Keys
that a file leaves out (info, licences, supercategory) are not needed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BROKEN_ENCODING,
    ORPHAN,
    REPEATED_ID,
    AnnotationFormat,
    RawBox,
    Record,
    Source,
    read_json_text,
)


def read_coco(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO detection file (gzip allowed).

    An image that is listed without an annotation has a record without boxes: it was looked at and found empty.

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `reading.read_content` raises.
    """
    content, sound = _load(source)
    names = {_key(category.get("id")): str(category.get("name", "")) for category in _items(content, "categories")}
    boxes: dict[object, list[RawBox]] = defaultdict(list)
    for annotation in _items(content, "annotations"):
        boxes[_key(annotation.get("image_id"))].append(_box(annotation, names))
    return _records(content, source.file, sound, boxes=boxes)


def read_coco_captions(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO caption file (gzip allowed).

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `reading.read_content` raises.
    """
    content, sound = _load(source)
    captions: dict[object, list[str]] = defaultdict(list)
    for annotation in _items(content, "annotations"):
        if isinstance(annotation.get("caption"), str):
            captions[_key(annotation.get("image_id"))].append(annotation["caption"])
    return _records(content, source.file, sound, captions=captions)


def _load(source: Source) -> tuple[dict[str, Any], bool]:
    content, sound = read_json_text(source.path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise Unusable("not-coco", "there is no list of images")
    return content, sound


def _items(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = content.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _records(
    content: dict[str, Any],
    source: str,
    sound: bool,
    boxes: Mapping[object, list[RawBox]] = MappingProxyType({}),
    captions: Mapping[object, list[str]] = MappingProxyType({}),
) -> list[Record]:
    named: dict[object, dict[str, dict[str, Any]]] = defaultdict(dict)
    for image in _items(content, "images"):
        name = image.get("file_name")
        if isinstance(name, str) and name:
            named[_key(image.get("id"))].setdefault(name, image)
    encoding = () if sound else (BROKEN_ENCODING,)
    records = [
        Record(
            name=name,
            source=source,
            width=_size(image.get("width")),
            height=_size(image.get("height")),
            boxes=tuple(boxes.get(key, ())),
            captions=tuple(captions.get(key, ())),
            notes=encoding if len(images) == 1 else (*encoding, REPEATED_ID),
        )
        for key, images in named.items()
        for name, image in images.items()
    ]
    lost = sorted({str(key) for key in (*boxes, *captions) if key not in named})
    return records + [Record(name=f"image id {key}", source=source, notes=(ORPHAN,)) for key in lost]


def _key(value: object) -> object:
    """An id as a dictionary key; nonsense such as a list becomes its text."""
    return value if isinstance(value, int | float | str) else repr(value)


def _box(annotation: dict[str, Any], names: dict[Any, str]) -> RawBox:
    category = _key(annotation.get("category_id"))
    label = names.get(category, f"category {category}")
    bbox = annotation.get("bbox")
    numbers = [_number(value) for value in bbox] if isinstance(bbox, list) else []
    if len(numbers) != 4:
        numbers = [math.nan] * 4
    x, y, width, height = numbers
    return RawBox(label, x, y, x + width, y + height, crowd=annotation.get("iscrowd") == 1)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _size(value: object) -> int:
    number = _number(value)
    return int(number) if math.isfinite(number) and number > 0 else 0


FORMAT = AnnotationFormat("coco", "boxes, COCO JSON", "boxes", "file", read_coco)
CAPTIONS_FORMAT = AnnotationFormat("coco-captions", "captions, COCO JSON", "captions", "file", read_coco_captions)
