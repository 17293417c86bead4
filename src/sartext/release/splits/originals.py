"""Images of compilations that the build holds already, as images of the corpora that they were taken from.

A compilation names these corpora (``origins`` in its catalogue file). An image of it has an original where a rule
of names leads to one, or where it is a near-duplicate of one. Only corpora that are listed before the compilation
count: the original stays, the copy is left out. A cut of a larger image is found by names alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sartext.catalogue.entry import Entry, Origin
from sartext.corpora.listing import Lookup, renamed
from sartext.release.splits.duplicates import NearPair
from sartext.release.splits.groups import Member

Row = Mapping[str, Any]


def find_originals(
    entries: Mapping[str, Entry], rows: Mapping[str, Sequence[Row]], near: Iterable[NearPair]
) -> dict[str, str]:
    """Return the original of each image of a compilation that has one, by id; both are of the same modality.

    Args:
        entries: the catalogue entry of each corpus, in the order of the build.
        rows: the index of each.
        near: the near-duplicates among all of them, the earlier image first.
    """
    earlier = _earlier(entries)
    originals: dict[str, str] = {}
    for pair in sorted(near, key=lambda pair: -pair.correlation):
        first, second = (image_id.partition("/")[0] for image_id in (pair.first, pair.second))
        if first in earlier[second]:
            originals.setdefault(pair.second, pair.first)
    for name, entry in entries.items():
        for origin in entry.origins:
            if origin.corpus in earlier[name]:
                originals |= _by_name(origin, rows[name], rows[origin.corpus])
        by_pixels = {
            _pixels(row): originals[row["image_id"]] for row in rows[name] if row["image_id"] in originals
        }
        for row in rows[name] if entry.origins else ():
            if original := by_pixels.get(_pixels(row)):
                originals[row["image_id"]] = originals.get(original, original)
    return originals


def misordered(entries: Mapping[str, Entry]) -> list[str]:
    """Say which compilations are listed before a corpus whose images they hold."""
    earlier = _earlier(entries)
    return [
        f"{name} holds images of {origin.corpus}, which count twice: list {origin.corpus} before it"
        for name, entry in entries.items()
        for origin in entry.origins
        if origin.corpus in entries and origin.corpus not in earlier[name]
    ]


def _earlier(entries: Mapping[str, Entry]) -> dict[str, set[str]]:
    """The corpora that each one took images from, of those that are listed before it."""
    names = list(entries)
    return {
        name: {origin.corpus for origin in entry.origins} & set(names[:place])
        for place, (name, entry) in enumerate(entries.items())
    }


def _pixels(row: Row) -> tuple[str, str]:
    return row["modality"], row["pixels_sha256"]


def _by_name(origin: Origin, copies: Sequence[Row], sources: Sequence[Row]) -> dict[str, str]:
    if origin.image is None or origin.file is None:
        return {}
    by_path = {row["path"]: row for row in sources}
    lookup = Lookup(by_path)
    originals = {}
    for row in copies:
        name = renamed(origin.image, origin.file, row["path"])
        found = lookup.find(name) if name else []
        if len(found) == 1 and by_path[found[0]]["modality"] == row["modality"]:
            originals[row["image_id"]] = by_path[found[0]]["image_id"]
    return originals


def as_copies(
    members: Mapping[str, list[Member]], pairs: Sequence[tuple[str, str]], originals: Mapping[str, str]
) -> tuple[list[list[Member]], list[tuple[str, str]]]:
    """Let copies share the pixels of their originals, and likeness to a copy be likeness to its original."""
    known = {member.image_id: member for corpus in members.values() for member in corpus}
    first: dict[tuple[str, str], str] = {}
    for member in known.values():
        first.setdefault(member.pixels, member.image_id)
    stands_for = {copy: first[known[original].pixels] for copy, original in originals.items()}
    # what has the very pixels of a copy is like its original
    alike = {known[copy].pixels: original for copy, original in stands_for.items()}
    linked: dict[tuple[str, str], str] = {}
    for member in known.values():
        if member.image_id not in originals and member.pixels in alike:
            linked.setdefault(member.pixels, member.image_id)
    near = [(stands_for.get(one, one), stands_for.get(other, other)) for one, other in pairs]
    near += [(alike[pixels], image_id) for pixels, image_id in linked.items()]
    copies = [
        [
            replace(member, pixels_sha256=known[originals[member.image_id]].pixels_sha256, compiled=True)
            if member.image_id in originals
            else member
            for member in corpus
        ]
        for corpus in members.values()
    ]
    return copies, [(one, other) for one, other in near if one != other]
