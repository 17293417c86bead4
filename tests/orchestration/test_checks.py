"""The gate's verdict as asset checks."""

import json
from pathlib import Path

import pytest
from dagster import AssetCheckResult, AssetCheckSeverity

from orchestration.assets import gate_results
from sartext.release.gate.suites import SUITES

from .conftest import verdict


def results(tmp_path: Path, gate: str) -> dict[str, AssetCheckResult]:
    (tmp_path / "build" / "quality").mkdir(parents=True)
    (tmp_path / "build" / "quality" / "gate.json").write_text(gate)
    return {str(check.check_name): check for check in gate_results(tmp_path, ["quality"])}


def test_every_suite_has_a_result_with_its_figures(tmp_path: Path) -> None:
    found = results(tmp_path, verdict())
    assert tuple(found) == SUITES.names
    assert all(check.passed for check in found.values())
    assert found["schema"].metadata["schema_hold"].value == 12.5
    assert found["schema"].metadata["expectations"].records[0].data["unit"] == "%"


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_failed_expectation_is_named_and_blocks_where_it_is_critical(tmp_path: Path, severity: str) -> None:
    found = results(tmp_path, verdict("images", severity=severity))["images"]
    assert (found.passed, found.description) == (False, "images_hold: too many")
    assert found.severity == (AssetCheckSeverity.ERROR if severity == "critical" else AssetCheckSeverity.WARN)


@pytest.mark.parametrize("fault", ["judged nothing", "absent", "verdict and rows disagree"])
def test_a_suite_without_results_failed(tmp_path: Path, fault: str) -> None:
    gate = json.loads(verdict())
    if fault == "judged nothing":
        gate["suites"][0]["expectations"] = []
    elif fault == "absent":
        del gate["suites"][0]
    else:
        gate["suites"][0]["passed"] = False
    found = results(tmp_path, json.dumps(gate))[SUITES.names[0]]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)


def test_a_suite_that_had_nothing_to_judge_says_so_and_does_not_block(tmp_path: Path) -> None:
    gate = json.loads(verdict())
    row = gate["suites"][0]["expectations"][0]
    unjudged = {**row, "judged": False, "figure": None, "detail": "not judged: no corpus is narrated"}
    gate["suites"][0]["expectations"] = [unjudged, {**unjudged, "name": "another"}]
    gate["suites"][1]["expectations"].append(unjudged)
    first, second = list(results(tmp_path, json.dumps(gate)).values())[:2]
    assert (first.passed, first.description) == (True, "not judged: no corpus is narrated")
    assert first.metadata["expectations"].records[0].data["verdict"] == "not judged"
    assert second.description == "1 of 1 expectations hold, 1 not judged"
