"""What the gate had nothing to judge by is told as such, not as passed, and blocks nothing."""

from typing import Any

import pytest

from sartext.files import write_json
from sartext.release.card import quality_report
from sartext.release.gate.running import run_gate
from sartext.release.gate.verdict import judged_nothing, outcome, require_passed, tally
from tests.release.built import Built
from tests.release.judged import failed, result, verdict


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
    assert f"Passed: {ledger} of {ledger} expectations hold, 6 not judged. " in text
    narration = [line for line in text.split("## ledger")[0].splitlines() if "no corpus is narrated" in line]
    assert len(narration) == 6
    assert all("| not judged |  |" in line for line in narration)


def test_what_failed_or_crashed_is_not_told_as_unjudged() -> None:
    rows: list[dict[str, Any]] = [
        {"passed": True, "judged": True},
        {"passed": True, "judged": False},
        {"passed": False, "judged": True},
        {"passed": False, "judged": False},
    ]
    assert [outcome(row) for row in rows] == ["passed", "not judged", "failed", "failed"]
    assert tally(rows) == "1 of 3 expectations hold, 1 not judged"
    assert not judged_nothing(rows)
    assert not judged_nothing([])


@pytest.mark.parametrize(("shortfall", "blocks"), [(0.2, True), (0.4, False)])
def test_how_far_below_the_stated_precision_blocks_is_a_parameter(
    built: Built, shortfall: float, blocks: bool
) -> None:
    built.parameters(narrated=["beta"], gate={"precision_shortfall": shortfall})
    truth = {name: {"true": 50, "statements": 100, "precision": 0.5} for name in ("accepted", "rejected")}
    metrics = {"share_accepted": 0.5, "hidden_truth": {"object class": truth}}
    write_json(built.root / "build/narrated/beta/metrics.json", metrics)
    assert result(built, "narration")["passed"] is not blocks
    assert ("no precision far below what is stated" in failed(built, "narration")) is blocks
