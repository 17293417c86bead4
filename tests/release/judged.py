"""What the gate says of a small project: of a suite, of one expectation, and in its verdict."""

import json
from dataclasses import replace
from typing import Any

from sartext.release.gate.running import evaluate
from sartext.release.gate.suite import Inputs
from sartext.release.gate.suites import SUITES
from tests.release.built import Built

Outcome = dict[str, Any]


def result(built: Built, suite: str) -> Outcome:
    """What the gate says of one suite."""
    return evaluate(SUITES[suite], Inputs(built.project))


def failed(built: Built, suite: str) -> dict[str, Outcome]:
    """The failed rows of one suite, by the name of the expectation."""
    return {row["name"]: row for row in result(built, suite)["expectations"] if not row["passed"]}


def outcome(built: Built, suite: str, expectation: str) -> Outcome:
    """The row of one expectation, evaluated alone."""
    whole = SUITES[suite]
    check = next(check for check in whole.checks if check.name == expectation)
    frames = tuple(frame for frame in whole.frames if frame.name == check.frame)
    alone = evaluate(replace(whole, frames=frames, checks=(check,)), Inputs(built.project))
    return dict(alone["expectations"][0])


def verdict(built: Built) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((built.root / "build/quality/gate.json").read_text())
    return content
