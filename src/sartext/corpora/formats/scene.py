"""Scene classes, one per image: by the folder that the image lies in, or by a list of names and classes."""

import re

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import BROKEN_ENCODING, AnnotationFormat, Record, Source, read_text

SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+(?=\S+$)")
"""Between name and class: a comma, a semicolon or a tab, else the last white space of the line."""


def read_scene_folder(source: Source) -> list[Record]:
    """Return the record of an image whose path, ``source.file``, holds its class.

    Raises:
        Unusable: ``no-annotation``: the expression ``image`` of the catalogue finds no class in the path.
    """
    declared = source.entry.annotations
    match = re.search(declared.image, source.file) if declared and declared.image else None
    scene_class = (match.group(1) if match.re.groups else match.group()) if match else ""
    if not scene_class:
        raise Unusable("no-annotation", "the path holds no class")
    return [Record("", source.file, scene_class=scene_class)]


def read_scene_list(source: Source) -> list[Record]:
    """Return a record per line of a list: the image's name and its class. Headings name no image, and go.

    Raises:
        Unusable: ``not-a-list``: a line does not hold a name and a class; or what `reading.read_content` raises.
    """
    text, sound = read_text(source.path)
    notes = () if sound else (BROKEN_ENCODING,)
    records = []
    for number, line in enumerate(text.split("\n"), start=1):
        name, _, scene_class = SEPARATOR.sub("\n", line.strip(), count=1).partition("\n")
        if name and scene_class:
            records.append(
                Record(name.strip("\"'"), source.file, scene_class=scene_class.strip("\"'"), notes=notes)
            )
        elif name:
            raise Unusable("not-a-list", f"line {number}: a name and a class are expected")
    return records


FOLDER_FORMAT = AnnotationFormat(
    "scene-folder", "a scene class per image, by its folder", "scenes", "name", read_scene_folder, ("image",)
)
LIST_FORMAT = AnnotationFormat(
    "scene-list", "a scene class per image, lists of names and classes", "scenes", "file", read_scene_list
)
