"""Atomic writes, hashes and canonical JSON: a file is either whole or absent."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sartext.errors import ArtefactError, SarTextError

PARTIAL = ".partial-"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling that replaces ``path`` once the block ends without an error.

    Raises:
        ArtefactError: the disk is full or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{PARTIAL}{path.name}-", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with disk_errors(path):
            yield temporary
            temporary.chmod(0o644)
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary sibling folder that replaces ``path`` once the block ends without an error.

    The folder that stood there before is removed only after the new one is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{path.name}-", dir=path.parent))
    try:
        with disk_errors(path):
            yield temporary
            temporary.chmod(0o755)
            sync_tree(temporary)
            if path.exists():
                retired = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{path.name}-", dir=path.parent))
                path.replace(retired / "old")
                temporary.replace(path)
                remove_tree(retired)
            else:
                temporary.replace(path)
            sync(path.parent)
    finally:
        remove_tree(temporary)


def sync_tree(folder: Path) -> None:
    """Flush every file and folder below ``folder`` to disk."""
    for item in sorted(folder.rglob("*")):
        sync(item)
    sync(folder)


def seal(temporary: Path, target: Path) -> None:
    """Give a complete folder its name: read-only files, flushed to disk, whole or not at all.

    Raises:
        OSError: ``target`` exists and holds files.
    """
    for item in temporary.rglob("*"):
        item.chmod(0o755 if item.is_dir() else 0o444)
    temporary.chmod(0o755)
    sync_tree(temporary)
    os.rename(temporary, target)  # noqa: PTH104 - fails where the target holds files
    sync(target.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def sync(path: Path) -> None:
    """Flush one file, or the entries of one folder, to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems refuse to sync folders
            os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk and a folder that cannot be written into errors that say the way out.

    Raises:
        ArtefactError: there is no space left, or no permission.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ArtefactError(
                "no space left on the disk", where=path, way_out="free some space and run the command again"
            ) from error
        if error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
            raise ArtefactError(
                "the folder cannot be written", where=path.parent, way_out="check its owner and permissions"
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: object) -> None:
    """Write indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Read a JSON file that a stage wrote.

    Raises:
        ArtefactError: the file is absent or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ArtefactError("the file is missing", where=path, way_out="run `make release`") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise ArtefactError(
            f"not valid JSON ({error})", where=path, way_out="remove it and build it again"
        ) from error


def canonical_json(value: Mapping[str, object] | list[object]) -> str:
    """Return JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of UTF-8 text, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below ``folder``, by relative POSIX path, in path order."""
    files = sorted(item for item in folder.rglob("*") if item.is_file())
    return {item.relative_to(folder).as_posix(): sha256_file(item) for item in files}


def require_folder(path: Path, way_out: str) -> Path:
    """Return ``path`` if it is a folder, else raise an error that says the way out."""
    if not path.is_dir():
        raise SarTextError("the folder is missing", where=path, way_out=way_out)
    return path
