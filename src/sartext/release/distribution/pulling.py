"""Pulling a version from a remote: whole and read-only, once every byte is what its manifest names."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import PARTIAL, disk_errors, remove_tree, seal
from sartext.release.anchors import anchored
from sartext.release.distribution.contents import (
    Contents,
    absent,
    fetch_contents,
    folder_of,
    read_folder,
)
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import AbsentError, Member, Store, read_bounded
from sartext.release.distribution.stores import open_store
from sartext.release.distribution.transfer import for_each, patiently
from sartext.release.manifest import MANIFEST, content_files, content_sha256
from sartext.release.verification import check_bytes
from sartext.release.verify import SIGNATURES, SIGNED, Refused, file_problem, statement_in

LARGEST_SIGNATURE = 4 << 20
"""Bytes of a signature, which names every expectation of the gate."""

PULLING = ".pulling-"
"""How the folder begins in which a pull collects files; what a killed one left there is taken up by the next."""


def pull(project: Project, version: str, remote: Remote, target: Path | None = None) -> dict[str, object]:
    """Bring a version from a remote to ``releases/<name>/<version>``, or to another folder.

    Files are hashed when they have arrived. The folder appears whole or not at all.

    Returns:
        Name, version, folder, files and bytes of the version, how many files and bytes were fetched, and whether
        ``releases.lock`` pins it.

    Raises:
        ReleaseError: the version is not there or not the one that ``releases.lock`` pins, a file is not what its
            manifest names, or the folder exists with other content.
    """
    name = project.parameters.release.name
    store, folder = open_store(remote), folder_of(name, version)
    try:
        contents = patiently(store, lambda: fetch_contents(store, name, version))
    except AbsentError:
        raise absent(store, name, version) from None
    target = target or project.releases / version
    if _is_there(target, contents):
        return _told(contents, target, [], anchored(project.root, target))
    with disk_errors(target), _staging(target, contents) as staged:
        (staged / MANIFEST).write_bytes(contents.raw)
        anchor = anchored(project.root, staged)
        _require_space(staged, contents)
        fetched = for_each(
            store,
            contents.members,
            lambda member: _fetch(store, folder, member, staged),
            f"pulling {name} {version}",
        )
        if content_sha256(content_files(staged)) != contents.content_sha256:
            raise _wrong(store, folder, "content_sha256 of the manifest is not that of its files")
        _fetch_signatures(store, folder, staged, contents)
        seal(staged, target)
    return _told(contents, target, fetched, anchor)


def _told(contents: Contents, target: Path, fetched: list[int | None], anchor: str) -> dict[str, object]:
    return {
        "name": contents.name,
        "version": contents.version,
        "path": str(target),
        "files": len(contents.members) + 1,
        "bytes": contents.size,
        "fetched": sum(size is not None for size in fetched),
        "bytes_fetched": sum(size or 0 for size in fetched),
        "anchor": anchor,
    }


def _is_there(target: Path, contents: Contents) -> bool:
    """Whether the version is in place, whole; anything else there is an error."""
    if not target.exists() and not target.is_symlink():
        return False
    if target.is_dir() and not target.is_symlink() and not any(target.iterdir()):
        return False
    if target.is_symlink() or not (target / MANIFEST).is_file():
        raise ReleaseError("there is something else", where=target, way_out="name a new folder: `--to FOLDER`")
    here = read_folder(target)
    if here.raw != contents.raw:
        raise ReleaseError(
            f"{here.version} is here with {contents.differs_in(here)}",
            where=target,
            way_out="what is published stays: pull the other into a new folder, `--to FOLDER`, and compare",
        )
    check_bytes(target)
    return True


@contextmanager
def _staging(target: Path, contents: Contents) -> Iterator[Path]:
    """Yield the folder that collects the files of a version beside its place; one process at a time.

    It outlives an error, so that the next pull of the same version goes on.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beginning = f"{PULLING}{target.name}-"
    staged = target.parent / f"{beginning}{contents.sha256[:16]}"
    staged.mkdir(mode=0o755, exist_ok=True)
    handle = os.open(staged, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ReleaseError("another pull of it is running", where=target, way_out="wait for it") from None
    try:
        if not _is_still(staged, handle):
            raise ReleaseError("another pull of it has just ended", where=target, way_out="pull again")
        known = {staged / member.path for member in contents.members}
        for item in [item for item in staged.rglob("*") if item.is_symlink() or not item.is_dir()]:
            if item not in known:
                item.unlink()
        yield staged
        for left in target.parent.glob(f"{beginning}*"):
            remove_tree(left)
    finally:
        os.close(handle)


def _is_still(folder: Path, handle: int) -> bool:
    """Whether a folder is the one that a handle was opened on, and not one that was put into place since."""
    try:
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _require_space(staged: Path, contents: Contents) -> None:
    here = sum(item.stat().st_size for item in staged.rglob("*") if item.is_file())
    needed, free = contents.size - here, shutil.disk_usage(staged).free
    if needed > free:
        raise ReleaseError(
            f"the release needs {needed:,} bytes more, and {free:,} are free",
            where=staged.parent,
            way_out="free some space, or pull to another disk: `--to FOLDER`",
        )


def _fetch(store: Store, folder: str, member: Member, staged: Path) -> int | None:
    """Fetch a file unless it is here; return its size, or None if it was here."""
    place = staged / member.path
    if not file_problem(place, vars(member)):
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f"{PARTIAL}{place.name}")
    try:
        size = _receive(store, folder, member, part)
        if problem := file_problem(part, vars(member)):
            raise _wrong(store, folder, f"{member.path} is not what the manifest names: {problem}")
        part.replace(place)
    except AbsentError:
        raise _wrong(store, folder, f"{member.path} is missing") from None
    finally:
        part.unlink(missing_ok=True)
    return size


def _fetch_signatures(store: Store, folder: str, staged: Path, contents: Contents) -> None:
    """Fetch the signatures of a version, where it has any; whose they are, `signing.check_signatures` says."""
    for name in SIGNED:
        path = f"{SIGNATURES}/{name}.json"
        try:
            raw = patiently(store, partial(read_bounded, store, f"{folder}/{path}", LARGEST_SIGNATURE))
            subject = statement_in(raw)["subject"][0]["digest"]["sha256"]
        except AbsentError:
            continue
        except Refused as error:
            raise _wrong(store, folder, f"{path}: {error}") from error
        if subject != contents.sha256:
            raise _wrong(store, folder, f"{path}: signed for another {MANIFEST}")
        (staged / SIGNATURES).mkdir(exist_ok=True)
        (staged / path).write_bytes(raw)


def _receive(store: Store, folder: str, member: Member, part: Path) -> int:
    """Write what a remote gives of a file, never more than the manifest says; return how many bytes it was."""
    size = 0
    with part.open("wb") as stream:
        for piece in store.read(f"{folder}/{member.path}"):
            size += len(piece)
            if size > member.size:
                what = f"{member.path} is longer than the {member.size:,} bytes of the manifest"
                raise _wrong(store, folder, what)
            stream.write(piece)
    return size


def _wrong(store: Store, folder: str, what: str) -> ReleaseError:
    way_out = "its publisher mends it by `sartext release push`; nothing was put in place"
    return ReleaseError(what, where=f"{store.address}/{folder}", way_out=way_out)
