"""What a version holds, read from a manifest that nobody vouches for."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.errors import ReleaseError, nearest
from sartext.files import PARTIAL
from sartext.release.comparison.versions import parse_version
from sartext.release.distribution.store import Member, Store, read_bounded
from sartext.release.manifest import MANIFEST, safe_path
from sartext.release.verify import CHECKSUMS, checksums_of

LARGEST_MANIFEST = 64 << 20
"""Bytes of a manifest; one of a million files has about as many."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REFUSE = "do not use this release"


@dataclass(frozen=True)
class Contents:
    """A manifest, and what it says.

    Args:
        raw: the manifest byte for byte.
        members: the files of the version, but the manifest itself; ``SHA256SUMS``, which it decides, among them.
    """

    raw: bytes
    name: str
    version: str
    content_sha256: str
    members: tuple[Member, ...]

    @property
    def sha256(self) -> str:
        """Of the manifest: with it every byte of the version is named."""
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(member.size for member in self.members)

    def differs_in(self, other: "Contents") -> str:
        """Say in what another manifest of the same version differs."""
        if self.content_sha256 != other.content_sha256:
            return f"other content ({other.content_sha256[:12]} instead of {self.content_sha256[:12]})"
        return "the same content from another build, whose records differ"


def folder_of(name: str, version: str) -> str:
    """Return the folder of a version in a remote.

    Raises:
        ReleaseError: that is no version.
    """
    if parse_version(version) is None:
        raise ReleaseError(f"'{version}' is no version", way_out="write it as 1.0.0")
    return f"releases/{name}/{version}"


def read_contents(raw: bytes, where: object) -> Contents:
    """Read a manifest.

    Raises:
        ReleaseError: it is none, or names a path outside the release, one twice, or a size or hash that is none.
    """
    try:
        manifest = json.loads(raw)
        name, version, content = (manifest[key] for key in ("name", "version", "content_sha256"))
        files: Mapping[str, Any] = manifest["files"]
        members = tuple(Member(path, files[path]["size"], files[path]["sha256"]) for path in sorted(files))
        sound = all(isinstance(text, str) for text in (name, version)) and _is_sha256(content)
        sound = sound and isinstance(files, dict)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound or not all(_is_sound(member) for member in members):
        raise ReleaseError(f"{MANIFEST} is no manifest", where=where, way_out=_REFUSE)
    _require_apart(members, where)
    checksums = checksums_of(manifest, raw).encode("utf-8")
    listed = Member(CHECKSUMS, len(checksums), hashlib.sha256(checksums).hexdigest())
    return Contents(raw, name, version, content, (*members, listed))


def read_folder(folder: Path) -> Contents:
    """Read the manifest of a version that is here.

    Raises:
        ReleaseError: it is absent or a link, or as `read_contents`.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(
            f"there is no {MANIFEST}", where=folder, way_out="`sartext release list` shows the versions"
        )
    return read_contents(path.read_bytes(), path)


def fetch_contents(store: Store, name: str, version: str) -> Contents:
    """Read the manifest of a version in a remote.

    Raises:
        AbsentError: the version is not there.
        ReleaseError: the manifest is none, or of another version.
    """
    path = f"{folder_of(name, version)}/{MANIFEST}"
    contents = read_contents(read_bounded(store, path, LARGEST_MANIFEST), f"{store.address}/{path}")
    if (contents.name, contents.version) != (name, version):
        raise ReleaseError("the manifest is of another version", where=f"{store.address}/{path}", way_out=_REFUSE)
    return contents


def absent(store: Store, name: str, version: str) -> ReleaseError:
    """Return the error of a version that a remote does not hold, with the nearest that it does."""
    try:
        found = [other for other in store.versions(f"releases/{name}") if parse_version(other)]
        way_out = nearest(version, found) if found else "none is there; `sartext release push` brings one"
    except ReleaseError:  # it has no list
        way_out = "check the version, and the address"
    return ReleaseError(f"there is no {name} {version}", where=store.address, way_out=way_out)


def _is_sha256(text: object) -> bool:
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def _is_sound(member: Member) -> bool:
    # a bool is an int
    return type(member.size) is int and member.size >= 0 and _is_sha256(member.sha256)


def _require_apart(members: tuple[Member, ...], where: object) -> None:
    """Refuse paths that leave the release, that are the manifest's or a temporary file's, or lie below a file."""
    paths = {member.path for member in members}
    for path in sorted(paths):
        parts = safe_path(path, where).parts
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        own = path in {MANIFEST, CHECKSUMS}
        if own or not path.isprintable() or above & paths or parts[-1].startswith(PARTIAL):
            raise ReleaseError(f"unsafe path {path!r}", where=where, way_out=_REFUSE)
