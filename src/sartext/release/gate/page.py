"""The page of the gate: every suite and expectation with verdict, figure and detail; it opens from disk."""

from collections.abc import Mapping
from typing import Any

from sartext.pages import Cell, Row, Table, render
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import judged_nothing, outcome, tally

HEADS = ("Expectation", "Verdict", "Figure", "Unit", "Severity", "Detail")
MARKS = {"passed": "better", "failed": "worse", "not judged": "even"}


def gate_page(verdict: Mapping[str, Any]) -> str:
    """Return the verdict (``gate.json``) as HTML; the same verdict gives the same page."""
    rows = [row for suite in verdict["suites"] for row in suite["expectations"]]
    return render(
        "release/templates/gate.html",
        title="Quality gate",
        passed=verdict["passed"],
        tally=tally(rows),
        content_sha256=verdict["content_sha256"],
        suites=[_suite(suite) for suite in verdict["suites"]],
        failed=[
            {"suite": suite["name"], **row}
            for suite in verdict["suites"]
            for row in suite["expectations"]
            if not row["passed"]
        ],
    )


def _suite(suite: Mapping[str, Any]) -> dict[str, object]:
    name, rows = suite["name"], suite["expectations"]
    verdict = "failed" if not suite["passed"] else "not judged" if judged_nothing(rows) else "passed"
    return {
        "name": name,
        "description": SUITES[name].description if name in SUITES else "",
        "mark": MARKS[verdict],
        "verdict": verdict,
        "tally": tally(rows),
        "table": Table(HEADS, [_row(row) for row in rows], texts=("Expectation", "Unit", "Severity", "Detail")),
    }


def _row(row: Mapping[str, Any]) -> Row:
    verdict = outcome(row)
    text = verdict if row["status"] == "evaluated" else f"{verdict} ({row['status']})"
    figure = "" if row["figure"] is None else f"{row['figure']:,}"
    return Row([row["name"], Cell(text, mark=MARKS[verdict]), figure, row["unit"], row["severity"], row["detail"]])
