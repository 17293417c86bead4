"""What a remote is to a release: a place of files by relative path, whatever keeps them.

Layout: ``releases/<name>/<version>/`` holds a version's files as they are, so that a browser, ``aws s3 cp`` or
``curl`` gets them without this package. ``MANIFEST.json`` comes last: without it there is no version.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sartext.errors import ReleaseError

CHUNK = 1 << 20
"""Bytes that are in memory of a file at a time."""


@dataclass(frozen=True)
class Member:
    """What a manifest says of one file: its relative path, its size in bytes and its SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


class AbsentError(Exception):
    """The store holds no such file."""


class PassingError(Exception):
    """A transfer that failed for a reason that may pass: a timeout, a lost connection, a server that is busy.

    Args:
        reason: what happened, without addresses and keys.
        way_out: the setting to look at where it does not pass.
    """

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.way_out = way_out


class Store(Protocol):
    """Where releases lie. Every method may raise a ReleaseError that names the setting to change, or PassingError.

    Methods are called from several threads at once.
    """

    @property
    def address(self) -> str:
        """Where it is, for messages: without passwords."""

    @property
    def parallel(self) -> int:
        """How many files are transferred at a time."""

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the content of a file in pieces.

        Raises:
            AbsentError: there is no such file.
        """

    def versions(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder; none where it is absent."""


class WritableStore(Store, Protocol):
    """A store that releases can be pushed to."""

    def holds(self, member: Member, folder: str) -> bool:
        """Whether the file of a folder has this size and SHA-256, by its bytes or a hash that the store made."""

    def write(self, member: Member, folder: str, source: Path) -> None:
        """Write a file, or replace it, whole or not at all."""

    def create(self, path: str, content: bytes) -> bool:
        """Write a file unless one is there, as one step; return whether it was written."""

    def remove(self, path: str) -> None:
        """Remove a file that may be there, if the store permits."""

    def tidy(self, folder: str) -> None:
        """Remove what killed transfers left in a folder."""


def read_bounded(store: Store, path: str, limit: int) -> bytes:
    """Return the content of a small file.

    Raises:
        AbsentError: there is no such file.
        ReleaseError: it is larger than ``limit`` bytes.
    """
    content = bytearray()
    for piece in store.read(path):
        content += piece
        if len(content) > limit:
            raise ReleaseError(
                f"{path} is over {limit:,} bytes", where=store.address, way_out="do not use this release"
            )
    return bytes(content)
