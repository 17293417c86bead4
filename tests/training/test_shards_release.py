"""The shards of the release: its train and validation pairs, narrated captions among them, and nothing else."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sartext.errors import ArtefactError, ParameterError
from sartext.files import read_json, sha256_tree
from sartext.models.squashing import squash
from sartext.release.assembly import assemble
from sartext.tables import INDEX, SHARDS, SPLITS, read_rows, write_table
from sartext.training.shards.reading import Shards, open_shards
from sartext.training.shards.selection import HELD_OUT, TOO_SMALL
from sartext.training.shards.writing import write_shards
from tests.release.built import SIDE, Built, build, passed_verdict

NARRATED = "Two ships are near a pier, a model says."


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release of which a model wrote one caption, and one training image belongs to a benchmark."""
    built = build(tmp_path_factory.mktemp("release-shards") / "project")
    built.parameters(shards={"side": 16, "looks": 2})
    narrated = {"method": "narrator", "caption": NARRATED, "model_sha256": "0" * 64, "score": 0.9}
    built.set_pair(1, **narrated)
    passed_verdict(built)
    assemble(built.project)
    path = built.root / "build/splits/splits.parquet"
    rows = [{**row, "benchmark": "theirs" if row["image_id"] == "alpha/0002" else None} for row in splits(built)]
    write_table(path, SPLITS, rows)
    return built


def beside(project: Built, root: Path, *names: str) -> Built:
    """A project of its own with the same data, and some of the artefacts."""
    (root / "build").mkdir()
    for name in ("params.yaml", "catalogue", "data", *(f"build/{name}" for name in names)):
        (root / name).symlink_to(project.root / name)
    return Built(root)


def splits(built: Built) -> list[dict[str, Any]]:
    return read_rows(built.root / "build/splits/splits.parquet", SPLITS)


@pytest.fixture(scope="module")
def metrics(project: Built) -> dict[str, Any]:
    return write_shards(project.project, "release")


@pytest.fixture(scope="module")
def shards(project: Built, metrics: dict[str, Any]) -> Shards:
    return open_shards(project.project.shards("release"))


def pairs_of(shards: Shards) -> dict[str, Any]:
    return {pair.image_id: pair for split in ("train", "validation") for pair in shards.rows(split)}


def test_they_hold_the_captions_of_the_release_withheld_images_and_narrated_ones_too(
    project: Built, shards: Shards, metrics: dict[str, Any]
) -> None:
    released = {row["image_id"]: row for row in project.pairs() if row["split"] != "test"}
    del released["alpha/0002"]
    pairs = pairs_of(shards)
    assert {image_id: pair.captions for image_id, pair in pairs.items()} == {
        image_id: (row["caption"],) for image_id, row in released.items()
    }
    assert {image_id: (pair.split, pair.method, pair.group_id) for image_id, pair in pairs.items()} == {
        image_id: (row["split"], row["method"], row["group_id"]) for image_id, row in released.items()
    }
    assert pairs["alpha/0001"].captions == (NARRATED,)
    assert metrics["methods"] == {"a2c": len(pairs) - 1, "narrator": 1}
    assert (metrics["data"], metrics["pairs"]) == ("release", len(pairs))
    assert set(metrics["corpora"]) == {"alpha", "beta"}, "beta's licence withholds it from others, not from us"


def test_no_image_of_the_test_split_or_a_benchmark_is_in_them(
    project: Built, shards: Shards, metrics: dict[str, Any]
) -> None:
    held = {row["image_id"] for row in splits(project) if row["split"] == "test" or row["benchmark"]}
    assert "alpha/0002" in held
    assert len(held) == 9
    assert not held & set(pairs_of(shards))
    for path in project.project.shards("release").glob("*.tar"):
        with tarfile.open(path) as tar:
            assert not {name.partition(".")[0] for name in tar.getnames()} & held
    assert metrics["left_out"] == {HELD_OUT: 9}


