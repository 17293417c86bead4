"""COCO JSON: boxes, outlines and masks of objects, and captions in the same layout.

Category and image ids are looked up within their own file: they may start at 0 and repeat between files. An id is
what it says, as a number or as text: 0 and "0" are one, unless a file gives each a meaning of its own. Keys that a
file leaves out (info, licences, supercategory) are not needed.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from sartext.corpora.forms import Forms, boxes_of
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BAD_ROW,
    BROKEN_ENCODING,
    ORPHAN,
    REPEATED_ID,
    AnnotationFormat,
    Record,
    Source,
    as_number,
    read_json_text,
    whole,
)
from sartext.corpora.shapes import NO_BOX, Corners, Point

Key = tuple[str, bool]
"""An id as text, and whether it was written as text."""

COMPRESSED = re.compile(r"(?:[P-o]*[0-O])*")
"""Run lengths in six bits a character, the last of each number without the bit that says "more": the library reads
on behind the end of any other text."""

SIDE_LIMIT = 1 << 16
"""Rows or columns of a mask beyond which it is taken for damaged."""


def read_coco(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO detection file (gzip allowed).

    An image that is listed without an annotation has a record without boxes: it was looked at and found empty.
    Not so where the file annotates no image at all, or has an annotation that joins no listed image: it may be
    of this one. Such an annotation is told (`ORPHAN`, `BAD_ROW`). The box of an object is its ``bbox``; without
    one, or where that has no area, the one around its ``segmentation``: polygons or a mask in run lengths,
    compressed or not. Where both stand they are compared.

    Raises:
        Unusable: ``not-json``, ``not-coco``, or what `reading.read_content` raises.
    """

    def boxes(annotations: list[dict[str, Any]], names: Names) -> dict[str, Any]:
        objects = [_forms(annotation, names) for annotation in annotations]
        found, left_out = boxes_of(objects, None)
        return {"boxes": found, "left_out": left_out}

    return _read(source, boxes)


def read_coco_captions(source: Source) -> list[Record]:
    """Return a record per listed image of a COCO caption file, as `read_coco` does."""

    def captions(annotations: list[dict[str, Any]], _: Names) -> dict[str, Any]:
        texts = (annotation.get("caption") for annotation in annotations)
        return {"captions": tuple(text for text in texts if isinstance(text, str))}

    return _read(source, captions)


class Ids:
    """The ids of a file, found however they are written."""

    def __init__(self, ids: Iterable[object]) -> None:
        self._known: dict[str, set[Key]] = defaultdict(set)
        for each in ids:
            self._known[_key(each)[0]].add(_key(each))

    def find(self, written: object) -> Key | None:
        """Return the key of the id that is meant, or None: it is unknown, or may be either of two."""
        key = _key(written)
        known = self._known.get(key[0], set())
        return key if key in known else next(iter(known)) if len(known) == 1 else None


def _key(written: object) -> Key:
    if isinstance(written, float) and written.is_integer():
        written = int(written)
    return str(written).strip(), isinstance(written, str)


class Names:
    """The category names of a file by their ids."""

    def __init__(self, categories: list[dict[str, Any]]) -> None:
        self._ids = Ids(category.get("id") for category in categories)
        self._names: dict[Key, set[str]] = defaultdict(set)
        for category in categories:
            self._names[_key(category.get("id"))].add(str(category.get("name", "")))

    def of(self, written: object) -> str:
        """Return the name of a category, or what no catalogue knows."""
        key = self._ids.find(written)
        names = self._names[key] if key else set()
        return next(iter(names)) if len(names) == 1 else " or ".join([f"category {written}", *sorted(names)])


