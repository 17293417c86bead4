"""Annotation files as text: gzip, byte-order marks, line ends and broken encodings.

A file whose bytes do not fit its encoding is read all the same, with U+FFFD in place of each bad byte, and
counted: numbers and ASCII names survive, and a name that does not is unknown to the catalogue and counted there.
"""

import codecs
import gzip
import json
import stat
import zlib
from pathlib import Path
from typing import Any

from sartext.corpora.quarantine import Unusable

TEXT_LIMIT = 1 << 30
"""Bytes of one annotation file after decompression; more is taken for a decompression bomb."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_content(path: Path) -> bytes:
    """Return a file's bytes, decompressed if it ends in ``.gz``.

    Raises:
        Unusable: ``unreadable-file``, ``damaged-gzip`` or ``file-too-large``.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unusable("unreadable-file", "not a regular file")
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as stream:
                content = stream.read(TEXT_LIMIT + 1)
        else:
            with path.open("rb") as plain:
                content = plain.read(TEXT_LIMIT + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise Unusable("damaged-gzip", str(error)) from error
    except OSError as error:
        raise Unusable("unreadable-file", error.strerror or str(error)) from error
    if len(content) > TEXT_LIMIT:
        raise Unusable("file-too-large", f"over {TEXT_LIMIT:,} bytes of text")
    return content


def decode_text(content: bytes, encoding: str = "utf-8") -> tuple[str, bool]:
    """Return text with Unix line ends and without a byte-order mark, and whether its bytes were sound."""
    for mark, named in MARKS:
        if content.startswith(mark):
            content, encoding = content[len(mark) :], named
            break
    try:
        text, sound = content.decode(encoding), True
    except (UnicodeDecodeError, LookupError):
        text, sound = content.decode(_known(encoding), errors="replace"), False
    return text.replace("\r\n", "\n").replace("\r", "\n"), sound


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return "utf-8"


def read_text(path: Path) -> tuple[str, bool]:
    """Return the text of a file and whether its bytes were sound UTF-8 (or UTF-16/32 with a mark)."""
    return decode_text(read_content(path))


def read_json_text(path: Path) -> tuple[Any, bool]:
    """Return the value of a JSON file and whether its bytes were sound.

    Raises:
        Unusable: ``not-json``, or what `read_content` raises.
    """
    text, sound = read_text(path)
    try:
        return json.loads(text), sound
    except (ValueError, RecursionError) as error:
        raise Unusable("not-json", str(error)) from error
