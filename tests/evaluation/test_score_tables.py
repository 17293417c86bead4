"""Scores as a person reads them: a table on the console, a file of them."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from sartext.errors import EvaluationError
from sartext.evaluation.figures import Figure, not_computed, read_figures
from sartext.evaluation.score_tables import COLUMNS, check_target, figure_table, headline_table, write_scores
from sartext.files import read_json

FIGURES = [
    Figure("vqa", "accuracy", "model", 50.0, 40.0, 60.0, 8, subset="type:count"),
    Figure("vqa", "oa", "model", 62.5, None, None, 24),
    not_computed("vqa", "accuracy", "model", "no question of type scene is asked", subset="type:scene"),
]
ORIGIN: dict[str, str | int] = {
    "release": "sar-text 1.0.0",
    "benchmark_sha256": "a1b2",
    "seed": 7,
    "resamples": 100,
}


def shown(figures: list[Figure], table_of: Callable[[list[Figure], str], Table] = figure_table) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table_of(figures, "model"))
    return capture.get()


def test_a_table_has_whole_benchmarks_first_and_says_what_was_not_computed_and_why() -> None:
    text = shown(FIGURES)
    rows = [line for line in text.splitlines() if "release-test" in line]
    assert [("all" in rows[0], "62.5" in rows[0]), "type:count" in rows[1]] == [(True, True), True]
    assert "40 to 60" in rows[1]
    assert len(rows) == 2
    below = [line.strip() for line in text.splitlines()[-2:]]
    assert below == ["not computed:", "accuracy of type:scene: no question of type scene is asked"]
    assert "nan" not in text.lower()
    assert "not computed" not in shown(FIGURES[:2]), "where nothing is absent there is no caption"


def test_the_short_table_has_the_headline_metrics_of_the_whole_benchmark_beside_the_baselines() -> None:
    figures = [
        *FIGURES,
        Figure("vqa", "oa", "constant", 12.5, 10.0, 15.0, 24),
        Figure("vqa", "empty", "model", 3.0),
        not_computed("vqa", "aa", "model", "no question is asked"),
        not_computed("vqa", "aa", "constant", "nor here"),
    ]
    lines = shown(figures, headline_table).splitlines()
    rows = [line for line in lines if "model" in line or "constant" in line]
    assert [("overall accuracy (OA)" in row, "0 to 100" in row) for row in rows] == [(True, True)] * 2
    assert "62.5" in rows[0] and "10 to 15" in rows[1]
    assert ["12.5 (constant)" in row for row in rows] == [True, False], "the best without the image stands beside"
    assert [line.strip() for line in lines[-2:]] == ["not computed:", "aa: no question is asked"]


def test_classes_and_sizes_of_objects_are_left_to_the_file() -> None:
    hidden = [
        Figure("captioning", "fact_recall", "model", 50.0, subset=subset)
        for subset in ("class:ship", "objects:2-4px", "corpus:alpha", "all")
    ]
    text = shown(
        [*hidden, not_computed("captioning", "fact_recall", "model", "hidden too", subset="class:bridge")]
    )
    assert all(subset in text for subset in ("corpus:alpha", "all"))
    assert not any(left_out in text for left_out in ("class:", "objects:", "hidden too"))


def test_a_reason_is_told_once_for_the_model_alone() -> None:
    gaps = [
        not_computed("captioning", metric, variant, f"no jar of {variant}")
        for metric in ("spice", "meteor")
        for variant in ("model", "grammar")
    ]
    gaps.append(not_computed("captioning", "meteor", "model", "no jar here", subset="corpus:alpha"))
    lines = [line.strip() for line in shown(gaps).splitlines()]
    assert [line for line in lines if "no jar" in line] == ["spice, meteor: no jar of model"]


@pytest.mark.parametrize("name", ["[/x]", "[red]x[/red]", ":smile:"])
def test_names_are_shown_as_they_are(name: str) -> None:
    figures = [Figure("vqa", "oa", name, 1.0), not_computed("vqa", "aa", name, f"no {name}")]
    assert shown(figures).replace(f"no {name}", "").count(name) == 1
    assert str(figure_table(figures, name).caption).endswith(f"aa: no {name}")


def test_scores_as_csv_have_a_column_for_each_field_and_empty_cells_for_none(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.csv", FIGURES, ORIGIN)
    with (tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["subset"], row["value"], row["n"]) for row in rows] == [
        ("all", "62.5", "24"),
        ("type:count", "50.0", "8"),
        ("type:scene", "", "0"),
    ]
    assert rows[2]["reason"] == "no question of type scene is asked"
    assert [row["unit"] for row in rows] == ["0 to 100", "%", "%"]
    for row in rows:
        assert {name: row[name] for name in ORIGIN} == {name: str(value) for name, value in ORIGIN.items()}


def test_scores_as_json_are_a_table_of_figures(tmp_path: Path) -> None:
    figures = [*FIGURES, Figure("captioning", "empty_captions", "model", 3.0)]
    write_scores(tmp_path / "scores.json", figures, ORIGIN)
    assert set(read_figures(tmp_path / "scores.json")) == set(figures)
    for row in read_json(tmp_path / "scores.json"):
        assert set(row) == set(COLUMNS)
        assert row["unit"] in ({"number"} if row["task"] == "captioning" else {"0 to 100", "%"})
        assert {name: row[name] for name in ORIGIN} == ORIGIN


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    release, mine, link = tmp_path / "release", tmp_path / "mine.csv", tmp_path / "link.csv"
    release.mkdir()
    mine.touch()
    link.symlink_to(mine)
    (tmp_path / "folder.csv").mkdir()
    own = "it is the file to score; name another file"
    released = r"it lies in .*release, which stays as it is"
    for path, problem in (
        (tmp_path / "scores.txt", r"name a \.csv or \.json file"),
        (tmp_path / "scores", r"name a \.csv or \.json file"),
        (mine, own),
        (link, own),
        (release / ".." / "mine.csv", own),
        (release / "MANIFEST.json", released),
        (release / "new" / "scores.csv", released),
        (tmp_path / "folder.csv", "it is a folder.*by --out"),
        (mine / "x.csv", "it cannot be written.*by --out"),
        (Path("/proc/x.csv"), "it cannot be written.*by --out"),
    ):
        with pytest.raises(EvaluationError, match=problem) as error:
            check_target(path, [None, mine], [release, None])
        assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("name", ["scores.CSV", "new/folder/scores.json"])
def test_a_target_that_can_be_written_is_left_alone(tmp_path: Path, name: str) -> None:
    check_target(tmp_path / name, [], [])
    assert list(tmp_path.iterdir()) == []
    write_scores(tmp_path / name, FIGURES, ORIGIN)
    assert (tmp_path / name).is_file()
