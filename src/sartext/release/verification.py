"""Proving a release: every byte against its manifest, and its tables against each other. Needs no project."""

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sartext.corpora.examination import pixels_sha256
from sartext.corpora.images import Unusable, decode
from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_file
from sartext.progress import track
from sartext.release.assembly import content_sha256
from sartext.release.comparison import content_files, data_files
from sartext.release.extraction import safe_path
from sartext.release.formats.open_clip_csv import HEADER, IMAGES
from sartext.release.questions import Pair, wrong_questions

MANIFEST = "MANIFEST.json"
WAY_OUT = "get the release again, or publish it again from its build"


def verify(folder: Path) -> dict[str, object]:
    """Check that a published release is whole and that its tables agree.

    Every file against the manifest (none missing, none more, none changed), the content hash, every image against
    its hashes in the Parquet, the CSV, the ledger, the licences and the questions against the
    Parquet.

    Returns:
        The number of files, bytes, pairs and images that were checked, and the identity of the release.

    Raises:
        ReleaseError: names the first wrong file and how many there are.
    """
    manifest = read_manifest(folder)
    listed: dict[str, dict[str, Any]] = manifest["files"]
    _check_files(folder, listed)
    content = content_sha256(content_files(folder))
    if content != manifest["content_sha256"]:
        raise ReleaseError("content_sha256 is not that of the files", where=folder / MANIFEST, way_out=WAY_OUT)
    pairs, images = _check_images(folder)
    _check_csv(folder, pairs)
    _check_ledger(folder, pairs)
    _check_licences(folder, pairs)
    _refuse(folder, wrong_questions(folder, pairs), "question")
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "content_sha256": content,
        "files": len(listed),
        "bytes": sum(int(one["size"]) for one in listed.values()),
        "pairs": len(pairs),
        "images": images,
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a release.

    Raises:
        ReleaseError: it is absent, of another form, or names a path outside the release.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(
            "there is no MANIFEST.json", where=folder, way_out="name the folder of a published version"
        )
    manifest = read_json(path)
    try:
        for name, one in manifest["files"].items():
            safe_path(name, path)
            if not (isinstance(one["size"], int) and isinstance(one["sha256"], str)):
                raise TypeError(name)
        missing = [key for key in ("name", "version", "content_sha256") if not isinstance(manifest[key], str)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"not a manifest ({error!r})", where=path, way_out=WAY_OUT) from error
    if missing:
        raise ReleaseError(f"not a manifest: {', '.join(missing)}", where=path, way_out=WAY_OUT)
    return dict(manifest)


def _check_files(folder: Path, listed: Mapping[str, Mapping[str, Any]]) -> None:
    present = set(_walk(folder)) - {MANIFEST}
    wrong = dict.fromkeys(listed.keys() - present, "missing")
    wrong |= dict.fromkeys(present - listed.keys(), "not in the manifest")
    for name in track(sorted(listed.keys() & present), "verifying files", len(listed.keys() & present)):
        problem = _difference(folder / name, listed[name])
        if problem:
            wrong[name] = problem
    _refuse(folder, wrong, "file")


