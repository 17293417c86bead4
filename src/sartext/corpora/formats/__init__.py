"""The annotation formats: one file each, listed here once.

A new format is a file of this folder with a reader and its `AnnotationFormat`, and a line below.
"""

from sartext.corpora.formats import coco, karpathy, lines, mask, voc
from sartext.registry import Registry

__all__ = ["FORMATS"]

FORMATS = Registry(
    "annotation format",
    (
        voc.FORMAT,
        coco.FORMAT,
        mask.FORMAT,
        karpathy.FORMAT,
        coco.CAPTIONS_FORMAT,
        lines.FORMAT,
    ),
)
