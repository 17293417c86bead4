"""A remote that is a folder: of this machine, or shared by several."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from sartext.errors import ReleaseError
from sartext.files import PARTIAL, atomic_path, disk_errors, sha256_file, sync
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import CHUNK, AbsentError, Member, PassingError

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class FolderStore:
    """Files below a folder. Links in it are not followed, and what is no plain file is not read."""

    parallel = 2  # a disk is not faster for more

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        path = unquote(urlsplit(remote.url).path) if remote.scheme else remote.url
        self._base = Path(path).expanduser()

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._base)

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        with self._explained(path):
            place = self._place(path)
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as stream:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise self._refused(path, "no plain file")
                while piece := stream.read(CHUNK):
                    yield piece

    def versions(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder."""
        with self._explained(folder):
            place = self._place(folder)
            found = place.iterdir() if place.is_dir() else ()
            return sorted(item.name for item in found if item.is_dir() and not item.is_symlink())

    def holds(self, member: Member, folder: str) -> bool:
        """Whether a file has the bytes of a member; they are read and hashed."""
        path = f"{folder}/{member.path}"
        with self._explained(path):
            place = self._place(path)
            if not place.is_file() or place.stat().st_size != member.size:
                return False
            return sha256_file(place) == member.sha256

    def write(self, member: Member, folder: str, source: Path) -> None:
        """Copy a file beside its place, flush it and rename it."""
        path = f"{folder}/{member.path}"
        with self._explained(path), atomic_path(self._place(path)) as temporary:
            shutil.copyfile(source, temporary)

    def create(self, path: str, content: bytes) -> bool:
        """Write a file unless one is there, by a hard link, which fails where the name is taken.

        Where the file system has no hard links the name is looked at just before the file is renamed.
        """
        with self._explained(path):
            place = self._place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f"{PARTIAL}{place.name}-", dir=place.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(content)
                temporary = Path(name)
                temporary.chmod(0o644)
                sync(temporary)
                created = _take(temporary, place)
                sync(place.parent)
            finally:
                Path(name).unlink(missing_ok=True)
            return created

    def remove(self, path: str) -> None:
        """Remove a file that may be there."""
        with self._explained(path):
            self._place(path).unlink(missing_ok=True)

    def tidy(self, folder: str) -> None:
        """Remove what killed copies left."""
        with self._explained(folder):
            for left in self._place(folder).rglob(f"{PARTIAL}*"):
                left.unlink(missing_ok=True)

    def _place(self, path: str) -> Path:
        place = self._base
        for part in PurePosixPath(path).parts:
            place /= part
            if place.is_symlink():
                raise self._refused(path, "a link")
        return place

    def _refused(self, path: str, what: str) -> ReleaseError:
        return ReleaseError(f"{path} is {what}", where=self.address, way_out="put the file itself there")

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        setting = self._remote.setting("url")
        try:
            with disk_errors(self._base / path):
                yield
        except FileNotFoundError:
            raise AbsentError(path) from None
        except NotADirectoryError:
            raise ReleaseError(f"{path} lies below a file", where=self.address, way_out=setting) from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PassingError(f"{path}: {reason}", f"is the disk there? {setting} names another") from error


def _take(temporary: Path, place: Path) -> bool:
    """Give a finished file its name unless it is taken."""
    try:
        os.link(temporary, place)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if place.exists():
            return False
        temporary.rename(place)
    return True
