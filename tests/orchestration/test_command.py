"""``python -m orchestration``: what a person types, sees and can interrupt."""

from pathlib import Path

import pytest

from .conftest import command


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
    ("file", "text", "said"),
    [("params.yaml", "corpora: {}\nkaptions: []\n", "did you mean 'captions'?"), ("dvc.yaml", "[", "dvc.yaml")],
)
def test_a_broken_file_is_one_line_and_exit_1(toy: Path, file: str, text: str, said: str) -> None:
    (toy / file).write_text(text)
    code, output, errors = command(toy, "release")
    assert (code, output) == (1, "")
    assert said in errors
    assert errors.count("\n") == 1


def test_data_of_an_unknown_name_is_an_error_that_names_the_known(toy: Path) -> None:
    code, output, errors = command(toy, "report", "--data", "bogus")
    assert (code, output) == (2, "")
    assert "'sim', 'sample'" in errors
    assert errors.count("\n") == 1


def test_an_asset_of_an_unknown_name_is_an_error_that_names_the_nearest(toy: Path) -> None:
    code, _, errors = command(toy, "materialize", "corpus/alfa")
    assert code == 1
    assert "did you mean 'corpus/alpha'?" in errors
