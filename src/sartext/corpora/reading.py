"""What an annotation reader gets and returns, and reading files as text: gzip, byte-order marks, broken encodings.

A file whose bytes do not fit its encoding is read all the same, with U+FFFD in place of each bad byte, and
counted: numbers and ASCII names survive, and a name that does not is unknown to the catalogue and counted there.
"""

import codecs
import gzip
import json
import math
import stat
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sartext.catalogue.entry import Annotations, Entry
from sartext.corpora.quarantine import Unusable
from sartext.corpora.shapes import Point

if TYPE_CHECKING:  # the formats are listed where no image is read, without what takes long to load
    import numpy as np
    import numpy.typing as npt

    from sartext.corpora.layout import Layout

BROKEN_ENCODING = "broken-encoding"
ORPHAN = "annotation-of-unlisted-image"
REPEATED_ID = "repeated-image-id"
BAD_ROW = "unreadable-row"

TEXT_LIMIT = 1 << 30
"""Bytes of one annotation file after decompression; more is taken for a decompression bomb."""

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

ClassMap: TypeAlias = "npt.NDArray[np.int16]"
SizeOf = Callable[[str], tuple[int, int]]


@dataclass(frozen=True)
class RawBox:
    """A box as the source has it: pixels, unchecked, NaN where a number could not be read.

    ``angle`` is how far its sides are turned clockwise from the image's, in degrees from 0 below 90, where the
    source says so beyond doubt. ``crowd`` marks one box around an unknown number of objects. ``difficulty`` is how
    hard the annotators found it: 0, 1 (VOC's difficult, too) or 2. ``parts`` are its polygons where the source has
    any: of a box with an angle, its four corners. ``mask`` is its mask in compressed run lengths of COCO.
    """

    label: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    angle: float | None = None
    crowd: bool = False
    difficulty: int | None = None
    parts: tuple[tuple[Point, ...], ...] = ()
    mask: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Record:
    """What one annotation says of one image, in the words of the source.

    ``name`` is the image's name as written there, ``source`` the annotation file below the corpus folder.
    ``width`` and ``height`` are 0 where they are not stated. ``classes`` is the class map of a mask;
    ``scene_class`` is the class of the whole image. ``questions`` is how many questions are asked about the image.
    ``left_out`` are reasons, with their details, of what the reader left out or noticed while the image stays.
    ``notes`` are reasons worth counting.
    """

    name: str
    source: str
    width: int = 0
    height: int = 0
    boxes: tuple[RawBox, ...] = ()
    captions: tuple[str, ...] = ()
    classes: "ClassMap | None" = None
    scene_class: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    split: str | None = None
    questions: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """An annotation file, as a reader gets it.

    ``file`` lies below ``folder``; ``names`` is the file of image names that goes with it, where the format has
    one. ``size_of`` returns width and height in pixels of an image by the name that the file uses for it; where
    the file belongs to one image, of that image, whatever the name. They are 0 for an image that is not there.
    """

    folder: Path
    file: str
    entry: Entry
    names: str = ""
    size_of: SizeOf = lambda _: (0, 0)

    @property
    def path(self) -> Path:
        """The annotation file."""
        return self.folder / self.file


@dataclass(frozen=True)
class AnnotationFormat:
    """An entry of the registry `formats.FORMATS`.

    Args:
        name: as a catalogue file writes it.
        description: what the format is, for a person.
        makes: what its records hold.
        per: whether a file belongs to one image or speaks of many. A file of a format per image that is named
            like no image is read like one of many. Of a format per name there are no files: the path of the image
            says it, and is the source's file.
        read: the reader; it returns a record per image and raises `Unusable` for a file that it cannot read.
        requires: the fields of the catalogue's `Annotations` without which the format cannot be read.
        looks_like: whether a file found in a folder without a catalogue file is of this format; `sartext corpora
            add` asks. ``source.entry`` declares this format for the file, and no classes; ``source.size_of`` knows
            the images of the folder. Where it is left out, a file is of this format if ``read`` makes something
            of it: boxes of numbers, captions or scene classes. To be given where ``read`` makes something of
            files of other formats, too.
        propose: the ``annotations`` that a folder without a catalogue file may have in this format, likeliest
            first, from its layout and from those that say ``files`` alone: one for each group of files of which a
            sample looks like the format. To be given where more than ``files`` is needed; else those are proposed.
    """

    name: str
    description: str
    makes: Literal["boxes", "masks", "scenes", "captions"]
    per: Literal["image", "file", "name"]
    read: Callable[[Source], list[Record]]
    requires: tuple[str, ...] = ("files",)
    looks_like: Callable[[Source], bool] | None = None
    propose: "Callable[[Layout, list[Annotations]], list[Annotations]] | None" = None


def as_number(value: object) -> float:
    """Return a number of a source, written as one or as text; NaN for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return math.nan


def as_difficulty(value: object) -> int | None:
    """Return how hard a source calls an object: 0, 1 or 2; None where it says no such thing."""
    return next((level for level in (0, 1, 2) if as_number(value) == level), None)


def whole(number: float) -> int:
    """Return the width or height that an annotation states, 0 where it is no such number."""
    return int(number) if math.isfinite(number) and number > 0 else 0


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
    sound = False
    try:
        text, sound = content.decode(encoding), True
    except UnicodeDecodeError:
        text = content.decode(encoding, errors="replace")
    except (LookupError, UnicodeError):  # no encoding of text
        text = content.decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), sound


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
