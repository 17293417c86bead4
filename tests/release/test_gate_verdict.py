"""The verdict: what it is about, and that no release is made without one that passes."""

import html
import re
import shutil
from collections.abc import Callable

import pyarrow.parquet as pq
import pytest

from sartext.errors import ArtefactError, GateError
from sartext.files import write_json
from sartext.release.assembly import assemble
from sartext.release.card import quality_report
from sartext.release.gate.running import gate_page, run_gate
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import judged_nothing, outcome, require_passed, tally
from sartext.release.identity import candidate_sha256
from sartext.tables import LEDGER, read_rows, write_table
from tests.release.built import Built, result, verdict


def test_a_failed_verdict_is_data_and_the_release_refuses_it(built: Built) -> None:
    built.set_pair(3, caption="There is one white ship in this SAR image.")
    assert run_gate(built.project)["passed"] is False
    with pytest.raises(GateError, match=r"captions\.no colour words.*alpha/0003: white"):
        assemble(built.project)
    assert not (built.root / "build/release").exists()


def without_a_suite(built: Built) -> None:
    content = verdict(built)
    content["suites"] = [suite for suite in content["suites"] if suite["name"] != "splits"]
    write_json(built.root / "build/quality/gate.json", content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda built: shutil.rmtree(built.root / "build/quality"), "not been checked; run `sartext quality`"),
        (Built.reword, "about another candidate"),
        (without_a_suite, "lacks the results of splits"),
    ],
    ids=["missing", "foreign", "of some suites"],
)
def test_a_verdict_that_is_not_of_this_candidate_as_a_whole_is_refused(
    judged: Built, change: Callable[[Built], object], message: str
) -> None:
    require_passed(judged.project)
    change(judged)
    with pytest.raises(GateError, match=message):
        assemble(judged.project)


def test_the_hash_of_a_candidate_is_of_its_content_and_its_ledger_not_of_its_bytes(built: Built) -> None:
    before = candidate_sha256(built.project)
    bytes_before = built.pairs_path.read_bytes()
    pq.write_table(pq.read_table(built.pairs_path), built.pairs_path, compression="gzip", row_group_size=7)
    assert built.pairs_path.read_bytes() != bytes_before
    assert candidate_sha256(built.project) == before
    path = built.root / "build/ledger.parquet"
    first, *others = read_rows(path, LEDGER)
    write_table(path, LEDGER, [{**first, "reason": "another"}, *others])
    assert candidate_sha256(built.project) != before
    write_table(path, LEDGER, [first, *others])
    built.set_pair(0, score=0.5)
    assert candidate_sha256(built.project) != before


def test_without_a_candidate_there_is_no_verdict(built: Built) -> None:
    built.pairs_path.unlink()
    with pytest.raises(ArtefactError, match="the candidate is missing"):
        run_gate(built.project)
    assert not (built.root / "build/quality/gate.json").exists()


def test_the_index_of_an_unlisted_corpus_is_refused(built: Built) -> None:
    (built.root / "build/corpus/gone").mkdir()
    with pytest.raises(ArtefactError, match=r"gone.*sartext prune"):
        run_gate(built.project)


def test_the_page_shows_every_row_and_escapes_what_captions_hold() -> None:
    row = {"name": "plain English", "severity": "critical", "status": "evaluated", "unit": "captions"}
    crashed = {"passed": False, "status": "crashed", "judged": False, "figure": None, "detail": "x"}
    rows = [
        {**row, "passed": False, "judged": True, "figure": 1204, "detail": "alpha/1: <script>alert(1)</script>"},
        {**row, "name": "share", "passed": True, "judged": False, "figure": None, "detail": "not judged: few"},
        {**row, "name": "a|b", **crashed},
    ]
    suites = [{"name": name, "passed": False, "expectations": rows} for name in ("captions", "made-up")]
    content = {"content_sha256": "ab" * 32, "passed": False, "suites": suites}
    report = quality_report(content)
    assert "Failed: 0 of 4 expectations hold, 2 not judged. " in report
    assert "| a\\|b | critical | failed (crashed) |  | captions | x |" in report
    page = gate_page(content)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert "<script>alert" not in page
    assert "plain English failed 1,204 captions critical alpha/1: <script>alert(1)</script>" in text
    assert "share not judged captions critical not judged: few" in text
    assert "a|b failed (crashed) captions critical x" in text
    assert SUITES["captions"].description in text and "ab" * 32 in text
    assert text.count("0 of 2 expectations hold, 1 not judged") == 2, "for each suite; of both together 0 of 4"


def test_without_narrated_corpora_the_narration_is_not_judged(built: Built) -> None:
    built.parameters(narrated=[])
    metrics = run_gate(built.project)
    written = verdict(built)
    suite = next(suite for suite in written["suites"] if suite["name"] == "narration")
    assert suite["passed"] and judged_nothing(suite["expectations"])
    assert {(row["figure"], row["detail"]) for row in suite["expectations"]} == {
        (None, "not judged: no corpus is narrated")
    }
    unjudged = [row for suite in written["suites"] for row in suite["expectations"] if not row["judged"]]
    assert metrics["not_judged"] == len(unjudged) >= len(suite["expectations"])
    assert require_passed(built.project)["passed"]


def test_the_report_counts_and_names_what_was_not_judged(built: Built) -> None:
    text = quality_report({"passed": True, "suites": [result(built, "narration"), result(built, "ledger")]})
    ledger = len(result(built, "ledger")["expectations"])
    assert f"Passed: {ledger} of {ledger} expectations hold, 10 not judged. " in text
    narration = [line for line in text.split("## ledger")[0].splitlines() if "no corpus is narrated" in line]
    assert len(narration) == 10
    assert all("| not judged |  |" in line for line in narration)


def test_what_failed_or_crashed_is_not_told_as_unjudged() -> None:
    rows = [{"passed": passed, "judged": judged} for passed in (True, False) for judged in (True, False)]
    assert [outcome(row) for row in rows] == ["passed", "not judged", "failed", "failed"]
    assert tally(rows) == "1 of 3 expectations hold, 1 not judged"
    assert not judged_nothing(rows)
    assert not judged_nothing([])
