"""Evaluating a suite with Great Expectations, and its results as plain rows."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sartext.release.gate.checks import Check, Frame, Suite
from sartext.release.gate.inputs import Inputs

SHOWN = 3
SITE = "quality"


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
            told = row(check, measured, results.get(check.name))
            rows[check.name] = _tell_unjudged(check, measured, inputs, told)
    expectations = [rows[check.name] for check in suite.checks]
    evaluated = [one for one in expectations if one["status"] == "evaluated"]
    blocked = [one for one in expectations if one["severity"] == "critical" and not one["passed"]]
    return {"name": suite.name, "passed": bool(evaluated) and not blocked, "expectations": expectations}


def measure(frame: Frame, inputs: Inputs) -> Measured:
    """Compute the columns of a frame; one that raises is left out and its reason kept."""
    measured = Measured(frame, pd.DataFrame())
    try:
        subjects = list(frame.subjects(inputs))
    except Exception as error:
        measured.problems = dict.fromkeys(frame.columns, _explain(error))
        return measured
    columns: dict[str, list[Any]] = {"subject": subjects}
    for name, compute in frame.columns.items():
        try:
            values = list(compute(inputs))
            if len(values) != len(subjects):
                raise ValueError(f"{len(values)} values for {len(subjects)} rows")
            columns[name] = values
        except Exception as error:
            measured.problems[name] = _explain(error)
    measured.data = pd.DataFrame(
        {name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()}
    )
    return measured


def _dtype(values: list[Any]) -> str:
    """Numbers stay numbers; anything else is compared as Python compares it."""
    numeric = values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return (
        "float64"
        if numeric and any(isinstance(value, float) for value in values)
        else ("int64" if numeric else "object")
    )


def _explain(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _validate(
    context: Any,  # noqa: ANN401
    suite: str,
    measured: Measured,
    checks: Iterable[Check],
    inputs: Inputs,
) -> Mapping[str, dict[str, Any]]:
    """Return Great Expectations' results by the name of the check."""
    import great_expectations
    from great_expectations import expectations

    name = f"{suite}-{measured.frame.name}"
    declared = great_expectations.ExpectationSuite(name)
    for check in checks:
        kind = getattr(expectations, check.expectation)
        declared.add_expectation(
            kind(**check.arguments(inputs.parameters), severity=check.severity, meta={"check": check.name})
        )
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
        measured.problems.update(dict.fromkeys(measured.frame.columns, _explain(error)))
        return {}
    results = outcome.to_json_dict()["results"]
    return {result["expectation_config"]["meta"]["check"]: result for result in results}


def row(check: Check, measured: Measured, result: dict[str, Any] | None) -> dict[str, object]:
    """Return what ``gate.json`` says of one expectation."""
    columns = _columns_of(check, measured.frame)
    problem = next((measured.problems[name] for name in columns if name in measured.problems), None)
    if problem is None and result is not None and _raised(result):
        problem = _exception(result)
    if problem is not None:
        return _row(check, "crashed", passed=False, figure=None, detail=problem)
    if measured.data.empty:
        return _row(check, "missing", passed=False, figure=None, detail=f"there are no {measured.frame.rows}")
    blank = max((int(measured.data[name].isna().sum()) for name in columns), default=0)
    if blank:
        detail = f"{blank:,} of {len(measured.data):,} {measured.frame.rows} have no value"
        return _row(check, "missing", passed=False, figure=None, detail=detail)
    if result is None or not result.get("result"):
        return _row(check, "missing", passed=False, figure=None, detail="no result came back")
    figure = _figure(check, result["result"])
    passed = bool(result["success"])
    return _row(check, "evaluated", passed=passed, figure=figure, detail=_detail(check, measured, columns, result))


def _tell_unjudged(check: Check, measured: Measured, inputs: Inputs, told: dict[str, object]) -> dict[str, object]:
    """Say which subjects were not judged; where none was, there is no figure, as nothing was measured."""
    if check.unjudged is None or told["status"] != "evaluated" or not told["passed"]:
        return told
    names, why = check.unjudged(inputs)
    if not names:
        return told
    if len(names) == len(measured.data):
        return {**told, "judged": False, "figure": None, "detail": f"not judged: {why}"}
    return {**told, "detail": f"{told['detail']}; {', '.join(names)} not judged: {why}"}


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


def _columns_of(check: Check, frame: Frame) -> list[str]:
    from sartext.config import Parameters

    named = check.arguments(Parameters.model_validate({"corpora": {}}))
    return [value for key, value in named.items() if key.startswith("column") and value in frame.columns]


def _raised(result: dict[str, Any]) -> bool:
    information = result.get("exception_info") or {}
    return bool(_exceptions(information))


def _exceptions(information: dict[str, Any]) -> list[str]:
    """Great Expectations gives either one exception or one per metric."""
    if information.get("raised_exception"):
        return [str(information.get("exception_message"))]
    nested = [one for one in information.values() if isinstance(one, dict)]
    return [str(one.get("exception_message")) for one in nested if one.get("raised_exception")]


def _exception(result: dict[str, Any]) -> str:
    return " ".join(sorted(_exceptions(result["exception_info"]))[0].split())[:300]


def _figure(check: Check, result: dict[str, Any]) -> float | None:
    value = result.get("observed_value" if check.figure == "observed" else "unexpected_count")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) else round(value, 6)


def _detail(check: Check, measured: Measured, columns: list[str], result: dict[str, Any]) -> str:
    total = f"{len(measured.data):,} {measured.frame.rows} checked"
    if result["success"]:
        return total
    if check.figure == "observed":
        lowest = "Min" in check.expectation
        worst = measured.data.sort_values([columns[0], "subject"], ascending=[lowest, True]).iloc[0]
        return f"{worst['subject']}: {_short(worst[columns[0]])}; {total}"
    found = result["result"].get("partial_unexpected_index_list") or []
    shown = [f"{one['subject']}: {_short(one[columns[0]])}" for one in found[:SHOWN]]
    return "; ".join([*shown, total])


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 160 else text[:157] + "..."


def write_docs(context: Any, folder: Path) -> None:  # noqa: ANN401
    """Write the Data Docs (HTML) of everything the context validated into an empty folder."""
    context.add_data_docs_site(
        site_name=SITE,
        site_config={
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        },
    )
    context.build_data_docs()
