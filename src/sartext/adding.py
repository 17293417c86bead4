"""Bringing a downloaded corpus into ``data/``: unpacked, recognised, compared with what is published, pinned."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sartext.archives import Unpacked, unpack
from sartext.catalogue import Annotations, Entry, read_catalogue
from sartext.config import Project
from sartext.corpora.formats import FORMATS, format_of
from sartext.corpora.layout import FileGroup, survey
from sartext.corpora.listing import matching_files, optical_halves, renamed
from sartext.corpora.recognition import Recognition, recognise, wrapping
from sartext.corpora.recognition.annotations import Sighting, count_annotations
from sartext.corpora.recognition.proposal import propose
from sartext.errors import CatalogueError, CorpusError, counted
from sartext.files import remove_tree, write_text
from sartext.sources import pin

LONGEST_NAME = 40
"""Characters of the name that is proposed for a corpus."""


@dataclass(frozen=True)
class Added:
    """A corpus that was brought into ``data/``; ``lines`` tell a person what is there and what is to be done."""

    entry: Entry
    images: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Described:
    """A catalogue file that was proposed, and what was seen, a line each."""

    name: str
    path: Path
    seen: tuple[str, ...]
    unfinished: str


def add_source(project: Project, name: str | None, origin: Path, *, replace: bool = False) -> Added:
    """Bring a downloaded corpus into ``data/<name>`` and pin ``data/`` anew.

    The corpus is unpacked aside and takes its place only when whole; folders around it are unwrapped. Nothing is
    changed by an error.

    Args:
        project: the project.
        name: the corpus; None asks which one of the catalogue it is.
        origin: a folder, or a zip or tar archive.
        replace: exchange a corpus that is there.

    Raises:
        CatalogueError: the catalogue does not know the corpus, or its file is unfinished or wrong.
        CorpusError: it is there already, is not recognised, or the folder does not hold what the catalogue says.
        ArchiveError: the archive is unsafe or damaged.
    """
    catalogue = read_catalogue(project, FORMATS.names)
    entry = catalogue.get(name) if name is not None else None
    if entry:
        _declared(entry)
        _require_room(project, entry, replace)
    with _unpacked(project, origin) as (folder, done):
        lines = list(done.notes)
        if entry is None:
            found = recognise(folder, catalogue.entries)
            entry = _recognised(found, origin)
            lines.insert(0, f"recognised as {found.fits[0].describe()}")
            _require_room(project, entry, replace)
        whole = _unwrapped(project, folder, entry, origin)
        images = matching_files(whole, entry.images)
        lines[:0] = [f"data/{entry.name}: {counted(len(images), 'image')}, pinned in data.dvc"]
        lines += _compared(entry, whole, images)
        _exchange(project, whole, project.source(entry.name))
    return Added(entry, len(images), (*lines, *lines_to_append(project, entry)))


def describe_source(project: Project, name: str | None, origin: Path) -> Described:
    """Propose ``catalogue/<name>.yaml`` for a corpus that nobody described, from what lies in it.

    Raises:
        CatalogueError: a corpus of this name is described already.
        ArchiveError: as `add_source`.
    """
    name = name or _name_of(origin)
    catalogue = read_catalogue(project, FORMATS.names)
    path = project.root / "catalogue" / f"{name}.yaml"
    if name in catalogue.entries or path.exists():
        raise CatalogueError(
            f"'{name}' is described already",
            where=path if path.exists() else "the package's catalogue",
            way_out="give another name, or remove the file to have it proposed anew",
        )
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise CatalogueError(f"'{name}' is no name of a corpus", way_out="use small letters, digits and hyphens")
    with _unpacked(project, origin) as (folder, done):
        found = recognise(folder, catalogue.entries)
        proposal = propose(found, name, origin.name, catalogue.entries)
        seen = [*proposal.seen, *done.notes]
        if found.fits:
            seen.append(
                f"it fits {found.fits[0].describe()}: "
                f"`sartext corpora add {found.fits[0].entry.name} --from {origin}` adds it"
            )
    write_text(path, proposal.text)
    error = read_catalogue(project, FORMATS.names).errors.get(name)
    return Described(name, path, tuple(seen), error.what if error else "")


def lines_to_append(project: Project, entry: Entry) -> list[str]:
    """Return what is to be appended to ``params.yaml`` so that a corpus is built, as lines of that file."""
    parameters, name = project.parameters, entry.name
    lines = []
    if name not in parameters.corpora:
        lines += ["  corpora:", f"    {name}: {{catalogue: {_catalogue_file(project, name)}}}"]
    if entry.kind == "unlabelled":
        section = "narrated"
    elif entry.kind == "pairs" and entry.optical_captions is None:
        section = "optical_captions"
    else:
        section = "" if entry.kind == "captions" else "captions"
    if section and name not in getattr(parameters, section):
        lines += [f"  {section}:", f"    - {name}"]
    return ["to build it, append to params.yaml:", *lines] if lines else []


def _catalogue_file(project: Project, name: str) -> str:
    """The catalogue file of a corpus, below the project."""
    own = f"catalogue/{name}.yaml"
    return own if (project.root / own).is_file() else f"src/sartext/{own}"


def _name_of(origin: Path) -> str:
    stem = re.sub(r"\.(zip|tar|tgz|tbz2|txz|gz|bz2|xz)\b", "", origin.resolve().name.lower())
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:LONGEST_NAME] or "corpus"


def _declared(entry: Entry) -> list[Annotations]:
    """The annotations that a catalogue file declares; each must name a format that can be read."""
    declared = [each for each in (entry.annotations, entry.optical_captions) if each is not None]
    for each in declared:
        format_of(entry, each)
    return declared


def _require_room(project: Project, entry: Entry, replace: bool) -> None:
    place = project.source(entry.name)
    if place.exists() and not replace:
        raise CorpusError("the corpus is there already", where=place, way_out="pass --replace to exchange it")


@contextmanager
def _unpacked(project: Project, origin: Path) -> Iterator[tuple[Path, Unpacked]]:
    """Yield the folder, below ``build/incoming``, into which the origin was copied or unpacked."""
    incoming = project.build / "incoming"
    remove_tree(incoming / "new")
    (incoming / "new").mkdir(parents=True)
    try:
        yield incoming / "new", unpack(origin, incoming / "new")
    finally:
        remove_tree(incoming / "new")


def _recognised(found: Recognition, origin: Path) -> Entry:
    if found.corpus:
        return found.corpus.entry
    if found.fits:
        sure = [fit.entry.name for fit in found.fits if fit.sure]
        names = sure or [fit.entry.name for fit in found.fits]
        raise CorpusError(
            f"it holds {' and '.join(sure)}" if sure else f"it may be {' or '.join(names[:4])}",
            where=origin,
            way_out=f"name it: `sartext corpora add {names[0]} --from {origin}`",
        )
    groups = ", ".join(f"{len(group.files):,} {group.glob}" for group in found.layout.groups[:4])
    raise CorpusError(
        f"no corpus of the catalogue (found: {groups or 'nothing'})",
        where=origin,
        way_out=f"`sartext corpora add NAME --from {origin} --describe` proposes catalogue/NAME.yaml",
    )


def _unwrapped(project: Project, folder: Path, entry: Entry, origin: Path) -> Path:
    """Find the folder below which the files of the catalogue lie: the copied one, or one in it."""
    wrappers = list(wrapping(folder))
    below = sorted(item for item in wrappers[-1].iterdir() if item.is_dir())
    candidates = [each for each in dict.fromkeys([*wrappers, *below]) if matching_files(each, entry.images)]
    absent = [_absent(each, entry) for each in candidates] or [" or ".join(entry.images) + ": no image"]
    if candidates and not all(absent):
        return candidates[absent.index("")]
    groups = survey(wrappers[-1]).groups
    seen = ", ".join(f"{len(group.files):,} {group.glob}" for group in groups[:6]) or "nothing"
    raise CorpusError(
        f"nothing matches {absent[0]} (found: {seen})",
        where=origin,
        way_out=f"correct {_catalogue_file(project, entry.name)}, or lay the files out as it says",
    )


def _absent(folder: Path, entry: Entry) -> str:
    """What of a corpus the globs and rules of its catalogue file do not find at all, or an empty text."""
    images = matching_files(folder, entry.images)
    declared = entry.annotations
    if declared is not None and declared.image is not None and declared.file is not None:
        masks = (renamed(declared.image, declared.file, path) for path in images)
        if not any(mask is not None and (folder / mask).is_file() for mask in masks):
            return f"{declared.file}: no {declared.format} of an image"
    elif declared is not None:
        for field, globs in (("annotation file", declared.files), ("file of names", declared.names)):
            if globs and not matching_files(folder, globs):
                return f"{' or '.join(globs)}: no {field}"
    if entry.kind == "pairs" and entry.pairing and not optical_halves(folder, entry.pairing, images):
        return f"{entry.pairing.file}: no optical half of an image"
    return ""


def _compared(entry: Entry, folder: Path, images: list[str]) -> Iterator[str]:
    """What is there beside what the authors published, and what the catalogue file does not know."""
    published = entry.published
    if published.images is not None and published.images != len(images):
        yield f"images: {len(images):,} of {published.images:,} published"
    if entry.annotations is None:
        return
    annotation_format = format_of(entry, entry.annotations)
    group = FileGroup(entry.images[0], tuple(images))
    counts: Sighting = count_annotations(folder, group, annotation_format, entry.annotations)
    if published.objects is not None and counts.makes == "boxes" and counts.objects != published.objects:
        yield f"objects: {counts.objects:,} of {published.objects:,} published"
    if counts.annotated < len(images):
        yield f"{counted(len(images) - counts.annotated, 'image')} without annotation"
    if counts.unmatched:
        yield f"{counted(counts.unmatched, 'annotation')} without an image here"
    known = {name for kind in entry.classes for name in (kind.label, *kind.source)}
    unknown = [f"{label} ({count:,})" for label, count in counts.labels if label not in known]
    if unknown and entry.classes:
        yield f"classes that the catalogue file does not name: {', '.join(unknown[:8])}"


def _exchange(project: Project, whole: Path, place: Path) -> None:
    """Put a folder in its place below ``data/`` and pin it; what was there comes back if that fails."""
    old = project.build / "incoming" / "old" / place.name
    if old.is_dir() and not place.exists():
        old.rename(place)  # a command was killed while it exchanged the corpus
    remove_tree(old)
    project.data.mkdir(exist_ok=True)
    if place.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        place.rename(old)
    try:
        whole.rename(place)
        pin(project)
    except BaseException:
        remove_tree(place)
        if old.exists():
            old.rename(place)
        raise
    finally:
        remove_tree(project.build / "incoming")
