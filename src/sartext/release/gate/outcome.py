"""How the rows of the verdict read: what passed, what failed, what had nothing to judge."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Outcome = Literal["passed", "failed", "not judged"]


def outcome(row: Mapping[str, Any]) -> Outcome:
    """Return what came of an expectation; one that had nothing to judge blocks nothing and has not passed."""
    if not row["passed"]:
        return "failed"
    return "passed" if row.get("judged", True) else "not judged"


def judged_nothing(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no expectation of a suite had anything to judge."""
    return {outcome(row) for row in rows} == {"not judged"}


def tally(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how many expectations hold, of those that were judged, and how many were not."""
    found = [outcome(row) for row in rows]
    unjudged = found.count("not judged")
    told = f"{found.count('passed')} of {len(rows) - unjudged} expectations hold"
    return f"{told}, {unjudged} not judged" if unjudged else told
