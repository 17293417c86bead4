"""The tables at the end of a build tell what the run made, and nothing that earlier runs left."""

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from orchestration.summary import show_summary, summarise_gate, summarise_models, summarise_narrations
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
    found = Project(tmp_path)
    record = {"samples": 640, "steps": 5, "best_step": 4, "best": {"loss": 1.25}}
    write_json(found.checkpoint("coca-optical") / "training.json", record)
    write_json(found.checkpoint("coca-sar") / "training.json", {**record, "best_step": 5, "best": None})
    counts = {"captions": 30, "uncaptioned": {"below": 9, "unfinished": 1, "train only": 20}}
    narrated = {"corpus": "bare", "method": "narrator", "narrated": 40, **counts}
    write_json(found.narrated("bare") / "metrics.json", narrated)
    optical = {"corpus": "pairs", "method": "optical-model", "captioned_halves": 40, **counts}
    write_json(found.optical_captions("pairs") / "metrics.json", optical)
    return found


def test_a_model_tells_its_origin_and_its_best_step(project: Project) -> None:
    one, two = summarise_models(project, {"checkpoint/coca-optical", "checkpoint/coca-sar", "splits"})
    assert (one.origin, one.best_step, one.steps, one.loss) == ("coca-tiny", 4, 5, 1.25)
    assert (two.origin, two.loss) == ("coca-optical", None)


def test_captions_by_models_are_counted_with_the_main_reasons_of_the_others(project: Project) -> None:
    optical, narrated = summarise_narrations(project, {"narrated/bare", "optical-captions/pairs"})
    assert (optical.method, narrated.method) == ("optical-model", "narrator")
    assert (narrated.seen, narrated.captions, narrated.reason) == (40, 30, "20 train only; 9 below")


def test_what_the_run_did_not_make_is_not_told(project: Project) -> None:
    assert summarise_models(project, {"splits"}) == []
    assert summarise_narrations(project, {"checkpoint/coca-sar"}) == []


def test_the_tables_are_printed(project: Project) -> None:
    stream = io.StringIO()
    made = {"checkpoint/coca-optical", "narrated/bare"}
    show_summary(project, Console(file=stream, width=120), seconds=3.0, made=made, published=False)
    said = stream.getvalue()
    assert "4 of 5" in said
    assert "coca-sar" not in said
    assert "narrator" in said
    assert "duration  3.0 s" in said


def test_a_suite_that_had_nothing_to_judge_has_not_passed() -> None:
    held = {"name": "a", "severity": "critical", "passed": True, "figure": 0.5, "unit": "share", "detail": "seen"}
    nothing = {**held, "judged": False, "figure": None, "detail": "not judged: no corpus is narrated"}
    rows = {"narration": [nothing, nothing], "captions": [held, nothing], "ledger": [held]}
    suites = [{"name": name, "passed": True, "expectations": told} for name, told in rows.items()]
    assert [(one.verdict, one.worst) for one in summarise_gate({"suites": suites})] == [
        ("not judged", "not judged: no corpus is narrated"),
        ("passed", "all hold, 1 not judged; a 0.5 share"),
        ("passed", "all hold; a 0.5 share"),
    ]
