"""What is told of a difference: by corpus and method, in words, verdicts, models; as a page, JSON and changes."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from sartext.cli.releases import release as releases
from sartext.files import read_json, write_json
from sartext.narrator.facts import Facts
from sartext.narrator.facts import to_json as facts_json
from sartext.release.card import changes
from sartext.release.comparison import Comparison, Details, Group, compare
from sartext.release.comparison.records import FigureChange, ModelChange
from sartext.release.comparison.showing import lines_of, page_of, tables_of, to_json
from sartext.release.comparison.words import exchanges, kind_of, segments, word_changes
from tests.browser import Browser, started
from tests.release.built import Built

NO_FACTS = facts_json(Facts())
HOSTILE = "Two <script>alert(1)</script> ships \x1b[31m|\n# in <b>the</b> harbour."


@pytest.mark.parametrize(
    ("before", "after", "kind", "exchanged"),
    [
        ("A road .", "A  road .", "white space", []),
        ("a road", "A road.", "case or punctuation", [("a", "A"), ("", ".")]),
        ("Two big ships.", "Three ships.", "words", [("Two big", "Three")]),
        ("Two ships.", "Three boats.", "words", [("Two", "Three"), ("ships", "boats")]),
        ("A well-known pier", "A pier", "words", [("well-known", "")]),
    ],
)
def test_a_changed_caption_is_told_word_by_word(
    before: str, after: str, kind: str, exchanged: list[tuple[str, str]]
) -> None:
    assert kind_of(before, after) == kind
    assert exchanges(before, after) == exchanged
    shown = segments(before, after)
    assert "".join(text for part, text in shown if part != "added") == before
    assert "".join(text for part, text in shown if part != "removed") == after


def test_exchanged_words_are_counted_the_most_frequent_first() -> None:
    changed = word_changes([("a b", "a c"), ("b", "c"), ("x", "X"), ("b", "d")])
    assert changed.exchanged == (("b", "c", 2), ("b", "d", 1), ("x", "X", 1))
    assert changed.kinds == (("words", 3), ("case or punctuation", 1))


@pytest.fixture
def built(assembled: Built, tmp_path: Path) -> Built:
    """An assembled release, with a copy of it as it was before the test changes anything."""
    shutil.copytree(assembled.root / "build/release", tmp_path / "old")
    return assembled


def difference(built: Built, tmp_path: Path) -> tuple[Comparison, Details]:
    found = compare(tmp_path / "old", built.assemble())
    assert found.details
    return found, found.details


def test_captions_are_counted_by_corpus_and_method(built: Built, tmp_path: Path) -> None:
    built.set_pair(0, caption="One ship.", method="narrator", model_sha256="a" * 64, score=0.9)
    built.add_corpus("gamma", 5, seed=9)
    built.set_pairs(lambda rows: [row for row in rows if row["image_id"] != "beta/0003"])
    _, details = difference(built, tmp_path)
    assert details.groups == (
        Group("alpha", "a2c", 30, 29, 0, 0, 0),
        Group("alpha", "narrator", 0, 1, 0, 0, 1),
        Group("beta", "a2c", 10, 9, 0, 1, 0),
        Group("gamma", "a2c", 0, 5, 5, 0, 0),
    )
    assert details.models == (ModelChange("narrator", (), ("a" * 64,)),)
    assert (details.before.methods, details.after.methods) == ({"a2c": 40}, {"a2c": 43, "narrator": 1})


def test_distributions_count_words_distinct_captions_and_classes(built: Built, tmp_path: Path) -> None:
    built.set_pairs(lambda rows: [{**row, "caption": "One ship.", "facts": NO_FACTS} for row in rows[:4]])
    _, details = difference(built, tmp_path)
    after = details.after
    assert (after.captions, after.images, after.distinct) == (4, 4, 1)
    assert after.words == {"least": 2, "mean": 2, "median": 2, "most": 2}
    assert after.lengths == {"1 to 5": 4}
    assert (details.before.classes, after.classes) == ({"ship": 40}, {})
    assert sum(details.before.lengths.values()) == details.before.captions == 40


def test_other_columns_are_counted_and_null_is_a_value(built: Built, tmp_path: Path) -> None:
    built.set_pairs(lambda rows: [{**row, "resolution_m": 3.0, "citation": "Others."} for row in rows])
    found, details = difference(built, tmp_path)
    assert details.columns == {"citation": 40, "resolution_m": 40}
    assert len(found.metadata) == 40


def test_figures_of_the_gate_that_changed_are_told(built: Built, tmp_path: Path) -> None:
    path = tmp_path / "old/quality/gate.json"
    verdict = read_json(path)
    verdict["suites"][0]["expectations"][0] |= {"figure": 2, "passed": False}
    verdict["suites"][1]["expectations"][0]["name"] = "another"
    write_json(path, verdict)
    built.reword()
    _, details = difference(built, tmp_path)
    schema, ledger = (suite["name"] for suite in verdict["suites"][:2])
    assert details.gate == (
        FigureChange(f"{schema}: all is well", "2 pairs, failed", "0 pairs, passed"),
        FigureChange(f"{ledger}: all is well", "not there", "0 pairs, passed"),
        FigureChange(f"{ledger}: another", "0 pairs, passed", "not there"),
    )


def test_the_command_writes_a_table_a_page_and_json(built: Built, tmp_path: Path) -> None:
    name = built.set_pair(0, caption=HOSTILE)
    built.assemble()
    data, page = tmp_path / "diff.json", tmp_path / "diff.html"
    arguments = ["diff", str(tmp_path / "old"), str(built.release), "--json", str(data), "--html", str(page)]
    result = CliRunner().invoke(releases, arguments)
    assert result.exit_code == 0, result.output
    assert "a patch change" in result.output
    assert "\x1b" not in result.output
    assert f"{name}: " in result.output
    content = json.loads(data.read_text())
    assert content["counts"]["captions"] == 1
    assert content["captions"][0]["after"] == HOSTILE
    assert "<script>" not in page.read_text().replace("&lt;script&gt;", "")
    same = CliRunner().invoke(releases, ["diff", str(built.release), str(built.release)])
    assert same.output == f"{built.release} and {built.release} hold the same content\n"


def test_changes_are_made_from_the_same_comparison_and_show_html_as_text(built: Built, tmp_path: Path) -> None:
    built.set_pair(0, caption=HOSTILE, method="a2c|<i>")
    found, _ = difference(built, tmp_path)
    text = changes("1.0.1", "1.0.0", found, {})
    assert "| captions changed | 1 |" in text
    assert "## Captions by corpus and method" in text
    assert "| alpha | a2c\\|&lt;i&gt; | 0 | 1 | 0 | 0 | 1 |" in text
    assert "<" not in text
    for title, _ in tables_of(found)[1:]:
        assert f"## {title}" in text


def test_a_comparison_tells_the_same_every_time(built: Built, tmp_path: Path) -> None:
    built.set_pairs(lambda rows: [{**row, "caption": f"{row['caption']} Here."} for row in rows[:30]])
    (found, _), names = difference(built, tmp_path), ("old", "new")
    again = compare(tmp_path / "old", built.release)
    assert to_json(found, names) == to_json(again, names)
    assert page_of(found, names) == page_of(again, names)
    assert lines_of(found, names)[0] == "from old to new"


def test_the_page_opens_from_disk_and_fits_a_telephone(built: Built, tmp_path: Path) -> None:
    built.set_pairs(lambda rows: [{**row, "caption": f"{row['caption']} {HOSTILE}"} for row in rows[:30]])
    found, _ = difference(built, tmp_path)
    path = tmp_path / "diff.html"
    path.write_text(page_of(found, ("x" * 90, "new"), "major"))
    with started(tmp_path / "profile") as browser:
        _look(browser, path)


def _look(browser: Browser, path: Path) -> None:
    for width in (400, 1280):
        browser.open(path.as_uri(), width)
        shown, window = browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert shown <= window
        assert browser.run("return document.querySelectorAll('.changes li').length") == 30
        assert browser.run("return document.querySelectorAll('script, b:not(header b)').length") == 0
