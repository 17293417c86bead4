"""The shards of the release: its train and validation pairs, narrated captions among them, and nothing else."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sartext.config import Project
from sartext.errors import ArtefactError, ParameterError
from sartext.files import read_json, sha256_tree
from sartext.models.squashing import squash
from sartext.release.assembly import assemble
from sartext.tables import INDEX, SHARDS, SPLITS, read_rows, write_table
from sartext.training.shards.reading import Shards, open_shards
from sartext.training.shards.selection import HELD_OUT, TOO_SMALL
from sartext.training.shards.writing import write_shards
from tests.release.built import SIDE, Built, Row, build, passed_verdict
from tests.release.indexed import rows_by_id
from tests.training.mini import beside

NARRATED = "Two ships are near a pier, a model says."


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A release of which a model wrote one caption, and one training image belongs to a benchmark."""
    built = build(tmp_path_factory.mktemp("release-shards") / "project")
    built.parameters(shards={"side": 16, "looks": 2})
    built.set_pair(1, method="narrator", caption=NARRATED, model_sha256="0" * 64, score=0.9)
    passed_verdict(built)
    assemble(built.project)
    path = built.root / "build/splits/splits.parquet"
    rows = [{**row, "benchmark": "theirs" if row["image_id"] == "alpha/0002" else None} for row in splits(built)]
    write_table(path, SPLITS, rows)
    return built


def sharing(project: Built, root: Path, *artefacts: str) -> Project:
    """A project of its own with the same data, and some of the artefacts."""
    names = [f"build/{name}" for name in artefacts]
    return beside(project.project, root, "params.yaml", "catalogue", "data", *names)


def with_index(project: Built, root: Path, change: Callable[[list[Row]], list[Row]]) -> Project:
    """A project of its own of the same release, where the indexes of the corpora were changed since."""
    other = sharing(project, root, "release", "splits")
    for name in ("alpha", "beta"):
        rows = read_rows(project.project.corpus(name) / "index.parquet", INDEX)
        write_table(other.corpus(name) / "index.parquet", INDEX, change(rows))
    return other


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


def test_withheld_images_and_narrated_captions_are_in_them_too(
    project: Built, shards: Shards, metrics: dict[str, Any]
) -> None:
    released = {row["image_id"]: row for row in project.pairs() if row["split"] != "test"}
    del released["alpha/0002"]
    pairs = pairs_of(shards)
    assert pairs.keys() == released.keys()
    for image_id, row in released.items():
        pair = pairs[image_id]
        assert pair.captions == (row["caption"],)
        assert (pair.split, pair.method, pair.group_id) == (row["split"], row["method"], row["group_id"])
    assert pairs["alpha/0001"].captions == (NARRATED,)
    assert metrics["methods"] == {"a2c": len(pairs) - 1, "narrator": 1}
    assert (metrics["data"], metrics["pairs"]) == ("release", len(pairs))
    assert set(metrics["corpora"]) == {"alpha", "beta"}, "beta's licence withholds it from others, not from us"


def test_no_image_of_test_split_or_benchmark_is_in_them(
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
    other = sharing(project, tmp_path, "release", "corpus")
    rows = [row | ({"split": "test"} if row["image_id"] == "alpha/0001" else {}) for row in splits(project)]
    write_table(tmp_path / "build/splits/splits.parquet", SPLITS, rows)
    write_shards(other, "release")
    assert "alpha/0001" not in pairs_of(open_shards(other.shards("release")))


def test_pictures_are_the_sources_squashed(project: Built, shards: Shards) -> None:
    pairs = pairs_of(shards)
    for image_id in ("alpha/0001", "beta/0003"):
        with Image.open(project.root / f"data/{image_id.replace('/', '/images/')}.png") as image:
            source = np.asarray(image)
        assert source.shape == (SIDE, SIDE)
        pair = pairs[image_id]
        assert len(pair.offsets) == 1, "what was not simulated has one look"
        assert (shards.picture(pair) == squash(source, 16)[..., 0]).all()


def test_they_say_how_captions_were_realised_and_repeat(project: Built, metrics: dict[str, Any]) -> None:
    folder = project.project.shards("release")
    assert folder == project.root / "build/release-shards"
    described = read_json(folder / "description.json")
    assert described["narrator"]["seed"] == project.project.parameters.narrator.seed
    assert set(described["corpora"]) == {"alpha", "beta"}
    before = sha256_tree(folder)
    write_shards(project.project, "release")
    assert sha256_tree(folder) == before
    assert json.loads((folder / "metrics.json").read_text())["pairs"] == metrics["pairs"]


def test_objects_too_small_for_the_model_are_left_unsaid(project: Built, tmp_path: Path) -> None:
    box = {"label": "ship", "source_label": "ship", "angle": None, "xmin": 0.0, "ymin": 0.0}
    large, small = ({**box, "xmax": side, "ymax": side} for side in (9.0, 2.0))
    objects = {"alpha/0005": [large, small], "alpha/0001": [small], "alpha/0006": [small]}

    def change(rows: list[Row]) -> list[Row]:
        return [{**row, "objects": objects.get(row["image_id"], row["objects"])} for row in rows]

    other = with_index(project, tmp_path, change)
    metrics = write_shards(other, "release")
    rows = rows_by_id(other.shards("release") / "index.parquet", SHARDS)
    assert "one ship" in rows["alpha/0005"]["captions"][0].lower()
    assert "alpha/0006" not in rows
    assert rows["alpha/0001"]["captions"] == [NARRATED], "what a model says of an image is not told from boxes"
    assert metrics["left_out"][TOO_SMALL] == 1
    assert metrics["objects_too_small"] == 2


def test_without_a_release_there_are_none(tmp_path: Path, project: Built) -> None:
    other = sharing(project, tmp_path, "corpus", "splits")
    with pytest.raises(ArtefactError, match=r"no release is assembled.*make release"):
        write_shards(other, "release")
    with pytest.raises(ArtefactError, match=r"there are no shards.*sartext shards release"):
        open_shards(other.shards("release"))
    with pytest.raises(ParameterError, match=r"no data 'releas'.*did you mean 'release'"):
        write_shards(other, "releas")


def test_a_release_of_another_state_of_the_index_is_to_be_made_again(project: Built, tmp_path: Path) -> None:
    other = with_index(project, tmp_path, lambda rows: [row for row in rows if row["image_id"] != "alpha/0003"])
    with pytest.raises(ArtefactError, match=r"build/release: .*the first is 'alpha/0003'; run `make release`"):
        write_shards(other, "release")
