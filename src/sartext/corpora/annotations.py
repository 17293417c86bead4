"""The annotations of a corpus, matched with its images by the rules of their format."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.catalogue.entry import Annotations, Entry
from sartext.corpora.formats import format_of
from sartext.corpora.images import decode, read_image
from sartext.corpora.listing import Lookup, matching_files, renamed
from sartext.corpora.quarantine import Fault, Unusable
from sartext.corpora.reading import BAD_ROW, ORPHAN, REPEATED_ID, Record, Source
from sartext.errors import CatalogueError, CorpusError

NO_IMAGE = "annotation-without-image"


@dataclass
class Matches:
    """What the annotations of a corpus say, by image path below the corpus folder.

    ``records`` were read; ``files`` are annotation files of one image each, still to be read. ``problems`` say
    why an image's annotation cannot be used; ``faults`` are annotations left out.
    """

    records: dict[str, Record] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    problems: dict[str, Unusable] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def of(self, path: str) -> dict[str, Any]:
        """Return what an `examination.Job` of an image says of its annotation."""
        record, annotation, problem = (by_path.get(path) for by_path in (self.records, self.files, self.problems))
        return {"record": record, "annotation": annotation, "problem": problem}


def match_annotations(folder: Path, entry: Entry, declared: Annotations, paths: list[str]) -> Matches:
    """Find the annotations of a corpus's images; read the files that speak of many.

    Args:
        folder: the corpus.
        entry: its catalogue entry.
        declared: the entry's annotations, or those of its optical halves.
        paths: the images, below the folder.

    Raises:
        CorpusError: there is no annotation file at all.
        ParameterError, CatalogueError: as `format_of`.
    """
    annotation_format = format_of(entry, declared)
    if annotation_format.per == "name":
        return Matches(files={path: path for path in paths})
    if declared.image is not None and declared.file is not None:
        return _match_by_rule(folder, declared, declared.image, declared.file, paths)
    files = matching_files(folder, declared.files)
    if not files:
        raise CorpusError(
            f"no annotation file matches {', '.join(declared.files)}",
            where=folder,
            way_out="compare the folder with its catalogue file",
        )
    matches = Matches()
    lookup = Lookup(paths)
    size_of = partial(_size, folder, entry, lookup)
    if annotation_format.per == "image":
        files = _set_aside_files_of_one_image(files, lookup, matches)
    sources = _named_files(folder, declared, matches) if declared.names else [(file, "") for file in files]
    for file, names in sources:
        try:
            records = annotation_format.read(Source(folder, file, entry, names, size_of))
        except Unusable as error:
            matches.faults.append(Fault(file, "", error.reason, error.detail, "annotation"))
            continue
        for record in records:
            _match(record, lookup, matches)
    return matches


def _size(folder: Path, entry: Entry, lookup: Lookup, name: str) -> tuple[int, int]:
    """The width and height of an image, decoded when a reader asks for them."""
    images = lookup.find(name)
    if len(images) != 1:
        return 0, 0
    try:
        height, width = decode(read_image(folder / images[0]), entry.bands).shape[:2]
    except Unusable:
        return 0, 0  # the image itself is left out, with its reason
    return width, height


def _match_by_rule(folder: Path, declared: Annotations, image: str, file: str, paths: list[str]) -> Matches:
    """Lead from each image's path to its annotation file by a regular expression and its replacement."""
    matches = Matches()
    kind = declared.format
    for path in paths:
        annotation = renamed(image, file, path)
        if annotation is not None and (folder / annotation).is_file():
            matches.files[path] = annotation
        else:
            detail = f"no {kind} {annotation}" if annotation else f"the path does not match the {kind} rule"
            matches.problems[path] = Unusable("no-annotation", detail)
    spare = sorted(set(matching_files(folder, declared.files)) - set(matches.files.values()))
    names = [(PurePosixPath(path).name, f"{kind} {path}") for path in spare]
    matches.faults += [Fault(name, "", NO_IMAGE, detail, "annotation") for name, detail in names]
    return matches


def _set_aside_files_of_one_image(files: list[str], lookup: Lookup, matches: Matches) -> list[str]:
    """Leave files that are named like an image to the workers; return the others."""
    others = []
    for file in files:
        images = lookup.find(file.removesuffix(".gz"))
        if len(images) == 1 and images[0] not in matches.files:
            matches.files[images[0]] = file
        else:
            others.append(file)
    return others


def _named_files(folder: Path, declared: Annotations, matches: Matches) -> Iterator[tuple[str, str]]:
    """Pair annotation files with the files of image names, in the order of the catalogue."""
    if len(declared.files) != len(declared.names):
        raise CatalogueError(
            f"{len(declared.files)} caption files and {len(declared.names)} files of names", where="annotations"
        )
    for file_glob, name_glob in zip(declared.files, declared.names, strict=True):
        files, names = matching_files(folder, [file_glob]), matching_files(folder, [name_glob])
        if files and len(files) == len(names):
            yield from zip(files, names, strict=True)
        else:
            detail = f"{len(files)} files {file_glob}, {len(names)} files {name_glob}"
            matches.faults.append(Fault(file_glob, "", "unpaired-files", detail, "annotation"))


def _match(record: Record, lookup: Lookup, matches: Matches) -> None:
    for reason in (ORPHAN, BAD_ROW):
        if reason in record.notes:
            matches.faults.append(Fault(record.name, "", reason, f"in {record.source}", "annotation"))
            return
    images = lookup.find(record.name) if record.name else []
    if not images:
        matches.faults.append(Fault(record.name, "", NO_IMAGE, f"in {record.source}", "annotation"))
    elif len(images) > 1 or REPEATED_ID in record.notes:
        for image in images:
            matches.problems[image] = Unusable("ambiguous-annotation", f"'{record.name}' in {record.source}")
    else:
        _merge(images[0], record, matches)


def _merge(image: str, record: Record, matches: Matches) -> None:
    """Add a record to an image; an image may stand in several files if they agree."""
    before = matches.records.get(image)
    if before is None and image not in matches.files:
        matches.records[image] = record
    elif before is None or _contradict(before, record):
        other = before.source if before else matches.files[image]
        detail = f"{other} and {record.source} differ"
        if before and before.scene_class != record.scene_class:
            detail = f"'{before.scene_class}' in {other}, '{record.scene_class}' in {record.source}"
        matches.problems[image] = Unusable("conflicting-annotations", detail)
    elif before.captions != record.captions or record.questions:
        further = () if before.captions == record.captions else record.captions
        questions = before.questions + record.questions
        matches.records[image] = replace(before, captions=before.captions + further, questions=questions)
    else:
        detail = f"in {before.source} and {record.source}"
        matches.faults.append(Fault(record.name, "", "repeated-annotation", detail, "annotation"))


def _contradict(record: Record, other: Record) -> bool:
    boxes, others = (sorted(each.boxes, key=repr) for each in (record, other))
    return boxes != others or record.scene_class != other.scene_class
