"""The stage ``quality``: every suite evaluated with Great Expectations, the verdict and its page written."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from sartext.config import Project
from sartext.errors import SarTextError
from sartext.files import atomic_folder, write_json, write_text
from sartext.pages import Cell, Row, Table, render
from sartext.release.audit.figures import Figures
from sartext.release.audit.tables import agreement_table, means_table
from sartext.release.gate.suite import Check, Frame, Inputs, Suite
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import failures, in_words, judged_nothing, outcome, tally
from sartext.release.inputs import refuse_unlisted

SHOWN = 3
"""Rows that a failed expectation names."""

HEADS = ("Expectation", "Verdict", "Figure", "Unit", "Severity", "Detail")
MARKS = {"passed": "better", "failed": "worse", "not judged": "even"}


def run_gate(project: Project) -> dict[str, object]:
    """Check the candidate, write the verdict to ``build/quality/gate.json`` and its page, return the figures.

    A failed verdict is data, not an error: the stage ``release`` reads it and refuses.

    Raises:
        ArtefactError: candidate or ledger is absent or damaged, so that there is nothing to give a verdict on.
    """
    refuse_unlisted(project)
    inputs = Inputs(project)
    content = inputs.sha256
    suites: list[dict[str, Any]] = [evaluate(suite, inputs) for suite in SUITES]
    verdict = {
        "content_sha256": content,
        "passed": all(suite["passed"] for suite in suites),
        "suites": suites,
        "audit": _audit(inputs),
    }
    write_json(project.build / "quality" / "gate.json", verdict)
    with atomic_folder(project.build / "docs") as folder:
        write_text(folder / "index.html", gate_page(verdict))
    rows = [(suite["name"], row) for suite in suites for row in suite["expectations"]]
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
        "suites": {suite["name"]: suite["passed"] for suite in suites},
        "content_sha256": content,
    }


def _audit(inputs: Inputs) -> Figures:
    """The figures of the audit by people; of ratings that cannot be read, the suite ``audit`` tells."""
    try:
        return inputs.audit
    except SarTextError:
        return {}


def gate_page(verdict: Mapping[str, Any]) -> str:
    """Return the verdict (``gate.json``) as HTML; the same verdict gives the same page."""
    rows = [{"suite": suite["name"], **row} for suite in verdict["suites"] for row in suite["expectations"]]
    return render(
        "release/templates/gate.html",
        title="Quality gate",
        passed=verdict["passed"],
        tally=tally(rows),
        content_sha256=verdict["content_sha256"],
        suites=[_section(suite) for suite in verdict["suites"]],
        failed=[row for row in rows if not row["passed"]],
        audited=means_table(verdict.get("audit", {})),
        agreement=agreement_table(verdict.get("audit", {})),
    )


def _section(suite: Mapping[str, Any]) -> dict[str, object]:
    name, rows = suite["name"], suite["expectations"]
    verdict = "failed" if not suite["passed"] else "not judged" if judged_nothing(rows) else "passed"
    return {
        "name": name,
        "description": SUITES[name].description if name in SUITES else "",
        "mark": MARKS[verdict],
        "verdict": verdict,
        "tally": tally(rows),
        "table": Table(HEADS, [_line(row) for row in rows], texts=("Expectation", "Unit", "Severity", "Detail")),
    }


def _line(row: Mapping[str, Any]) -> Row:
    mark = Cell(in_words(row), mark=MARKS[outcome(row)])
    figure = "" if row["figure"] is None else f"{row['figure']:,}"
    return Row([row["name"], mark, figure, row["unit"], row["severity"], row["detail"]])


def evaluate(suite: Suite, inputs: Inputs) -> dict[str, Any]:
    """Return the result of a suite: a row per declared expectation, in the order of their declaration.

    An expectation whose measure or evaluation raises is ``crashed``; one that had no row to look at, met a row
    without a value, or brought no result is ``missing``. Both block the release, whatever their severity. A suite
    that cannot even be evaluated is a single ``crashed`` row.
    """
    try:
        rows: dict[str, dict[str, Any]] = {}
        for frame in suite.frames:
            rows |= _evaluate_frame(suite, frame, inputs)
        expectations = [rows[check.name] for check in suite.checks]
    except Exception as error:
        expectations = [_row(Check("the suite runs", "", "", "suites", ""), "crashed", _one_line(error))]
    evaluated = any(row["status"] == "evaluated" for row in expectations)
    blocked = any(row["severity"] == "critical" and not row["passed"] for row in expectations)
    return {"name": suite.name, "passed": evaluated and not blocked, "expectations": expectations}


def _evaluate_frame(suite: Suite, frame: Frame, inputs: Inputs) -> dict[str, dict[str, Any]]:
    """The rows of the expectations on one frame, by name."""
    checks = [check for check in suite.checks if check.frame == frame.name]
    data, problems = measure(frame, inputs)
    results: Mapping[str, Mapping[str, Any]] = {}
    try:
        results = _validate(data, checks, inputs) if "subject" in data else {}
    except Exception as error:
        problems = dict.fromkeys(frame.columns, _one_line(error))
    rows = {}
    for check in checks:
        result = results.get(check.name, {})
        problem = problems.get(check.column) or _exception(result)
        rows[check.name] = (
            _row(check, "crashed", problem) if problem else _judge(check, frame, data, result, inputs)
        )
    return rows


def measure(frame: Frame, inputs: Inputs) -> tuple[pd.DataFrame, dict[str, str]]:
    """Compute the columns of a frame; one that raises is left out, and why is said by its name."""
    problems: dict[str, str] = {}
    try:
        subjects = list(frame.subjects(inputs))
    except Exception as error:
        return pd.DataFrame(), dict.fromkeys(frame.columns, _one_line(error))
    columns: dict[str, list[Any]] = {"subject": subjects}
    for name, compute in frame.columns.items():
        try:
            values = list(compute(inputs))
            if len(values) != len(subjects):
                raise ValueError(f"{len(values)} values for {len(subjects)} rows")
            columns[name] = values
        except Exception as error:
            problems[name] = _one_line(error)
    typed = {name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    return pd.DataFrame(typed), problems


def _dtype(values: Sequence[Any]) -> str:
    """Numbers stay numbers; anything else is compared as Python compares it."""
    if not values or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "object"
    return "float64" if any(isinstance(value, float) for value in values) else "int64"


@cache
def _context() -> Any:  # noqa: ANN401 - Great Expectations has no types
    """An ephemeral context that reports nothing and draws no bars. The import takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(data: pd.DataFrame, checks: Sequence[Check], inputs: Inputs) -> Mapping[str, Mapping[str, Any]]:
    """Return Great Expectations' results by the name of the check."""
    batch = _context().data_sources.pandas_default.read_dataframe(data)
    from great_expectations import ExpectationSuite, expectations

    declared = ExpectationSuite("declared")
    for check in checks:
        kind = getattr(expectations, check.expectation)
        arguments = {"column": check.column, **check.arguments(inputs.parameters)}
        declared.add_expectation(kind(**arguments, severity=check.severity, meta={"check": check.name}))
    form = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": SHOWN,
        "unexpected_index_column_names": ["subject"],
    }
    results = batch.validate(declared, result_format=form).to_json_dict()["results"]
    return {result["expectation_config"]["meta"]["check"]: result for result in results}


