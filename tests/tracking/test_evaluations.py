"""An evaluation in MLflow: runs with figures, tied to model versions and benchmarks, and champions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.figures import Figure
from sartext.files import read_json, sha256_file, write_json
from sartext.report.stage import write_report
from sartext.submissions.scoring import Scores
from sartext.submissions.submission import Submission
from sartext.tracking.evaluations import (
    EXPERIMENT,
    RECORD_TAG,
    EvaluationUpload,
    evaluation_records,
    waiting_evaluations,
)
from sartext.tracking.promotion import ALIAS, BENCHMARK_TAG, promote, upload_waiting_evaluations
from tests.conftest import ROOT
from tests.processes import dvc, free_port, init_dvc
from tests.report.conftest import write_evaluations
from tests.report.evaluations import BENCHMARK
from tests.tracking.conftest import client_of, train

MODEL = "clip-sar"
RECALL = "retrieval/distinct_facts.mean_recall"
SOME = ("foundation", "sar-rs-clip", "grounder", "constant")
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
    set_model(own_store)
    return own_store


def set_model(project: Project, recall: float | None = None) -> None:
    """Let the report's ``sar-rs-clip`` be the model that is trained, and its recall be another."""
    path = project.build / "report" / "report.json"
    digest = read_json(project.checkpoint(MODEL) / "training.json")["model_sha256"]
    report = read_json(path)
    report["variants"] = [variant for variant in report["variants"] if variant["name"] in SOME]
    for variant in report["variants"]:
        if variant["name"] == "sar-rs-clip":
            variant |= {"registered": MODEL, "model_sha256": digest}
    for figure in report["figures"]:
        place = tuple(figure[key] for key in ("variant", "metric", "subset", "benchmark"))
        if recall is not None and place == ("sar-rs-clip", RECALL.partition("/")[2], "all", BENCHMARK.name):
            figure |= {"value": recall, "low": recall - 2, "high": recall + 2}
    write_json(path, report)


def train_twice(project: Project) -> None:
    """A champion with a recall of 80, and a second version with one of 70 that is not promoted yet."""
    train(project, MODEL)
    set_model(project, recall=80)
    promoted(project, PASSES)
    write_json(project.checkpoint(MODEL) / "training.json", {"model_sha256": "d" * 64})
    train(project, MODEL)
    set_model(project, recall=70)


def promoted(project: Project, champions: Mapping[str, Mapping[str, float | str]]) -> list[str]:
    """Run the stage with these thresholds; return what it says of each model."""
    path = project.root / "params.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"champions": champions}))
    lines = promote(Project(project.root))["lines"]
    assert isinstance(lines, list)
    return lines


def runs_of(project: Project) -> dict[str, Any]:
    client = client_of(project)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id], max_results=500)
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


def champion_of(project: Project) -> int | None:
    version = client_of(project).get_registered_model(MODEL).aliases.get(ALIAS)
    return None if version is None else int(version)


def test_a_run_per_model_has_its_figures_and_its_benchmarks_and_its_version_tells_them(reported: Project) -> None:
    train(reported, MODEL)
    promoted(reported, PASSES)
    runs = runs_of(reported)
    report = read_json(reported.build / "report" / "report.json")
    models = {variant["name"] for variant in report["variants"] if variant["kind"] != "rule"}
    assert runs.keys() == {"report", *models}
    run = runs["sar-rs-clip"]
    place = {
        "variant": "sar-rs-clip",
        "subset": "all",
        "benchmark": BENCHMARK.name,
        "metric": RECALL.split("/")[1],
    }
    (recall,) = (figure for figure in report["figures"] if figure.items() >= place.items())
    metrics = run.data.metrics
    measured = [metrics[f"{RECALL}{end}"] for end in ("", "_low", "_high")]
    assert measured == [recall["value"], recall["low"], recall["high"]]
    assert f"hrsid-test/{RECALL}" in metrics
    of_grounder = runs["grounder"].data.metrics
    assert {
        "grounding/average_precision",
        "grounding/exact_counts_low",
        "grounding/mean_iou",
    } <= of_grounder.keys()
    (inputs,) = (item for item in run.inputs.dataset_inputs if item.dataset.name == BENCHMARK.name)
    assert BENCHMARK.sha256.startswith(inputs.dataset.digest)
    assert run.data.tags["model"] == f"models:/{MODEL}/1"
    assert run.data.tags["mlflow.parentRunId"] == runs["report"].info.run_id
    artifacts = {file.path for file in client_of(reported).list_artifacts(runs["report"].info.run_id)}
    assert {"index.html", "report.json"} <= artifacts
    version = client_of(reported).get_model_version(MODEL, "1")
    assert version.tags[BENCHMARK_TAG] == BENCHMARK.sha256
    assert RECALL in version.tags["evaluation.figures"]
    assert version.tags["evaluation.run_id"] == run.info.run_id