def _walk(folder: Path) -> Iterator[str]:
    """Every file and link below a folder, by relative path; links are not followed."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in (*files, *links):
            yield (Path(parent) / name).relative_to(folder).as_posix()


def _difference(path: Path, listed: Mapping[str, Any]) -> str:
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file"
    size = path.stat().st_size
    if size != listed["size"]:
        return f"changed ({size:,} bytes instead of {listed['size']:,})"
    return "" if sha256_file(path) == listed["sha256"] else "changed (same size, other bytes)"


def _refuse(folder: Path, wrong: Mapping[str, str], kind: str) -> None:
    if not wrong:
        return
    first = min(wrong)
    count = f"; {len(wrong):,} {kind}s are wrong" if len(wrong) > 1 else ""
    raise ReleaseError(f"{first}: {wrong[first]}{count}", where=folder, way_out=WAY_OUT)


Pairs = dict[str, Pair]
"""By image id."""


def _check_images(folder: Path) -> tuple[Pairs, int]:
    pairs: Pairs = {}
    wrong: dict[str, str] = {}
    images = 0
    files = data_files(folder)
    total = sum(pq.read_metadata(path).num_rows for path in files)
    for row in track(_rows(files), "verifying images", total):
        image_id = row["image_id"]
        if image_id in pairs:
            wrong[image_id] = "stands twice"
        image = row["image"]
        told = {name: row[name] for name in ("corpus", "split", "caption", "group_id", "facts")}
        pairs[image_id] = Pair(**told, path=image["path"] if image else None)
        images += image is not None
        problem = _image_problem(row)
        if problem:
            wrong[image_id] = problem
    _refuse(folder, wrong, "image")
    return pairs, images


def _rows(files: list[Path]) -> Iterator[dict[str, Any]]:
    told = ["image_id", "image", "caption", "facts", "corpus", "split", "group_id", "licence"]
    columns = [*told, "width", "height", "sha256", "pixels_sha256", "image_sha256"]
    for path in files:
        try:
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches(batch_size=100, columns=columns):
                    yield from batch.to_pylist()
        except (pa.ArrowInvalid, KeyError) as error:
            raise ReleaseError(f"not a table of pairs ({error})", where=path, way_out=WAY_OUT) from error


def _image_problem(row: Mapping[str, Any]) -> str:
    """Say what is wrong with an image; one that is the untouched source file is also compared pixel by pixel."""
    image = row["image"]
    if image is None:
        return "" if row["image_sha256"] is None else "the image is missing"
    if row["licence"] in {None, "", "not-stated"}:
        return "an image without a stated licence"
    digest = hashlib.sha256(image["bytes"]).hexdigest()
    if digest != row["image_sha256"]:
        return "the image is not the one of image_sha256"
    try:
        return _pixel_problem(row, decode(image["bytes"]), untouched=digest == row["sha256"])
    except Unusable as error:
        return f"the image does not decode ({error})"


def _pixel_problem(row: Mapping[str, Any], pixels: npt.NDArray[Any], *, untouched: bool) -> str:
    if pixels.shape[:2] != (row["height"], row["width"]):
        return "the image has another size than its row"
    if untouched and pixels_sha256(pixels) != row["pixels_sha256"]:
        return "the pixels are not those of pixels_sha256"
    return ""


def _check_csv(folder: Path, pairs: Pairs) -> None:
    if not (folder / "csv").is_dir():
        return
    wrong = {}
    for split in sorted({pair.split for pair in pairs.values()}):
        name = f"csv/{split}.csv"
        expected = [
            [f"{IMAGES}/{pair.path}", pair.caption] for pair in pairs.values() if pair.split == split and pair.path
        ]
        if _read_csv(folder / name, "\t") != [list(HEADER), *expected]:
            wrong[name] = "its rows are not those of the Parquet files"
    _refuse(folder, wrong, "file")


def _read_csv(path: Path, delimiter: str) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream, delimiter=delimiter))
    except FileNotFoundError:
        return []


def _check_ledger(folder: Path, pairs: Pairs) -> None:
    path = folder / "ledger.parquet"
    try:
        ledger = pq.read_table(folder / "ledger.parquet", columns=["image_id", "fate"]).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise ReleaseError(
            f"cannot be read ({error})", where=folder / "ledger.parquet", way_out=WAY_OUT
        ) from error
    released = {row["image_id"] for row in ledger if row["fate"] == "released"}
    if released != pairs.keys():
        odd = sorted(released ^ pairs.keys())
        raise ReleaseError(
            f"{len(odd):,} images are released in one table only, the first is {odd[0]}",
            where=path,
            way_out=WAY_OUT,
        )


def _check_licences(folder: Path, pairs: Pairs) -> None:
    rows = _read_csv(folder / "LICENSES.csv", ",")
    counted = Counter(pair.corpus for pair in pairs.values())
    held = Counter(pair.corpus for pair in pairs.values() if pair.path)
    header = rows[0] if rows else []
    stated = [dict(zip(header, row, strict=False)) for row in rows[1:]]
    told = {one.get("corpus", ""): (one.get("pairs"), one.get("images")) for one in stated}
    if told != {corpus: (str(count), str(held[corpus])) for corpus, count in counted.items()}:
        raise ReleaseError(
            "its counts are not those of the Parquet files", where=folder / "LICENSES.csv", way_out=WAY_OUT
        )