def _judge(
    check: Check, frame: Frame, data: pd.DataFrame, result: Mapping[str, Any], inputs: Inputs
) -> dict[str, Any]:
    """What ``gate.json`` says of an expectation that did not crash.

    Where no subject could be judged there is no figure, as nothing was measured.
    """
    if data.empty:
        return _row(check, "missing", f"there are no {frame.rows}")
    blank = int(data[check.column].isna().sum())
    if blank:
        return _row(check, "missing", f"{blank:,} of {len(data):,} {frame.rows} have no value")
    if not result.get("result"):
        return _row(check, "missing", "no result came back")
    row = _row(check, "evaluated", f"{len(data):,} {frame.rows} checked")
    row |= {"passed": bool(result["success"]), "figure": _figure(check, result["result"])}
    if not row["passed"]:
        return {**row, "detail": "; ".join([*_worst(check, data, result["result"]), row["detail"]])}
    names, why = check.unjudged(inputs) if check.unjudged else ([], "")
    if len(names) == len(data):
        return {**row, "judged": False, "figure": None, "detail": f"not judged: {why}"}
    return {**row, "detail": f"{row['detail']}; {', '.join(names)} not judged: {why}"} if names else row


def _row(check: Check, status: str, detail: str) -> dict[str, Any]:
    return {
        "name": check.name,
        "severity": check.severity if status == "evaluated" else "critical",
        "passed": False,
        "status": status,
        "judged": status == "evaluated",
        "figure": None,
        "unit": check.unit,
        "detail": detail,
    }


def _one_line(error: object) -> str:
    text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else str(error)
    return " ".join(text.split())[:300]


def _exception(result: Mapping[str, Any]) -> str:
    """What an evaluation raised, or an empty text; Great Expectations gives one exception, or one per metric."""
    information = result.get("exception_info") or {}
    every = [information, *(value for value in information.values() if isinstance(value, dict))]
    raised = sorted(str(value.get("exception_message")) for value in every if value.get("raised_exception"))
    return _one_line(raised[0]) if raised else ""


def _figure(check: Check, result: Mapping[str, Any]) -> float | None:
    value = result.get("observed_value" if check.figure == "observed" else "unexpected_count")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) else round(value, 6)


def _worst(check: Check, data: pd.DataFrame, result: Mapping[str, Any]) -> list[str]:
    """The subjects that a failed expectation names, each with its value."""
    if check.figure == "observed":
        lowest = "Min" in check.expectation
        worst = data.sort_values([check.column, "subject"], ascending=[lowest, True]).iloc[:1].to_dict("records")
    else:
        worst = (result.get("partial_unexpected_index_list") or [])[:SHOWN]
    return [f"{row['subject']}: {_short(row[check.column])}" for row in worst]


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 160 else text[:157] + "..."
