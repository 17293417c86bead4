"""The stage `checkpoint@<name>` on the small project: whole, repeatable, resumable, and shared among processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from sartext.config import Project
from sartext.errors import ArtefactError, DivergenceError, ModelError, ParameterError, TrainingError
from sartext.files import sha256_file, sha256_tree
from sartext.models.checkpoint import load, start
from sartext.tracking.record import records
from sartext.tracking.tracker import Tracker
from sartext.training.stage import train
from tests.conftest import ROOT
from tests.processes import wait_for
from tests.training.test_distribution import torchrun


@pytest.fixture
def project(mini_project: Project, tmp_path: Path) -> Project:
    """A copy of the small project in which something may be trained."""
    root = tmp_path / "project"
    shutil.copytree(mini_project.root, root, symlinks=True, ignore=shutil.ignore_patterns("data", "corpus"))
    return Project(root)


def changed(project: Project, section: str, /, **values: object) -> Project:
    """Write other parameters of a section, or of a row."""
    path = project.root / "params.yaml"
    parameters = yaml.safe_load(path.read_text())
    place: Mapping[str, object] = parameters
    for part in section.split("."):
        place = place[part]
    place.update(values)
    path.write_text(yaml.safe_dump(parameters, sort_keys=False))
    return Project(project.root)


def record_of(project: Project, name: str) -> dict[str, Any]:
    return json.loads((project.checkpoint(name) / "training.json").read_text())


def test_two_stages_of_the_transfer(project: Project) -> None:
    metrics = train(project, "clip-optical")
    folder, record = project.checkpoint("clip-optical"), record_of(project, "clip-optical")
    assert record["model_sha256"] == sha256_file(folder / "model.safetensors") == metrics["model_sha256"]
    assert record["steps"] == 6 and record["samples"] == 96 and len(record["curves"]["steps"]) == 6
    assert record["best_step"] == min(record["curves"]["validations"], key=lambda figures: figures["loss"])["step"]
    index = project.shards("optical") / "index.parquet"
    assert record["data"]["build/shards/optical/index.parquet"] == sha256_file(index)
    assert record["parent"] == {"checkpoint": None, "model_sha256": None}
    assert record["versions"].keys() == {"open_clip", "torch"}
    assert "/tmp" not in (folder / "training.json").read_text()
    assert 0 <= metrics["waited_share"] <= 1 and metrics["samples_per_second"] > 0
    assert load(folder, expected_kind="clip").sha256 == record["model_sha256"]
    assert not (project.build / "resume" / "clip-optical").exists()

    before = sha256_tree(folder)
    train(project, "clip-optical")
    assert sha256_tree(folder) == before

    train(project, "clip-sar")
    parent = {"checkpoint": "clip-optical", "model_sha256": record["model_sha256"]}
    assert record_of(project, "clip-sar")["parent"] == parent


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_a_frozen_tower_is_kept_as_it_was_and_the_rest_learns(project: Project, kind: str) -> None:
    name, foundation = f"{kind}-optical", f"src/sartext/models/foundations/{kind}-conv-tiny.yaml"
    project = changed(project, f"checkpoints.{name}", **{"from": foundation, "frozen_tower": True})
    begun = start(foundation, project.root, project.tokenizer, seed=project.parameters.training.seed, side=64)
    train(project, name)
    weights = load_file(project.checkpoint(name) / "model.safetensors")
    before = {key: value for key, value in begun.network.state_dict().items() if value.is_floating_point()}
    changes = {key for key, value in before.items() if not torch.equal(value, weights[key])}
    assert changes and not any("trunk" in key for key in changes), "means of batch normalisation neither"
    assert record_of(project, name)["checkpoint"]["frozen_tower"]
    project = changed(
        project, f"checkpoints.{name}", **{"from": f"src/sartext/models/foundations/{kind}-tiny.yaml"}
    )
    with pytest.raises(ModelError, match=rf"params.yaml: {name}: frozen_tower: only an image tower of timm"):
        train(project, name)


SAVES_OFTEN = (
    "from sartext import cli; from sartext.training import checkpointing; checkpointing.SHARE = 1.0; cli.main()"
)


def goes_on_when_killed(project: Project, name: str, course: str = "", code: str = SAVES_OFTEN) -> int:
    """Kill a command once a course's state is kept, train on, and again; return the step that it went on after."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code, "train", name]
    child = subprocess.Popen(command, cwd=project.root, env=environment, stderr=subprocess.DEVNULL)
    state = project.build / "resume" / name / course / "state.pt"
    wait_for(lambda: state.is_file() or child.poll() is not None)
    child.kill()
    assert child.wait(60) == -signal.SIGKILL and not project.checkpoint(name).exists()
    resumed_after = train(project, name)["resumed_after"]
    interrupted = sha256_tree(project.checkpoint(name))
    assert train(project, name)["resumed_after"] == 0
    assert sha256_tree(project.checkpoint(name)) == interrupted
    return resumed_after


