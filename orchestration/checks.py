"""The quality gate as asset checks: one blocking check per suite, read from ``build/quality/gate.json``."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    MetadataValue,
    TableColumn,
    TableRecord,
    TableSchema,
)

from sartext.files import read_json
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import judged_nothing, outcome, tally

QUALITY = "quality"
COLUMNS = ("expectation", "severity", "verdict", "figure", "unit", "status", "detail")


def gate_specs(key: Sequence[str]) -> list[AssetCheckSpec]:
    """Declare the checks of the asset ``quality``."""
    return [
        AssetCheckSpec(
            suite,
            asset=AssetKey(list(key)),
            blocking=True,
            description=f"Expectations on {suite} of the candidate",
        )
        for suite in SUITES.names
    ]


def gate_results(root: Path, key: Sequence[str]) -> Iterator[AssetCheckResult]:
    """Tell the verdict of every suite; one that ``gate.json`` does not hold, or that has no rows, failed."""
    gate = read_json(root / "build" / "quality" / "gate.json")
    told: dict[str, Mapping[str, Any]] = {suite["name"]: suite for suite in gate["suites"]}
    for name in SUITES.names:
        expectations = list(told.get(name, {}).get("expectations", []))
        failed = [one for one in expectations if not one["passed"]]
        passed = bool(expectations) and not failed
        warned = bool(failed) and told[name]["passed"] and all(one["severity"] == "warning" for one in failed)
        yield AssetCheckResult(
            check_name=name,
            asset_key=AssetKey(list(key)),
            passed=passed and bool(told[name]["passed"]),
            severity=AssetCheckSeverity.WARN if warned else AssetCheckSeverity.ERROR,
            description=_verdict(name in told, expectations, failed),
            metadata={
                "expectations": _table(expectations),
                **{one["name"]: one["figure"] for one in expectations if one.get("figure") is not None},
            },
        )


def _verdict(told: bool, expectations: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]]) -> str:
    if not told:
        return "the gate holds no result of this suite"
    if not expectations:
        return "the suite has no expectations"
    if judged_nothing(expectations):
        return "; ".join(dict.fromkeys(str(one["detail"]) for one in expectations))
    if not failed:
        return tally(expectations)
    return "; ".join(f"{one['name']}: {one.get('detail') or one['status']}" for one in failed)


def _table(expectations: Sequence[Mapping[str, Any]]) -> MetadataValue[Any]:
    records = [
        TableRecord(
            {
                "expectation": str(one["name"]),
                "severity": str(one["severity"]),
                "verdict": outcome(one),
                "figure": "" if one.get("figure") is None else f"{one['figure']:.6g}",
                "unit": str(one.get("unit") or ""),
                "status": str(one["status"]),
                "detail": str(one.get("detail") or ""),
            }
        )
        for one in expectations
    ]
    schema = TableSchema([TableColumn(name, "string") for name in COLUMNS])
    return MetadataValue.table(records=records, schema=schema)
