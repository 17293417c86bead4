"""Prove every byte of this release: ``python3 -I verify.py``, with nothing but Python 3.8 or newer, offline.

Every file is the one that ``MANIFEST.json`` lists: none is missing, more, changed, renamed or a link, and no
folder is empty; ``content_sha256`` and ``SHA256SUMS`` are those of the files. Signatures are only looked at: whose
they are takes a key, and ``sartext release verify --public-key``. Who doubts this file runs a copy that they
trust: ``python3 -I verify.py FOLDER``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "MANIFEST.json"
"""The record of a published release: SHA-256 and size of every file, and where it comes from."""

CHECKSUMS = "SHA256SUMS"
"""The same hashes as ``sha256sum -c SHA256SUMS`` reads them, and that of the manifest."""

SIGNATURES = "signatures"
"""The folder of signatures, which may come after publication: neither manifest nor checksums list it."""

SIGNED = ("gate", "provenance", "release")
"""What is signed: ``signatures/<name>.json`` for each."""

DOCUMENT_FOLDERS = ("provenance", "quality")
"""Where documents may lie; others stand at the top. The rest is content."""

SHOWN = 3
"""Wrong files that are named, of all that are counted."""


class Refused(Exception):  # noqa: N818 - what it is, not that it is one
    """What is wrong with a release, in words."""


def check(folder: Path, progress: Callable[[list[str]], Iterable[str]] = lambda names: names) -> dict[str, Any]:
    """Return the manifest of a release after proving every byte of it.

    Args:
        folder: the release.
        progress: shows how far it is in a list of files; by default nothing.

    Raises:
        Refused: names the first wrong files, and says how many there are.
    """
    if not _is_plain(folder / MANIFEST):
        raise Refused(f"there is no {MANIFEST}")
    if not _is_plain(folder / CHECKSUMS):
        raise Refused(f"{CHECKSUMS}: missing, or no plain file")
    content = (folder / MANIFEST).read_bytes()
    checksums = (folder / CHECKSUMS).read_bytes()
    if f"{_sha256(content)}  {MANIFEST}\n".encode() not in checksums.splitlines(keepends=True):
        raise Refused(f"{MANIFEST}: not the one of {CHECKSUMS}; one of the two was changed")
    manifest = read_manifest(content)
    if checksums != checksums_of(manifest, content).encode():
        raise Refused(f"{CHECKSUMS}: its lines are not those of {MANIFEST}")
    _refuse(_wrong_files(folder, manifest["files"], progress))
    if content_sha256(content_of(manifest)) != manifest["content_sha256"]:
        raise Refused(f"{MANIFEST}: content_sha256 is not that of the files")
    _refuse(_wrong_signatures(folder, _sha256(content)))
    return manifest


def read_manifest(content: bytes) -> dict[str, Any]:
    """Return what the bytes of a manifest say.

    Raises:
        Refused: they are no manifest, or name a path outside the release.
    """
    try:
        manifest = json.loads(content.decode("utf-8"))
        files = manifest["files"]
        for name, listed in files.items():
            safe_path(name)
            name.encode("utf-8")
            if type(listed["size"]) is not int or not isinstance(listed["sha256"], str):
                raise TypeError(name)
        if not all(isinstance(manifest[key], str) for key in ("name", "version", "content_sha256")):
            raise TypeError("name, version and content_sha256 are texts")
        manifest.setdefault("documents", [name for name in files if _is_old_document(name)])
        for name in manifest["documents"]:
            if name not in files or ("/" in name and name.split("/")[0] not in DOCUMENT_FOLDERS):
                raise ValueError(f"{name} is no document")
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Refused(f"{MANIFEST}: not a manifest ({error!r})") from error
    odd = [name for name in files if name in (MANIFEST, CHECKSUMS) or name.split("/")[0] == SIGNATURES]
    if odd:
        raise Refused(f"{MANIFEST}: lists {odd[0]}, which no manifest can")
    return dict(manifest)


def _is_old_document(name: str) -> bool:
    """Whether a file is a document by its name, for manifests that list none."""
    return name in ("README.md", "CHANGES.md", "quality/report.md") or name.startswith("provenance/")


def safe_path(text: str) -> PurePosixPath:
    """Return a relative path that stays inside the folder it is joined to.

    Raises:
        Refused: it is absolute, climbs out, or is written for another system.
    """
    path = PurePosixPath(text)
    foreign = path.is_absolute() or any(character in text for character in "\\:\0\n\r") or str(path) != text
    if not text or foreign or {".", ".."} & set(path.parts):
        raise Refused(f"unsafe path {text!r}")
    return path


def checksums_of(manifest: Mapping[str, Any], content: bytes) -> str:
    """Return the text of ``SHA256SUMS`` for a manifest and the bytes of its file."""
    hashes = {name: listed["sha256"] for name, listed in manifest["files"].items()}
    hashes[MANIFEST] = _sha256(content)
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))


def content_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of every file that is no document, by path."""
    documents = set(manifest["documents"])
    return {name: listed["sha256"] for name, listed in manifest["files"].items() if name not in documents}


