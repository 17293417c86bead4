"""What the report reads, and what it refuses."""

from dataclasses import replace

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import TASKS, read_details, shown_pictures, write_details
from sartext.evaluation.figures import Figure, read_figures, write_figures
from sartext.evaluation.registry import METRICS
from sartext.files import read_json, remove_tree, write_json
from sartext.report.inputs import read_evaluation
from tests.report.evaluations import VARIANTS, details


@pytest.mark.parametrize("task", TASKS)
def test_details_are_read_as_they_were_written(project: Project, task: str) -> None:
    assert read_details(project.build / "evaluation" / task / "details.json") == details()[task]


def test_all_tasks_are_joined_and_every_variant_stands_once(project: Project) -> None:
    found = read_evaluation(project.build / "evaluation")
    names = [variant.name for variant in found.details.variants]
    assert sorted(names) == sorted(variant.name for variant in VARIANTS)
    assert {figure.task for figure in found.figures} == {*METRICS}
    assert found.pictures.keys() == set().union(*(shown_pictures(described) for described in details().values()))


@pytest.mark.parametrize(
    ("missing", "message"),
    [("", "sartext evaluation captioning"), ("pictures/sim-ships", "sim-ships/000011")],
    ids=["an evaluation", "a picture"],
)
def test_what_is_missing_is_named(project: Project, missing: str, message: str) -> None:
    remove_tree(project.build / "evaluation" / "captioning" / missing)
    with pytest.raises(ArtefactError, match=message):
        read_evaluation(project.build / "evaluation")


def test_an_unknown_field_is_named(project: Project) -> None:
    path = project.build / "evaluation" / "vqa" / "details.json"
    write_json(path, {**read_json(path), "question": []})
    with pytest.raises(ArtefactError, match="question"):
        read_details(path)


def test_a_figure_of_an_undescribed_variant_is_refused(project: Project) -> None:
    path = project.build / "evaluation" / "vqa" / "figures.json"
    write_figures(path, [*read_figures(path), Figure("vqa", "oa", "stranger", 1.0)])
    with pytest.raises(ArtefactError, match="'stranger'"):
        read_evaluation(project.build / "evaluation")


def test_evaluations_that_disagree_on_a_model_are_refused(project: Project) -> None:
    described = details()["captioning"]
    [arm] = [variant for variant in described.variants if variant.name == "progressive"]
    others = (*(variant for variant in described.variants if variant != arm), replace(arm, model_sha256="0" * 64))
    write_details(project.build / "evaluation/captioning/details.json", replace(described, variants=others))
    with pytest.raises(ArtefactError, match="disagree on 'progressive'"):
        read_evaluation(project.build / "evaluation")
