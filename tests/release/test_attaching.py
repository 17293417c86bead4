"""Attaching: a release with a user's own copies of the images that it withholds, found by hash alone."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from PIL import Image

from sartext.cli.releases import release as releases
from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release.attaching import Fate, attach, counted_states, lines_about
from sartext.release.formats.parquet import read_pairs
from sartext.release.verification import extract
from tests.release.built import Built, Row


@pytest.fixture
def corpora(published: Path, tmp_path: Path) -> Path:
    """The user's copies of the images of beta, which the release withholds: all in one folder, by other names."""
    source = published.parent.parent.parent / "data/beta/images"
    folder = tmp_path / "corpora" / "my files"
    folder.mkdir(parents=True)
    for path in source.iterdir():
        shutil.copyfile(path, folder / f"my-{path.name}")
    (folder / "notes.txt").write_text("not an image")
    return tmp_path / "corpora"


def rows_of(folder: Path) -> dict[str, Row]:
    tables = (pq.read_table(path) for path in sorted((folder / "data").glob("*.parquet")))
    return {row["image_id"]: row for table in tables for row in table.to_pylist()}


def states(fates: list[Fate]) -> dict[str, int]:
    return {state: count for state, count in counted_states(fates).items() if count}


def test_withheld_images_are_found_by_hash_and_rendered_as_the_release_would(
    published: Path, corpora: Path, tmp_path: Path
) -> None:
    before = sha256_tree(published), sha256_tree(corpora)
    target = tmp_path / "full"
    fates = attach(published, corpora, target, {})
    assert states(fates) == {"attached": 10}
    assert (sha256_tree(published), sha256_tree(corpora)) == before
    old, new = rows_of(published), rows_of(target)
    assert list(new) == list(old)
    for image_id, row in new.items():
        pictures = ("image", "image_sha256")
        assert {**row, **dict.fromkeys(pictures)} == {**old[image_id], **dict.fromkeys(pictures)}
        if image_id.startswith("beta/"):
            name = f"my-{image_id.removeprefix('beta/')}.png"
            assert row["image"]["bytes"] == (corpora / "my files" / name).read_bytes()
            assert row["image"]["path"] == f"{image_id}.png"
    assert not any(pair.problem for name, pair in read_pairs(target).items() if name.startswith("alpha/"))
    files = sorted((published / "data").iterdir())
    for path in files:
        written = pq.ParquetFile(target / "data" / path.name)
        assert written.schema_arrow.equals(pq.read_schema(path), check_metadata=True)


def test_what_is_attached_is_extracted_with_lists_that_name_every_image(
    published: Path, corpora: Path, tmp_path: Path
) -> None:
    attach(published, corpora, tmp_path / "full", {})
    extracted = extract(tmp_path / "full", tmp_path / "files")
    assert extracted["images"] == 40
    listed = []
    for path in sorted((tmp_path / "files/csv").glob("*.csv")):
        with path.open(newline="") as stream:
            listed += [row["filepath"] for row in csv.DictReader(stream, delimiter="\t")]
    assert len(listed) == 2 * 40  # in the concise and in the detailed lists
    assert all((tmp_path / "files" / name).is_file() for name in listed)
    questions = "".join(path.read_text() for path in (tmp_path / "files/vqa").glob("*.jsonl"))
    assert "images/beta/" in questions
    assert '"image": null' not in questions
    for pattern in ("chat/*-captions.jsonl", "chat/*-questions.jsonl", "coco/*_captions.json"):
        texts = "".join(path.read_text() for path in (tmp_path / "files").glob(pattern))
        assert texts.count("images/beta/0000.png") >= 1, pattern
    instances = {path.name for path in (published / "coco").glob("*_instances.json")}
    assert {path.name for path in (tmp_path / "files/coco").glob("*_instances.json")} == instances


def test_missing_different_and_damaged_files_are_counted_and_named(
    published: Path, corpora: Path, tmp_path: Path
) -> None:
    files = sorted((corpora / "my files").glob("*.png"))
    files[0].unlink()
    place = corpora / "beta/images/0001.png"  # where the release says that it lies
    place.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(place)
    files[1].unlink()
    target = tmp_path / "full"
    fates = attach(published, corpora, target, {})
    assert states(fates) == {"attached": 8, "missing": 1, "differs": 1}
    assert fates[0] == Fate("beta/0000", "missing")
    assert fates[1] == Fate("beta/0001", "differs", "beta/images/0001.png", "its SHA-256 is another one")
    lines = lines_about(fates, target)
    assert lines[0] == f"missing: beta/0000; {target}/attached.csv names each"
    with (target / "attached.csv").open(newline="") as stream:
        assert [row["state"] for row in csv.DictReader(stream)][:3] == ["missing", "differs", "attached"]
    assert rows_of(target)["beta/0000"]["image"] is None
    assert extract(target, tmp_path / "files")["images"] == 38


def test_a_file_that_is_rendered_needs_to_know_what_its_bands_measure(
    published: Path, corpora: Path, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    shutil.copytree(published, release, copy_function=shutil.copyfile)
    for path in (release / "data").iterdir():
        table = pq.read_table(path)
        rows = [{**row, "quantity": "amplitude"} for row in table.to_pylist()]
        pq.write_table(table.from_pylist(rows, schema=table.schema), path)
    fates = attach(release, corpora, tmp_path / "full", {})
    assert states(fates) == {"unreadable": 10}
    assert "catalogue/beta.yaml has to say what its bands measure" in fates[0].detail


def test_folders_in_each_other_full_and_absent_ones_are_refused(
    published: Path, corpora: Path, tmp_path: Path
) -> None:
    inside = corpora / "release"
    shutil.copytree(published, inside, copy_function=shutil.copyfile)
    full = tmp_path / "full"
    full.mkdir()
    (full / "a").touch()
    for arguments, problem in [
        ((inside, corpora, tmp_path / "new"), "the release lies in the corpora"),
        ((inside, inside / "data", tmp_path / "new"), "the corpora lie in the release"),
        ((published, corpora, corpora / "new"), "the target lies in the corpora"),
        ((inside, tmp_path / "other", inside / "new"), "no such folder"),
        ((published, corpora, full), "the folder is not empty"),
        ((full, corpora, tmp_path / "new"), r"no data/\*\.parquet"),
    ]:
        with pytest.raises(ReleaseError, match=problem):
            attach(*arguments, {})
    assert not (tmp_path / "new").exists()


def test_a_release_that_withholds_nothing_is_told_so(assembled: Built, corpora: Path, tmp_path: Path) -> None:
    assembled.set_pairs(lambda rows: [row for row in rows if row["corpus"] == "alpha"])
    with pytest.raises(ReleaseError, match="no image is withheld"):
        attach(assembled.assemble(), corpora, tmp_path / "new", {})


def test_the_command_counts_and_names(published: Path, corpora: Path, tmp_path: Path) -> None:
    next((corpora / "my files").glob("*.png")).unlink()
    target = tmp_path / "full"
    arguments = ["attach", str(published), "--corpora", str(corpora), "--to", str(target)]
    told = CliRunner().invoke(releases, arguments, obj=Project(tmp_path))
    assert told.exit_code == 0, told.output
    assert told.stdout == f"attached 9, missing 1, differs 0, unreadable 0, path {target}\n"
    assert told.stderr.startswith("missing: beta/")