def test_a_killed_command_goes_on_and_ends_with_the_same_bytes(project: Project) -> None:
    project = changed(project, "checkpoints.coca-optical", samples=16 * 20)
    assert goes_on_when_killed(project, "coca-optical") > 0


def test_two_processes_write_one_checkpoint_with_the_same_curve(project: Project) -> None:
    train(project, "coca-optical")
    alone = record_of(project, "coca-optical")
    best = project.checkpoint("coca-optical") / "model.safetensors"
    weights = load_file(best)
    done = torchrun("-m", "sartext", "train", "coca-optical", "--again", cwd=project.root)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("checkpoint@coca-optical:") == 1
    shared = record_of(project, "coca-optical")
    for mine, theirs in zip(alone["curves"]["steps"], shared["curves"]["steps"], strict=True):
        assert theirs["loss"] == pytest.approx(mine["loss"], rel=1e-3)
    assert shared["best_step"] == alone["best_step"]
    for name, value in load_file(best).items():
        assert (value - weights[name]).abs().max() < 1e-2, name


def test_bad_input_is_an_error_that_says_the_way_out_and_leaves_what_was_there(project: Project) -> None:
    folder = project.checkpoint("coca-optical")
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"older")
    with pytest.raises(ParameterError, match=r"no checkpoint or model 'coca-optial'.*did you mean 'coca-optical'"):
        train(project, "coca-optial")
    with pytest.raises(TrainingError, match=r"a batch of 512 cannot be drawn from \d+ pairs; set training.batch"):
        train(changed(project, "training", batch=512), "coca-optical")
    with pytest.raises(ModelError, match="no checkpoint"):
        train(changed(project, "training", batch=16), "coca-sar")
    with pytest.raises(TrainingError, match="do not fill one batch"):
        train(changed(project, "checkpoints.coca-optical", samples=15), "coca-optical")
    shutil.rmtree(project.shards("optical"))
    with pytest.raises(ArtefactError, match="sartext shards optical"):
        train(project, "coca-optical")
    assert [path.read_bytes() for path in folder.iterdir()] == [b"older"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_stage_that_ends_while_its_result_is_recorded_is_not_trained_again(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def ended(tracker: Tracker, folder: Path) -> None:
        assert (folder / "model.safetensors").is_file()
        raise error

    with monkeypatch.context() as patch, pytest.raises(error):
        patch.setattr(Tracker, "finished", ended)
        train(project, "clip-optical", callbacks=[Tracker(project, "clip-optical")])
    digest = sha256_tree(project.checkpoint("clip-optical"))
    shutil.rmtree(project.checkpoint("clip-optical"))  # as DVC does before it runs the stage again
    metrics = train(project, "clip-optical", callbacks=[Tracker(project, "clip-optical")])
    assert metrics["resumed_after"] == metrics["steps"] == 6
    assert sha256_tree(project.checkpoint("clip-optical")) == digest
    assert not (project.build / "resume" / "clip-optical").exists()
    (record,) = records(project, "clip-optical")
    assert record.status() == "FINISHED"


def spoilt(*_: object) -> torch.Tensor:
    return torch.tensor(float("nan"))


def broken(*_: object) -> torch.Tensor:
    raise ZeroDivisionError("a fault\nof the code")


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        (spoilt, DivergenceError, "gradient norm is nan at step 1"),
        (broken, ZeroDivisionError, "ZeroDivisionError: a fault of the code"),
    ],
    ids=["divergence", "any exception"],
)
def test_a_training_that_ends_by_an_error_is_recorded_as_failed(
    project: Project, monkeypatch: pytest.MonkeyPatch, fault: Any, error: type[Exception], reason: str
) -> None:
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", fault)
    with pytest.raises(error) as caught:
        train(project, "clip-optical", callbacks=[Tracker(project, "clip-optical")])
    (record,) = records(project, "clip-optical")
    assert record.status() == "FAILED"
    assert reason in record.end()["reason"] and record.end()["reason"] in {reason, str(caught.value)}


def test_a_training_that_is_interrupted_has_not_failed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Tracker.step

    def ended(tracker: Tracker, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        recorded(tracker, step, samples, metrics)
        if step == 3:
            raise SystemExit(143)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Tracker, "step", ended)
        train(project, "clip-optical", callbacks=[Tracker(project, "clip-optical")])
    (record,) = records(project, "clip-optical")
    assert not record.end()
    assert train(project, "clip-optical", callbacks=[Tracker(project, "clip-optical")])["resumed_after"] == 3
    assert [record.status() for record in records(project, "clip-optical")] == ["FINISHED"]


def test_parameters_that_were_edited_meanwhile_are_not_recorded(project: Project) -> None:
    assert project.parameters.checkpoints  # read now, as the command does when it begins
    changed(project, "checkpoints.clip-optical", learning_rate=0.01)
    with pytest.raises(TrainingError, match="'clip-optical' were changed while it was trained"):
        train(project, "clip-optical")
    assert not project.checkpoint("clip-optical").exists()
