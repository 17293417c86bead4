"""Evaluating a suite with Great Expectations, and its results as plain rows."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sartext.release.gate.suite import Check, Frame, Inputs, Suite

SHOWN = 3
"""Rows that a failed expectation names."""


@dataclass
class Measured:
    """A frame with its measures; ``problems`` says by column why a measure is absent."""

    frame: Frame
    data: pd.DataFrame
    problems: dict[str, str] = field(default_factory=dict)


def open_context() -> Any:  # noqa: ANN401 - Great Expectations has no types
    """Return an ephemeral context that reports nothing and draws no bars. The import takes seconds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def evaluate(context: Any, suite: Suite, inputs: Inputs) -> dict[str, object]:  # noqa: ANN401
    """Return the result of a suite: a row per declared expectation, in the order of their declaration.

    An expectation whose measure or evaluation raises is ``crashed``; one that had no row to look at, met a row
    without a value, or brought no result is ``missing``. Both block the release, whatever their severity.
    """
    rows: dict[str, dict[str, object]] = {}
    for frame in suite.frames:
        checks = [check for check in suite.checks if check.frame == frame.name]
        measured = measure(frame, inputs)
        results = _validate(context, suite.name, measured, checks, inputs)
        for check in checks:
            row = _row_of(check, measured, results.get(check.name))
            rows[check.name] = _mark_unjudged(check, measured, inputs, row)
    expectations = [rows[check.name] for check in suite.checks]
    evaluated = [row for row in expectations if row["status"] == "evaluated"]
    blocked = [row for row in expectations if row["severity"] == "critical" and not row["passed"]]
    return {"name": suite.name, "passed": bool(evaluated) and not blocked, "expectations": expectations}


def measure(frame: Frame, inputs: Inputs) -> Measured:
    """Compute the columns of a frame; one that raises is left out and its reason kept."""
    measured = Measured(frame, pd.DataFrame())
    try:
        subjects = list(frame.subjects(inputs))
    except Exception as error:
        measured.problems = dict.fromkeys(frame.columns, describe_error(error))
        return measured
    columns: dict[str, list[Any]] = {"subject": subjects}
    for name, compute in frame.columns.items():
        try:
            values = list(compute(inputs))
            if len(values) != len(subjects):
                raise ValueError(f"{len(values)} values for {len(subjects)} rows")
            columns[name] = values
        except Exception as error:
            measured.problems[name] = describe_error(error)
    measured.data = pd.DataFrame(
        {name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    )
    return measured


def _dtype(values: Sequence[Any]) -> str:
    """Numbers stay numbers; anything else is compared as Python compares it."""
    if not values or not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return "object"
    return "float64" if any(isinstance(value, float) for value in values) else "int64"


def describe_error(error: Exception) -> str:
    """Return type and message of an error in one line."""
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


def _validate(
    context: Any,  # noqa: ANN401
    suite: str,
    measured: Measured,
    checks: Sequence[Check],
    inputs: Inputs,
) -> Mapping[str, dict[str, Any]]:
    """Return Great Expectations' results by the name of the check."""
    import great_expectations
    from great_expectations import expectations

    name = f"{suite}-{measured.frame.name}"
    declared = great_expectations.ExpectationSuite(name)
    for check in checks:
        kind = getattr(expectations, check.expectation)
        arguments = {"column": check.column, **check.arguments(inputs.parameters)}
        declared.add_expectation(kind(**arguments, severity=check.severity, meta={"check": check.name}))
    asset = context.data_sources.add_pandas(name).add_dataframe_asset(measured.frame.name)
    definition = great_expectations.ValidationDefinition(
        name=name,
        data=asset.add_batch_definition_whole_dataframe("all rows"),
        suite=context.suites.add(declared),
    )
    try:
        outcome = context.validation_definitions.add(definition).run(
            batch_parameters={"dataframe": measured.data},
            result_format={
                "result_format": "SUMMARY",
                "partial_unexpected_count": SHOWN,
                "unexpected_index_column_names": ["subject"] if "subject" in measured.data else [],
            },
        )
    except Exception as error:
        measured.problems.update(dict.fromkeys(measured.frame.columns, describe_error(error)))
        return {}
    results = outcome.to_json_dict()["results"]
    return {result["expectation_config"]["meta"]["check"]: result for result in results}


def _row_of(check: Check, measured: Measured, result: Mapping[str, Any] | None) -> dict[str, object]:
    """Return what ``gate.json`` says of one expectation."""
    problem = measured.problems.get(check.column) or _exception(result)
    if problem:
        return _row(check, "crashed", passed=False, figure=None, detail=problem)
    if measured.data.empty:
        return _row(check, "missing", passed=False, figure=None, detail=f"there are no {measured.frame.rows}")
    blank = int(measured.data[check.column].isna().sum())
    if blank:
        detail = f"{blank:,} of {len(measured.data):,} {measured.frame.rows} have no value"
        return _row(check, "missing", passed=False, figure=None, detail=detail)
    if result is None or not result.get("result"):
        return _row(check, "missing", passed=False, figure=None, detail="no result came back")
    figure = _figure(check, result["result"])
    passed = bool(result["success"])
    return _row(check, "evaluated", passed=passed, figure=figure, detail=_detail(check, measured, result))


def _row(check: Check, status: str, *, passed: bool, figure: float | None, detail: str) -> dict[str, object]:
    return {
        "name": check.name,
        "severity": check.severity if status == "evaluated" else "critical",
        "passed": passed,
        "status": status,
        "judged": status == "evaluated",
        "figure": figure,
        "unit": check.unit,
        "detail": detail,
    }


def _mark_unjudged(check: Check, measured: Measured, inputs: Inputs, row: dict[str, object]) -> dict[str, object]:
    """Say which subjects were not judged; where none was, there is no figure, as nothing was measured."""
    if check.unjudged is None or row["status"] != "evaluated" or not row["passed"]:
        return row
    names, why = check.unjudged(inputs)
    if not names:
        return row
    if len(names) == len(measured.data):
        return {**row, "judged": False, "figure": None, "detail": f"not judged: {why}"}
    return {**row, "detail": f"{row['detail']}; {', '.join(names)} not judged: {why}"}


def _exception(result: Mapping[str, Any] | None) -> str:
    """What an evaluation raised, or an empty text; Great Expectations gives one exception, or one per metric."""
    information = (result or {}).get("exception_info") or {}
    every = [information, *(value for value in information.values() if isinstance(value, dict))]
    raised = sorted(str(value.get("exception_message")) for value in every if value.get("raised_exception"))
    return _one_line(raised[0]) if raised else ""


def _figure(check: Check, result: Mapping[str, Any]) -> float | None:
    value = result.get("observed_value" if check.figure == "observed" else "unexpected_count")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) else round(value, 6)


def _detail(check: Check, measured: Measured, result: Mapping[str, Any]) -> str:
    total = f"{len(measured.data):,} {measured.frame.rows} checked"
    if result["success"]:
        return total
    if check.figure == "observed":
        lowest = "Min" in check.expectation
        worst = measured.data.sort_values([check.column, "subject"], ascending=[lowest, True]).iloc[0]
        return f"{worst['subject']}: {_short(worst[check.column])}; {total}"
    unexpected = result["result"].get("partial_unexpected_index_list") or []
    shown = [f"{row['subject']}: {_short(row[check.column])}" for row in unexpected[:SHOWN]]
    return "; ".join([*shown, total])


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 160 else text[:157] + "..."
