"""Where the files of a release lie, which of them are its content, and its identity."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.errors import ReleaseError
from sartext.files import canonical_json, read_json, sha256_file, sha256_text

CONTENT = "content.json"
"""The record of an assembled release (``build/release``): the SHA-256 of every file and of all of them."""

MANIFEST = "MANIFEST.json"
"""The record of a published release: SHA-256 and size of every file, and where it comes from."""

IMAGES = "images"
"""The folder that ``sartext release extract`` writes images to; paths in a release start with it."""

WAY_OUT = "get the release again, or publish it again from its build"

_UNVERSIONED = frozenset({"README.md", MANIFEST, "CHANGES.md", CONTENT, "quality/report.md"})


def content_sha256(files: Mapping[str, str]) -> str:
    """Return the identity of a release: the SHA-256 over the SHA-256 of each of its files by relative path."""
    return sha256_text(canonical_json(dict(files)))


def is_content(path: str) -> bool:
    """Whether a file of a release belongs to its content: what stands there whatever the version is called."""
    return path not in _UNVERSIONED and not path.startswith("provenance/")


def content_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that makes up the content of a release, by relative path.

    Raises:
        ReleaseError: the folder is neither a published nor an assembled release.
    """
    record = next((folder / name for name in (MANIFEST, CONTENT) if (folder / name).is_file()), None)
    if record is None:
        raise ReleaseError(
            f"not a release: neither {MANIFEST} nor {CONTENT} is there",
            where=folder,
            way_out="name the folder of a version, such as releases/sar-text/1.0.0",
        )
    try:
        listed: Mapping[str, Any] = read_json(record)["files"]
        return {path: _hash_of(value) for path, value in listed.items() if is_content(path)}
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"{record.name} lacks {error}", where=record, way_out="get the release again"
        ) from error


def _hash_of(value: object) -> str:
    return str(value["sha256"]) if isinstance(value, dict) else str(value)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a published release.

    Raises:
        ReleaseError: it is absent, of another form, or names a path outside the release.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(
            f"there is no {MANIFEST}", where=folder, way_out="name the folder of a published version"
        )
    manifest = read_json(path)
    try:
        for name, listed in manifest["files"].items():
            safe_path(name, path)
            if not (isinstance(listed["size"], int) and isinstance(listed["sha256"], str)):
                raise TypeError(name)
        missing = [key for key in ("name", "version", "content_sha256") if not isinstance(manifest[key], str)]
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"not a manifest ({error!r})", where=path, way_out=WAY_OUT) from error
    if missing:
        raise ReleaseError(f"not a manifest: {', '.join(missing)}", where=path, way_out=WAY_OUT)
    return dict(manifest)


def file_problem(path: Path, listed: Mapping[str, Any]) -> str:
    """Say in what a file differs from what a manifest lists of it, or return an empty text."""
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file"
    size = path.stat().st_size
    if size != listed["size"]:
        return f"changed ({size:,} bytes instead of {listed['size']:,})"
    return "" if sha256_file(path) == listed["sha256"] else "changed (same size, other bytes)"


def safe_path(text: str, where: object) -> PurePosixPath:
    """Return a relative path that stays inside the folder it is joined to.

    Raises:
        ReleaseError: it is absolute, climbs out, or is written for another system.
    """
    path = PurePosixPath(text)
    foreign = path.is_absolute() or any(character in text for character in "\\:\0") or path.as_posix() != text
    if not text or foreign or {".", ".."} & set(path.parts):
        raise ReleaseError(f"unsafe path {text!r}", where=where, way_out="do not use this release")
    return path


def data_files(folder: Path) -> list[Path]:
    """Return the Parquet files of a release, in the order of their names."""
    return sorted((folder / "data").glob("*.parquet"))
