"""The annotation formats: one file each, listed here once.

A new format is a file of this folder with a reader and its `AnnotationFormat`, and a line below.
"""

from sartext.catalogue.entry import Annotations, Entry
from sartext.corpora.formats import coco, dota, karpathy, lines, mask, opensarship, rows, scene, voc, yolo
from sartext.corpora.reading import AnnotationFormat
from sartext.errors import CatalogueError
from sartext.registry import Registry

FORMATS = Registry(
    "annotation format",
    (
        voc.FORMAT,
        coco.FORMAT,
        yolo.FORMAT,
        yolo.ORIENTED_FORMAT,
        dota.FORMAT,
        mask.FORMAT,
        karpathy.FORMAT,
        coco.CAPTIONS_FORMAT,
        lines.FORMAT,
        rows.FORMAT,
        scene.FOLDER_FORMAT,
        scene.LIST_FORMAT,
        opensarship.FORMAT,
    ),
)


def format_of(entry: Entry, declared: Annotations) -> AnnotationFormat:
    """Return the format that a catalogue file declares.

    Raises:
        ParameterError: there is no such format; the nearest is named.
        CatalogueError: the declaration lacks what the format requires.
    """
    where = f"{entry.name}.yaml: annotations"
    annotation_format = FORMATS.get(declared.format, where=where)
    if absent := [name for name in annotation_format.requires if not getattr(declared, name)]:
        names = " and ".join(f"`{name}`" for name in absent)
        raise CatalogueError(f"the format '{declared.format}' needs {names}", where=where)
    return annotation_format