def _read(source: Source, contents: Callable[[list[dict[str, Any]], Names], dict[str, Any]]) -> list[Record]:
    """Records with the fields that ``contents`` makes of an image's annotations and the categories' names."""
    content, sound = read_json_text(source.path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise Unusable("not-coco", "there is no list of images")
    if content.get("annotations") in (None, []):  # images to be annotated, as of a test set: none is empty
        return []
    if not isinstance(content["annotations"], list):
        raise Unusable("not-coco", "`annotations` is no list")
    names = Names(_items(content, "categories"))
    named: dict[Key, dict[str, dict[str, Any]]] = defaultdict(dict)
    for image in _items(content, "images"):
        name = image.get("file_name")
        if isinstance(name, str) and name and image.get("id") is not None:
            named[_key(image.get("id"))].setdefault(name, image)
    ids = Ids(image.get("id") for image in _items(content, "images") if _key(image.get("id")) in named)
    by_image: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for annotation in _items(content, "annotations"):
        by_image[ids.find(annotation.get("image_id")) or _key(annotation.get("image_id"))].append(annotation)
    shared = _shared_ids(by_image, {key: ", ".join(images) for key, images in named.items()})
    encoding = () if sound else (BROKEN_ENCODING,)
    unreadable = _unreadable(content)
    unjoined = not by_image.keys() <= named.keys() or any(place.startswith("annotations") for place in unreadable)
    records = []
    for key, images in named.items():
        if unjoined and key not in by_image:
            continue
        fields = contents(by_image.get(key, []), names)
        fields["left_out"] = (*fields.get("left_out", ()), *shared.get(key, ()))
        notes = encoding if len(images) == 1 else (*encoding, REPEATED_ID)
        for name, image in images.items():
            width, height = (whole(as_number(image.get(side))) for side in ("width", "height"))
            records.append(Record(name, source.file, width, height, notes=notes, **fields))
    lost = [f"image id {key}" for key in sorted({key[0] for key in by_image if key not in named})]
    told = [*((image, ORPHAN) for image in lost), *((place, BAD_ROW) for place in unreadable)]
    return records + [Record(name, source.file, notes=(reason,)) for name, reason in told]


def _shared_ids(by_image: dict[Key, list[dict[str, Any]]], names: dict[Key, str]) -> dict[Key, tuple[Any, ...]]:
    """What is to be said of the images whose annotations have an id that annotations of another image have.

    Every annotation stays with the image that it names.
    """
    owners: dict[Key, list[Key]] = defaultdict(list)
    for image, annotations in by_image.items():
        for key in {_key(annotation["id"]) for annotation in annotations if annotation.get("id") is not None}:
            owners[key].append(image)
    others: dict[Key, list[str]] = defaultdict(list)
    for (text, _), images in sorted(owners.items()):
        for image in images if len(images) > 1 else ():
            other = next(each for each in images if each != image)
            others[image].append(f"id {text} is also of {names.get(other, f'image id {other[0]}')}")
    return {
        image: (("repeated-annotation-id", f"{said[0]}{f'; {len(said)} such ids' if said[1:] else ''}"),)
        for image, said in others.items()
    }


def _items(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    items = content.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _unreadable(content: dict[str, Any]) -> list[str]:
    """Where the lists of a file hold what is no object."""
    lists = [(key, content.get(key)) for key in ("images", "annotations", "categories")]
    return [
        f"{key}[{place}]"
        for key, items in lists
        for place, item in enumerate(items if isinstance(items, list) else ())
        if not isinstance(item, dict)
    ]


def _forms(annotation: dict[str, Any], names: Names) -> Forms:
    segmentation = annotation.get("segmentation")
    mask = _run_lengths(segmentation) if isinstance(segmentation, dict) else None
    parts = _polygons(segmentation) if isinstance(segmentation, list) else ()
    outline = _mask_corners(mask) if isinstance(segmentation, dict) else tuple(chain(*parts))
    bbox = annotation.get("bbox")
    upright = None if bbox is None and outline else _corners(bbox)
    crowd = as_number(annotation.get("iscrowd")) == 1
    label = names.of(annotation.get("category_id"))
    return Forms(label, upright, outline, crowd=crowd, parts=parts, mask=mask)


def _corners(bbox: object) -> Corners:
    numbers = [as_number(value) for value in bbox] if isinstance(bbox, list) else []
    if len(numbers) != 4:
        return NO_BOX
    x, y, width, height = numbers
    return x, y, x + width, y + height


def _polygons(segmentation: list[Any]) -> tuple[tuple[Point, ...], ...]:
    """The points of each polygon; one that is not a number for what is none."""
    polygons = segmentation if any(isinstance(each, list) for each in segmentation) else [segmentation]
    parts = []
    for polygon in polygons:
        numbers = [as_number(value) for value in polygon] if isinstance(polygon, list) else [math.nan]
        numbers += [math.nan] * (len(numbers) % 2)
        parts.append(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    return tuple(parts)


def _run_lengths(mask: dict[str, Any]) -> dict[str, Any] | None:
    """A mask in compressed run lengths; None where it is damaged."""
    from pycocotools import mask as run_lengths  # loads numpy, which listing the formats need not

    size, counts = mask.get("size"), mask.get("counts")
    if not isinstance(size, list) or len(size) != 2:
        return None
    height, width = (whole(as_number(side)) for side in size)
    if not (0 < height < SIDE_LIMIT and 0 < width < SIDE_LIMIT):
        return None
    encoded: dict[str, Any] = {"size": [height, width]}
    if isinstance(counts, list):
        runs = [as_number(count) for count in counts]
        if not all(run.is_integer() and run >= 0 for run in runs) or sum(runs) != height * width:
            return None
        encoded = run_lengths.frPyObjects({**encoded, "counts": list(map(int, runs))}, height, width)
    elif isinstance(counts, str) and COMPRESSED.fullmatch(counts):
        encoded["counts"] = counts.encode("ascii")
    else:
        return None
    x, y, across, down = map(float, run_lengths.toBbox(encoded))
    return encoded if 0 <= x <= x + across <= width and 0 <= y <= y + down <= height else None


def _mask_corners(mask: dict[str, Any] | None) -> tuple[Point, ...]:
    """Two corners of a mask; a point that is not a number for a damaged one."""
    from pycocotools import mask as run_lengths

    if mask is None:
        return ((math.nan, math.nan),)
    x, y, across, down = map(float, run_lengths.toBbox(mask))
    return (x, y), (x + across, y + down)


FORMAT = AnnotationFormat("coco", "boxes, polygons and masks, COCO JSON", "boxes", "file", read_coco)
CAPTIONS_FORMAT = AnnotationFormat("coco-captions", "captions, COCO JSON", "captions", "file", read_coco_captions)
