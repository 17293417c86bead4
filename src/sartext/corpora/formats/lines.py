"""Captions in a text file, a line each, beside a file with the names of their images."""

from collections import defaultdict

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import BROKEN_ENCODING, AnnotationFormat, Record, Source, read_text


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


FORMAT = AnnotationFormat(
    "lines", "a caption per line, image names in a file beside", "captions", "file", read_lines, ("files", "names")
)
