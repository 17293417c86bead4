"""What changed between two releases, and the version that follows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.release.inputs import data_files
from sartext.release.manifest import content_files

Level = Literal["none", "patch", "minor", "major"]
Version = tuple[int, int, int]

FIRST: Version = (1, 0, 0)
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")

_OF_CAPTION = frozenset(
    {
        "caption_detailed",
        "facts",
        "source_caption",
        "method",
        "method_version",
        "model_sha256",
        "model",
        "prompt_sha256",
    }
    | {"score", "proof"}
)
"""Columns that say how a caption was made: they change with it."""

_SPLIT_FILE = re.compile(r"^(?P<folder>[^/]+)/(?:train|validation|test)(?:-\d{5}-of-\d{5})?(?P<suffix>\.[a-z.]+)$")


@dataclass(frozen=True)
class Comparison:
    """The differences from an old release to a new one.

    ``moved`` holds image id, old and new split; ``captions`` image id, old and new caption; ``metadata`` the ids
    that differ in any other column (the facts and method of a new caption belong to it); ``columns`` and
    ``layout`` say in words what differs in structure.
    """

    same_bytes: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str, str], ...] = ()
    captions: tuple[tuple[str, str, str], ...] = ()
    metadata: tuple[str, ...] = ()
    corpora_added: tuple[str, ...] = ()
    corpora_removed: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """The part of the version that must rise.

        Major: a column or the layout changed, an id was removed or moved to another split. Minor: images or
        corpora were added. Patch: anything else of existing ids. None: the bytes are the same.
        """
        if self.same_bytes:
            return "none"
        if self.columns or self.layout or self.removed or self.moved:
            return "major"
        return "minor" if self.added or self.corpora_added else "patch"

    def counts(self) -> dict[str, int]:
        """How many of each kind of difference there are."""
        return {kind.name: len(getattr(self, kind.name)) for kind in fields(self) if kind.name != "same_bytes"}


def compare(old: Path, new: Path) -> Comparison:
    """Compare two releases, or a release with an assembled one (``build/release``).

    Raises:
        ReleaseError: a folder is no release, or a table in it cannot be read.
    """
    before, after = content_files(old), content_files(new)
    if before == after:
        return Comparison(same_bytes=True)
    old_rows, new_rows = _read_pairs(old), _read_pairs(new)
    common = sorted(old_rows.keys() & new_rows.keys())
    changed = [(image_id, old_rows[image_id], new_rows[image_id]) for image_id in common]
    old_corpora, new_corpora = _corpora(old), _corpora(new)
    return Comparison(
        same_bytes=False,
        added=tuple(sorted(new_rows.keys() - old_rows.keys())),
        removed=tuple(sorted(old_rows.keys() - new_rows.keys())),
        moved=tuple((name, a["split"], b["split"]) for name, a, b in changed if a["split"] != b["split"]),
        captions=tuple(
            (name, a["caption"], b["caption"]) for name, a, b in changed if a["caption"] != b["caption"]
        ),
        metadata=tuple(name for name, a, b in changed if _otherwise_different(a, b)),
        corpora_added=tuple(sorted(new_corpora - old_corpora)),
        corpora_removed=tuple(sorted(old_corpora - new_corpora)),
        columns=_differences(_columns(old), _columns(new)),
        layout=_differences(dict.fromkeys(map(_kind, before), ""), dict.fromkeys(map(_kind, after), "")),
    )


def describe(old: Path, new: Path) -> str:
    """Return what changed from one release to another in a few lines, for a terminal.

    Raises:
        ReleaseError: as `compare`.
    """
    difference = compare(old, new)
    if difference.same_bytes:
        return f"{old} and {new} hold the same content"
    counts = [f"  {kind.replace('_', ' ')}: {count:,}" for kind, count in difference.counts().items() if count]
    return "\n".join([f"from {old} to {new}: a {difference.level} change", *counts])


def _read_pairs(folder: Path) -> dict[str, dict[str, Any]]:
    """Every column but the images, by image id."""
    return {row["image_id"]: row for path in data_files(folder) for row in _rows(path)}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        columns = [name for name in pq.read_schema(path).names if name not in {"image", "second_image"}]
        if not {"image_id", "split", "caption", "corpus"} <= set(columns):
            raise ReleaseError("not a table of pairs", where=path, way_out="get the release again")
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise ReleaseError(
            f"not a readable Parquet file ({error})", where=path, way_out="get the release again"
        ) from error


def _otherwise_different(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    known = {"split", "caption"} | (_OF_CAPTION if old["caption"] != new["caption"] else set())
    return any(old.get(name) != new.get(name) for name in (old.keys() | new.keys()) - known)


def _corpora(folder: Path) -> set[str]:
    try:
        return set(pq.read_table(folder / "ledger.parquet", columns=["corpus"]).column("corpus").to_pylist())
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise ReleaseError(
            f"the ledger cannot be read ({error})",
            where=folder / "ledger.parquet",
            way_out="get the release again",
        ) from error


def _columns(folder: Path) -> dict[str, str]:
    tables = {"data": data_files(folder)[:1], "ledger": [folder / "ledger.parquet"]}
    return {
        f"{table}.{field.name}": str(field.type)
        for table, paths in tables.items()
        for path in paths
        for field in pq.read_schema(path)
    }


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Say which names were removed and added, and which have another value."""
    removed = [f"{name} removed" for name in sorted(before.keys() - after.keys())]
    added = [f"{name} added" for name in sorted(after.keys() - before.keys())]
    changed = [name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    return (*removed, *added, *(f"{name}: {before[name]} to {after[name]}" for name in changed))


def _kind(path: str) -> str:
    """A path without the split and the number of the shard: a new shard or split is no new layout."""
    matched = _SPLIT_FILE.match(path)
    return f"{matched['folder']}/<split>{matched['suffix']}" if matched else path


def parse_version(text: str) -> Version | None:
    """Return the three numbers of ``MAJOR.MINOR.PATCH``, or None where a text is no version."""
    matched = _VERSION.fullmatch(text)
    return (int(matched[1]), int(matched[2]), int(matched[3])) if matched else None


def format_version(version: Version) -> str:
    """Return a version as text."""
    return ".".join(map(str, version))


def published_versions(folder: Path) -> list[Version]:
    """Return the versions that are published below a folder, in ascending order."""
    if not folder.is_dir():
        return []
    folders = (path.name for path in folder.iterdir() if path.is_dir())
    return sorted(version for name in folders if (version := parse_version(name)))


def next_version(version: Version, level: Level) -> Version:
    """Return the version that follows for a kind of change."""
    major, minor, patch = version
    if level == "major":
        return major + 1, 0, 0
    if level == "minor":
        return major, minor + 1, 0
    return (major, minor, patch + 1) if level == "patch" else version
