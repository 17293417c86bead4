"""The stage ``quality``: every suite evaluated, the verdict and its page written."""

from collections.abc import Mapping
from typing import Any

from sartext.config import Project
from sartext.files import atomic_folder, write_json, write_text
from sartext.release.gate import validation
from sartext.release.gate.page import gate_page
from sartext.release.gate.suite import Inputs, Suite
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import candidate_sha256, failures, outcome
from sartext.release.inputs import refuse_unlisted


def run_gate(project: Project) -> dict[str, object]:
    """Check the candidate, write the verdict to ``build/quality/gate.json`` and its page, return the figures.

    A failed verdict is data, not an error: the stage ``release`` reads it and refuses.

    Raises:
        ArtefactError: candidate or ledger is absent or damaged, so that there is nothing to give a verdict on.
    """
    refuse_unlisted(project)
    content = candidate_sha256(project)
    inputs = Inputs(project)
    context = validation.open_context()
    results = [evaluate(context, suite, inputs) for suite in SUITES]
    verdict: dict[str, Any] = {
        "content_sha256": content,
        "passed": all(result["passed"] for result in results),
        "suites": results,
    }
    write_json(project.build / "quality" / "gate.json", verdict)
    with atomic_folder(project.build / "docs") as folder:
        write_text(folder / "index.html", gate_page(verdict))
    return summarise(verdict)


def evaluate(context: Any, suite: Suite, inputs: Inputs) -> dict[str, object]:  # noqa: ANN401
    """Evaluate one suite; one that cannot even be evaluated is a single ``crashed`` row."""
    try:
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
            "detail": validation.describe_error(error),
        }
        return {"name": suite.name, "passed": False, "expectations": [crashed]}


def summarise(verdict: Mapping[str, Any]) -> dict[str, object]:
    """Return what the stage's log says of a verdict."""
    rows = [(suite["name"], row) for suite in verdict["suites"] for row in suite["expectations"]]
    return {
        "passed": verdict["passed"],
        "expectations": len(rows),
        "not_judged": sum(outcome(row) == "not judged" for _, row in rows),
        "failed": [f"{name}: {detail}" for name, detail in failures(verdict)],
        "warnings": [
            f"{suite}.{row['name']}: {row['detail']}"
            for suite, row in rows
            if not row["passed"] and row["severity"] == "warning"
        ],
        "suites": {suite["name"]: suite["passed"] for suite in verdict["suites"]},
        "content_sha256": verdict["content_sha256"],
    }
