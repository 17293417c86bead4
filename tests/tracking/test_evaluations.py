"""An evaluation in MLflow: runs with figures, tied to model versions and benchmarks, and champions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sartext.config import Project
from sartext.evaluation.anyone import Asked, Scores
from sartext.evaluation.figures import Figure
from sartext.files import read_json, write_json
from sartext.report.stage import write_report
from sartext.tracking.champion import ALIAS, BENCHMARK_TAG
from sartext.tracking.evaluation_runs import EXPERIMENT, RECORD_TAG
from sartext.tracking.evaluations import (
    evaluation_records,
    track_report,
    upload_waiting_evaluations,
    waiting_evaluations,
)
from sartext.tracking.store import destination
from tests.report.evaluations import BENCHMARK, write_evaluations
from tests.tracking.conftest import free_port, train

MODEL = "clip-sar"
RECALL = "retrieval/duplicate_aware.mean_recall"
SOME = ("foundation", "sar-rs-clip", "constant")
"""The variants that are uploaded here; every one more costs a second."""

PASSES, FAILS = {MODEL: {RECALL: 50.0}}, {MODEL: {RECALL: 99.0}}


@pytest.fixture(scope="session")
def evaluated(stored: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of complete evaluations; only to be copied."""
    folder = tmp_path_factory.mktemp("evaluated")
    write_evaluations(folder)
    return folder


@pytest.fixture
def reported(own_store: Project, evaluated: Path) -> Project:
    """A project with a report in which ``sar-rs-clip`` is the checkpoint ``clip-sar``."""
    write_json(own_store.build / "release" / "content.json", {"content_sha256": "5c" * 32, "files": {}})
    (own_store.build / "evaluation").symlink_to(evaluated)
    write_report(own_store)
    digest = read_json(own_store.checkpoint(MODEL) / "training.json")["model_sha256"]
    set_model(own_store, digest)
    return own_store


def set_model(project: Project, digest: str, recall: float | None = None) -> None:
    """Let the report's ``sar-rs-clip`` be a model with these weights, and its recall be another."""
    path = project.build / "report" / "report.json"
    report = read_json(path)
    report["variants"] = [one for one in report["variants"] if one["name"] in SOME]
    for one in report["variants"]:
        if one["name"] == "sar-rs-clip":
            one |= {"registered": MODEL, "model_sha256": digest}
    for one in report["figures"]:
        place = (one["variant"], one["metric"], one["subset"], one["benchmark"])
        if recall is not None and place == ("sar-rs-clip", RECALL.partition("/")[2], "all", BENCHMARK.name):
            one |= {"value": recall, "low": recall - 2, "high": recall + 2}
    write_json(path, report)


def client_of(project: Project) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(destination(project).uri)


def runs_of(project: Project) -> dict[str, Any]:
    client = client_of(project)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found = client.search_runs([experiment.experiment_id], max_results=500)
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


def champion_of(project: Project) -> int | None:
    found = client_of(project).get_registered_model(MODEL).aliases.get(ALIAS)
    return None if found is None else int(found)


def test_a_run_per_model_has_its_figures_and_its_benchmarks(reported: Project) -> None:
    train(reported, MODEL)
    track_report(reported, {})
    runs = runs_of(reported)
    variants = read_json(reported.build / "report" / "report.json")["variants"]
    assert runs.keys() == {"report", *(one["name"] for one in variants if one["kind"] != "rule")}
    run = runs["sar-rs-clip"]
    figures = {
        one["metric"]: one
        for one in read_json(reported.build / "report" / "report.json")["figures"]
        if (one["variant"], one["subset"], one["benchmark"]) == ("sar-rs-clip", "all", BENCHMARK.name)
    }
    told = figures["duplicate_aware.mean_recall"]
    metrics = run.data.metrics
    measured = [metrics[f"{RECALL}{end}"] for end in ("", "_low", "_high")]
    assert measured == [told["value"], told["low"], told["high"]]
    assert f"hrsid-test/{RECALL}" in metrics
    (inputs,) = (one for one in run.inputs.dataset_inputs if one.dataset.name == BENCHMARK.name)
    assert BENCHMARK.sha256.startswith(inputs.dataset.digest)
    assert run.data.tags["model"] == f"models:/{MODEL}/1"
    assert run.data.tags["mlflow.parentRunId"] == runs["report"].info.run_id
    artifacts = {one.path for one in client_of(reported).list_artifacts(runs["report"].info.run_id)}
    assert {"index.html", "report.json"} <= artifacts


def test_the_version_tells_what_was_measured_of_it(reported: Project) -> None:
    train(reported, MODEL)
    track_report(reported, PASSES)
    version = client_of(reported).get_model_version(MODEL, "1")
    assert version.tags[BENCHMARK_TAG] == BENCHMARK.sha256
    assert RECALL in version.tags["evaluation.figures"]
    assert version.tags["evaluation.run_id"] == runs_of(reported)["sar-rs-clip"].info.run_id


def test_a_version_that_passes_gets_the_alias_and_one_that_does_not_gets_none(reported: Project) -> None:
    train(reported, MODEL)
    (line,) = track_report(reported, FAILS)
    assert "does not become champion" in line
    assert champion_of(reported) is None
    (line,) = track_report(reported, PASSES)
    assert "is the champion" in line
    assert champion_of(reported) == 1
    (decision,) = read_json(reported.build / "log" / "champion.json")["decisions"]
    assert (decision["outcome"], decision["champion"]) == ("champion", "1")


