"""`sartext release verify` and `extract`: every byte of a release, its tables against each other, its files."""

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.errors import ReleaseError, SarTextError
from sartext.files import sha256_file, sha256_tree
from sartext.release.verification import extract, verify
from sartext.release.verify import CHECKSUMS, MANIFEST
from tests.release.sealing import assert_found, assert_refused, edit_manifest, flip


def test_a_whole_release_is_proved_without_a_project_and_nothing_is_written(release: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    metrics = verify(release)
    assert (metrics["version"], metrics["pairs"], metrics["images"]) == ("1.0.0", 40, 30)
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def other_content(release: Path) -> None:
    edit_manifest(release, lambda manifest: manifest.update(content_sha256="0" * 64))


def link_file(release: Path) -> None:
    (release / "csv/test.csv").unlink()
    (release / "csv/test.csv").symlink_to("train.csv")


def three_files(release: Path) -> None:
    for name in ("README.md", "ledger.parquet", "csv/train.csv"):
        flip(release / name)


def climb(release: Path, path: str) -> None:
    edit_manifest(release, lambda manifest: manifest["files"].update({path: {"sha256": "0" * 64, "size": 1}}))


OUTSIDE = ["../outside.txt", "/etc/hostname", "data/../../x", "a\\b", "C:/x", "./README.md"]


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (other_content, "content_sha256 is not that of the files"),
        (lambda release: (release / "data/extra.parquet").touch(), r"data/extra\.parquet: not in the manifest"),
        (lambda release: (release / "csv/test.csv").unlink(), r"csv/test\.csv: missing"),
        (link_file, r"csv/test\.csv: a link"),
        (lambda release: (release / "more").symlink_to("/"), "more: not in the manifest"),
        (three_files, r"README\.md: changed.*3 files are wrong"),
        (lambda release: (release / MANIFEST).unlink(), r"there is no MANIFEST\.json"),
        *[(partial(climb, path=path), "unsafe path") for path in OUTSIDE],
    ],
)
def test_a_tampered_release_is_refused_in_one_line(
    release: Path, tamper: Callable[[Path], object], message: str
) -> None:
    tamper(release)
    assert_refused(release, message)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {}}', "\x00"])
def test_what_is_no_manifest_is_said_in_one_line(release: Path, text: str) -> None:
    (release / MANIFEST).write_text(text)
    (release / CHECKSUMS).write_text(f"{sha256_file(release / MANIFEST)}  {MANIFEST}\n")
    assert_refused(release, r"MANIFEST\.json", SarTextError)


def other_image(row: dict[str, Any]) -> dict[str, Any]:
    return {"image": {**row["image"], "bytes": row["image"]["bytes"] + b"x"}} if row["image"] else {}


def other_id(row: dict[str, Any]) -> dict[str, Any]:
    image_id = f"{row['image_id']}x"
    return {"image_id": image_id, "image": row["image"] and {**row["image"], "path": f"{image_id}.png"}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: {"caption": "There is one ship."}, r"csv/test\.csv: its rows are not those"),
        (lambda row: {"caption_detailed": "A ship."}, r"csv/test-detailed\.csv: its rows are not those"),
        (lambda row: {"image": None}, "the image is missing"),
        (other_image, "the image is not the one of image_sha256"),
        (lambda row: {"pixels_sha256": "0" * 64}, "the pixels are not those of pixels_sha256"),
        (lambda row: {"width": 7}, "another size"),
        (lambda row: {"image_id": f"{row['image_id']}x"}, "an image of it is named 'alpha/0004.png', not"),
        (other_id, "released in one table only"),
    ],
)
def test_tables_that_disagree_are_found_behind_a_fitting_manifest(
    release: Path, change: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    path = release / "data/test-00000-of-00001.parquet"
    table = pq.read_table(path)
    rows = [{**row, **change(row)} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
    assert_found(release, message)


def test_licence_counts_that_disagree_are_found(release: Path) -> None:
    path = release / "LICENSES.csv"
    path.write_text(path.read_text().replace(",30,30,", ",30,29,"))
    assert_found(release, "counts are not those")


def test_a_published_file_is_read_only(published: Path) -> None:
    modes = {path.stat().st_mode & 0o222 for path in published.rglob("*") if path.is_file()}
    assert modes == {0}
    assert all(os.access(path, os.W_OK) for path in published.rglob("*") if path.is_dir())


def test_the_questions_are_copied_and_name_images_that_are_there(published: Path, tmp_path: Path) -> None:
    metrics = extract(published, tmp_path / "files")
    copied, listed = (sha256_tree(folder / "vqa") for folder in (tmp_path / "files", published))
    assert copied == {name: digest for name, digest in listed.items() if name.endswith(".jsonl")}
    questions = "".join(path.read_text() for path in (tmp_path / "files/vqa").iterdir())
    named = {json.loads(line)["image"] for line in questions.splitlines()}
    assert None in named, "those of the corpus that is withheld"
    paths = named - {None}
    assert len(paths) > 10
    assert all((tmp_path / "files" / path).is_file() for path in paths)
    assert metrics["images"] == len(list((tmp_path / "files/images").rglob("*.png"))) == 30


def test_a_release_without_questions_is_extracted_without_them(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "release")
    shutil.rmtree(tmp_path / "release" / "vqa")
    extract(tmp_path / "release", tmp_path / "files")
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["chat", "coco", "csv", "images"]


def test_a_folder_without_data_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="name the folder of a version"):
        extract(tmp_path, tmp_path / "files")
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize("column", ["caption_detailed", "second_image"])
def test_a_release_of_another_version_is_told_from_a_damaged_one(
    release: Path, tmp_path: Path, column: str
) -> None:
    for path in (release / "data").iterdir():
        pq.write_table(pq.read_table(path).drop_columns([column]), path)
    assert_found(release, f"has no column '{column}'.*by the version of sartext that made it")
    if column == "second_image":
        assert extract(release, tmp_path / "files")["images"] == 30
