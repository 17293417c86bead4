"""Which annotation formats lie in a folder: each format of the registry is asked."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sartext.catalogue.entry import Annotations, Entry
from sartext.corpora.formats import FORMATS
from sartext.corpora.images import decode, read_image
from sartext.corpora.layout import FileGroup, Layout
from sartext.corpora.listing import Lookup, matching_files, renamed
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import AnnotationFormat, Record, Source
from sartext.errors import SarTextError, counted

ASKED = 10
"""Files of a group that a format is shown."""


@dataclass(frozen=True)
class Sighting:
    """Annotations of one format in a folder.

    ``annotated`` images of the folder have one; ``unmatched`` annotations have no image here. ``labels`` are the
    classes in the words of the source with their number of boxes, or of images for classes of the whole image.
    """

    declared: Annotations
    makes: str
    annotated: int
    unmatched: int
    labels: tuple[tuple[str, int], ...]
    captions: int
    splits: tuple[str, ...]

    @property
    def objects(self) -> int:
        """The number of boxes."""
        return sum(count for _, count in self.labels) if self.makes == "boxes" else 0

    def describe(self) -> str:
        """Return format, place and counts in a line."""
        place = ", ".join(self.declared.files) or self.declared.image or ""
        parts = [counted(self.annotated, "image")]
        if self.unmatched:
            parts.append(f"{self.unmatched:,} without an image here")
        if self.captions:
            parts.append(f"{self.captions:,} captions")
        if self.labels:
            shown = ", ".join(f"{label} {count:,}" for label, count in self.labels[:8])
            more = f" and {len(self.labels) - 8} more" if len(self.labels) > 8 else ""
            parts.append(f"{'boxes' if self.makes == 'boxes' else 'classes'}: {shown}{more}")
        return f"{self.declared.format} in {place} ({'; '.join(parts)})"


def find_annotations(layout: Layout, images: FileGroup | None) -> list[Sighting]:
    """Return the annotations of every format of the registry, those of the most images first.

    Args:
        layout: the folder.
        images: the images that they may belong to.
    """
    found = [
        count_annotations(layout.folder, images, annotation_format, declared)
        for annotation_format in FORMATS
        for declared in proposals(layout, images, annotation_format)
    ]
    useful = [sighting for sighting in found if sighting.labels or sighting.captions or sighting.makes == "masks"]
    return sorted(useful, key=lambda each: (-each.annotated, -each.unmatched))


def proposals(layout: Layout, images: FileGroup | None, annotation_format: AnnotationFormat) -> list[Annotations]:
    """Return the ``annotations`` that the folder may have in a format, as `AnnotationFormat.propose` says."""
    lookup = Lookup(images.files if images else ())
    found = []
    for group in layout.others:
        declared = Annotations(format=annotation_format.name, files=(group.glob,))
        entry = draft_entry(images, declared)
        answers = [
            _looks_like(annotation_format, Source(layout.folder, file, entry, "", partial(_size, layout, lookup)))
            for file in group.sample(ASKED)
        ]
        if answers.count(True) > answers.count(False):
            found.append(declared)
    if annotation_format.propose is not None:
        return annotation_format.propose(layout, found)
    return found


def draft_entry(images: FileGroup | None, declared: Annotations) -> Entry:
    """Return an entry that says no more than where images and annotations lie."""
    return Entry.model_validate(
        {
            **dict.fromkeys(("title", "description", "sensor", "citation", "homepage", "obtain"), "unknown"),
            "name": "unknown",
            "kind": "unlabelled",
            "quantity": "display",
            "images": (images.glob if images else "*",),
            "annotations": declared,
        }
    )


def _looks_like(annotation_format: AnnotationFormat, source: Source) -> bool | None:
    """Whether a file is of a format; None where the file says nothing either way."""
    try:
        if annotation_format.looks_like is not None:
            return annotation_format.looks_like(source) or (None if not source.path.stat().st_size else False)
        return any(map(_says_something, annotation_format.read(source))) or None
    except (Unusable, SarTextError, OSError):  # what a reader refuses is not of its format
        return False


def _says_something(record: Record) -> bool:
    return bool(record.captions or record.scene_class) or any(
        math.isfinite(box.xmin + box.ymin + box.xmax + box.ymax) for box in record.boxes
    )


def _size(layout: Layout, lookup: Lookup, name: str) -> tuple[int, int]:
    images = lookup.find(name)
    try:
        height, width = decode(read_image(layout.folder / images[0])).shape[:2] if len(images) == 1 else (0, 0)
    except Unusable:
        return 0, 0
    return width, height


def count_annotations(
    folder: Path, images: FileGroup | None, annotation_format: AnnotationFormat, declared: Annotations
) -> Sighting:
    """Count what annotations of a format say of the images of a folder, in the words of the source."""
    paths = images.files if images else ()
    labels, captions, splits = Counter[str](), 0, set[str]()
    annotated, unmatched = set[str](), 0
    if annotation_format.makes == "masks":
        annotated = {path for path in paths if _mask_of(folder, declared, path)}
    else:
        lookup = Lookup(paths)
        for record in _records(folder, images, annotation_format, declared):
            labels.update(box.label for box in record.boxes)
            labels.update([record.scene_class] if record.scene_class else ())
            captions += len(record.captions)
            splits |= {record.split} if record.split else set()
            matching = lookup.find(record.name or record.source)
            if not matching and annotation_format.per == "image":
                matching = lookup.find(record.source.removesuffix(".gz"))
            annotated.update(matching)
            unmatched += not matching
    return Sighting(
        declared,
        annotation_format.makes,
        len(annotated),
        unmatched,
        tuple(labels.most_common()),
        captions,
        tuple(sorted(splits)),
    )


def _mask_of(folder: Path, declared: Annotations, path: str) -> bool:
    mask = renamed(declared.image or "", declared.file or "", path)
    return mask is not None and (folder / mask).is_file()


def _records(
    folder: Path, images: FileGroup | None, annotation_format: AnnotationFormat, declared: Annotations
) -> Iterator[Record]:
    """What the readable files hold; of the sizes of images nothing is needed to count labels."""
    entry = draft_entry(images, declared)
    if annotation_format.per == "name":
        files = list(images.files if images else ())
    else:
        files = [file for glob in declared.files for file in matching_files(folder, [glob])]
    names = [file for glob in declared.names for file in matching_files(folder, [glob])] or [""] * len(files)
    for file, named in zip(files, names, strict=False):
        with suppress(Unusable):
            yield from annotation_format.read(Source(folder, file, entry, named, lambda _: (1, 1)))
