"""The kinds of remotes that hold releases; each is one module, and listed here."""

from collections.abc import Callable
from dataclasses import dataclass

from sartext.errors import ReleaseError
from sartext.registry import Registry
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import Store, WritableStore
from sartext.release.distribution.stores.folder import FolderStore
from sartext.release.distribution.stores.http import HttpStore
from sartext.release.distribution.stores.s3 import S3Store


@dataclass(frozen=True)
class StoreKind:
    """A kind of remote.

    Args:
        name: for messages.
        schemes: of the addresses that it takes; empty for a path.
        open: makes the store of a remote.
    """

    name: str
    schemes: tuple[str, ...]
    open: Callable[[Remote], Store]


STORES: Registry[StoreKind] = Registry(
    "kind of remote",
    (
        StoreKind("folder", ("", "file"), FolderStore),
        StoreKind("s3", ("s3",), S3Store),
        StoreKind("http", ("http", "https"), HttpStore),
    ),
)


def open_store(remote: Remote) -> Store:
    """Return the store behind a remote, to read from.

    Raises:
        ReleaseError: releases cannot lie in such a remote, or a setting of it is wrong.
    """
    kind = next((kind for kind in STORES if remote.scheme in kind.schemes), None)
    if kind is None:
        raise ReleaseError(
            f"releases cannot lie in a remote of '{remote.scheme}://'",
            where=f"remote '{remote.name}'" if remote.name else "--remote",
            way_out="name a folder, or an address of s3://, https:// or http://",
        )
    return kind.open(remote)


def open_to_write(remote: Remote) -> WritableStore:
    """Return the store behind a remote, to write to.

    Raises:
        ReleaseError: as `open_store`, or it can only be read.
    """
    store = open_store(remote)
    if not isinstance(store, FolderStore | S3Store):
        raise ReleaseError(
            "a release cannot be pushed over HTTP, where no step is safe from a second publisher",
            where=store.address,
            way_out="push it to the folder or bucket that the server shows",
        )
    return store
