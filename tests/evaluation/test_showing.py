"""Scores as a person reads them: a table on the console, a file of them."""

import csv
from pathlib import Path

import pytest
from rich.console import Console

from sartext.errors import EvaluationError
from sartext.evaluation.figures import Figure, not_computed, read_figures
from sartext.evaluation.showing import COLUMNS, check_ending, figure_table, write_scores

FIGURES = [
    Figure("vqa", "accuracy", "model", 50.0, 40.0, 60.0, 8, subset="type:count"),
    Figure("vqa", "oa", "model", 62.5, None, None, 24),
    not_computed("vqa", "accuracy", "model", "no question of type scene is asked", subset="type:scene"),
]


def shown(figures: list[Figure]) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(figure_table(figures))
    return capture.get()


def test_a_table_has_whole_benchmarks_first_and_says_what_was_not_computed_and_why() -> None:
    text = shown(FIGURES)
    rows = [line for line in text.splitlines() if "release-test" in line]
    assert [("all" in rows[0], "62.5" in rows[0]), "type:count" in rows[1]] == [(True, True), True]
    assert "40 to 60" in rows[1]
    assert "not computed" in rows[2]
    assert "no question of type scene is asked" in " ".join(text.split())
    assert "nan" not in text.lower()


def test_a_table_without_gaps_has_no_caption() -> None:
    assert "not computed" not in shown(FIGURES[:2])


def test_scores_as_csv_have_a_column_for_each_field_and_empty_cells_for_none(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.csv", FIGURES)
    with (tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["subset"], row["value"], row["n"]) for row in rows] == [
        ("all", "62.5", "24"),
        ("type:count", "50.0", "8"),
        ("type:scene", "", "0"),
    ]
    assert rows[2]["reason"] == "no question of type scene is asked"


def test_scores_as_json_are_a_table_of_figures(tmp_path: Path) -> None:
    write_scores(tmp_path / "scores.json", FIGURES)
    assert set(read_figures(tmp_path / "scores.json")) == set(FIGURES)


@pytest.mark.parametrize("name", ["scores.txt", "scores", "scores.CSV"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    for refuse in (check_ending, lambda path: write_scores(path, FIGURES)):
        with pytest.raises(EvaluationError, match=r"name a \.csv or \.json file"):
            refuse(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
