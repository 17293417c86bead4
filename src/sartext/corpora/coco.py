"""COCO JSON: boxes, and captions in the same layout.

Category and image ids are looked up within their own file: they may start at 0 and repeat between files. Keys
that a file leaves out (info, licences, supercategory) are not needed.
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sartext.corpora.quarantine import Unusable
from sartext.corpora.records import RawBox, Record
from sartext.corpora.texts import read_json_text
from sartext.corpora.voc import BROKEN_ENCODING

ORPHAN = "annotation-of-unlisted-image"
REPEATED_ID = "repeated-image-id"


def read_coco(path: Path, source: str) -> list[Record]:
    """Return a record per listed image of a COCO detection file (gzip allowed).

    An image that is listed without an annotation has a record without boxes: it was looked at and found empty.

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `texts.read_content` raises.
    """
    content, sound = _load(path)
    names = {_key(one.get("id")): str(one.get("name", "")) for one in _items(content, "categories")}
    boxes: dict[object, list[RawBox]] = defaultdict(list)
    for one in _items(content, "annotations"):
        boxes[_key(one.get("image_id"))].append(_box(one, names))
    return _records(content, source, sound, boxes=boxes)


def read_coco_captions(path: Path, source: str) -> list[Record]:
    """Return a record per listed image of a COCO caption file (gzip allowed).

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `texts.read_content` raises.
    """
    content, sound = _load(path)
    captions: dict[object, list[str]] = defaultdict(list)
    for one in _items(content, "annotations"):
        if isinstance(one.get("caption"), str):
            captions[_key(one.get("image_id"))].append(one["caption"])
    return _records(content, source, sound, captions=captions)


def _load(path: Path) -> tuple[dict[str, Any], bool]:
    content, sound = read_json_text(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise Unusable("not-coco", "there is no list of images")
    return content, sound


def _items(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = content.get(key)
    return [one for one in items if isinstance(one, dict)] if isinstance(items, list) else []


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


def _box(one: dict[str, Any], names: dict[Any, str]) -> RawBox:
    category = _key(one.get("category_id"))
    label = names.get(category, f"category {category}")
    given = one.get("bbox")
    numbers = [_number(value) for value in given] if isinstance(given, list) else []
    if len(numbers) != 4:
        numbers = [math.nan] * 4
    x, y, width, height = numbers
    return RawBox(label, x, y, x + width, y + height, crowd=one.get("iscrowd") == 1)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _size(value: object) -> int:
    number = _number(value)
    return int(number) if math.isfinite(number) and number > 0 else 0
