"""What a folder from anywhere holds: a corpus of the catalogue, or images and annotations to be described."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from sartext.catalogue.entry import Entry
from sartext.corpora.layout import FileGroup, Layout, is_hidden, survey
from sartext.corpora.naming import rule_between
from sartext.corpora.recognition.annotations import Sighting, find_annotations
from sartext.corpora.recognition.known import Fit, known_corpora
from sartext.corpora.samples import sample_of

SAR = re.compile(r"(?i)(?<![a-z])(sar|s1|sentinel-?1|vv|vh|hh|hv|slc|grd|rtc|amp(litude)?)(?![a-z])|S1(?=[A-Z])")
OPTICAL = re.compile(r"(?i)(?<![a-z])(opt(ical)?|s2|sentinel-?2|rgb|eo|vis)(?![a-z])|S2(?=[A-Z])")
"""How folders and files of SAR images, and of optical ones, are called."""

NOTES = {".md", ".txt", ".pdf", ".html", ""}
"""Extensions of what an author may lay beside the folder of a corpus."""


@dataclass(frozen=True)
class Recognition:
    """What was found in a folder.

    ``fits`` are the corpora of the catalogue that it may hold, the likeliest first.
    """

    folder: Path
    layout: Layout
    fits: tuple[Fit, ...]

    @property
    def corpus(self) -> Fit | None:
        """The corpus of the catalogue that it is beyond doubt, or None."""
        sure = [fit for fit in self.fits if fit.sure]
        return sure[0] if len(sure) == 1 else None

    @cached_property
    def pictures(self) -> tuple[FileGroup, ...]:
        """The groups of images that are no masks: those called SAR first, then grey ones, then the largest."""
        groups = [group for group in self.layout.images if not sample_of(self.layout, group).is_mask]

        def rank(group: FileGroup) -> tuple[bool, bool, bool, int]:
            optical, sar = bool(OPTICAL.search(group.glob)), bool(SAR.search(group.glob))
            sample = sample_of(self.layout, group)
            grey = sample.grey or not sample.bands or max(sample.bands) == 2
            return optical, not sar, not grey, -len(group.files)

        return tuple(sorted(groups, key=rank))

    @property
    def images(self) -> FileGroup | None:
        """The group of images that a catalogue file would index, or None."""
        return next(iter(self.pictures), None)

    @cached_property
    def annotations(self) -> tuple[Sighting, ...]:
        """The annotations, those of the most images first; of several formats that read a file, the first."""
        found = find_annotations(self.layout, self.images)
        return tuple(
            sighting
            for place, sighting in enumerate(found)
            if not sighting.declared.files
            or sighting.declared.files not in [other.declared.files for other in found[:place]]
        )

    @cached_property
    def pairing(self) -> tuple[FileGroup, tuple[str, str]] | None:
        """The optical halves of the images, and the rule that leads to them by name; None where there are none."""
        for group in self.pictures[1:] if self.images else ():
            sample = sample_of(self.layout, group)
            optical = OPTICAL.search(group.glob) or not (sample.grey or SAR.search(group.glob))
            if optical and self.images and (rule := rule_between(self.images, group)):
                return group, rule
        return None


def recognise(folder: Path, catalogue: Mapping[str, Entry]) -> Recognition:
    """Look at a folder, or at the only folder in it, and at the folders around and below for known corpora."""
    wrappers = list(wrapping(folder))
    top = wrappers[-1]
    below = sorted(item for item in top.iterdir() if item.is_dir() and not item.name.startswith("."))
    return Recognition(top, survey(top), tuple(known_corpora([*wrappers, *below], catalogue)))


def wrapping(folder: Path) -> Iterator[Path]:
    """Yield the folder, and as long as one folder is all that lies in it, beside notes, that folder."""
    yield folder
    items = [item for item in folder.iterdir() if not is_hidden(PurePath(item.name))]
    folders = [item for item in items if item.is_dir()]
    if len(folders) == 1 and all(item.suffix.lower() in NOTES for item in items if not item.is_dir()):
        yield from wrapping(folders[0])
