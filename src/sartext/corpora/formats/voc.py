"""Pascal VOC annotations: one XML per image, or one file with many ``<annotation>`` elements.

An image is found by the stem of its XML file or of ``<filename>``, because ``<filename>`` may end in ``.xml`` or
name another file, and ``<path>`` may be only a folder. Tags are the same in upper and lower case.
"""

import math
import re
from typing import TYPE_CHECKING

from sartext.corpora.forms import Forms, Turned, boxes_of
from sartext.corpora.markup import parse_xml
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BROKEN_ENCODING,
    AnnotationFormat,
    Record,
    Source,
    as_difficulty,
    as_number,
    read_content,
    whole,
)
from sartext.corpora.shapes import Corners, Point

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TURNED = ("robndbox", "rotated_bndbox")
"""Elements of a turned box: of roLabelImg, and of SSDD, which puts ``rotated_bbox_`` before the names within."""

OUTLINES = ("segm", "polygon")
NUMBERED = re.compile(r"x(\d+)")


def read_voc(source: Source) -> list[Record]:
    """Return a record per ``<annotation>`` of a file (gzip allowed).

    An object has a ``<bndbox>``, a turned box by ``cx``, ``cy``, ``w``, ``h`` and ``angle`` (or ``theta``), four
    corners ``x1`` to ``y4``, or a ``<segm>`` of points; of several, `forms.boxes_of` says which one is its box.

    Raises:
        Unusable: ``xml-bomb``, ``not-xml``, ``not-voc``, ``angle-convention``, or what `reading.read_content`
            raises.
    """
    elements, notes, left_out = _annotations(source)
    declared = source.entry.annotations
    convention = declared.angle if declared else None
    records = []
    for element in elements:
        width, height = (whole(_number(element, f"size/{side}")) for side in ("width", "height"))
        boxes, told = boxes_of([_forms(item) for item in element.iter("object")], convention)
        name = _text(element, "filename")
        records.append(Record(name, source.file, width, height, boxes, left_out=(*left_out, *told), notes=notes))
        left_out = ()
    return records


def looks_like_voc(source: Source) -> bool:
    """Whether a file is one of VOC annotations, also one whose angles nothing explains yet."""
    return bool(_annotations(source)[0])


def _annotations(source: Source) -> tuple[list["Element"], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The annotations of a file, what of it is worth counting, and what was left out."""
    document = parse_xml(read_content(source.path))
    for element in document.root.iter():
        element.tag = element.tag.lower()
    root = document.root
    elements = [root] if root.tag == "annotation" else root.findall("annotation")
    if not elements and root.tag != "annotations":
        raise Unusable("not-voc", f"the root element is <{root.tag}>")
    after = f"{document.after:,} characters after the end of the first document"
    return (
        elements,
        () if document.sound else (BROKEN_ENCODING,),
        (("text-after-end", after),) if document.after else (),
    )


def _forms(element: "Element") -> Forms:
    upright = element.find("bndbox")
    if len(element.findall("bndbox")) > 1:
        raise Unusable("not-voc", "an object with several boxes")
    turned = next((found for tag in TURNED if (found := element.find(tag)) is not None), None)
    outline = next((found for tag in OUTLINES if (found := element.find(tag)) is not None), None)
    corners = () if turned is None else _numbered_points(turned)
    if upright is not None and not corners:
        corners = _numbered_points(upright)
    return Forms(
        label=_text(element, "name"),
        upright=None if upright is None or (corners and upright.find("xmin") is None) else _corners(upright),
        outline=() if outline is None else _points(outline),
        corners=corners,
        turned=None if turned is None else _turned(turned),
        difficulty=as_difficulty(element.findtext("difficult")),
    )


def _corners(element: "Element") -> Corners:
    xmin, ymin, xmax, ymax = (_number(element, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    return xmin, ymin, xmax, ymax


def _turned(element: "Element") -> Turned | None:
    names = {child.tag.removeprefix("rotated_bbox_"): child.tag for child in element}
    angle = names.get("angle", names.get("theta"))
    if angle is None:
        return None
    x, y, width, height = (_number(element, names.get(name, name)) for name in ("cx", "cy", "w", "h"))
    return Turned(x, y, width, height, _number(element, angle))


def _numbered_points(element: "Element") -> tuple[Point, ...]:
    """Points that are written ``x1``, ``y1``, ``x2``, ``y2`` and so on."""
    numbers = [match[1] for child in element if (match := NUMBERED.fullmatch(child.tag))]
    return tuple((_number(element, f"x{each}"), _number(element, f"y{each}")) for each in numbers)


def _points(element: "Element") -> tuple[Point, ...]:
    """Points that are written as ``x,y`` each, or numbered."""
    texts = [text for child in element if "," in (text := child.text or "")]
    return tuple(_point(text) for text in texts) or _numbered_points(element) or ((math.nan, math.nan),)


def _point(text: str) -> Point:
    x, _, y = text.partition(",")
    return as_number(x), as_number(y)


def _text(element: "Element", tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _number(element: "Element", tag: str) -> float:
    return as_number(element.findtext(tag))


FORMAT = AnnotationFormat(
    "voc",
    "boxes, Pascal VOC XML, upright, turned or polygons",
    "boxes",
    "image",
    read_voc,
    looks_like=looks_like_voc,
)
