"""Whether a folder holds a corpus of the catalogue: files, class names, naming rules and published counts fit."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from sartext.catalogue.entry import Annotations, Entry
from sartext.corpora.formats import format_of
from sartext.corpora.listing import matching_files, renamed
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import AnnotationFormat, Record, Source
from sartext.errors import SarTextError, counted

ASKED = 12
"""Annotation files that are read, and names of images that are tried."""

NEARLY = 0.8
"""Of the names that are tried so many fit a rule; of the published images so many are nearly all."""

TOO_MANY = 1.02
"""A folder with this many times the published images holds another corpus."""

COMMON = re.compile(
    r"(?i)^(images?|img|jpegimages|annotations?|labels?|masks?|gt|train(ing)?|test(ing)?|val(id(ation)?)?|sar|opt(ical)?"
    r"|lists?|data(set)?|png|jpe?g|tiff?|bmp|npy|xml|json|txt|csv|gz|json\w*)$"
)
"""Words that folders and files of many corpora are called by."""

TELLING = re.compile(r"\\d|_")
"""An expression with numbers or separators says how names are made up; one of a folder fits many corpora."""


@dataclass(frozen=True)
class Fit:
    """A corpus of the catalogue that a folder may hold.

    ``folder`` is where its globs begin; ``images`` of the ``published`` are there. ``marks`` are what only this
    corpus has; without one it fits as many others would.
    """

    entry: Entry
    folder: Path
    images: int
    marks: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether something tells this corpus from others of the same layout."""
        return bool(self.marks)

    def describe(self) -> str:
        """Return the name, the counts and what speaks for it, in a line."""
        published = self.entry.published.images
        count = (
            f"{self.images:,} of {published:,} published images" if published else counted(self.images, "image")
        )
        return f"{self.entry.name} ({count}{'; ' if self.marks else ''}{', '.join(self.marks)})"


def known_corpora(folders: Iterable[Path], catalogue: Mapping[str, Entry]) -> list[Fit]:
    """Return the corpora of a catalogue that fit one of the folders: those with most marks and images first."""
    fits = []
    for entry in catalogue.values():
        if not entry.embedded:
            found = (fit for folder in folders if (fit := _fit(folder, entry)))
            if best := max(found, key=lambda fit: fit.images, default=None):
                fits.append(best)
    return sorted(fits, key=lambda fit: (-len(fit.marks), -fit.images, fit.entry.name))


def _fit(folder: Path, entry: Entry) -> Fit | None:
    images = matching_files(folder, entry.images)
    if not images or len(images) > TOO_MANY * (entry.published.images or len(images)):
        return None
    tried = images[:: max(1, -(-len(images) // ASKED))]
    rules = list(_rules(folder, entry, tried))
    if not all(holds for _, holds in rules):
        return None
    seen = _classes_seen(folder, entry, tried)
    if seen is None:
        return None
    return Fit(
        entry,
        folder,
        len(images),
        tuple(_marks(folder, entry, images, seen, any(telling for telling, _ in rules))),
    )


def _marks(folder: Path, entry: Entry, images: list[str], seen: set[str], ruled: bool) -> Iterator[str]:
    if ruled:
        yield "names as its rules say"
    known = seen & {kind.label for kind in entry.classes if kind.say}  # the code of another one may be guessed
    if len(known) > 2 or (len(seen) == 2 == len(entry.classes)):
        yield f"{len(seen)} of its {len(entry.classes)} classes"
    published = entry.published.images
    if published and NEARLY * published <= len(images):
        yield "about as many images as published"
    names = {word for glob in _globs(entry) if matching_files(folder, [glob]) for word in _words(glob)}
    if names:
        yield f"files called {', '.join(sorted(names))}"


def _globs(entry: Entry) -> Iterator[str]:
    yield from entry.images
    for declared in (entry.annotations, entry.optical_captions):
        yield from (*declared.files, *declared.names) if declared else ()
    yield from (rule for rule in entry.splits.values() if not rule.startswith("re:"))


def _words(glob: str) -> list[str]:
    """The words of a glob that few corpora use."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9]{2,}", glob)
    return [word for word in words if not COMMON.fullmatch(word)]


def _rules(folder: Path, entry: Entry, images: list[str]) -> Iterator[tuple[bool, bool]]:
    """Whether each naming rule of the catalogue file tells its corpus from others, and whether the images fit."""
    enough = NEARLY * len(images)
    for expression in (entry.scene, entry.position):
        if expression:
            fitting = sum(bool(re.search(expression, path)) for path in images)
            yield bool(TELLING.search(expression)), fitting >= enough
    if entry.pairing and entry.kind == "pairs":
        halves = [renamed(entry.pairing.image, entry.pairing.file, path) for path in images]
        there = sum(half is not None and (folder / half).is_file() for half in halves)
        yield bool(TELLING.search(entry.pairing.image)), there >= enough


def _classes_seen(folder: Path, entry: Entry, images: list[str]) -> set[str] | None:
    """The classes of the catalogue file that annotations of the folder name; None where they do not fit it."""
    declared = entry.annotations
    if declared is None:
        return set()
    known = {name: kind.label for kind in entry.classes for name in (kind.label, *kind.source)}
    seen: set[str] = set()
    readable = 0
    for record in _records(folder, entry, declared, images):
        readable += 1
        if record.classes is not None:
            codes = {int(code) for code in set(record.classes.flat)}
            seen |= {entry.classes[code].label for code in codes if code >= 0}
        names = {box.label for box in record.boxes} | ({record.scene_class} if record.scene_class else set())
        if entry.classes and names - known.keys():
            return None
        seen |= {known[name] for name in names if name in known}
    masks = declared.image is not None and declared.file is not None
    if not readable or (masks and len(seen) < min(2, len(entry.classes))):
        return None
    return seen


def _records(folder: Path, entry: Entry, declared: Annotations, images: list[str]) -> Iterator[Record]:
    """What a few annotation files of the corpus hold, as far as they can be read."""
    try:
        annotation_format = format_of(entry, declared)
    except SarTextError:
        return
    pairs = list(_files(folder, annotation_format, declared, images))
    for file, names in pairs[:: max(1, -(-len(pairs) // ASKED))]:
        with suppress(Unusable):
            yield from annotation_format.read(Source(folder, file, entry, names, lambda _: (1000, 1000)))


def _files(
    folder: Path, annotation_format: AnnotationFormat, declared: Annotations, images: list[str]
) -> Iterator[tuple[str, str]]:
    """Annotation files, and beside each the file of names that goes with it."""
    if annotation_format.per == "name":
        yield from ((path, "") for path in images)
    elif declared.image is not None and declared.file is not None:
        masks = (renamed(declared.image, declared.file, path) for path in images)
        yield from ((mask, "") for mask in masks if mask and (folder / mask).is_file())
    else:
        for files, names in zip_longest(declared.files, declared.names, fillvalue=""):
            found = matching_files(folder, [files])
            yield from zip_longest(
                found, matching_files(folder, [names])[: len(found)] if names else [], fillvalue=""
            )
