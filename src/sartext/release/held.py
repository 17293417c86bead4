"""Withdrawn images that a release still holds, by the hashes of its rows."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sartext.config import Project
from sartext.errors import counted
from sartext.release.comparison.sides import read_release
from sartext.release.comparison.versions import format_version, published_versions
from sartext.release.withdrawals import Withdrawn, read_withdrawn

PARAMETERS = "params.yaml"

SHOWN = 10
"""Withdrawn images that are named on a terminal."""


class Held(NamedTuple):
    """An image of a release that was withdrawn, why, and what says so: a version, a file or the parameters."""

    image_id: str
    reason: str
    source: str


Sources = Iterable[tuple[str, Iterable[Withdrawn]]]
"""What is withdrawn, by what says so; the first that names an image counts."""


def held_images(release: Path, sources: Sources) -> list[Held]:
    """Return the images of a release that are withdrawn, sorted by id.

    Raises:
        ReleaseError: the release holds no table of pairs, or what is withdrawn cannot be read.
    """
    side = read_release(release)
    columns = {name: side.column(name) for name in ("sha256", "pixels_sha256")}
    found: dict[str, Held] = {}
    for source, entries in sources:
        listed = list(entries)
        for name, column in columns.items():
            reasons = {digest: entry.reason for entry in listed if (digest := getattr(entry, name))}
            places = pc.indices_nonzero(pc.is_in(column, value_set=pa.array(sorted(reasons), pa.string())))
            for image_id, digest in zip(side.keys.take(places), column.take(places), strict=True):
                held = Held(image_id.as_py(), reasons[digest.as_py()], source)
                found.setdefault(held.image_id, held)
    return sorted(found.values())


def held_lines(held: Sequence[Held]) -> list[str]:
    """Return warnings about withdrawn images that a release holds; none where there are none."""
    if not held:
        return []
    lines = [
        f"warning: {each.image_id} was withdrawn: {each.reason} (says {each.source})" for each in held[:SHOWN]
    ]
    further = len(held) - SHOWN
    lines = ["".join(letter if letter.isprintable() else " " for letter in line) for line in lines]
    return [
        f"warning: {counted(len(held), 'image')} of this release {'was' if len(held) == 1 else 'were'} withdrawn: "
        "use and pass on a newer version, and delete this one",
        *lines,
        *([f"warning: and {further:,} more"] if further > 0 else []),
    ]


def known_withdrawals(
    release: Path, project: Project, named: Path | None
) -> Iterator[tuple[str, list[Withdrawn]]]:
    """Yield what is withdrawn by what is named, by versions beside a release, and by the project's parameters.

    Raises:
        ReleaseError: a table of withdrawn images is damaged.
        ParameterError: the project's parameters are.
    """
    if named is not None:
        yield str(named), read_withdrawn(named)
    folder = release.resolve().parent
    for version in map(format_version, published_versions(folder)):
        if entries := read_withdrawn(folder / version):
            yield version, entries
    if (project.root / PARAMETERS).is_file():
        listed = project.parameters.release.withdrawn
        yield (
            PARAMETERS,
            [Withdrawn("", each.sha256 or "", each.pixels_sha256 or "", each.reason) for each in listed],
        )
