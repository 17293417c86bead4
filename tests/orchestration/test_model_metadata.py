"""What a person sees of trained models, evaluations and the report: figures, curves, pages, champions."""

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from orchestration.graph import Stage
from orchestration.metadata import Metadata, describe_models
from sartext.config import Project
from sartext.files import read_json, write_json
from sartext.report.stage import write_report
from sartext.tracking.record import Record, begin
from tests.report.conftest import write_project

NAME = "coca-sar"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a checkpoint's training record, and no server named."""
    for name in ("MLFLOW_TRACKING_URI", "SARTEXT_MLFLOW_PAGE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    best = {"step": 20, "loss": 2.5, "mean_recall": 40.0}
    curves = {"steps": [{"step": 1, "loss": 5.0}, {"step": 20, "loss": 2.0}], "validations": [best]}
    training = {"best": best, "curves": curves, "model_sha256": "ab"}
    write_json(tmp_path / "build" / "checkpoint" / NAME / "training.json", training)
    return Project(tmp_path)


def shown(project: Project, stage: str) -> Metadata:
    return describe_models(project, Stage(stage, "x"))


def tracked(project: Project) -> Record:
    record = begin(project, NAME, {"parameters": {}})
    stream = BytesIO()
    Image.new("RGB", (1200, 300)).save(stream, format="PNG")
    record.save_file("samples.png", stream.getvalue())
    record.save_file("training.json", (project.checkpoint(NAME) / "training.json").read_bytes())
    record.save_upload("mlflow/mlflow.db", {"run_id": "77", "experiment_id": "1", "version": 3})
    return record


def test_the_best_validation_and_the_curve(project: Project) -> None:
    found = shown(project, f"checkpoint@{NAME}")
    assert (found["validation loss"], found["validation mean_recall"]) == (2.5, 40.0)
    assert "(data:image/png;base64," in found["loss"].value
    assert "MLflow run" not in found


def test_the_run_and_the_samples_of_this_model(project: Project) -> None:
    tracked(project)
    found = shown(project, f"checkpoint@{NAME}")
    address = "http://127.0.0.1:3001/#/experiments/1/runs/77?workflowType=machine_learning"
    assert found["MLflow run"].value == address
    assert found["MLflow model"].value == "models:/coca-sar/3"
    assert "(data:image/jpeg;base64," in found["samples"].value


def test_the_page_is_where_it_is_served(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    tracked(project)
    monkeypatch.setenv("SARTEXT_MLFLOW_PAGE", "http://127.0.0.1:4567")
    assert shown(project, f"checkpoint@{NAME}")["MLflow run"].value.startswith("http://127.0.0.1:4567/#/")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@runs.example.org/")
    assert shown(project, f"checkpoint@{NAME}")["MLflow run"].value.startswith("https://runs.example.org/#/")


def test_the_record_of_another_training_is_not_shown(project: Project) -> None:
    tracked(project).save_file("training.json", b"{}")
    assert not {"MLflow run", "samples"} & shown(project, f"checkpoint@{NAME}").keys()


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a report; nothing in it is changed but its log."""
    project = write_project(tmp_path_factory.mktemp("shown") / "project")
    write_report(project)
    return project


def test_headline_figures_are_numbers_that_dagster_draws_over_time(reported: Project) -> None:
    found = shown(reported, "evaluation@vqa")
    figures = read_json(reported.build / "evaluation" / "vqa" / "figures.json")
    whole = [figure for figure in figures if figure["metric"] in {"aa", "oa"} and figure["subset"] == "all"]
    wanted = {f"vqa {figure['metric']} of {figure['variant']}": figure["value"] for figure in whole}
    assert {name: value for name, value in found.items() if isinstance(value, float)} == wanted


def test_the_benchmark_is_named_where_there_are_several(reported: Project) -> None:
    found = shown(reported, "evaluation@retrieval")
    assert "retrieval distinct_facts.mean_recall of sar-rs-clip on hrsid-test" in found
    assert not any(" minus " in name for name in found)


def test_what_was_not_computed_is_in_the_table_with_its_reason_and_no_number(reported: Project) -> None:
    found = shown(reported, "report")
    assert not any("spice" in name for name in found)
    assert found["page"].value == (reported.build / "report" / "index.html").as_uri()


def test_the_promotion_shows_what_became_of_every_model(reported: Project) -> None:
    decision = {"model": "sar-gpt", "outcome": "refused", "version": "2", "champion": None, "reasons": ["why"]}
    path = reported.build / "promotion" / "promotion.json"
    write_json(path, {"report_sha256": "0" * 64, "decisions": [decision]})
    (row,) = shown(reported, "promotion")["champions"].records
    assert row.data == {"model": "sar-gpt", "outcome": "refused", "version": "2", "champion": "", "why": "why"}


def test_nothing_is_shown_of_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    for stage in ("report", "promotion", "evaluation@vqa", "checkpoint@clip-sar"):
        assert shown(Project(tmp_path), stage) == {}
