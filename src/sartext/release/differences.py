"""In what the files of two releases differ: down to rows of tables and lines of texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.files import sha256_file

SHOWN = 3
"""Rows or lines of a file that are named."""


@dataclass(frozen=True)
class Difference:
    """A file that two releases do not have alike, and in what, in words."""

    path: str
    what: str


def differences(
    first: Path, second: Path, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield what differs between the files of two releases, by path.

    Args:
        first: a release.
        second: another one, or an assembled one.
        before: SHA-256 of the files of the first, by relative path.
        after: the same of the second.
    """
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            yield Difference(path, "is not made")
        elif path not in before:
            yield Difference(path, "is made, and the release lacks it")
        elif before[path] != after[path]:
            yield Difference(path, _compared(first / path, second / path))


def _compared(first: Path, second: Path) -> str:
    if first.suffix == ".parquet":
        try:
            return _rows(first, second)
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            return f"one of them cannot be read ({error})"
    if first.suffix in {".csv", ".json", ".jsonl", ".md", ".txt", ".yaml"}:
        return _lines(first, second)
    sizes = first.stat().st_size, second.stat().st_size
    return f"other bytes ({sizes[0]:,} and {sizes[1]:,})" if sizes[0] != sizes[1] else "other bytes, as many"


def _rows(first: Path, second: Path) -> str:
    """Compare two tables row by row; they are joined by ``image_id``."""
    if pq.read_schema(first) != pq.read_schema(second):
        return "other columns"
    ours, theirs = _digested(first), _digested(second)
    alone = len(ours.keys() - theirs.keys()), len(theirs.keys() - ours.keys())
    changed = [name for name in sorted(ours.keys() & theirs.keys()) if ours[name] != theirs[name]]
    columns = sorted(
        {column for name in changed for column in ours[name] if ours[name][column] != theirs[name][column]}
    )
    parts = []
    if any(alone):
        parts.append(f"{alone[0]:,} rows of the release are not made, {alone[1]:,} others are")
    if changed:
        named = ", ".join(changed[:SHOWN]) + (" and others" if len(changed) > SHOWN else "")
        parts.append(f"{len(changed):,} of {len(ours):,} rows differ in {', '.join(columns)}: {named}")
    return "; ".join(parts) or "equal rows in other bytes"


def _digested(path: Path) -> dict[str, dict[str, Any]]:
    """Rows by image id, long values by their hash, so that images are not held."""
    rows = {}
    with pq.ParquetFile(path) as table:
        for batch in table.iter_batches(batch_size=100):
            for row in batch.to_pylist():
                rows[str(row["image_id"])] = {key: _short(value) for key, value in row.items()}
    return rows


def _short(value: object) -> object:
    text = repr(value)
    return text if len(text) < 200 else hash(text)


def _lines(first: Path, second: Path) -> str:
    ours = first.read_text(encoding="utf-8", errors="replace").splitlines()
    theirs = second.read_text(encoding="utf-8", errors="replace").splitlines()
    differing = [number for number, (one, other) in enumerate(zip(ours, theirs, strict=False), 1) if one != other]
    parts = [f"{len(ours):,} lines instead of {len(theirs):,}"] if len(ours) != len(theirs) else []
    if differing:
        parts.append(f"{len(differing):,} lines differ, the first is line {differing[0]}")
    return "; ".join(parts) or f"other ends of lines ({sha256_file(first)[:12]} and {sha256_file(second)[:12]})"
