"""The tables at the end of a build tell what the run made, and nothing that earlier runs left."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from orchestration.console import show_report, show_summary, summarise_gate, summarise_models, summarise_narrations
from sartext.config import Project
from sartext.files import write_json

MODEL = {"data": "build/shards/sar", "samples": 640, "learning_rate": 0.001}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two checkpoints, and a corpus that one of them narrated."""
    parameters = {
        "corpora": {"bare": {"catalogue": "bare.yaml"}, "pairs": {"catalogue": "pairs.yaml"}},
        "optical_captions": ["pairs"],
        "narrated": ["bare"],
        "checkpoints": {
            "coca-optical": {**MODEL, "from": "models/coca-tiny.yaml"},
            "coca-sar": {**MODEL, "from": "build/checkpoint/coca-optical"},
        },
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    project = Project(tmp_path)
    record = {"samples": 640, "steps": 5, "best_step": 4, "best": {"loss": 1.25}}
    write_json(project.checkpoint("coca-optical") / "training.json", record)
    write_json(project.checkpoint("coca-sar") / "training.json", {**record, "best_step": 5, "best": None})
    counts = {"captions": 30, "uncaptioned": {"below": 9, "unfinished": 1, "train only": 20}}
    narrated = {"corpus": "bare", "method": "narrator", "narrated": 40, **counts}
    write_json(project.narrated("bare") / "metrics.json", narrated)
    optical = {"corpus": "pairs", "method": "optical-model", "captioned_halves": 40, **counts}
    write_json(project.optical_captions("pairs") / "metrics.json", optical)
    return project


def test_a_model_tells_its_origin_and_its_best_step(project: Project) -> None:
    made = {"checkpoint/coca-optical", "checkpoint/coca-sar", "splits"}
    assert list(summarise_models(project, made)) == [
        ("coca-optical", "coca-tiny", "640", "4 of 5", "1.2500"),
        ("coca-sar", "coca-optical", "640", "5 of 5", ""),
    ]


def test_captions_by_models_are_counted_with_the_main_reasons_of_the_others(project: Project) -> None:
    assert list(summarise_narrations(project, {"narrated/bare", "optical-captions/pairs"})) == [
        ("pairs", "optical-model", "40", "30", "20 train only; 9 below"),
        ("bare", "narrator", "40", "30", "20 train only; 9 below"),
    ]


def test_what_the_run_did_not_make_is_not_told(project: Project) -> None:
    assert not list(summarise_models(project, {"splits"}))
    assert not list(summarise_narrations(project, {"checkpoint/coca-sar"}))


def test_the_tables_are_printed(project: Project) -> None:
    stream = io.StringIO()
    made = {"checkpoint/coca-optical", "narrated/bare"}
    show_summary(project, Console(file=stream, width=120), seconds=3.0, made=made, published=False)
    text = stream.getvalue()
    assert "4 of 5" in text
    assert "coca-sar" not in text
    assert "narrator" in text
    assert "duration  3.0 s" in text


def test_a_suite_that_had_nothing_to_judge_has_not_passed() -> None:
    held = {"name": "a", "severity": "critical", "passed": True, "figure": 0.5, "unit": "share", "detail": "seen"}
    nothing = {**held, "judged": False, "figure": None, "detail": "not judged: no corpus is narrated"}
    rows = {"narration": [nothing, nothing], "captions": [held, nothing], "ledger": [held]}
    suites = [{"name": name, "passed": True, "expectations": expectations} for name, expectations in rows.items()]
    assert list(summarise_gate({"suites": suites})) == [
        ("narration", "[yellow]not judged[/]", "2", "not judged: no corpus is narrated"),
        ("captions", "[green]passed[/]", "2", "all hold, 1 not judged; a 0.5 share"),
        ("ledger", "[green]passed[/]", "1", "all hold; a 0.5 share"),
    ]


def figure(task: str, metric: str, variant: str, value: float | None, **more: Any) -> dict[str, Any]:
    row = {"task": task, "metric": metric, "variant": variant, "value": value}
    return {**row, "benchmark": "release-test", "subset": "all", **more}


def shown(tmp_path: Path, figures: list[dict[str, Any]]) -> str:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    folder = tmp_path / "build" / "report"
    folder.mkdir(parents=True)
    report = {
        "benchmarks": [{"name": "release-test", "images": 1200}, {"name": "hrsid-test", "images": 9}],
        "variants": [{"name": "sar-rs-clip"}, {"name": "grammar"}, {"name": "text-prior"}],
        "figures": figures,
    }
    (folder / "report.json").write_text(json.dumps(report))
    console = Console(width=140, record=True, file=(tmp_path / "console").open("w"))
    show_report(Project(tmp_path), console)
    return console.export_text()


def test_every_variant_with_a_headline_figure_has_a_row(tmp_path: Path) -> None:
    text = shown(
        tmp_path,
        [
            figure("retrieval", "duplicate_aware.mean_recall", "sar-rs-clip", 72.84),
            figure("captioning", "bleu_4", "grammar", 0.8214),
            figure("foils", "mean_accuracy", "text-prior", 51.8),
        ],
    )
    assert "release-test, 1,200 images" in text
    assert "sar-rs-clip" in text
    assert "72.8" in text
    assert "0.821" in text
    assert "text-prior" not in text, "it has no headline figure"
    assert "report    build/report/index.html" in text


def test_parts_other_benchmarks_and_what_was_not_computed_are_not_told(tmp_path: Path) -> None:
    text = shown(
        tmp_path,
        [
            figure("vqa", "oa", "sar-rs-clip", 11.1, benchmark="hrsid-test"),
            figure("vqa", "oa", "sar-rs-clip", 22.2, subset="corpus:sim-ships"),
            figure("captioning", "cider_d", "sar-rs-clip", None),
            figure("vqa", "aa", "sar-rs-clip", 33.3),
        ],
    )
    assert "33.3" in text
    assert "11.1" not in text
    assert "22.2" not in text
