"""What Dagster shows of evaluations and of the report."""

from pathlib import Path

import pytest

from orchestration.evaluations import describe_evaluation, describe_promotion, describe_report
from sartext.config import Project
from sartext.files import read_json, write_json
from sartext.report.stage import write_report
from tests.report.conftest import write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a report; nothing in it is changed but its log."""
    found = write_project(tmp_path_factory.mktemp("shown") / "project")
    write_report(found)
    return found


def test_headline_figures_are_numbers_that_dagster_draws_over_time(project: Project) -> None:
    found = describe_evaluation(project, "vqa")
    figures = read_json(project.build / "evaluation" / "vqa" / "figures.json")
    wanted = {
        f"vqa {one['metric']} of {one['variant']}": one["value"]
        for one in figures
        if one["metric"] in {"aa", "oa"} and one["subset"] == "all"
    }
    assert {name: value for name, value in found.items() if isinstance(value, float)} == wanted


def test_the_benchmark_is_named_where_there_are_several(project: Project) -> None:
    found = describe_evaluation(project, "retrieval")
    assert "retrieval duplicate_aware.mean_recall of sar-rs-clip on hrsid-test" in found
    assert not any(" minus " in name for name in found)


def test_what_was_not_computed_is_in_the_table_with_its_reason_and_no_number(project: Project) -> None:
    found = describe_report(project)
    assert not any("spice" in name for name in found)
    assert found["page"].value == (project.build / "report" / "index.html").as_uri()


def test_the_promotion_shows_what_became_of_every_model(project: Project) -> None:
    decision = {"model": "sar-gpt", "outcome": "refused", "version": "2", "champion": None, "reasons": ["why"]}
    path = project.build / "promotion" / "promotion.json"
    write_json(path, {"report_sha256": "0" * 64, "decisions": [decision]})
    (row,) = describe_promotion(project)["champions"].records
    assert row.data == {"model": "sar-gpt", "outcome": "refused", "version": "2", "champion": "", "why": "why"}


def test_nothing_is_shown_of_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    assert describe_report(Project(tmp_path)) == describe_promotion(Project(tmp_path)) == {}
    assert describe_evaluation(Project(tmp_path), "vqa") == {}
