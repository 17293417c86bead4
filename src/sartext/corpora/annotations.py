"""The annotations of a corpus, found for its images."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath

from sartext.catalogue.entry import Annotations
from sartext.corpora.captions import read_karpathy, read_lines
from sartext.corpora.coco import ORPHAN, REPEATED_ID, read_coco, read_coco_captions
from sartext.corpora.listing import Lookup, matching_files
from sartext.corpora.pairs import renamed
from sartext.corpora.quarantine import Fault, Unusable
from sartext.corpora.records import Record
from sartext.corpora.voc import BROKEN_ENCODING, read_voc
from sartext.errors import CatalogueError, CorpusError

NO_IMAGE = "annotation-without-image"


@dataclass
class Found:
    """What the annotations of a corpus say, by image path below the corpus folder.

    ``records`` were read; ``files`` are VOC files still to be read, one image each; ``masks`` are mask files.
    ``problems`` say why an image's annotation cannot be used; ``faults`` are annotations left out.
    """

    records: dict[str, Record] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    masks: dict[str, str] = field(default_factory=dict)
    problems: dict[str, Unusable] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def find_annotations(folder: Path, declared: Annotations, paths: list[str]) -> Found:
    """Read the annotations of a corpus and match them with its images.

    Raises:
        CorpusError: there is no annotation file at all.
        CatalogueError: a mask rule is incomplete.
    """
    if declared.format == "mask":
        return _masks(folder, declared, paths)
    found = Found()
    lookup = Lookup(paths)
    for source, read in _sources(folder, declared, lookup, found):
        try:
            records = read()
        except Unusable as error:
            found.faults.append(Fault(source, "", error.reason, error.detail, "annotation"))
            continue
        for record in records:
            _match(record, lookup, found)
    return found


Source = tuple[str, Callable[[], list[Record]]]


def _sources(folder: Path, declared: Annotations, lookup: Lookup, found: Found) -> list[Source]:
    files = matching_files(folder, declared.files)
    if not files:
        raise CorpusError(
            f"no annotation file matches {', '.join(declared.files)}",
            where=folder,
            way_out="compare the folder with its catalogue file",
        )
    if declared.format == "lines":
        return _line_sources(folder, declared, found)
    if declared.format == "voc":
        files = _set_aside_single_files(files, lookup, found)
    read = {"voc": read_voc, "coco": read_coco, "karpathy": read_karpathy, "coco-captions": read_coco_captions}
    reader = read[declared.format]
    return [(name, partial(reader, folder / name, name)) for name in files]


def _set_aside_single_files(files: list[str], lookup: Lookup, found: Found) -> list[str]:
    """Leave XML files that are named like an image to the workers; return the others."""
    others = []
    for name in files:
        images = lookup.find(name.removesuffix(".gz"))
        if len(images) == 1 and images[0] not in found.files:
            found.files[images[0]] = name
        else:
            others.append(name)
    return others


def _line_sources(folder: Path, declared: Annotations, found: Found) -> list[Source]:
    if len(declared.files) != len(declared.names):
        raise CatalogueError(
            f"{len(declared.files)} caption files and {len(declared.names)} files of names", where="annotations"
        )
    sources: list[Source] = []
    for captions, names in zip(declared.files, declared.names, strict=True):
        ours, theirs = matching_files(folder, [captions]), matching_files(folder, [names])
        if not ours or len(ours) != len(theirs):
            detail = f"{len(ours)} files {captions}, {len(theirs)} files {names}"
            found.faults.append(Fault(captions, "", "unpaired-files", detail, "annotation"))
            continue
        sources += [
            (one, partial(_read_lines, folder, one, other)) for one, other in zip(ours, theirs, strict=True)
        ]
    return sources


def _read_lines(folder: Path, captions: str, names: str) -> list[Record]:
    return read_lines(folder / captions, folder / names, captions)


def _match(record: Record, lookup: Lookup, found: Found) -> None:
    if ORPHAN in record.notes:
        found.faults.append(Fault(record.name, "", ORPHAN, f"in {record.source}", "annotation"))
        return
    images = lookup.find(record.name) if record.name else []
    if not images:
        found.faults.append(Fault(record.name, "", NO_IMAGE, f"in {record.source}", "annotation"))
    elif len(images) > 1 or REPEATED_ID in record.notes:
        for image in images:
            found.problems[image] = Unusable("ambiguous-annotation", f"'{record.name}' in {record.source}")
    else:
        _merge(images[0], record, found)


def _merge(image: str, record: Record, found: Found) -> None:
    """Add a record to an image; an image may stand in several files if they agree."""
    before = found.records.get(image)
    if before is None and image not in found.files:
        found.records[image] = record
    elif before is None or sorted(before.boxes, key=repr) != sorted(record.boxes, key=repr):
        other = before.source if before else found.files[image]
        found.problems[image] = Unusable("conflicting-annotations", f"{other} and {record.source} differ")
    elif before.captions != record.captions:
        found.records[image] = replace(before, captions=before.captions + record.captions)
    else:
        detail = f"in {before.source} and {record.source}"
        found.faults.append(Fault(record.name, "", "repeated-annotation", detail, "annotation"))


def _masks(folder: Path, declared: Annotations, paths: list[str]) -> Found:
    if declared.image is None or declared.file is None:
        raise CatalogueError("masks need `image` and `file`: how an image's path leads to its mask")
    found = Found()
    for path in paths:
        mask = renamed(declared.image, declared.file, path)
        if mask is None:
            found.problems[path] = Unusable("no-annotation", "the path does not match the mask rule")
        elif not (folder / mask).is_file():
            found.problems[path] = Unusable("no-annotation", f"no mask {mask}")
        else:
            found.masks[path] = mask
    for spare in sorted(set(matching_files(folder, declared.files)) - set(found.masks.values())):
        name = PurePosixPath(spare).name
        found.faults.append(Fault(name, "", NO_IMAGE, f"mask {spare}", "annotation"))
    return found


def broken_encoding(record: Record) -> bool:
    """Whether the file of a record held bytes that do not fit its encoding."""
    return BROKEN_ENCODING in record.notes