def test_what_is_known_of_a_split_is_what_the_splits_say_now(project: Built, tmp_path: Path) -> None:
    """An image that became a test image since the release was assembled is not trained on."""
    other = beside(project, tmp_path, "release", "corpus")
    rows = [
        {**row, "split": "test" if row["image_id"] == "alpha/0001" else row["split"]} for row in splits(project)
    ]
    write_table(tmp_path / "build/splits/splits.parquet", SPLITS, rows)
    write_shards(other.project, "release")
    assert "alpha/0001" not in pairs_of(open_shards(other.project.shards("release")))


def test_pictures_are_the_sources_squashed(project: Built, shards: Shards) -> None:
    pairs = pairs_of(shards)
    for image_id in ("alpha/0001", "beta/0003"):
        with Image.open(project.root / f"data/{image_id.replace('/', '/images/')}.png") as image:
            source = np.asarray(image)
        assert source.shape == (SIDE, SIDE)
        pair = pairs[image_id]
        assert len(pair.offsets) == 1, "what was not simulated has one look"
        assert (shards.picture(pair) == squash(source, 16)[..., 0]).all()


def test_they_say_how_captions_were_realised_and_give_equal_bytes_again(
    project: Built, metrics: dict[str, Any]
) -> None:
    folder = project.project.shards("release")
    assert folder == project.root / "build/release-shards"
    described = read_json(folder / "description.json")
    assert described["narrator"]["seed"] == project.project.parameters.narrator.seed
    assert set(described["corpora"]) == {"alpha", "beta"}
    before = sha256_tree(folder)
    write_shards(project.project, "release")
    assert sha256_tree(folder) == before
    assert json.loads((folder / "metrics.json").read_text())["pairs"] == metrics["pairs"]


def test_objects_too_small_for_the_model_are_not_told_of_the_release_either(
    project: Built, tmp_path: Path
) -> None:
    other = beside(project, tmp_path, "release", "splits")
    box = {"label": "ship", "source_label": "ship", "angle": None, "xmin": 0.0, "ymin": 0.0}
    for name in ("alpha", "beta"):
        rows = read_rows(project.root / f"build/corpus/{name}/index.parquet", INDEX)
        for row in rows:
            if row["image_id"] == "alpha/0005":
                row["objects"] = [{**box, "xmax": 9.0, "ymax": 9.0}, {**box, "xmax": 2.0, "ymax": 2.0}]
            if row["image_id"] in {"alpha/0001", "alpha/0006"}:
                row["objects"] = [{**box, "xmax": 2.0, "ymax": 2.0}]
        write_table(tmp_path / f"build/corpus/{name}/index.parquet", INDEX, rows)
    metrics = write_shards(other.project, "release")
    rows = {row["image_id"]: row for row in read_rows(other.project.shards("release") / "index.parquet", SHARDS)}
    assert "one ship" in rows["alpha/0005"]["captions"][0].lower()
    assert "alpha/0006" not in rows
    assert rows["alpha/0001"]["captions"] == [NARRATED], "what a model says of an image is not told from boxes"
    assert metrics["left_out"][TOO_SMALL] == 1
    assert metrics["objects_too_small"] == 2


def test_without_a_release_there_are_none(tmp_path: Path, project: Built) -> None:
    other = beside(project, tmp_path, "corpus", "splits")
    with pytest.raises(ArtefactError, match=r"no release is assembled.*make release"):
        write_shards(other.project, "release")
    with pytest.raises(ArtefactError, match=r"there are no shards.*sartext shards release"):
        open_shards(other.project.shards("release"))
    with pytest.raises(ParameterError, match=r"no data 'releas'.*did you mean 'release'"):
        write_shards(other.project, "releas")


def test_a_release_of_another_state_of_the_index_is_to_be_made_again(project: Built, tmp_path: Path) -> None:
    other = beside(project, tmp_path, "release", "splits")
    for name in ("alpha", "beta"):
        rows = read_rows(project.root / f"build/corpus/{name}/index.parquet", INDEX)
        kept = [row for row in rows if row["image_id"] != "alpha/0003"]
        write_table(tmp_path / f"build/corpus/{name}/index.parquet", INDEX, kept)
    with pytest.raises(ArtefactError, match=r"build/release: .*the first is 'alpha/0003'; run `make release`"):
        write_shards(other.project, "release")
