"""Unpacking what strangers packed: nothing is written outside the target, and no link is made."""

import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from sartext.errors import ArchiveError
from sartext.progress import track

RESERVE = 64 * 1024 * 1024
"""Bytes of the disk that unpacking leaves free."""


def unpack(source: Path, target: Path) -> int:
    """Copy a folder, or unpack a zip or tar archive, into an empty folder; return the number of files.

    Raises:
        ArchiveError: the source is absent or no archive, a member climbs out of the folder, is a link or a
            device, two members have the same path, or the content would fill the disk.
    """
    if source.is_dir():
        return _copy_folder(source, target)
    if not source.is_file():
        raise ArchiveError("no such folder or archive", where=source, way_out="check the path")
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as packed:
                infos = (info for info in packed.infolist() if not info.is_dir())
                return _unpack_members(source, target, [_zip_member(packed, info) for info in infos])
        if tarfile.is_tarfile(source):
            with tarfile.open(source) as archive:
                members = (
                    _Member(info.name, info.size, info.isfile(), partial(archive.extractfile, info))
                    for info in archive.getmembers()
                    if not info.isdir()
                )
                return _unpack_members(source, target, members)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(
            f"a member is both a file and a folder ({error.filename})", where=source, way_out="pack it again"
        ) from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ArchiveError(
            f"the archive is damaged or cannot be read ({error})", where=source, way_out="download it again"
        ) from error
    with source.open("rb") as stream:
        if stream.read(2) == b"PK":
            raise ArchiveError("the zip archive is cut off", where=source, way_out="download it again")
    raise ArchiveError("neither a zip nor a tar archive", where=source, way_out="pass a folder, a zip or a tar")


def _copy_folder(source: Path, target: Path) -> int:
    items = (item for item in sorted(source.rglob("*")) if item.is_symlink() or not item.is_dir())
    files = [item for item in items if not _is_version_control(item.relative_to(source).parts)]
    for item in files:
        if item.is_symlink() or not item.is_file():
            name = item.relative_to(source)
            raise ArchiveError(f"'{name}' is a link or no plain file", where=source, way_out="copy it in place")
    _require_space(source, target, sum(item.stat().st_size for item in files))
    for item in track(files, "copying", len(files)):
        place = target / item.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(item, place)
    return len(files)


class _Member(NamedTuple):
    """A file of an archive; ``plain`` is False for a link or a device."""

    name: str
    size: int
    plain: bool
    open: Callable[[], IO[bytes] | None]


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    plain = not stat.S_ISLNK(info.external_attr >> 16)
    return _Member(info.filename, info.file_size, plain, partial(archive.open, info))


def _unpack_members(source: Path, target: Path, members: Iterable[_Member]) -> int:
    files = [member for member in members if not _is_version_control(PurePosixPath(member.name).parts)]
    places = list(_places(source, target, [member.name for member in files]))
    for member in files:
        if not member.plain:
            raise ArchiveError(
                f"'{member.name}' is a link or no plain file", where=source, way_out="pack the file itself"
            )
    _require_space(source, target, sum(member.size for member in files))
    for member, place in track(zip(files, places, strict=True), "unpacking", len(files)):
        stream = member.open()
        if stream is None:
            raise ArchiveError(f"'{member.name}' holds no data", where=source, way_out="download it again")
        place.parent.mkdir(parents=True, exist_ok=True)
        with stream, place.open("wb") as out:
            shutil.copyfileobj(stream, out)
    return len(files)


def _is_version_control(parts: tuple[str, ...]) -> bool:
    """Files of git and DVC are no data, and would make DVC read the corpus otherwise."""
    return any(part in {".git", ".gitignore", ".gitattributes", ".dvc", ".dvcignore"} for part in parts)


def _places(source: Path, target: Path, names: list[str]) -> Iterator[Path]:
    seen: set[str] = set()
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
            raise ArchiveError(
                f"'{name}' climbs out of the folder", where=source, way_out="do not trust this archive"
            )
        clean = path.as_posix()
        if clean in seen:
            raise ArchiveError(f"'{name}' occurs twice", where=source, way_out="pack it again")
        seen.add(clean)
        yield target / clean


def _require_space(source: Path, target: Path, needed: int) -> None:
    free = shutil.disk_usage(target).free
    if needed + RESERVE > free:
        raise ArchiveError(
            f"{needed / 1e9:,.2f} GB do not fit on the disk ({free / 1e9:,.2f} GB free)",
            where=source,
            way_out="free some space",
        )
