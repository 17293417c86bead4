"""Scene classes, one per image: by the folder that the image lies in, or by a list of names and classes."""

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from sartext.catalogue.entry import Annotations
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import BROKEN_ENCODING, AnnotationFormat, Record, Source, read_text

if TYPE_CHECKING:
    from sartext.corpora.layout import Layout

SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+(?=\S+$)")
"""Between name and class: a comma, a semicolon or a tab, else the last white space of the line."""

LINES_ASKED = 40
"""Lines of a list whose images are looked for."""


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


def propose_scene_folders(layout: "Layout", _: list[Annotations]) -> list[Annotations]:
    """Return a rule for each group of images that lie in folders of their own, unlike those of splits."""
    groups = [group for group in layout.images if group.by_folder]
    above = [re.escape(str(PurePosixPath(group.glob).parent.parent)).replace(r"\*", "[^/]+") for group in groups]
    return [
        Annotations(format="scene-folder", image=f"^{folders}/([^/]+)/".replace(r"^\./", "^")) for folders in above
    ]


def looks_like_scene_list(source: Source) -> bool:
    """Whether the lines name images of the folder, and far fewer classes than images."""
    try:
        records = read_scene_list(source)[:LINES_ASKED]
    except Unusable:
        return False
    here = [record for record in records if all(source.size_of(record.name))]
    return 2 * len(here) > len(records) > 1 and 2 * len({record.scene_class for record in here}) <= len(here)


FOLDER_FORMAT = AnnotationFormat(
    "scene-folder",
    "a scene class per image, by its folder",
    "scenes",
    "name",
    read_scene_folder,
    ("image",),
    propose=propose_scene_folders,
)
LIST_FORMAT = AnnotationFormat(
    "scene-list",
    "a scene class per image, lists of names and classes",
    "scenes",
    "file",
    read_scene_list,
    looks_like=looks_like_scene_list,
)
