"""Proving a release: every byte against its manifest, and its tables against each other. Needs no project."""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.progress import track
from sartext.release.formats import FORMATS
from sartext.release.formats.format import Pairs
from sartext.release.formats.parquet import read_pairs
from sartext.release.layout import MANIFEST, WAY_OUT, content_files, content_sha256, file_problem, read_manifest


def verify(folder: Path) -> dict[str, object]:
    """Check that a published release is whole and that its tables agree.

    Every file against the manifest (none missing, none more, none changed), the content hash, every image against
    its hashes in the Parquet; ledger, licences and the files of every other format against the Parquet.

    Returns:
        Identity and formats of the release, and how many files, bytes, pairs and images were checked.

    Raises:
        ReleaseError: names the first wrong file and how many there are.
    """
    manifest = read_manifest(folder)
    listed: dict[str, dict[str, Any]] = manifest["files"]
    _check_files(folder, listed)
    content = content_sha256(content_files(folder))
    if content != manifest["content_sha256"]:
        raise ReleaseError("content_sha256 is not that of the files", where=folder / MANIFEST, way_out=WAY_OUT)
    pairs = read_pairs(folder)
    images, *others = FORMATS
    _refuse(folder, images.verify(folder, pairs), images.subject)
    _check_ledger(folder, pairs)
    _check_licences(folder, pairs)
    for form in others:
        if form.files(folder):
            _refuse(folder, form.verify(folder, pairs), form.subject)
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "content_sha256": content,
        "files": len(listed),
        "bytes": sum(int(entry["size"]) for entry in listed.values()),
        "pairs": len(pairs),
        "images": sum(pair.path is not None for pair in pairs.values()),
        "formats": " ".join(form.name for form in FORMATS if form.files(folder)),
    }


def _check_files(folder: Path, listed: Mapping[str, Mapping[str, Any]]) -> None:
    present = set(_walk(folder)) - {MANIFEST}
    wrong = dict.fromkeys(listed.keys() - present, "missing")
    wrong |= dict.fromkeys(present - listed.keys(), "not in the manifest")
    for name in track(sorted(listed.keys() & present), "verifying files", len(listed.keys() & present)):
        problem = file_problem(folder / name, listed[name])
        if problem:
            wrong[name] = problem
    _refuse(folder, wrong, "file")


def _walk(folder: Path) -> Iterator[str]:
    """Every file and link below a folder, by relative path; links are not followed."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in (*files, *links):
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _refuse(folder: Path, wrong: Mapping[str, str], kind: str) -> None:
    if not wrong:
        return
    first = min(wrong)
    count = f"; {len(wrong):,} {kind}s are wrong" if len(wrong) > 1 else ""
    raise ReleaseError(f"{first}: {wrong[first]}{count}", where=folder, way_out=WAY_OUT)


def _check_ledger(folder: Path, pairs: Pairs) -> None:
    path = folder / "ledger.parquet"
    try:
        # not `read_table`, which loads pandas and a second's worth of modules
        ledger = pq.ParquetFile(path).read(columns=["image_id", "fate"]).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise ReleaseError(f"cannot be read ({error})", where=path, way_out=WAY_OUT) from error
    released = {row["image_id"] for row in ledger if row["fate"] == "released"}
    if released != pairs.keys():
        odd = sorted(released ^ pairs.keys())
        raise ReleaseError(
            f"{len(odd):,} images are released in one table only, the first is {odd[0]}",
            where=path,
            way_out=WAY_OUT,
        )


def _check_licences(folder: Path, pairs: Pairs) -> None:
    path = folder / "LICENSES.csv"
    rows: list[dict[str, str]] = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    counts = Counter(pair.corpus for pair in pairs.values())
    included = Counter(pair.corpus for pair in pairs.values() if pair.path)
    stated = {row.get("corpus"): (row.get("pairs"), row.get("images")) for row in rows}
    if stated != {corpus: (str(count), str(included[corpus])) for corpus, count in counts.items()}:
        raise ReleaseError("its counts are not those of the Parquet files", where=path, way_out=WAY_OUT)
