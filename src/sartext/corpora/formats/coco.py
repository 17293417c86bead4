"""COCO JSON: boxes, and captions in the same layout.

Category and image ids are looked up within their own file: they may start at 0 and repeat between files. Keys
that a file leaves out (info, licences, supercategory) are not needed.
"""

import math
from collections import defaultdict
from collections.abc import Callable
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
    as_number,
    read_json_text,
    whole,
)


def read_coco(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO detection file (gzip allowed).

    An image that is listed without an annotation has a record without boxes: it was looked at and found empty.

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `reading.read_content` raises.
    """
    return _read(source, "boxes", _box)


def read_coco_captions(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO caption file, as `read_coco` does."""
    return _read(source, "captions", _caption)


def _read(source: Source, makes: str, read: Callable[[dict[str, Any], dict[object, str]], Any]) -> list[Record]:
    """Records whose field ``makes`` holds what ``read`` makes of each annotation and the categories' names."""
    content, sound = read_json_text(source.path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise Unusable("not-coco", "there is no list of images")
    names = {_key(category.get("id")): str(category.get("name", "")) for category in _items(content, "categories")}
    by_image: dict[object, list[Any]] = defaultdict(list)
    for annotation in _items(content, "annotations"):
        if (item := read(annotation, names)) is not None:
            by_image[_key(annotation.get("image_id"))].append(item)
    named: dict[object, dict[str, dict[str, Any]]] = defaultdict(dict)
    for image in _items(content, "images"):
        name = image.get("file_name")
        if isinstance(name, str) and name:
            named[_key(image.get("id"))].setdefault(name, image)
    encoding = () if sound else (BROKEN_ENCODING,)
    records = []
    for key, images in named.items():
        items: dict[str, Any] = {makes: tuple(by_image.get(key, ()))}
        notes = encoding if len(images) == 1 else (*encoding, REPEATED_ID)
        for name, image in images.items():
            width, height = (whole(as_number(image.get(side))) for side in ("width", "height"))
            records.append(Record(name, source.file, width, height, notes=notes, **items))
    lost = sorted({str(key) for key in by_image if key not in named})
    return records + [Record(f"image id {key}", source.file, notes=(ORPHAN,)) for key in lost]


def _items(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = content.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _key(value: object) -> object:
    """An id as a dictionary key; nonsense such as a list becomes its text."""
    return value if isinstance(value, int | float | str) else repr(value)


def _caption(annotation: dict[str, Any], _: dict[object, str]) -> str | None:
    caption = annotation.get("caption")
    return caption if isinstance(caption, str) else None


def _box(annotation: dict[str, Any], names: dict[object, str]) -> RawBox:
    category = _key(annotation.get("category_id"))
    label = names.get(category, f"category {category}")
    bbox = annotation.get("bbox")
    numbers = [as_number(value) for value in bbox] if isinstance(bbox, list) else []
    x, y, width, height = numbers if len(numbers) == 4 else [math.nan] * 4
    return RawBox(label, x, y, x + width, y + height, crowd=annotation.get("iscrowd") == 1)


FORMAT = AnnotationFormat("coco", "boxes, COCO JSON", "boxes", "file", read_coco)
CAPTIONS_FORMAT = AnnotationFormat("coco-captions", "captions, COCO JSON", "captions", "file", read_coco_captions)
