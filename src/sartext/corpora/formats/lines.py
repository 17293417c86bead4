"""Captions in a text file, a line each, beside a file with the names of their images."""

from collections import defaultdict
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sartext.catalogue.entry import Annotations
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import BROKEN_ENCODING, AnnotationFormat, Record, Source, read_text

if TYPE_CHECKING:
    from sartext.corpora.layout import Layout

SENTENCE = 4
"""Words that a line of captions has at least, on the average."""


def read_lines(source: Source) -> list[Record]:
    """Return a record per image of a caption file and the file of image names that goes with it.

    A name stands on the line of each of its captions, or once for every k captions. A blank caption line holds its
    place; the blank line at a file's end is no entry.

    Raises:
        Unusable: ``unaligned-lines``, or what `reading.read_content` raises.
    """
    caption_text, caption_sound = read_text(source.path)
    name_text, name_sound = read_text(source.folder / source.names)
    names = [name.strip() for name in name_text.rstrip().split("\n")]
    lines = caption_text.removesuffix("\n").split("\n")
    while len(lines) % len(names) and not lines[-1].strip():
        lines.pop()
    if names == [""] or not lines or len(lines) % len(names):
        raise Unusable("unaligned-lines", f"{len(lines)} captions for {len(names)} names")
    each = len(lines) // len(names)
    captions: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(lines):
        captions[names[number // each]].append(line)
    notes = () if caption_sound and name_sound else (BROKEN_ENCODING,)
    return [
        Record(name, source.file, captions=tuple(texts), notes=notes) for name, texts in captions.items() if name
    ]


def propose_lines(layout: "Layout", _: list[Annotations]) -> list[Annotations]:
    """Return the text files of sentences and, beside each, the one whose names fit them line by line."""
    texts = [file for group in layout.others if group.suffix == ".txt" for file in group.files]
    lines = {}
    for file in texts[:100]:
        with suppress(Unusable):
            lines[file] = [line.split() for line in read_text(layout.folder / file)[0].rstrip().split("\n")]
    names = {file for file, words in lines.items() if all(len(each) == 1 for each in words)}
    pairs = []
    for file in sorted(lines.keys() - names):
        rows = lines[file]
        if sum(map(len, rows)) >= SENTENCE * len(rows):
            fitting = [name for name in sorted(names) if len(rows) % len(lines[name]) == 0]
            beside = [name for name in fitting if _start(name) == _start(file)] or fitting
            pairs += [(file, beside[0])] if beside else []
    if not pairs:
        return []
    return [Annotations(format="lines", files=tuple(f for f, _ in pairs), names=tuple(n for _, n in pairs))]


def _start(file: str) -> str:
    """The folder and how the file's name begins, up to the first separator."""
    path = PurePosixPath(file)
    return f"{path.parent}/{path.name.replace('-', '_').split('_')[0]}"


FORMAT = AnnotationFormat(
    "lines",
    "a caption per line, image names in a file beside",
    "captions",
    "file",
    read_lines,
    ("files", "names"),
    propose=propose_lines,
)
