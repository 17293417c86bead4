"""The verdict of the gate: how its rows read, and that a release needs one about this very candidate."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sartext.config import Project
from sartext.errors import GateError
from sartext.files import read_json
from sartext.release.gate.suites import SUITES
from sartext.release.identity import candidate_sha256

Outcome = Literal["passed", "failed", "not judged"]


def outcome(row: Mapping[str, Any]) -> Outcome:
    """Return what came of an expectation; one that had nothing to judge blocks nothing and has not passed."""
    if not row["passed"]:
        return "failed"
    return "passed" if row.get("judged", True) else "not judged"


def in_words(row: Mapping[str, Any]) -> str:
    """Return what came of an expectation as pages write it: with its status where it was not evaluated."""
    return outcome(row) if row["status"] == "evaluated" else f"{outcome(row)} ({row['status']})"


def judged_nothing(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no expectation of a suite had anything to judge."""
    return {outcome(row) for row in rows} == {"not judged"}


def tally(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many expectations hold, of those that were judged, and how many were not."""
    outcomes = [outcome(row) for row in rows]
    unjudged = outcomes.count("not judged")
    judged = f"{outcomes.count('passed')} of {len(rows) - unjudged} expectations hold"
    return f"{judged}, {unjudged} not judged" if unjudged else judged


def require_passed(project: Project) -> dict[str, Any]:
    """Return the verdict if it is there, complete, about this very candidate, and passed.

    Raises:
        GateError: it is missing, foreign, incomplete or failed; the failed expectations are named.
        ArtefactError: the candidate is absent or damaged.
    """
    path = project.build / "quality" / "gate.json"
    where = project.relative(path)
    if not path.is_file():
        raise GateError("the candidate has not been checked", where=where, way_out="run `sartext quality`")
    verdict = read_json(path)
    if not isinstance(verdict, dict) or verdict.get("content_sha256") != candidate_sha256(project):
        raise GateError(
            "the verdict is about another candidate", where=where, way_out="run `sartext quality` on this one"
        )
    suites = {suite["name"]: suite for suite in verdict.get("suites", [])}
    absent = [name for name in SUITES.names if not suites.get(name, {}).get("expectations")]
    if absent:
        raise GateError(
            f"the verdict lacks the results of {', '.join(absent)}", where=where, way_out="run `sartext quality`"
        )
    failed = failures(verdict)
    if failed or verdict.get("passed") is not True:
        shown = "; ".join(f"{name} ({detail})" for name, detail in failed[:3]) or "no expectation is named"
        more = f" and {len(failed) - 3} more" if len(failed) > 3 else ""
        raise GateError(
            f"the quality gate failed: {shown}{more}",
            where=where,
            way_out="correct the data or captions it names and build again; all rows: build/quality/gate.json",
        )
    return verdict


def failures(verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name (``suite.expectation``) and detail of every expectation that blocks the release."""
    return [
        (f"{suite['name']}.{row['name']}", str(row["detail"]))
        for suite in verdict["suites"]
        for row in suite["expectations"]
        if not row["passed"] and row["severity"] == "critical"
    ]
