"""Unpacking what strangers packed: nothing is written outside the target, and no link is made.

Archives within archives are unpacked too, each into a folder of its name. What systems and tools leave beside data
is passed over and counted.
"""

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from sartext.archive_names import alike, clean, decoded, is_junk
from sartext.errors import ArchiveError, counted
from sartext.progress import track

RESERVE = 64 * 1024 * 1024
"""Bytes of the disk that unpacking leaves free."""

DEPTH = 3
"""Archives within archives are unpacked to this depth; deeper ones are taken for a bomb."""

SMALL, EXPANSION = 1 << 30, 200
"""What unpacks to more bytes than the first may be at most so many times as large as what was downloaded."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)
"""What the libraries raise for damaged archives, and for names that the disk cannot take."""

BY_HAND = {b"Rar!\x1a\x07": "RAR", b"7z\xbc\xaf\x27\x1c": "7z"}
"""How archives begin that are not unpacked here."""


@dataclass
class Unpacked:
    """What unpacking did: the number of ``files``, and in ``notes`` what a person should know, a line each."""

    files: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass
class _Tally:
    """What one call unpacked so far, over all archives within archives."""

    size: int
    files: int = 0
    written: int = 0
    junk: int = 0
    nested: int = 0
    alike: list[tuple[str, str]] = field(default_factory=list)
    encodings: set[str] = field(default_factory=set)
    packed: list[str] = field(default_factory=list)


def unpack(source: Path, target: Path) -> Unpacked:
    """Copy a folder, or unpack a zip or tar archive, into an empty folder; archives in it are unpacked as well.

    Raises:
        ArchiveError: the source is absent, no archive, encrypted, or one to unpack by hand; a member climbs out of
            the folder, is a link or a device, or has the path of another; or the content is a bomb, or would fill
            the disk.
    """
    if source.is_dir():
        tally = _Tally(sum(item.stat().st_size for item in source.rglob("*") if item.is_file()))
        _copy_folder(source, target, tally)
    elif source.is_file():
        tally = _Tally(source.stat().st_size)
        _unpack_archive(source, source, target, tally)
    else:
        raise ArchiveError("no such folder or archive", where=source, way_out="check the path")
    _unpack_nested(source, target, tally, 1)
    return Unpacked(tally.files, list(_notes(tally)))


def _notes(tally: _Tally) -> Iterable[str]:
    if tally.junk:
        yield f"{counted(tally.junk, 'file')} of systems and tools passed over (.DS_Store, Thumbs.db and the like)"
    if tally.nested:
        yield f"{counted(tally.nested, 'archive')} within it unpacked, each into a folder of its name"
    for encoding in sorted(tally.encodings):
        yield f"file names read as {encoding.upper()}: the archive does not say how they are written"
    if tally.alike:
        first, second = tally.alike[0]
        yield f"names that differ in case alone: {len(tally.alike)}, such as {first} and {second}"
    if tally.packed:
        yield f"{counted(len(tally.packed), 'archive')} left packed, to be unpacked by hand: {tally.packed[0]}"


def _unpack_nested(source: Path, folder: Path, tally: _Tally, depth: int) -> None:
    for item in sorted(item for item in folder.rglob("*") if item.is_file()):
        name = item.name.lower()
        suffix = next((suffix for suffix in ARCHIVES if name.endswith(suffix)), None)
        if suffix is None:
            if name.endswith((".rar", ".7z")):
                tally.packed.append(item.relative_to(folder).as_posix())
            continue
        inner = f"{source}: {item.relative_to(folder).as_posix()}"
        if depth > DEPTH:
            raise ArchiveError(
                f"archives lie more than {DEPTH} deep in one another",
                where=inner,
                way_out="do not trust this archive",
            )
        place = item.with_name(item.name[: -len(suffix)])
        if place.exists():
            place = item.with_name(f"{item.name}-unpacked")
        place.mkdir()
        _unpack_archive(inner, item, place, tally)
        item.unlink()
        tally.nested += 1
        tally.files -= 1
        _unpack_nested(source, place, tally, depth + 1)


def _unpack_archive(where: object, source: Path, target: Path, tally: _Tally) -> None:
    try:
        if zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as packed:
                return _unpack_members(where, target, _zip_members(packed, where, tally), tally)
        if tarfile.is_tarfile(source):
            with tarfile.open(source) as archive:
                return _unpack_members(where, target, _tar_members(archive, tally), tally)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveError(
            f"a member is both a file and a folder, or one on this disk with another ({error.filename})",
            where=where,
            way_out="pack it again",
        ) from error
    except UNREADABLE as error:
        raise ArchiveError(
            f"the archive is damaged or cannot be read ({error})", where=where, way_out="download it again"
        ) from error
    with source.open("rb") as stream:
        start = stream.read(8)
    for mark, kind in BY_HAND.items():
        if start.startswith(mark):
            raise ArchiveError(f"a {kind} archive", where=where, way_out="unpack it by hand and pass the folder")
    if start.startswith(b"PK"):
        raise ArchiveError("the zip archive is cut off", where=where, way_out="download it again")
    raise ArchiveError("neither a zip nor a tar archive", where=where, way_out="pass a folder, a zip or a tar")


def _copy_folder(source: Path, target: Path, tally: _Tally) -> None:
    items = [item for item in sorted(source.rglob("*")) if item.is_symlink() or not item.is_dir()]
    files = [item for item in items if not is_junk(PurePosixPath(item.relative_to(source).as_posix()))]
    tally.junk += len(items) - len(files)
    for item in files:
        if item.is_symlink() or not item.is_file():
            name = item.relative_to(source)
            raise ArchiveError(f"'{name}' is a link or no plain file", where=source, way_out="copy it in place")
    _require_space(source, target, sum(item.stat().st_size for item in files))
    for item in track(files, "copying", len(files)):
        place = target / item.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(item, place)
    tally.files += len(files)


class _Member(NamedTuple):
    """A file of an archive; ``plain`` is False for a link or a device."""

    name: str
    size: int
    plain: bool
    open: Callable[[], IO[bytes] | None]


def _zip_members(archive: zipfile.ZipFile, where: object, tally: _Tally) -> list[_Member]:
    infos = [info for info in archive.infolist() if not info.is_dir() and not info.orig_filename.endswith("\\")]
    if any(info.flag_bits & 1 for info in infos):
        raise ArchiveError("it is encrypted", where=where, way_out="unpack it by hand and pass the folder")
    names = {info: info.filename for info in infos}
    unmarked = [
        info
        for info in infos
        if not (info.flag_bits & 0x800 or info.filename.isascii() or info.filename != info.orig_filename)
    ]
    if unmarked:
        texts, encoding = decoded([info.orig_filename.encode("cp437") for info in unmarked])
        names.update(zip(unmarked, texts, strict=True))
        tally.encodings |= {encoding} - {"utf-8"}
    return [
        _Member(
            name.split("\0")[0],
            info.file_size,
            not stat.S_ISLNK(info.external_attr >> 16),
            partial(archive.open, info),
        )
        for info, name in names.items()
    ]


def _tar_members(archive: tarfile.TarFile, tally: _Tally) -> list[_Member]:
    infos = [info for info in archive.getmembers() if not info.isdir()]
    raw = [info.name.encode("utf-8", "surrogateescape") for info in infos]
    names, encoding = decoded(raw)
    tally.encodings |= {encoding} - {"utf-8"}
    return [
        _Member(name, info.size, info.isfile(), partial(archive.extractfile, info))
        for info, name in zip(infos, names, strict=True)
    ]


def _unpack_members(where: object, target: Path, members: list[_Member], tally: _Tally) -> None:
    placed = [(member, clean(member.name, where)) for member in members]
    files = [(member, path) for member, path in placed if not is_junk(path)]
    tally.junk += len(placed) - len(files)
    seen: set[PurePosixPath] = set()
    for member, path in files:
        if path in seen:
            what = f"'{member.name}' occurs twice, or its name in two Unicode forms"
            raise ArchiveError(what, where=where, way_out="pack it again")
        seen.add(path)
        if not member.plain:
            raise ArchiveError(
                f"'{member.name}' is a link or no plain file", where=where, way_out="pack the file itself"
            )
    tally.alike += alike(path for _, path in files)
    size = sum(member.size for member, _ in files)
    tally.written += size
    if tally.written > max(SMALL, EXPANSION * tally.size):
        raise ArchiveError(
            f"{tally.size / 1e6:,.1f} MB would unpack to {tally.written / 1e9:,.1f} GB",
            where=where,
            way_out="do not trust this archive",
        )
    _require_space(where, target, size)
    for member, path in track(files, "unpacking", len(files)):
        stream = member.open()
        if stream is None:
            raise ArchiveError(f"'{member.name}' holds no data", where=where, way_out="download it again")
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with stream, place.open("xb") as out:
            shutil.copyfileobj(stream, out)
    tally.files += len(files)


def _require_space(source: object, target: Path, needed: int) -> None:
    free = shutil.disk_usage(target).free
    if needed + RESERVE > free:
        raise ArchiveError(
            f"{needed / 1e9:,.2f} GB do not fit on the disk ({free / 1e9:,.2f} GB free)",
            where=source,
            way_out="free some space",
        )
