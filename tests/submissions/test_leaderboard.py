"""Leaderboards: rows say what they are of, only like is compared with like, and a file is a stranger's."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sartext.evaluation.details import BASELINES
from sartext.evaluation.registry import headlines
from sartext.files import read_json, sha256_file, write_json
from sartext.submissions.leaderboard import Row, read_leaderboard
from sartext.submissions.leaderboard_tables import sheets
from sartext.vqa.question import Question
from tests.evaluation.released import CommandLine, Published, answers_file

HOSTILE = "<script>alert(1)</script> | [x](http://h) `c` **b** & [/red]"


def row(name: str = "mine", **more: Any) -> dict[str, Any]:
    """A row as a file has it."""
    return {
        "name": name,
        "kind": "answers",
        "sha256": "a" * 64,
        "asked": {},
        "release": "sar-text 1.0.0",
        "task": "vqa",
        "benchmark": "release-test",
        "benchmark_sha256": "b" * 64,
        "texts_sha256": "c" * 64,
        "seed": 7,
        "resamples": 100,
        "scoring": 1,
        "sartext": "0.1.0",
        "figures": [
            {"metric": "aa", "value": 50.0, "low": 40.0, "high": 60.0, "n": 20},
            {"metric": "oa", "value": 55.0, "low": 45.0, "high": 65.0, "n": 20},
        ],
        "baselines": [{"metric": "oa", "variant": "constant", "value": 30.0, "low": None, "high": None, "n": 20}],
        **more,
    }


def board(path: Path, *rows: dict[str, Any]) -> Path:
    write_json(path, {"leaderboard": 1, "rows": list(rows)})
    return path


def scored(value: float) -> list[dict[str, Any]]:
    return [{"metric": "aa", "value": value, "low": None, "high": None, "n": 20}]


@pytest.fixture
def answered(questions: list[Question], tmp_path: Path) -> Path:
    return answers_file(tmp_path / "mine.csv", [(question.id, question.answer) for question in questions])


def test_a_scored_file_adds_a_row_that_says_what_it_is_of(
    small: Published, answered: Path, evaluate: CommandLine, sartext: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "board.json"
    command = ("--task", "vqa", "--answers", answered, "--name", "mine", "--leaderboard", file)
    result, figures = evaluate.scores(tmp_path / "scores.json", *command)
    assert f"added to {file}, which holds 1 row: sartext leaderboard show {file}" in result.out
    (found,) = read_leaderboard(file)
    first = read_json(tmp_path / "scores.json")[0]
    assert (found.kind, found.sha256) == ("answers", sha256_file(answered))
    assert (found.release, found.benchmark_sha256) == (first["release"], first["benchmark_sha256"])
    whole = {(f.metric, f.value, f.low, f.high, f.n) for f in figures if (f.variant, f.subset) == ("mine", "all")}
    assert {(f.metric, f.value, f.low, f.high, f.n) for f in found.figures} == whole
    assert {each.variant for each in found.baselines} == {"constant", "constant-per-corpus"}
    before = file.read_bytes()
    evaluate.scores(tmp_path / "scores.json", *command)
    assert file.read_bytes() == before, "an equal row is there already"
    shown = sartext("leaderboard", "show", file)
    assert shown.code == 0 and "vqa on release-test" in shown.out
    assert "100.0 [100.0, 100.0]" in shown.out and "never looks" in shown.out


def test_another_result_under_one_name_is_refused_and_scores_are_written_before(
    questions: list[Question], answered: Path, evaluate: CommandLine, tmp_path: Path
) -> None:
    file, out = tmp_path / "board.json", tmp_path / "scores.json"
    command = ("--task", "vqa", "--name", "mine", "--leaderboard", file, "--answers")
    evaluate.scores(out, *command, answered)
    before = file.read_bytes()
    other = answers_file(tmp_path / "other.csv", [(question.id, "") for question in questions])
    out.unlink()
    result = evaluate(*command, other, "--out", out, "--resamples", 100)
    assert result.code == 1 and out.is_file()
    assert (
        "'mine' stands twice in vqa on release-test, another sha256; give one of them another name" in result.err
    )
    assert file.read_bytes() == before
    evaluate.scores(out, *command, other, "--name", "blank")
    assert [each.name for each in read_leaderboard(file)] == ["blank", "mine"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("board.csv", "no table of type '.csv'; name a .json file"),
        ("mine.json", "no leaderboard: "),
        ("scores.json", "--out and --leaderboard are one file"),
    ],
)
def test_a_file_that_cannot_take_a_row_is_refused_before_anything_is_scored(
    answered: Path, evaluate: CommandLine, tmp_path: Path, name: str, said: str
) -> None:
    (tmp_path / "mine.json").write_text("[]")
    out = tmp_path / "scores.json"
    command = ("--task", "vqa", "--answers", answered, "--out", out, "--leaderboard", tmp_path / name)
    assert said in evaluate.refused(*command)
    assert not out.exists()


def test_files_are_merged_whatever_their_order(sartext: CommandLine, tmp_path: Path) -> None:
    first = board(tmp_path / "a.json", row("x"), row("y", figures=scored(70)))
    other = board(tmp_path / "b.json", row("x"), row("z", benchmark_sha256="d" * 64))
    out, turned = tmp_path / "c.json", tmp_path / "d.json"
    assert "3 rows of 2 files" in sartext("leaderboard", "merge", first, other, "--out", out).out
    sartext("leaderboard", "merge", other, first, "--out", turned)
    assert out.read_bytes() == turned.read_bytes()
    drawn = sheets(read_leaderboard(out))
    assert [[cells[0][0] for cells in sheet.rows] for sheet in drawn] == [
        ["y", "x", "constant"],
        ["z", "constant"],
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("benchmark_sha256", "d" * 64),
        ("texts_sha256", "d" * 64),
        ("seed", 8),
        ("scoring", 2),
        ("benchmark", "other"),
    ],
)
def test_rows_of_another_contest_are_never_in_one_table(tmp_path: Path, field: str, value: object) -> None:
    rows = read_leaderboard(board(tmp_path / "a.json", row("x"), row("x", **{field: value})))
    assert len(sheets(rows)) == 2


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"figures": scored(51)}, "'mine' stands twice in vqa on release-test, its figures differ"),
        ({"sha256": "e" * 64}, "'mine' stands twice in vqa on release-test, another sha256"),
        ({"asked": {"prompt": "Well?"}}, "another asked"),
        (
            {"name": "liar", "baselines": [{**row()["baselines"][0], "value": 3.0}]},
            "'mine' and 'liar' disagree on the baseline 'constant': oa 30 and 3",
        ),
    ],
)
def test_what_cannot_both_be_true_is_not_merged(
    sartext: CommandLine, tmp_path: Path, other: dict[str, Any], said: str
) -> None:
    files = board(tmp_path / "a.json", row()), board(tmp_path / "b.json", row(**other))
    line = sartext.refused("leaderboard", "merge", *files, "--out", tmp_path / "c.json")
    assert said in line and "a.json and " in line and "b.json" in line
    assert not (tmp_path / "c.json").exists()


def text_of(value: object) -> str:
    return json.dumps({"leaderboard": 1, "rows": [row(**value)]} if isinstance(value, dict) else value)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 100_000,
        text_of([]),
        '{"leaderboard": 1}',
        '{"leaderboard": 2, "rows": []}',
        text_of({"figures": [{"metric": "oa", "value": float("nan"), "n": 1}]}),
        text_of({"figures": [{"metric": "oa", "value": float("inf"), "n": 1}]}),
        text_of({}).replace("50.0", "1e999"),
        text_of({"figures": [{"metric": "oa", "value": "50", "n": 1}]}),
        text_of({"figures": [{"metric": "oa", "value": True, "n": 1}]}),
        text_of({"figures": []}),
        text_of({"name": ""}),
        text_of({"name": "\x1b[31mred"}),
        text_of({"name": "a\u202eb"}),
        text_of({"name": "a" * 201}),
        text_of({"sha256": "../../etc/passwd"}),
        text_of({"task": "grounding"}),
        text_of({"seed": -1}),
        text_of({"more": 1}),
        text_of({"asked": {"prompt": ["a"]}}),
    ],
)
def test_a_file_of_another_form_is_refused(sartext: CommandLine, tmp_path: Path, content: str) -> None:
    file = tmp_path / "board.json"
    file.write_text(content)
    assert f"{file}: no leaderboard: " in sartext.refused("leaderboard", "show", file)


def test_absent_files_and_other_endings_are_refused(sartext: CommandLine, tmp_path: Path) -> None:
    assert "it cannot be read" in sartext.refused("leaderboard", "show", tmp_path / "nowhere.json")
    file = board(tmp_path / "a.json", row())
    assert "name a .json file" in sartext.refused("leaderboard", "merge", file, "--out", tmp_path / "a.csv")
    assert "name an .html file" in sartext.refused("leaderboard", "show", file, "--html", tmp_path / "a.json")
    assert "say one of them" in sartext.refused(
        "leaderboard", "show", file, "--html", tmp_path / "a.html", "--markdown"
    )


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_names_are_text_on_the_console_in_markdown_and_on_the_page(sartext: CommandLine, tmp_path: Path) -> None:
    file = board(tmp_path / "a.json", row(HOSTILE, release=HOSTILE, benchmark=HOSTILE, kind=HOSTILE))
    shown = sartext("leaderboard", "show", file)
    assert shown.code == 0 and "[/red]" in shown.out
    written = sartext("leaderboard", "show", file, "--markdown").out
    lines = [line for line in written.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, "no cell ends another"
    assert "<script>" not in written and r"\*\*b\*\*" in written and r"\`c\`" in written
    page = tmp_path / "board.html"
    assert "1 table" in sartext("leaderboard", "show", file, "--html", page).out
    parsed = Tags()
    parsed.feed(page.read_text())
    assert "script" not in parsed.tags and HOSTILE in parsed.text
    before = page.read_bytes()
    sartext("leaderboard", "show", file, "--html", page)
    assert page.read_bytes() == before


def test_baselines_stand_below_with_what_they_are(tmp_path: Path) -> None:
    (sheet,) = sheets(read_leaderboard(board(tmp_path / "a.json", row())))
    assert set(sheet.heads) >= {"average accuracy (AA)", "overall accuracy (OA)"}
    assert sheet.rows[-1][:4] == [("constant", ""), ("never looks", ""), ("-", ""), ("30.0", "")]
    assert "20 questions; benchmark bbbbbbbbbbbb, texts cccccccccccc, seed 7, scoring 1" in sheet.note
    assert "constant" in BASELINES and headlines("vqa") == ("aa", "oa")
    assert Row.model_validate_json(json.dumps(row())).asked == {}
