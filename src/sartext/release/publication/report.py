"""``quality/report.md``: the verdict of the gate for a reader."""

from collections.abc import Mapping
from typing import Any

from sartext.release.gate.outcome import outcome, tally
from sartext.release.publication.markdown import table

HEADER = ("Expectation", "Severity", "Verdict", "Figure", "Unit", "Detail")


def quality_report(verdict: Mapping[str, Any]) -> str:
    """Return the verdict (``gate.json``) as Markdown, a table per suite; the same verdict gives the same text."""
    rows = [row for suite in verdict["suites"] for row in suite["expectations"]]
    told = [
        "# Quality gate\n",
        f"{'Passed' if verdict['passed'] else 'Failed'}: {tally(rows)}. A critical one "
        "that fails blocks a release, a warning does not. The figure is the number of rows that fail, or the "
        "value that was observed. The same rows for programs: `gate.json`.\n",
    ]
    for suite in verdict["suites"]:
        told.append(f"## {suite['name']}\n")
        told.append(table(HEADER, [_row(row) for row in suite["expectations"]]))
    return "\n".join(told)


def _row(row: Mapping[str, Any]) -> list[object]:
    verdict: str = outcome(row)
    if row["status"] != "evaluated":
        verdict += f" ({row['status']})"
    figure = "" if row["figure"] is None else f"{row['figure']:,}"
    return [row["name"], row["severity"], verdict, figure, row["unit"], row["detail"]]
