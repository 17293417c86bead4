"""The record of a training on disk: complete before any server is asked, whole after a kill."""

from pathlib import Path

import pytest

from sartext.config import Project
from sartext.errors import DivergenceError, TrackingError, TrainingError
from sartext.tracking.record import Record, records
from sartext.tracking.store import DATABASE
from sartext.tracking.tracker import Tracker, dvc_hash
from sartext.tracking.uploading import upload
from tests.processes import dvc, init_dvc
from tests.tracking.conftest import train
from tests.training.mini import edit_parameters

MODEL = "coca-sar"
AWAY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def no_server(own_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens at the port of the discard service."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", AWAY)


def steps(record: Record, key: str) -> list[int]:
    return [moment.step for moment in record.moments() if key in moment.metrics]


def only_record(project: Project) -> Record:
    (record,) = records(project)
    return record


def test_a_server_that_is_away_costs_a_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    train(project, MODEL)
    record = only_record(project)
    with pytest.raises(TrackingError):
        upload(project, record)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {AWAY}: the tracking server does not answer (")
    assert f"the run is kept in build/tracking/coca-sar/{record.id}, " in line
    assert line.endswith("upload it later by `sartext tracking upload`")
    assert record.status() == "FINISHED"
    assert not record.uploaded()
    assert not (project.root / DATABASE).exists()


def test_it_holds_what_a_training_is(project: Project) -> None:
    train(project, MODEL)
    record = only_record(project)
    description = record.description()
    assert description["parameters"]["training.batch"] == "128"
    assert description["parameters"]["checkpoint.samples"] == "640"
    assert description["parameters"]["kind"] == "coca"
    assert description["inputs"][0]["profile"]["validation pairs"] == 8
    assert steps(record, "train/loss") == list(range(1, 11))
    assert steps(record, "validation/mean_recall") == [5, 10]
    configurations = {"open_clip_config.json", "tokenizer.json", "tokenizer_config.json", "training.json"}
    assert {path.name for path in record.model.iterdir()} == {"model.safetensors", *configurations}
    last = list(record.moments())[-1].metrics
    assert 0 <= last["system/cpu_utilization_percentage"] <= 100
    assert last["system/system_memory_usage_megabytes"] > 50


def test_the_record_of_a_grounder_has_its_row_and_its_data_too(project: Project) -> None:
    row = {"task": "grounding", "from": "grounder.yaml", "data": "build/shards/sar", "samples": 32, "batch": 4}
    edited = edit_parameters(project.root, checkpoints={"grounder": {**row, "learning_rate": 0.01}})
    tracker = Tracker(edited, "checkpoint@grounder")
    tracker.started({"name": "grounder", "kind": "grounder", "steps": 8})
    tracker.step(1, 4, {"loss": 1.0})
    tracker.failed(TrainingError("stopped here"))
    (record,) = records(edited, "grounder")
    description = record.description()
    assert description["parameters"]["checkpoint.task"] == "grounding"
    assert description["inputs"][0]["profile"]["validation pairs"] == 8
    assert (
        description["tags"]["data"] == "build/shards/sar"
        and "load_grounder" in description["tags"]["mlflow.note.content"]
    )


def test_a_training_that_goes_on_continues_its_record(project: Project) -> None:
    train(project, MODEL, last=7, finish=False)
    train(project, MODEL, first=6, last=12)
    record = only_record(project)
    assert steps(record, "train/loss") == list(range(1, 13))
    assert steps(record, "validation/loss") == [5, 10]


@pytest.mark.parametrize("finish", [False, True], ids=["after its last step", "during its upload"])
def test_a_training_that_was_killed_at_its_end_continues_its_record(project: Project, finish: bool) -> None:
    train(project, MODEL, finish=finish)
    tracker = Tracker(project, MODEL)
    tracker.started({})
    tracker.finished(project.checkpoint(MODEL))
    record = only_record(project)
    assert record.status() == "FINISHED"
    assert len(steps(record, "train/loss")) == 10


def test_a_training_that_fails_has_a_reason(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    failed = train(project, MODEL, last=3, finish=False)
    failed.failed(DivergenceError("the loss is nan", where="training", way_out="lower it"))
    record = only_record(project)
    assert record.status() == "FAILED"
    assert record.end()["reason"] == "training: the loss is nan; lower it"
    assert "upload it later by `sartext tracking upload`" in capsys.readouterr().err


def test_a_training_that_fails_before_its_first_step_is_recorded_too(project: Project) -> None:
    tracker = Tracker(project, MODEL)
    tracker.started({"batch": 64})
    tracker.failed(TrainingError("out of memory"))
    record = only_record(project)
    assert record.status() == "FAILED" and record.description()["every"] == 1


@pytest.mark.parametrize(
    ("fails", "first", "expected"),
    [
        (True, 6, [("RUNNING", 12)]),
        (True, 1, [("FAILED", 7), ("RUNNING", 12)]),
        (False, 1, [("KILLED", 7), ("RUNNING", 12)]),
    ],
    ids=["a failed one goes on", "a failed one begins anew", "a killed one begins anew"],
)
def test_a_training_goes_on_in_its_record_or_begins_another(project: Project, fails: bool, first: int, expected):
    ended = train(project, MODEL, last=7, finish=False)
    if fails:
        ended.failed(TrainingError("no space"))
    del ended  # and so is its lock
    goes_on = train(project, MODEL, first=first, last=12, finish=False)
    assert goes_on.record == records(project)[-1]
    assert [(record.status(), len(steps(record, "train/loss"))) for record in records(project)] == expected


def with_parameter(project: Project, before: str, after: str) -> Project:
    path = project.root / "params.yaml"
    path.write_text(path.read_text().replace(before, after))
    return Project(project.root)


def test_other_parameters_are_another_training(project: Project) -> None:
    train(project, MODEL, last=7, finish=False)
    train(with_parameter(project, "0.001", "0.002"), MODEL, first=6)
    assert len(records(project)) == 2


def test_a_line_that_a_kill_tore_is_left_out(project: Project) -> None:
    train(project, MODEL, last=4, finish=False)
    record = only_record(project)
    with (record.folder / "metrics.jsonl").open("a") as lines:
        lines.write('{"at": 1, "step": 5, "metr')
    assert steps(record, "train/loss") == [1, 2, 3, 4]
    train(project, MODEL, first=5, last=6, finish=False)
    assert steps(record, "train/loss") == [1, 2, 3, 4, 5, 6]


def test_a_long_training_keeps_a_thousand_points_of_a_curve(project: Project) -> None:
    train(with_parameter(project, "samples: 640", "samples: 320000"), MODEL, last=50, finish=False)
    record = only_record(project)
    assert steps(record, "train/loss") == [1, *range(5, 51, 5)]


def test_what_cannot_be_recorded_is_said(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.build / "tracking").write_text("in the way")
    train(project, MODEL, last=1, finish=False)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: tracking of coca-sar: ")


def test_samples_show_every_validation_picture_with_its_caption(project: Project) -> None:
    from PIL import Image

    for name in ("clip-sar", "coca-sar"):
        train(project, name)
        (record,) = records(project, name)
        lines = (record.files / "samples.jsonl").read_text().splitlines()
        assert len(lines) == 8
        assert all('"reference":"There ' in line for line in lines)
        with Image.open(record.files / "samples.png") as image:
            assert image.width > 800


def test_the_hash_of_the_shards_is_dvcs_own(project: Project) -> None:
    folder = project.shards("sar")
    ours = dvc_hash(project, folder)
    init_dvc(project.root)
    dvc(project.root, "add", "--quiet", "build/shards/sar")
    assert f"md5: {ours}" in Path(f"{folder}.dvc").read_text()


def test_the_hash_is_read_from_the_lock_where_that_fits(project: Project) -> None:
    folder = project.shards("sar")
    files = list(folder.iterdir())
    size = sum(path.stat().st_size for path in files)
    out = f"path: build/shards/sar, md5: abc.dir, size: {size}, nfiles: {len(files)}"
    (project.root / "dvc.lock").write_text(f"stages: {{sar-shards: {{cmd: x, outs: [{{{out}}}]}}}}\n")
    assert dvc_hash(project, folder) == "abc.dir"
    (folder / "more").write_text("x")
    assert dvc_hash(project, folder) != "abc.dir"
