"""The table at the end of `make report` tells what every variant reached on the first benchmark."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from orchestration.scores import show_report
from sartext.config import Project


def figure(task: str, metric: str, variant: str, value: float | None, **more: Any) -> dict[str, Any]:
    told = {"task": task, "metric": metric, "variant": variant, "value": value}
    return {**told, "benchmark": "release-test", "subset": "all", **more}


def shown(tmp_path: Path, figures: list[dict[str, Any]]) -> str:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    folder = tmp_path / "build" / "report"
    folder.mkdir(parents=True)
    told = {
        "benchmarks": [{"name": "release-test", "images": 1200}, {"name": "hrsid-test", "images": 9}],
        "variants": [{"name": "sar-rs-clip"}, {"name": "grammar"}, {"name": "text-prior"}],
        "figures": figures,
    }
    (folder / "report.json").write_text(json.dumps(told))
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
