"""Pascal VOC annotations: one XML per image, or one file with many ``<annotation>`` elements.

The XML comes from strangers: entities are refused (defusedxml), so that an XML bomb is a reason, not a crash.
An image is found by the stem of its XML file or of ``<filename>``, because ``<filename>`` may end in ``.xml``
and ``<path>`` may be only a folder.
"""

import math
import re
from typing import TYPE_CHECKING

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BROKEN_ENCODING,
    AnnotationFormat,
    RawBox,
    Record,
    Source,
    decode_text,
    read_content,
    whole,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def read_voc(source: Source) -> list[Record]:
    """Return a record per ``<annotation>`` of a file (gzip allowed).

    Raises:
        Unusable: ``xml-bomb``, ``not-xml``, ``not-voc``, or what `reading.read_content` raises.
    """
    root, sound = parse_xml(read_content(source.path))
    elements = [root] if root.tag == "annotation" else root.findall("annotation")
    if not elements and root.tag != "annotations":
        raise Unusable("not-voc", f"the root element is <{root.tag}>")
    notes = () if sound else (BROKEN_ENCODING,)
    return [_record(element, source.file, notes) for element in elements]


def parse_xml(content: bytes) -> tuple["Element", bool]:
    """Return the root of XML from strangers, and whether its bytes were sound.

    Raises:
        Unusable: ``xml-bomb`` or ``not-xml``.
    """
    try:
        try:
            return ElementTree.fromstring(content), True
        except (ElementTree.ParseError, ValueError, LookupError) as first:
            if isinstance(first, DefusedXmlException):
                raise
            return _parse_leniently(content)
    except DefusedXmlException as error:
        raise Unusable("xml-bomb", f"it declares entities ({type(error).__name__})") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise Unusable("not-xml", str(error)) from error


def _parse_leniently(content: bytes) -> tuple["Element", bool]:
    # expat knows few encodings and stops at the first bad byte: decode here and parse text
    declared = DECLARED.match(content)
    text, sound = decode_text(content, declared.group(1).decode("ascii") if declared else "utf-8")
    return ElementTree.fromstring(DECLARATION.sub("", text.lstrip("\ufeff"), count=1)), sound


def _record(element: "Element", source: str, notes: tuple[str, ...]) -> Record:
    width, height = (whole(_number(element, f"size/{side}")) for side in ("width", "height"))
    boxes = tuple(_box(item) for item in element.findall("object"))
    return Record(_text(element, "filename"), source, width, height, boxes, notes=notes)


def _box(element: "Element") -> RawBox:
    label = _text(element, "name")
    rotated = _rotated(element)
    corners = element.find("bndbox")
    if corners is not None:
        xmin, ymin, xmax, ymax = (_number(corners, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
        return RawBox(label, xmin, ymin, xmax, ymax, angle=rotated[4] if rotated else None)
    if rotated is None:
        return RawBox(label, math.nan, math.nan, math.nan, math.nan)
    return RawBox(label, *_hull(*rotated), angle=rotated[4])


def _rotated(element: "Element") -> tuple[float, float, float, float, float] | None:
    """Centre, width, height and angle in degrees of a rotated box, in either of the two spellings."""
    box = element.find("rotated_bndbox")  # SSDD: degrees
    if box is not None:
        numbers = [_number(box, f"rotated_bbox_{tag}") for tag in ("cx", "cy", "w", "h", "theta")]
    else:
        box = element.find("robndbox")  # roLabelImg: radians
        if box is None:
            return None
        numbers = [_number(box, tag) for tag in ("cx", "cy", "w", "h", "angle")]
        numbers[4] = math.degrees(numbers[4])
    if not all(math.isfinite(number) for number in numbers):
        return None
    return numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]


def _hull(cx: float, cy: float, width: float, height: float, angle: float) -> tuple[float, float, float, float]:
    """The upright box around a rotated one; it has the same centre."""
    cosine, sine = abs(math.cos(math.radians(angle))), abs(math.sin(math.radians(angle)))
    half_width = (width * cosine + height * sine) / 2
    half_height = (width * sine + height * cosine) / 2
    return cx - half_width, cy - half_height, cx + half_width, cy + half_height


def _text(element: "Element", tag: str) -> str:
    return " ".join((element.findtext(tag) or "").split())


def _number(element: "Element", tag: str) -> float:
    try:
        return float(element.findtext(tag) or "nan")
    except ValueError:
        return math.nan


FORMAT = AnnotationFormat("voc", "boxes, Pascal VOC XML, upright or rotated", "boxes", "image", read_voc)
