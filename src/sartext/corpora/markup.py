"""XML from strangers: entities refused, encodings that expat does not know, bytes that no encoding has, text after
the end.

Entities are refused (defusedxml), so that an XML bomb is a reason, not a crash.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import decode_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
DECLARED = re.compile(rb"""^\s*<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)")

CHINESE = {"gb2312", "gbk", "cp936", "gb18030"}
"""Declared by files that may hold any of them: each is a part of the last."""


@dataclass(frozen=True)
class Document:
    """A parsed file: its root, whether its bytes fit the encoding that it declares, and what follows its end.

    ``after`` counts the characters that follow the end of the first document, and are not read.
    """

    root: "Element"
    sound: bool = True
    after: int = 0


def parse_xml(content: bytes) -> Document:
    """Return the first document of a file.

    Bytes are decoded as declared, else as UTF-8, else as GB18030; with U+FFFD for bad ones if they fit none.

    Raises:
        Unusable: ``xml-bomb``: it declares entities; ``not-xml``: it is none, or ends too early.
    """
    try:
        try:
            return Document(ElementTree.fromstring(content))
        except (ElementTree.ParseError, ValueError, LookupError) as first:
            if isinstance(first, DefusedXmlException):
                raise
            return _parse_leniently(content)
    except DefusedXmlException as error:
        raise Unusable("xml-bomb", f"it declares entities ({type(error).__name__})") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise Unusable("not-xml", str(error)) from error


def _parse_leniently(content: bytes) -> Document:
    # expat knows few encodings and stops at the first bad byte: decode here and parse text
    text, sound = _decode(content)
    text = DECLARATION.sub("", text.lstrip("\ufeff"), count=1).rstrip()
    try:
        return Document(ElementTree.fromstring(text), sound)
    except ElementTree.ParseError:
        end = _end_of_first(text)
        if end in {0, len(text)}:
            raise
        return Document(ElementTree.fromstring(text[:end]), sound, len(text) - end)


def _decode(content: bytes) -> tuple[str, bool]:
    found = DECLARED.match(content)
    declared = found.group(1).decode("ascii").lower() if found else "utf-8"
    wanted = "gb18030" if declared in CHINESE else declared
    for encoding in (wanted, "utf-8", "gb18030"):
        text, sound = decode_text(content, encoding)
        if sound:
            return text, encoding == wanted
    return decode_text(content, wanted)


def _end_of_first(text: str) -> int:
    """Where the first document of a text ends; 0 where it does not."""
    root = ROOT.search(text)
    end = re.search(rf"</{re.escape(root[1])}\s*>", text) if root else None
    return end.end() if end else 0
