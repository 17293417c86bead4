"""YOLO text files, one per image, a line per box: a class number, and shares of the image's sides.

An empty file says that the image was looked at and holds nothing. A box may leave the image; it is clipped or
dropped like any other. What is in pixels, and what a detector predicted (a line with a confidence), is refused.
"""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from yaml import YAMLError

from sartext.catalogue.entry import Annotations
from sartext.config import parse_yaml
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BROKEN_ENCODING,
    AnnotationFormat,
    RawBox,
    Record,
    Source,
    as_number,
    read_text,
)
from sartext.corpora.shapes import Point, around, side_angle, upright_box

if TYPE_CHECKING:
    from sartext.corpora.layout import Layout

CLASS_LISTS = ("classes.txt", "obj.names", "data.yaml", "data.yml", "dataset.yaml")
"""How the lists of class names are called that lie beside labels."""

ROUNDING = 1e-5
"""Shares this near to a side of the image lie on it: files hold five or six decimals."""

IN_PIXELS = 1.5
"""A box that is larger than this in both directions, in shares, is one in pixels."""

Shape = Callable[[Sequence[float]], tuple[Point, ...]]


def read_yolo(source: Source) -> list[Record]:
    """Return the record of an image: class, centre x and y, width and height, in shares, on each line.

    Raises:
        Unusable: ``not-yolo``, ``not-normalised``, ``no-class-list``, or what `reading.read_content` raises.
    """
    return _read(source, 4, _upright)


def read_yolo_oriented(source: Source) -> list[Record]:
    """Return the record of an image: class and x, y of four corners in any order, in shares, on each line.

    Raises:
        Unusable: as `read_yolo`.
    """
    return _read(source, 8, _corners)


def _read(source: Source, numbers: int, shape: Shape) -> list[Record]:
    if PurePosixPath(source.file).name.lower() in CLASS_LISTS:
        return []
    declared = source.entry.annotations
    listed = declared.class_list if declared else None
    names = class_names(source.folder / listed) if listed else {}
    size = source.size_of(source.file)
    text, sound = read_text(source.path)
    boxes = []
    for place, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        if len(words) != numbers + 1:
            what = f"line {place}: {len(words)} words, a class and {numbers} numbers are expected"
            raise Unusable("not-yolo", what)
        points = shape([as_number(word) for word in words[1:]])
        xmin, ymin, xmax, ymax = upright_box(points)
        if xmax - xmin > IN_PIXELS and ymax - ymin > IN_PIXELS:
            raise Unusable("not-normalised", f"line {place}: shares of the image's sides are expected")
        pixels = [(_share(x) * size[0], _share(y) * size[1]) for x, y in points]
        label = _class_number(words[0])
        angle = side_angle(pixels) if numbers == 8 else None
        parts = (tuple(around(pixels)),) if numbers == 8 else ()
        boxes.append(RawBox(names.get(label, label), *upright_box(pixels), angle=angle, parts=parts))
    return [Record(source.file, source.file, boxes=tuple(boxes), notes=() if sound else (BROKEN_ENCODING,))]


def _upright(numbers: Sequence[float]) -> tuple[Point, ...]:
    x, y, width, height = numbers
    return (x - width / 2, y - height / 2), (x + width / 2, y + height / 2)


def _corners(numbers: Sequence[float]) -> tuple[Point, ...]:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _share(share: float) -> float:
    return next((side for side in (0.0, 1.0) if abs(share - side) < ROUNDING), share)


def _class_number(word: str) -> str:
    number = as_number(word)
    return str(int(number)) if number.is_integer() else word  # some tools write 0.000000


def class_names(path: Path) -> dict[str, str]:
    """Return the class names of a list by their number, from 0: a name per line, or the ``names`` of a YAML file.

    Raises:
        Unusable: ``no-class-list``: there is none, or it is not to be read.
    """
    try:
        text, _ = read_text(path)
    except Unusable as error:
        raise Unusable("no-class-list", f"{path.name}: {error.detail}") from error
    names: Any = [line.strip() for line in text.rstrip().split("\n")]
    if path.suffix.lower() in {".yaml", ".yml"}:
        names = _names_of_yaml(text, path.name)
    numbered = names.items() if isinstance(names, dict) else enumerate(names)
    return {str(number): str(name) for number, name in numbered}


def _names_of_yaml(text: str, name: str) -> Any:  # noqa: ANN401 - YAML has no narrower type
    try:
        content = parse_yaml(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise Unusable("no-class-list", f"{name}: {error}") from error
    names = content.get("names") if isinstance(content, dict) else None
    every = names.values() if isinstance(names, dict) else names
    if not isinstance(names, list | dict) or not all(isinstance(each, str | int | float) for each in every or ()):
        raise Unusable("no-class-list", f"{name}: it has no list of `names`")
    return names


def with_class_list(layout: "Layout", found: list[Annotations]) -> list[Annotations]:
    """Return the annotations found with the list of class names that lies in the folder, if one does."""
    files = [file for group in layout.others for file in group.files]
    lists = [file for file in files if PurePosixPath(file).name.lower() in CLASS_LISTS]
    lists = [file for file in sorted(lists, key=len) if _is_class_list(layout.folder / file)]
    return [declared.model_copy(update={"class_list": lists[0]}) for declared in found] if lists else found


def _is_class_list(path: Path) -> bool:
    try:
        return bool(class_names(path))
    except Unusable:
        return False


FORMAT = AnnotationFormat(
    "yolo", "boxes, YOLO text, shares of the image", "boxes", "image", read_yolo, propose=with_class_list
)
ORIENTED_FORMAT = AnnotationFormat(
    "yolo-oriented",
    "turned boxes, YOLO text, four corners",
    "boxes",
    "image",
    read_yolo_oriented,
    propose=with_class_list,
)
