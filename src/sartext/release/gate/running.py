"""One run of the gate: all suites, the verdict, the Data Docs."""

import importlib
from collections.abc import Mapping
from typing import Any

from sartext.config import Project
from sartext.files import atomic_folder, write_json
from sartext.release.gate import validation
from sartext.release.gate.checks import Suite
from sartext.release.gate.inputs import Inputs
from sartext.release.gate.outcome import outcome
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import candidate_sha256, failures
from sartext.release.inputs import refuse_unlisted


def run(project: Project) -> dict[str, object]:
    """Evaluate every suite, write ``build/quality/gate.json`` and the Data Docs, and return the figures.

    Raises:
        ArtefactError: candidate or ledger is absent or damaged, so that there is nothing to give a verdict on.
    """
    refuse_unlisted(project)
    content = candidate_sha256(project)
    inputs = Inputs(project)
    context = validation.open_context()
    results = [evaluate(context, name, inputs) for name in SUITES]
    verdict: dict[str, Any] = {
        "content_sha256": content,
        "passed": all(result["passed"] for result in results),
        "suites": results,
    }
    write_json(project.build / "quality" / "gate.json", verdict)
    with atomic_folder(project.build / "docs") as folder:
        validation.write_docs(context, folder)
    return summary(verdict)


def evaluate(context: Any, name: str, inputs: Inputs) -> dict[str, object]:  # noqa: ANN401
    """Evaluate one suite by its name; one that cannot even be evaluated is a single ``crashed`` row."""
    try:
        suite: Suite = importlib.import_module(f"sartext.release.gate.{name}").SUITE
        return validation.evaluate(context, suite, inputs)
    except Exception as error:
        crashed = {
            "name": "the suite runs",
            "severity": "critical",
            "passed": False,
            "status": "crashed",
            "judged": False,
            "figure": None,
            "unit": "suites",
            "detail": " ".join(f"{type(error).__name__}: {error}".split())[:300],
        }
        return {"name": name, "passed": False, "expectations": [crashed]}


def summary(verdict: Mapping[str, Any]) -> dict[str, object]:
    """Return what the stage's log says of a verdict."""
    rows = [row for suite in verdict["suites"] for row in suite["expectations"]]
    warned = [
        f"{suite['name']}.{row['name']}: {row['detail']}"
        for suite in verdict["suites"]
        for row in suite["expectations"]
        if not row["passed"] and row["severity"] == "warning"
    ]
    return {
        "passed": verdict["passed"],
        "expectations": len(rows),
        "not_judged": sum(outcome(row) == "not judged" for row in rows),
        "failed": [f"{name}: {detail}" for name, detail in failures(dict(verdict))],
        "warnings": warned,
        "suites": {suite["name"]: suite["passed"] for suite in verdict["suites"]},
        "content_sha256": verdict["content_sha256"],
    }