def test_a_later_version_that_falls_behind_leaves_the_champion(reported: Project) -> None:
    train(reported, MODEL)
    set_model(reported, read_json(reported.checkpoint(MODEL) / "training.json")["model_sha256"], recall=80)
    track_report(reported, PASSES)
    train_another(reported, recall=70)
    (line,) = track_report(reported, PASSES)
    assert "does not replace champion version 1" in line
    assert champion_of(reported) == 1
    set_model(reported, "d" * 64, recall=79)
    track_report(reported, PASSES)
    assert champion_of(reported) == 2


def train_another(project: Project, recall: float) -> None:
    """Let the report be of a second version, with such a recall."""
    write_json(project.checkpoint(MODEL) / "training.json", {"model_sha256": "d" * 64})
    train(project, MODEL)
    set_model(project, "d" * 64, recall=recall)


def test_a_registry_that_does_not_tell_its_champion_does_not_lose_it(
    reported: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

    from sartext.tracking.evaluation_runs import Upload

    upload = Upload.run
    failed: list[object] = []

    def once(whole: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: object) -> Any:
            if not failed:
                failed.append(whole)
                raise MlflowException("database is locked", TEMPORARILY_UNAVAILABLE)
            return whole(*arguments)

        return asked

    def fails_afterwards(self: Upload) -> tuple[str, str]:
        done = upload(self)
        for name in ("get_registered_model", "get_model_version_by_alias"):
            setattr(self.client, name, once(getattr(self.client, name)))
        return done

    train(reported, MODEL)
    set_model(reported, read_json(reported.checkpoint(MODEL) / "training.json")["model_sha256"], recall=80)
    track_report(reported, PASSES)
    train_another(reported, recall=70)
    with monkeypatch.context() as patch:
        patch.setattr(Upload, "run", fails_afterwards)
        (line,) = track_report(reported, PASSES)
    assert failed
    assert "waits" in line
    assert champion_of(reported) == 1
    assert len(waiting_evaluations(reported)) == 1
    assert "does not replace champion version 1" in list(upload_waiting_evaluations(reported))[1]
    assert champion_of(reported) == 1


def test_a_champion_is_measured_anew_as_its_contender_was(
    reported: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the seed and the resamples of the parameters, and captions read for the nouns of the same corpora."""
    told = yaml.safe_load((reported.root / "params.yaml").read_text())
    told |= {"corpora": {"toy": {"catalogue": "catalogue/toy.yaml"}}, "captions": ["toy"]}
    told |= {"evaluation": {"seed": 8, "resamples": 300}}
    (reported.root / "params.yaml").write_text(yaml.safe_dump(told))
    project = Project(reported.root)
    train(project, MODEL)
    track_report(project, PASSES)
    client_of(project).set_model_version_tag(MODEL, "1", BENCHMARK_TAG, "b" * 64)
    train_another(project, recall=70)
    asked: list[Asked] = []

    def scoring(one: Asked) -> Scores:
        asked.append(one)
        return Scores([Figure("retrieval", RECALL.partition("/")[2], one.name, 75, 73, 77)], {})

    monkeypatch.setattr("sartext.evaluation.anyone.score", scoring)
    (line,) = track_report(project, PASSES)
    assert "70, the champion's 75 [73, 77]" in line
    (one,) = asked
    assert (one.seed, one.resamples, one.corpora) == (8, 300, ("toy",))


def test_the_same_report_is_one_record_and_no_second_run(reported: Project) -> None:
    train(reported, MODEL)
    track_report(reported, PASSES)
    before = runs_of(reported)
    track_report(reported, PASSES)
    assert len(evaluation_records(reported)) == 1
    assert {run.info.run_id for run in runs_of(reported).values()} == {one.info.run_id for one in before.values()}


def test_an_interrupted_upload_goes_on(reported: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from sartext.tracking.evaluation_runs import Upload

    train(reported, MODEL)
    whole = Upload._variant

    def torn(self: Upload, experiment: str, parent: str, variant: Any) -> None:
        if variant["name"] == "sar-rs-clip":
            raise OSError("the server is gone")
        whole(self, experiment, parent, variant)

    with monkeypatch.context() as patch:
        patch.setattr(Upload, "_variant", torn)
        assert "waits" in track_report(reported, PASSES)[0]
    assert len(waiting_evaluations(reported)) == 1
    lines = list(upload_waiting_evaluations(reported))
    assert len(lines) == 2
    assert "is the champion" in lines[1]
    runs = runs_of(reported).values()
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags[RECORD_TAG] for run in runs} == {evaluation_records(reported)[0].id}


def test_without_a_server_the_record_waits_and_the_report_stands(
    reported: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    (line,) = track_report(reported, PASSES)
    assert line.startswith("clip-sar waits")
    assert "sartext tracking upload" in capsys.readouterr().err
    assert len(waiting_evaluations(reported)) == 1
    assert (reported.build / "report" / "index.html").is_file()
    assert read_json(reported.build / "log" / "champion.json")["decisions"][0]["outcome"] == "waits"


def test_a_model_that_is_not_in_the_registry_waits(reported: Project) -> None:
    (line,) = track_report(reported, PASSES)
    assert "no version in the registry" in line


def test_a_report_that_is_missing_is_a_warning(own_store: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(track_report(own_store, PASSES)) == 1
    assert "sartext report" in capsys.readouterr().err
