"""What the report reads, and what it refuses."""

from dataclasses import replace

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import TASKS, read_details, shown_pictures, write_details
from sartext.evaluation.figures import Figure, read_figures, write_figures
from sartext.files import read_json, remove_tree, write_json
from sartext.report.inputs import read_evaluation
from tests.report.evaluations import VARIANTS, details


@pytest.mark.parametrize("task", TASKS)
def test_details_are_read_as_they_were_written(project: Project, task: str) -> None:
    assert read_details(project.build / "evaluation" / task / "details.json") == details()[task]


def test_equal_details_are_equal_bytes(project: Project) -> None:
    path = project.build / "evaluation" / "vqa" / "details.json"
    before = path.read_bytes()
    write_details(path, details()["vqa"])
    assert path.read_bytes() == before


def test_all_tasks_are_joined_and_every_variant_stands_once(project: Project) -> None:
    found = read_evaluation(project.build / "evaluation")
    names = [variant.name for variant in found.details.variants]
    assert sorted(names) == sorted(variant.name for variant in VARIANTS)
    assert {figure.task for figure in found.figures} == {"retrieval", "captioning", "vqa", "foils", "physics"}
    assert found.pictures.keys() == set().union(*(shown_pictures(described) for described in details().values()))


def test_a_missing_evaluation_names_its_command(project: Project) -> None:
    remove_tree(project.build / "evaluation" / "captioning")
    with pytest.raises(ArtefactError, match="sartext evaluation captioning"):
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
    other = tuple(
        replace(variant, model_sha256="0" * 64) if variant.name == "progressive" else variant
        for variant in described.variants
    )
    write_details(project.build / "evaluation" / "captioning" / "details.json", replace(described, variants=other))
    with pytest.raises(ArtefactError, match="disagree on 'progressive'"):
        read_evaluation(project.build / "evaluation")


def test_a_missing_picture_is_named(project: Project) -> None:
    (project.build / "evaluation" / "captioning" / "pictures" / "sim-ships" / "000011.png").unlink()
    with pytest.raises(ArtefactError, match="sim-ships/000011"):
        read_evaluation(project.build / "evaluation")