def test_a_version_that_passes_gets_the_alias_and_one_that_does_not_gets_none(reported: Project) -> None:
    train(reported, MODEL)
    (line,) = promoted(reported, FAILS)
    assert "does not become champion" in line
    assert champion_of(reported) is None
    (line,) = promoted(reported, PASSES)
    assert "is the champion" in line
    assert champion_of(reported) == 1
    content = read_json(reported.build / "promotion" / "promotion.json")
    assert content.keys() == {"report_sha256", "decisions"}, "no time and no run"
    assert content["report_sha256"] == sha256_file(reported.build / "report" / "report.json")
    (decision,) = content["decisions"]
    assert set(decision) == {"model", "outcome", "version", "champion", "reasons"}
    assert (decision["outcome"], decision["champion"]) == ("champion", "1")
    assert len(evaluation_records(reported)) == 1, "other thresholds are a decision on the same run"


def test_a_version_is_held_against_the_best_that_never_sees_the_image(reported: Project) -> None:
    train(reported, MODEL)
    key = (BENCHMARK.name, RECALL.removeprefix("retrieval/"))
    blind = read_json(reported.build / "report" / "report.json")["blind"]
    (best,) = (row["value"] for row in blind if (row["benchmark"], row["metric"]) == key)
    for more, said in ((1, f"its whole interval must be above {best:.4g}"), (3, "is the champion")):
        set_model(reported, recall=best + more)
        assert said in promoted(reported, {MODEL: {RECALL: "blind"}})[0]


def test_a_later_version_that_falls_behind_leaves_the_champion(reported: Project) -> None:
    train_twice(reported)
    (line,) = promoted(reported, PASSES)
    assert "does not replace champion version 1" in line
    assert champion_of(reported) == 1
    set_model(reported, recall=79)
    promoted(reported, PASSES)
    assert champion_of(reported) == 2


def test_a_locked_registry_does_not_lose_its_champion(reported: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.exceptions import MlflowException

    from mlflow import MlflowClient

    def locked(client: MlflowClient, name: str) -> None:
        raise MlflowException("database is locked")

    train_twice(reported)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "get_registered_model", locked)
        (line,) = promoted(reported, PASSES)
    assert "waits" in line
    assert champion_of(reported) == 1
    assert len(waiting_evaluations(reported)) == 1
    assert "does not replace champion version 1" in list(upload_waiting_evaluations(Project(reported.root)))[1]
    assert champion_of(reported) == 1