def content_sha256(files: Mapping[str, str]) -> str:
    """Return the identity of a release: the SHA-256 over the SHA-256 of each file of its content, by path."""
    text = json.dumps(dict(files), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _sha256(text.encode("utf-8"))


def signatures_in(folder: Path) -> tuple[str, ...]:
    """Return what is signed in a release, of ``SIGNED``."""
    return tuple(name for name in SIGNED if _is_plain(folder / SIGNATURES / f"{name}.json"))


def statement_in(envelope: bytes) -> dict[str, Any]:
    """Return the in-toto statement of a DSSE envelope, whoever signed it.

    Raises:
        Refused: the bytes are no envelope, or no statement is in it.
    """
    try:
        statement = json.loads(base64.b64decode(json.loads(envelope)["payload"], validate=True))
        _ = statement["predicateType"], statement["predicate"], statement["subject"][0]["digest"]["sha256"]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise Refused("not a signed statement") from error
    return dict(statement)


def _wrong_files(
    folder: Path, listed: Mapping[str, Mapping[str, Any]], progress: Callable[[list[str]], Iterable[str]]
) -> dict[str, str]:
    files, folders = _walk(folder)
    for name in (MANIFEST, CHECKSUMS, *(f"{SIGNATURES}/{name}.json" for name in SIGNED)):
        files.discard(name)
    wrong = dict.fromkeys(set(listed) - files, "missing")
    wrong.update(dict.fromkeys(files - set(listed), "not in the manifest"))
    wrong.update({f"{name}/": "an empty folder" for name in folders})
    for name in progress(sorted(set(listed) & files)):
        problem = file_problem(folder / name, listed[name])
        if problem:
            wrong[name] = problem
    return wrong


def _walk(folder: Path) -> tuple[set[str], set[str]]:
    """The files below a folder, links among them and not followed, and the folders that hold none."""
    files: set[str] = set()
    folders: set[str] = set()

    def unreadable(error: OSError) -> None:
        raise Refused(f"{Path(error.filename).relative_to(folder).as_posix()}/: cannot be read ({error.strerror})")

    for place, below, names in os.walk(str(folder), onerror=unreadable):
        relative = Path(place).relative_to(folder)
        links = [name for name in below if Path(place, name).is_symlink()]
        files.update((relative / name).as_posix() for name in names + links)
        folders.add(relative.as_posix())
    for name in files:
        folders.difference_update(parent.as_posix() for parent in PurePosixPath(name).parents)
    return files, folders - {"."}


def file_problem(path: Path, listed: Mapping[str, Any]) -> str:
    """Say in what a file differs from what a manifest lists of it, or return an empty text."""
    if not _is_plain(path):
        return "a link or no plain file"
    size = path.stat().st_size
    if size != listed["size"]:
        return f"changed ({size:,} bytes instead of {listed['size']:,})"
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if digest.hexdigest() == listed["sha256"] else "changed (same size, other bytes)"


def _wrong_signatures(folder: Path, manifest: str) -> dict[str, str]:
    wrong = {}
    for name in SIGNED:
        path = folder / SIGNATURES / f"{name}.json"
        where = f"{SIGNATURES}/{path.name}"
        if not _is_plain(path):
            if path.is_symlink() or path.exists():
                wrong[where] = "a link or no plain file"
            continue
        try:
            subject = statement_in(path.read_bytes())["subject"][0]["digest"]["sha256"]
        except Refused as error:
            wrong[where] = str(error)
            continue
        if subject != manifest:
            wrong[where] = f"signed for another {MANIFEST}"
    return wrong


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse(wrong: Mapping[str, str]) -> None:
    if wrong:
        first = sorted(wrong)[:SHOWN]
        told = ", ".join(f"{name if name.isprintable() else ascii(name)}: {wrong[name]}" for name in first)
        more = f"; {len(wrong):,} files are wrong" if len(wrong) > 1 else ""
        raise Refused(f"{told}{more}")


def main(arguments: list[str]) -> int:
    """Verify the folder that is named, by default the one that this file lies in; return the exit status."""
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        sys.stderr.write("usage: python3 -I verify.py [FOLDER]\n")
        return 2
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent
    try:
        manifest = check(folder)
    except (Refused, OSError) as error:
        sys.stderr.write(f"error: {folder}: {error}; get the release again\n")
        return 1
    files = manifest["files"]
    size = sum(listed["size"] for listed in files.values())
    told = ", ".join(f"{key} {manifest[key]}" for key in ("name", "version", "content_sha256"))
    sys.stdout.write(f"verified: {told}, files {len(files)}, bytes {size}\n")
    signed = ", ".join(signatures_in(folder))
    sys.stdout.write(f"signed ({signed}), unchecked without a key\n" if signed else "not signed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
