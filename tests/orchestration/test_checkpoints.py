"""What a person sees of a trained model: its figures, its curve, its samples, its run in MLflow."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from orchestration.checkpoints import describe_checkpoint
from orchestration.graph import Stage
from orchestration.metadata import describe
from sartext.config import Project
from sartext.files import write_json
from sartext.tracking.record import Record, begin

NAME = "coca-sar"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a checkpoint's training record, and no server named."""
    for name in ("MLFLOW_TRACKING_URI", "SARTEXT_MLFLOW_PAGE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    best = {"step": 20, "loss": 2.5, "mean_recall": 40.0}
    curves = {"steps": [{"step": 1, "loss": 5.0}, {"step": 20, "loss": 2.0}], "validations": [best]}
    told = {"best": best, "curves": curves, "model_sha256": "ab"}
    write_json(tmp_path / "build" / "checkpoint" / NAME / "training.json", told)
    return Project(tmp_path)


def tracked(project: Project) -> Record:
    record = begin(project, NAME, {"parameters": {}})
    stream = BytesIO()
    Image.new("RGB", (1200, 300)).save(stream, format="PNG")
    record.save_file("samples.png", stream.getvalue())
    record.save_file("training.json", (project.checkpoint(NAME) / "training.json").read_bytes())
    record.save_upload("mlflow/mlflow.db", {"run_id": "77", "experiment_id": "1", "version": 3})
    return record


def test_the_best_validation_and_the_curve(project: Project) -> None:
    found = describe(project, Stage(f"checkpoint@{NAME}", "x"), {})
    assert (found["validation loss"], found["validation mean_recall"]) == (2.5, 40.0)
    assert "(data:image/png;base64," in found["loss"].value
    assert "MLflow run" not in found


def test_the_run_and_the_samples_of_this_model(project: Project) -> None:
    tracked(project)
    found = describe_checkpoint(project, NAME)
    address = "http://127.0.0.1:3001/#/experiments/1/runs/77?workflowType=machine_learning"
    assert found["MLflow run"].value == address
    assert found["MLflow model"].value == "models:/coca-sar/3"
    assert "(data:image/jpeg;base64," in found["samples"].value


def test_the_page_is_where_it_is_served(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked(project)
    monkeypatch.setenv("SARTEXT_MLFLOW_PAGE", "http://127.0.0.1:4567")
    assert describe_checkpoint(project, NAME)["MLflow run"].value.startswith("http://127.0.0.1:4567/#/")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@runs.example.org/")
    assert describe_checkpoint(project, NAME)["MLflow run"].value.startswith("https://runs.example.org/#/")


def test_the_record_of_another_training_is_not_shown(project: Project) -> None:
    tracked(project).save_file("training.json", b"{}")
    assert not {"MLflow run", "samples"} & describe_checkpoint(project, NAME).keys()


def test_a_checkpoint_without_a_record_has_no_figures(project: Project) -> None:
    assert describe_checkpoint(project, "clip-sar") == {}
