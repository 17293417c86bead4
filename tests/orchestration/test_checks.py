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


def test_a_failed_critical_expectation_is_an_error_that_names_it(tmp_path: Path) -> None:
    found = results(tmp_path, verdict("images"))["images"]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)
    assert found.description == "images_hold: too many"


def test_a_failed_warning_is_shown_and_does_not_block(tmp_path: Path) -> None:
    found = results(tmp_path, verdict("images", severity="warning"))["images"]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.WARN)


@pytest.mark.parametrize("empty", [True, False], ids=["judged nothing", "absent"])
def test_a_suite_without_results_failed(tmp_path: Path, empty: bool) -> None:
    gate = json.loads(verdict())
    if empty:
        gate["suites"][0]["expectations"] = []
    else:
        del gate["suites"][0]
    found = results(tmp_path, json.dumps(gate))[SUITES.names[0]]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)


def test_a_suite_whose_verdict_and_rows_disagree_failed(tmp_path: Path) -> None:
    gate = json.loads(verdict())
    gate["suites"][0]["passed"] = False
    found = results(tmp_path, json.dumps(gate))[SUITES.names[0]]
    assert (found.passed, found.severity) == (False, AssetCheckSeverity.ERROR)


def test_a_suite_that_had_nothing_to_judge_says_so_and_does_not_block(tmp_path: Path) -> None:
    gate = json.loads(verdict())
    row = gate["suites"][0]["expectations"][0]
    unjudged = {**row, "judged": False, "figure": None, "detail": "not judged: no corpus is narrated"}
    gate["suites"][0]["expectations"] = [unjudged, {**unjudged, "name": "another"}]
    gate["suites"][1]["expectations"].append(unjudged)
    found = results(tmp_path, json.dumps(gate))
    assert (found[SUITES.names[0]].passed, found[SUITES.names[0]].description) == (
        True,
        "not judged: no corpus is narrated",
    )
    assert found[SUITES.names[0]].metadata["expectations"].records[0].data["verdict"] == "not judged"
    assert found[SUITES.names[1]].description == "1 of 1 expectations hold, 1 not judged"