def test_a_champion_is_measured_as_its_contender_was(reported: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the seed and the resamples of the parameters, and captions read for the nouns of the same corpora."""
    parameters = yaml.safe_load((reported.root / "params.yaml").read_text())
    parameters |= {"corpora": {"toy": {"catalogue": "catalogue/toy.yaml"}}, "captions": ["toy"]}
    parameters |= {"evaluation": {"seed": 8, "resamples": 300}}
    (reported.root / "params.yaml").write_text(yaml.safe_dump(parameters))
    project = Project(reported.root)
    train_twice(project)
    client_of(project).set_model_version_tag(MODEL, "1", BENCHMARK_TAG, "b" * 64)
    scored: list[Submission] = []

    def scoring(submission: Submission) -> Scores:
        scored.append(submission)
        return Scores([Figure("retrieval", RECALL.partition("/")[2], submission.name, 75, 73, 77)], {})

    monkeypatch.setattr("sartext.submissions.scoring.score", scoring)
    (line,) = promoted(project, PASSES)
    assert "70, the champion's 75 [73, 77]" in line
    (submission,) = scored
    assert (submission.seed, submission.resamples, submission.corpora) == (8, 300, ("toy",))


def test_a_second_promotion_moves_nothing(reported: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    train(reported, MODEL)
    promoted(reported, PASSES)
    before = runs_of(reported)
    moves: list[object] = []
    for name in ("set_registered_model_alias", "set_model_version_tag", "create_run", "log_batch"):
        monkeypatch.setattr(MlflowClient, name, lambda *arguments: moves.append(arguments))
    (line,) = promoted(reported, PASSES)
    assert "is the champion" in line and champion_of(reported) == 1
    assert moves == []
    assert len(evaluation_records(reported)) == 1
    assert {run.info.run_id for run in runs_of(reported).values()} == {run.info.run_id for run in before.values()}


def test_an_interrupted_upload_goes_on(reported: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    train(reported, MODEL)
    whole = EvaluationUpload._log_variant

    def torn(self: EvaluationUpload, parent: str, variant: Any) -> str:
        if variant["name"] == "sar-rs-clip":
            raise OSError("the server is gone")
        return whole(self, parent, variant)

    with monkeypatch.context() as patch:
        patch.setattr(EvaluationUpload, "_log_variant", torn)
        assert "waits" in promoted(reported, PASSES)[0]
    assert len(waiting_evaluations(reported)) == 1
    _, decided = upload_waiting_evaluations(Project(reported.root))
    assert "is the champion" in decided
    runs = runs_of(reported).values()
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags[RECORD_TAG] for run in runs} == {evaluation_records(reported)[0].id}


def test_without_a_server_the_record_waits_and_the_report_stands(
    reported: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    (line,) = promoted(reported, PASSES)
    assert line.startswith("clip-sar waits")
    assert "sartext tracking upload" in capsys.readouterr().err
    assert len(waiting_evaluations(reported)) == 1
    assert (reported.build / "report" / "index.html").is_file()
    (decision,) = read_json(reported.build / "promotion" / "promotion.json")["decisions"]
    assert decision["outcome"] == "waits"


def test_the_report_asks_no_registry_and_a_model_that_is_not_in_it_waits(reported: Project) -> None:
    assert evaluation_records(reported) == []
    assert not (reported.build / "promotion").exists()
    (line,) = promoted(reported, PASSES)
    assert "no version in the registry" in line


def test_without_a_report_the_stage_fails(own_store: Project) -> None:
    with pytest.raises(ArtefactError, match="sartext report"):
        promoted(own_store, PASSES)


STAGE = """
stages:
  report:
    cmd: mkdir -p build/report && cp source.json build/report/report.json
    deps: [source.json]
    outs: [build/report]
  promotion:
    cmd: mkdir -p build/promotion && echo ran >> count && echo done > build/promotion/promotion.json
    deps: {deps}
    params: {params}
    outs: {outs}
"""


def test_other_thresholds_make_the_stage_stale_and_no_cache_stands_in_for_it(tmp_path: Path) -> None:
    """The dependencies on files of ours aside, the stage is the project's own."""
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["promotion"]
    text = STAGE.format(deps=["build/report/report.json"], params=["champions"], outs=json.dumps(stage["outs"]))
    assert {"build/report/report.json"} <= set(stage["deps"]) and "champions" in stage["params"]
    (tmp_path / "dvc.yaml").write_text(text)
    (tmp_path / "source.json").write_text("{}")
    init_dvc(tmp_path)
    for bound in (1, 1, 2, 1):
        (tmp_path / "params.yaml").write_text(f"champions: {{clip: {{vqa/oa: {bound}}}}}\n")
        dvc(tmp_path, "repro", "--quiet", "promotion")
    assert (tmp_path / "count").read_text().count("ran") == 3
