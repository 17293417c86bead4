"""The stage `pinned@<name>`: a checkpoint of before is taken byte by byte, or refused with the reason."""

import shutil
from pathlib import Path

import pytest
import yaml

from sartext.config import Project
from sartext.errors import ModelError, ParameterError
from sartext.files import sha256_file, sha256_tree, write_json
from sartext.models.checkpoint import save, start
from sartext.models.tokenizer import train_tokenizer
from sartext.models.weights import RECORD
from sartext.training.pinning import take
from tests.conftest import ROOT

FOUNDATION = "src/sartext/models/foundations/clip-conv-tiny.yaml"
SENTENCES = [f"There are {number} ships in this SAR image." for number in ("two", "three", "four", "seven")]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project that pins a CLIP of 64 pixels, from a folder of a release."""
    folder = tmp_path / "releases/x/1.0.0/provenance/build/checkpoint/clip-sar"
    train_tokenizer(SENTENCES, 300, 24).save(tmp_path / "tokenizer")
    model = start(FOUNDATION, ROOT, tmp_path / "tokenizer", seed=3, side=64)
    write_json(folder / RECORD, {"model_sha256": save(model, folder)})
    write_parameters(tmp_path, {"clip-sar": folder.relative_to(tmp_path).as_posix()})
    return Project(tmp_path)


def write_parameters(root: Path, pinned: dict[str, str], **further: object) -> None:
    (root / "params.yaml").write_text(yaml.safe_dump({"corpora": {}, "pinned": pinned, **further}))


def origin(project: Project) -> Path:
    return project.root / project.parameters.pinned["clip-sar"]


def test_a_pinned_checkpoint_is_taken_byte_by_byte(project: Project) -> None:
    outcome = take(project, "clip-sar")
    assert sha256_tree(project.build / "checkpoint/clip-sar") == sha256_tree(origin(project))
    assert outcome["model_sha256"] == sha256_file(origin(project) / "model.safetensors")


def test_a_name_that_is_not_pinned_is_answered_with_the_nearest(project: Project) -> None:
    with pytest.raises(ParameterError, match=r"no pinned checkpoint 'clip-sra'.*'clip-sar'"):
        take(project, "clip-sra")


def test_other_weights_than_the_trainings_are_refused_and_nothing_is_written(project: Project) -> None:
    weights = origin(project) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="not the weights that the training wrote"):
        take(project, "clip-sar")
    assert not (project.build / "checkpoint").exists()


def test_a_missing_folder_and_a_link_in_it_are_refused(project: Project, tmp_path: Path) -> None:
    (origin(project) / "more.json").symlink_to(tmp_path / "params.yaml")
    with pytest.raises(ModelError, match=r"'more.json' is no plain file"):
        take(project, "clip-sar")
    shutil.rmtree(origin(project))
    with pytest.raises(ModelError, match="the pinned checkpoint is missing"):
        take(project, "clip-sar")


def test_a_checkpoint_of_other_pictures_is_refused(project: Project) -> None:
    write_parameters(project.root, dict(project.parameters.pinned), shards={"side": 96})
    with pytest.raises(ModelError, match=r"pictures of 64 pixels.*of 96; make `shards.side`"):
        take(Project(project.root), "clip-sar")


def test_a_checkpoint_is_pinned_or_trained_and_not_both(project: Project) -> None:
    row = {"from": FOUNDATION, "data": "build/shards/sar", "samples": 64, "learning_rate": 0.001}
    write_parameters(project.root, dict(project.parameters.pinned), checkpoints={"clip-sar": row})
    with pytest.raises(ParameterError, match=r"pinned.clip-sar: a row of `checkpoints` has that name too"):
        _ = Project(project.root).parameters


def test_a_training_may_start_from_a_pinned_checkpoint(project: Project) -> None:
    row = {"from": "build/checkpoint/clip-sar", "data": "build/shards/sar", "samples": 64, "learning_rate": 0.001}
    write_parameters(project.root, dict(project.parameters.pinned), checkpoints={"clip-more": row})
    assert Project(project.root).parameters.checkpoints["clip-more"].parent == "clip-sar"
