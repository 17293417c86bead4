"""``python -m orchestration``: what a person types, and tables that tell what the run made and nothing else."""

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
from tests.llm.making import REWRITING

from .conftest import command

MODEL = {"data": "build/shards/sar", "samples": 640, "learning_rate": 0.001}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Two checkpoints, and a corpus that one of them narrated."""
    parameters = {
        "corpora": {"bare": {"catalogue": "bare.yaml"}, "pairs": {"catalogue": "pairs.yaml"}},
        "optical_captions": ["pairs"],
        "narrated": ["bare"],
        "captions": ["pairs"],
        "rewritten": ["pairs"],
        "rewriting": REWRITING,
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
    by_llm = {"corpus": "pairs", "method": "optical-llm", "with_source": 50, **counts}
    write_json(project.rewritten("pairs") / "metrics.json", by_llm)
    return project


def test_a_model_tells_its_origin_and_its_best_step(project: Project) -> None:
    made = {"checkpoint/coca-optical", "checkpoint/coca-sar", "splits"}
    assert list(summarise_models(project, made)) == [
        ("coca-optical", "coca-tiny", "640", "4 of 5", "1.2500"),
        ("coca-sar", "coca-optical", "640", "5 of 5", ""),
    ]


def test_captions_by_models_are_counted_with_the_main_reasons_of_the_others(project: Project) -> None:
    assert list(summarise_narrations(project, {"narrated/bare", "optical-captions/pairs", "rewritten/pairs"})) == [
        ("pairs", "optical-llm", "50", "30", "20 train only; 9 below"),
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
    assert "coca-sar" not in text
    assert all(words in text for words in ("4 of 5", "narrator", "duration  3.0 s"))


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


def shown(tmp_path: Path, figures: list[dict[str, Any]], **more: Any) -> str:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    folder = tmp_path / "build" / "report"
    folder.mkdir(parents=True)
    report = {
        "benchmarks": [{"name": "release-test", "images": 1200}, {"name": "hrsid-test", "images": 9}],
        "variants": [{"name": "sar-rs-clip"}, {"name": "grammar"}, {"name": "text-prior"}],
        "figures": figures,
        **more,
    }
    (folder / "report.json").write_text(json.dumps(report))
    console = Console(width=140, record=True, file=(tmp_path / "console").open("w"))
    show_report(Project(tmp_path), console)
    return console.export_text()


def test_every_variant_with_a_headline_figure_of_the_release_has_a_row(tmp_path: Path) -> None:
    figures = [
        figure("retrieval", "duplicate_aware.mean_recall", "sar-rs-clip", 72.84),
        figure("captioning", "bleu_4", "grammar", 0.8214),
        figure("foils", "mean_accuracy", "text-prior", 51.8),
        figure("vqa", "oa", "sar-rs-clip", 11.1, benchmark="hrsid-test"),
        figure("vqa", "oa", "sar-rs-clip", 22.2, subset="corpus:sim-ships"),
        figure("captioning", "cider_d", "sar-rs-clip", None),
        figure("vqa", "aa", "sar-rs-clip", 33.3),
    ]
    text = shown(tmp_path, figures, blind=[figure("vqa", "aa", "constant", 27.7)])
    for words in (
        "best without the image",
        "27.7",
        "release-test, 1,200 images",
        "sar-rs-clip",
        "72.8",
        "0.821",
        "33.3",
        "build/report/index.html",
    ):
        assert words in text
    for words in ("text-prior", "11.1", "22.2"):
        assert words not in text


def test_a_release_with_nothing_to_do_ends_with_the_table(toy: Path) -> None:
    code, output, errors = command(toy, "release")
    assert (code, errors) == (0, "")
    assert "nothing to do: 8 stages are unchanged" in output
    rows = [line.replace("│", " ").split() for line in output.splitlines() if "│" in line]
    assert ["alpha", "1", "0", "0", "1"] in rows
    assert ["all", "2", "0", "0", "2"] in rows
    assert "12.5 %" in output
    assert "1.0.0 (nothing changed, nothing published)" in output
    assert "releases/toy/1.0.0" in output
    assert not list((toy / "build" / "log").glob("*.txt"))
    assert (toy / ".dagster" / "history" / "runs.db").is_file()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("report", "--data", "bogus"), 2, "'sim', 'sample'"),
        (("materialize", "corpus/alfa"), 1, "did you mean 'corpus/alpha'?"),
        (("release",), 1, "did you mean 'captions'?"),
    ],
    ids=["unknown data", "unknown asset", "broken file"],
)
def test_an_error_is_one_line_with_the_way_out(
    toy: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    if arguments == ("release",):
        (toy / "params.yaml").write_text("corpora: {}\nkaptions: []\n")
    code, output, errors = command(toy, *arguments)
    assert (code, output) == (status, "")
    assert message in errors
    assert errors.count("\n") == 1
