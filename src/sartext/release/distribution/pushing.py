"""Pushing a version to a remote: its files first, its manifest last, and never over other content of that number.

Whoever pushes claims the number first, by a small file beside the version's folder that names the manifest. So a
second publisher with other content is told before a byte of the first is replaced, and a push that was killed is
taken up by whoever pushes the same content.
"""

from dataclasses import dataclass
from pathlib import Path

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import canonical_json, sha256_file
from sartext.release.anchors import check_anchor
from sartext.release.distribution.contents import Contents, fetch_contents, folder_of, read_folder
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import AbsentError, Member, PassingError, WritableStore, read_bounded
from sartext.release.distribution.stores import open_to_write
from sartext.release.distribution.transfer import for_each, patiently
from sartext.release.manifest import MANIFEST
from sartext.release.verification import check_bytes
from sartext.release.verify import SIGNATURES, signatures_in

LARGEST_CLAIM = 4096


@dataclass(frozen=True)
class _Push:
    """A version on its way."""

    store: WritableStore
    source: Path
    contents: Contents

    @property
    def folder(self) -> str:
        return folder_of(self.contents.name, self.contents.version)

    @property
    def claim(self) -> str:
        return f"{self.folder}.claim"


def push(project: Project, version: str, remote: Remote) -> dict[str, object]:
    """Bring a published version to a remote.

    Every file is compared with the manifest before anything is sent. What lies there with the right bytes is not
    sent again; every file is checked after it was sent, and the manifest goes up once all are right.

    Returns:
        Name, version, remote, files and bytes of the version, and how many files and bytes were sent.

    Raises:
        ReleaseError: the version is not published here, is damaged or not the one
            that ``releases.lock`` pins, the remote holds the number with other
            content, another publisher is at it, or a setting of the remote is wrong.
    """
    source = project.releases / version
    folder_of(project.parameters.release.name, version)
    contents = read_folder(source)
    check_bytes(source)
    check_anchor(project.root, source)
    store = open_to_write(remote)
    work = _Push(store, source, contents)
    there = _published(work)
    if not there:
        patiently(store, lambda: _claim(work))
        there = _published(work)  # since it was looked for
    description = f"pushing {contents.name} {contents.version}"
    members = (*contents.members, *_signatures(source))
    sent = for_each(store, members, lambda member: _send(work, member), description)
    if not there:
        patiently(store, lambda: _complete(work))
    patiently(store, lambda: store.remove(work.claim))
    patiently(store, lambda: store.tidy(work.folder))
    return {
        "name": contents.name,
        "version": contents.version,
        "remote": store.address,
        "files": len(contents.members) + 1,
        "bytes": contents.size,
        "sent": sum(size is not None for size in sent),
        "bytes_sent": sum(size or 0 for size in sent),
    }


def _signatures(source: Path) -> list[Member]:
    """What may come after publication, and stands in no manifest."""
    paths = [f"{SIGNATURES}/{name}.json" for name in signatures_in(source)]
    return [Member(path, (source / path).stat().st_size, sha256_file(source / path)) for path in paths]


def _published(work: _Push) -> bool:
    """Whether the version is in the remote; with another manifest that is an error."""
    name, version = work.contents.name, work.contents.version
    try:
        there = patiently(work.store, lambda: fetch_contents(work.store, name, version))
    except AbsentError:
        return False
    if there.raw != work.contents.raw:
        raise ReleaseError(
            f"{version} is published there with {work.contents.differs_in(there)}",
            where=f"{work.store.address}/{work.folder}",
            way_out="what is published stays: publish yours under a higher version",
        )
    return True


def _claim(work: _Push) -> None:
    claim = (canonical_json({"manifest_sha256": work.contents.sha256}) + "\n").encode()
    work.store.create(work.claim, claim)
    if _read_back(work, work.claim) != claim:
        raise ReleaseError(
            f"a push of {work.contents.version} with other content has begun",
            where=work.store.address,
            way_out=f"publish yours under a higher version; if the other was given up, remove {work.claim} there",
        )


def _send(work: _Push, member: Member) -> int | None:
    """Send a file unless it is there, and check that it is; return its size, or None if it was there."""
    if work.store.holds(member, work.folder):
        return None
    work.store.write(member, work.folder, work.source / member.path)
    if not work.store.holds(member, work.folder):
        raise ReleaseError(
            f"{member.path} is there, but not as it was sent",
            where=f"{work.store.address}/{work.folder}",
            way_out="push again; if it stays so, the disk here or there is damaged",
        )
    return member.size


def _complete(work: _Push) -> None:
    path = f"{work.folder}/{MANIFEST}"
    work.store.create(path, work.contents.raw)
    if _read_back(work, path) != work.contents.raw:
        raise ReleaseError(
            f"another publisher was first with {work.contents.version}",
            where=f"{work.store.address}/{work.folder}",
            way_out="what is published stays: publish yours under a higher version",
        )


def _read_back(work: _Push, path: str) -> bytes:
    """Read a file that was just written or found: a server may ignore that it was to be written only if absent."""
    try:
        return read_bounded(work.store, path, max(LARGEST_CLAIM, len(work.contents.raw)))
    except AbsentError:
        raise PassingError(f"{path} vanished", "another push ended just now: push again") from None
