"""A release as files: where open_clip or LLaVA's trainer is started there, every path that is listed exists."""

import json
import shutil
from pathlib import Path

import pytest

from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release.verification import extract


def test_the_questions_are_copied_and_name_images_that_are_there(published: Path, tmp_path: Path) -> None:
    metrics = extract(published, tmp_path / "files")
    assert sha256_tree(tmp_path / "files/vqa") == sha256_tree(published / "vqa")
    named = {
        row["image"]
        for path in (tmp_path / "files/vqa").iterdir()
        for row in map(json.loads, path.read_text().splitlines())
    }
    assert None in named, "those of the corpus that is withheld"
    paths = named - {None}
    assert len(paths) > 10
    assert all((tmp_path / "files" / path).is_file() for path in paths)
    assert metrics["images"] == len(list((tmp_path / "files/images").rglob("*.png"))) == 30


def test_a_release_without_questions_is_extracted_without_them(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "release")
    shutil.rmtree(tmp_path / "release" / "vqa")
    extract(tmp_path / "release", tmp_path / "files")
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["csv", "images"]


def test_a_folder_without_data_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="name the folder of a version"):
        extract(tmp_path, tmp_path / "files")
    assert not (tmp_path / "files").exists()
