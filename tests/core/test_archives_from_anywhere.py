"""Zips as other systems pack them: encodings, Windows paths, junk, archives within archives, bombs."""

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from sartext.archives import Unpacked, unpack
from sartext.errors import ArchiveError


def zipped(*members: tuple[str | bytes, bytes]) -> bytes:
    """A zip; names in bytes are stored as they are, without the mark of UTF-8."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members):
            archive.writestr(name if isinstance(name, str) else f"{number}".rjust(len(name), "_"), content)
    packed = stream.getvalue()
    for number, (name, _) in enumerate(members):
        if isinstance(name, bytes):
            packed = packed.replace(f"{number}".rjust(len(name), "_").encode(), name)
    return packed


@pytest.fixture
def unpacked(tmp_path: Path):
    def of(content: bytes, name: str = "c.zip") -> tuple[dict[str, bytes], Unpacked]:
        (tmp_path / name).write_bytes(content)
        (tmp_path / "out").mkdir()
        done = unpack(tmp_path / name, tmp_path / "out")
        folder = tmp_path / "out"
        found = (item for item in folder.rglob("*") if item.is_file())
        return {item.relative_to(folder).as_posix(): item.read_bytes() for item in found}, done

    return of


@pytest.mark.parametrize(
    ("encoding", "name", "note"),
    [
        ("gbk", "图像/舰船_001.png", "file names read as GBK: the archive does not say how they are written"),
        ("utf-8", "图像/舰船_001.png", None),
        ("cp437", "Häfen/Übersicht_001.png", "file names read as CP437"),
        ("gbk", "images/001.png", None),
    ],
)
def test_names_without_a_mark_are_read_in_the_encoding_that_fits_them_all(unpacked, encoding, name, note) -> None:
    content, done = unpacked(zipped((name.encode(encoding), b"1"), ("plain/2.png", b"2")))
    assert content == {name: b"1", "plain/2.png": b"2"}
    assert [line for line in done.notes if note and line.startswith(note)] == done.notes


def test_names_of_a_tar_from_a_chinese_system_are_read_too(tmp_path: Path, unpacked) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        info = tarfile.TarInfo("标注/1.xml")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    assert unpacked(stream.getvalue(), "c.tar")[0] == {"标注/1.xml": b"x"}


def test_windows_paths_become_folders_and_drive_letters_go(unpacked) -> None:
    content, _ = unpacked(zipped((r"C:\data\ships\images\1.png", b"1"), ("d:/data/2.png", b"2")))
    assert content == {"data/ships/images/1.png": b"1", "data/2.png": b"2"}


def test_what_systems_leave_beside_data_is_passed_over_and_told_once(unpacked) -> None:
    junk = [
        *("__MACOSX/images/._1.png", "images/._1.png", ".DS_Store", "images/.DS_Store", "images/Thumbs.db"),
        *("desktop.ini", ".ipynb_checkpoints/a.txt", ".git/config"),
    ]
    content, done = unpacked(zipped(("images/1.png", b"1"), *((name, b"x") for name in junk)))
    assert content == {"images/1.png": b"1"}
    assert done.files == 1
    (line,) = done.notes
    assert line.startswith("8 files of systems and tools passed over")


def test_a_folder_loses_its_junk_in_the_copy_alone(tmp_path: Path) -> None:
    source = tmp_path / "folder"
    source.mkdir()
    for name in ("1.png", ".DS_Store", "Thumbs.db"):
        (source / name).write_bytes(b"x")
    (tmp_path / "out").mkdir()
    assert unpack(source, tmp_path / "out").files == 1
    assert len(list(source.iterdir())) == 3


def test_archives_within_archives_become_folders_of_their_names(unpacked) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        info = tarfile.TarInfo("3.png")
        info.size = 1
        archive.addfile(info, io.BytesIO(b"3"))
    inner = zipped(("2.png", b"2"), ("deep.tar.gz", tar.getvalue()))
    content, done = unpacked(zipped(("a/1.png", b"1"), ("a/scene.zip", inner)))
    assert content == {"a/1.png": b"1", "a/scene/2.png": b"2", "a/scene/deep/3.png": b"3"}
    assert done == Unpacked(3, ["2 archives within it unpacked, each into a folder of its name"])


def test_archives_in_a_folder_are_unpacked_in_the_copy_alone(tmp_path: Path) -> None:
    source = tmp_path / "folder"
    source.mkdir()
    (source / "scene.zip").write_bytes(zipped(("Patch/1.tif", b"1")))
    (tmp_path / "out").mkdir()
    unpack(source, tmp_path / "out")
    assert (tmp_path / "out/scene/Patch/1.tif").read_bytes() == b"1"
    assert [item.name for item in source.iterdir()] == ["scene.zip"]


def test_archives_deeper_than_three_are_refused(tmp_path: Path, unpacked) -> None:
    content = zipped(("1.png", b"1"))
    for _ in range(5):
        content = zipped(("inner.zip", content))
    with pytest.raises(ArchiveError, match="more than 3 deep in one another; do not trust this archive"):
        unpacked(content)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, unpacked) -> None:
    content = bytearray(zipped(("a.bin", bytes(1000))))
    place = content.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    content[place : place + 4] = struct.pack("<I", 3 << 29)
    with pytest.raises(ArchiveError, match=r"would unpack to 1\.6 GB; do not trust this archive"):
        unpacked(bytes(content))
    assert not list((tmp_path / "out").iterdir())


def test_an_archive_within_that_climbs_out_is_refused_with_its_place(unpacked) -> None:
    with pytest.raises(ArchiveError, match=r"scene\.zip: '\.\./evil' climbs out of the folder"):
        unpacked(zipped(("a/scene.zip", zipped(("../evil", b"1")))))


def test_names_that_differ_in_case_alone_are_kept_and_told(unpacked) -> None:
    content, done = unpacked(zipped(("a/Ship.png", b"1"), ("a/ship.png", b"2")))
    assert content == {"a/Ship.png": b"1", "a/ship.png": b"2"}
    assert done.notes == ["names that differ in case alone: 1, such as a/Ship.png and a/ship.png"]


def test_a_name_in_two_unicode_forms_is_refused(unpacked) -> None:
    with pytest.raises(ArchiveError, match="occurs twice, or its name in two Unicode forms"):
        unpacked(zipped(("Häfen.png", b"1"), ("Ha\u0308fen.png", b"2")))


@pytest.mark.parametrize(
    ("start", "kind"), [(b"Rar!\x1a\x07\x01\x00", "RAR"), (b"7z\xbc\xaf\x27\x1c\x00\x04", "7z")]
)
def test_rar_and_7z_are_to_be_unpacked_by_hand(unpacked, start, kind) -> None:
    with pytest.raises(ArchiveError, match=f"a {kind} archive; unpack it by hand and pass the folder"):
        unpacked(start + bytes(100), "c.bin")


def test_a_rar_within_is_left_and_told(unpacked) -> None:
    _, done = unpacked(zipped(("a/1.png", b"1"), ("a/more.rar", b"Rar!\x1a\x07")))
    assert done.notes == ["1 archive left packed, to be unpacked by hand: a/more.rar"]


def test_an_encrypted_zip_says_so(unpacked) -> None:
    content = bytearray(zipped(("1.png", b"1")))
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(mark) + place] |= 1
    with pytest.raises(ArchiveError, match="it is encrypted; unpack it by hand and pass the folder"):
        unpacked(bytes(content))


def test_a_source_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    source = tmp_path / "folder"
    (source / "images").mkdir(parents=True)
    (source / "images/1.png").write_bytes(b"1")
    for item in (source / "images/1.png", source / "images", source):
        item.chmod(item.stat().st_mode & 0o555)
    (tmp_path / "out").mkdir()
    assert unpack(source, tmp_path / "out").files == 1
    (tmp_path / "out/images/1.png").write_bytes(b"the copy is one's own")
    for item in (source, source / "images"):
        item.chmod(0o755)
