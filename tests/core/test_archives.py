"""What strangers packed is unpacked inside the target folder, or not at all."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from sartext.archives import unpack
from sartext.errors import ArchiveError


def tar_with(path: Path, *members: tarfile.TarInfo | tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def zip_with(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def files(folder: Path) -> dict[str, bytes]:
    return {item.relative_to(folder).as_posix(): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


def refuse(source: Path, target: Path, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        unpack(source, target)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_a_zip_a_tar_and_a_folder_give_the_same_files(tmp_path: Path) -> None:
    content = {"images/a.png": b"a", "labels/a.xml": b"<a/>"}
    folder = tmp_path / "folder"
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    sources = [folder, zip_with(tmp_path / "c.zip", **content), tar_with(tmp_path / "c.tar.gz", *content.items())]
    for number, source in enumerate(sources):
        out = tmp_path / f"out{number}"
        out.mkdir()
        assert unpack(source, out).files == 2
        assert files(out) == content


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:/../evil.txt"]
)
def test_a_path_that_climbs_out_is_refused(tmp_path: Path, target: Path, name: str) -> None:
    for source in (zip_with(tmp_path / "c.zip", **{name: b"x"}), tar_with(tmp_path / "c.tar.gz", (name, b"x"))):
        refuse(source, target, "climbs out of the folder")
    assert files(tmp_path / "target") == {}
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused_first(tmp_path: Path, target: Path, kind: bytes) -> None:
    source = tar_with(tmp_path / "c.tar.gz", ("first.txt", b"x"), link("images", "..", kind))
    refuse(source, target, "'images' is a link or no plain file")
    assert files(target) == {}


def test_a_link_in_a_zip_or_a_folder_is_refused(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("images")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr(info, "/etc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "images").symlink_to("/etc")
    for name in ("c.zip", "folder"):
        refuse(tmp_path / name, target, "'images' is a link")


def test_the_same_path_twice_and_a_path_that_is_a_file_and_a_folder_are_refused(
    tmp_path: Path, target: Path
) -> None:
    refuse(tar_with(tmp_path / "c.tar.gz", ("a.txt", b"1"), ("./a.txt", b"2")), target, "occurs twice")
    source = zip_with(tmp_path / "c.zip", **{"images": b"1", "images/a.png": b"2"})
    refuse(source, target, "both a file and a folder")


def test_a_zip_that_would_fill_the_disk_is_refused(tmp_path: Path, target: Path) -> None:
    source = zip_with(tmp_path / "c.zip", **{"a.bin": b"0" * 1000})
    content = bytearray(source.read_bytes())
    place = content.index(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    content[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    source.write_bytes(content)
    free = os.statvfs(tmp_path)
    if free.f_bavail * free.f_frsize > 0xFFFFFFF0:
        pytest.skip("over 4 GB are free: the claimed size would fit")
    refuse(source, target, "do not fit on the disk")


def test_cut_archives_a_text_file_and_nothing_are_named_as_such(tmp_path: Path, target: Path) -> None:
    whole = tar_with(tmp_path / "c.tar.gz", ("a.txt", os.urandom(100_000))).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    refuse(tmp_path / "cut.tar.gz", target, r"damaged or cannot be read|neither a zip nor a tar")
    whole = zip_with(tmp_path / "c.zip", **{"a.bin": os.urandom(10_000)}).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:5000])
    refuse(tmp_path / "cut.zip", target, "the zip archive is cut off; download it again")
    (tmp_path / "note.txt").write_text("hello")
    refuse(tmp_path / "note.txt", target, "neither a zip nor a tar archive")
    refuse(tmp_path / "absent.zip", target, "no such folder or archive")


def test_files_of_git_and_dvc_are_no_data(tmp_path: Path, target: Path) -> None:
    content = {"a.txt": b"1", ".git/config": b"2", "sub/.dvcignore": b"3", ".gitignore": b"4"}
    assert unpack(zip_with(tmp_path / "c.zip", **content), target).files == 1
    assert files(target) == {"a.txt": b"1"}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_content_and_names_that_no_disk_takes_are_told_in_a_line(
    tmp_path: Path, target: Path, method: int
) -> None:
    source = tmp_path / "damaged.zip"
    with zipfile.ZipFile(source, "w", method) as archive:
        archive.writestr("a.txt", bytes(range(256)) * 40)
    content = bytearray(source.read_bytes())
    content[50:90] = b"\xff" * 40
    source.write_bytes(content)
    with pytest.raises(ArchiveError, match="the archive is damaged or cannot be read"):
        unpack(source, target)
    with pytest.raises(ArchiveError, match="File name too long"):
        unpack(zip_with(tmp_path / "long.zip", **{f"{'a' * 300}.txt": b"content"}), target)
