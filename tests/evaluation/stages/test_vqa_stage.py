"""The stage ``evaluation@vqa``: SAR-GPT, the same without images, and two constants, on the same questions."""

import csv
from typing import Any

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import CONSTANT, CONSTANT_PER_CORPUS, Details, read_details, shown_pictures
from sartext.evaluation.figures import MINUS, Figure, read_figures
from sartext.evaluation.prediction_files import read_answers
from sartext.evaluation.stages import evaluate_task
from sartext.evaluation.vqa import score_vqa
from sartext.files import sha256_file, sha256_tree
from sartext.vqa.question import read_splits
from tests.evaluation.generated import find


@pytest.fixture(scope="module")
def metrics(project: Project) -> dict[str, Any]:
    return evaluate_task(project, "vqa")


@pytest.fixture(scope="module")
def figures(project: Project, metrics: dict[str, Any]) -> list[Figure]:
    return read_figures(project.evaluation("vqa") / "figures.json")


@pytest.fixture(scope="module")
def details(project: Project, metrics: dict[str, Any]) -> Details:
    return read_details(project.evaluation("vqa") / "details.json")


def test_models_and_baselines_answer_all_questions_of_the_test_split(
    project: Project, figures: list[Figure]
) -> None:
    asked = read_splits(project.build / "release")["test"]
    for name in ("sar-gpt", "sar-gpt-blind", CONSTANT, CONSTANT_PER_CORPUS):
        oa, aa = (find(figures, metric, name, benchmark="release-test") for metric in ("oa", "aa"))
        assert (oa.n, oa.value is None, aa is None) == (len(asked), False, False)


def test_sar_gpt_is_compared_with_every_blind_baseline(figures: list[Figure]) -> None:
    differences = {
        figure.variant for figure in figures if MINUS in figure.variant and figure.benchmark == "release-test"
    }
    assert differences == {f"sar-gpt minus {name}" for name in (CONSTANT, CONSTANT_PER_CORPUS, "sar-gpt-blind")}


def test_every_benchmark_with_questions_has_figures_of_its_own(project: Project, figures: list[Figure]) -> None:
    asked = read_splits(project.build / "release")["test"]
    simulated = [question for question in asked if question.corpus == "sim-toy"]
    assert find(figures, "oa", CONSTANT, benchmark="sim-test").n == len(simulated)


def test_the_details_say_what_each_variant_sees(project: Project, details: Details, figures: list[Figure]) -> None:
    variants = {variant.name: variant for variant in details.variants}
    assert list(variants) == ["sar-gpt", "sar-gpt-blind", CONSTANT, CONSTANT_PER_CORPUS]
    assert {part for figure in figures for part in figure.variant.split(MINUS)} == set(variants)
    roles = [variant.role for variant in variants.values()]
    assert roles == ["model", "baseline", "baseline", "baseline"]
    gpt = variants["sar-gpt"]
    assert gpt.model_sha256 == sha256_file(project.checkpoint("sar-gpt") / "model.safetensors")
    assert (gpt.samples, gpt.sar_samples, gpt.stages) == (56, 48, ("model@sar-gpt",)), "both stages stopped early"
    assert gpt.title.startswith("the tower of sar-rs-clip and a language model")
    blind = variants["sar-gpt-blind"]
    assert (blind.samples, blind.sar_samples) == (64, 64)


def test_examples_have_an_answer_of_every_variant_and_a_picture(project: Project, details: Details) -> None:
    assert {example.type for example in details.questions} >= {"count", "presence"} & {
        question.type for question in read_splits(project.build / "release")["test"]
    }
    for example in details.questions:
        assert set(example.answers) == {"sar-gpt", "sar-gpt-blind", CONSTANT, CONSTANT_PER_CORPUS}
    folder = project.evaluation("vqa") / "pictures"
    assert {
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.png")
    } == shown_pictures(details)


def test_the_answers_of_every_variant_can_be_scored_again(project: Project, figures: list[Figure]) -> None:
    asked = read_splits(project.build / "release")["test"]
    for name in ("sar-gpt", CONSTANT):
        path = project.evaluation("vqa") / "answers" / "release-test" / f"{name}.csv"
        given = read_answers(path, asked)
        scored = score_vqa({name: given}, asked, benchmark_name="release-test", resamples=20)
        wanted, again = (find(some, "oa", name, benchmark="release-test") for some in (figures, scored))
        assert again.value == wanted.value
        with path.open() as file:
            right = [row["right"] == "true" for row in csv.DictReader(file)]
        assert 100 * sum(right) / len(asked) == pytest.approx(wanted.value)


def test_the_same_models_give_the_same_bytes(project: Project, metrics: dict[str, Any]) -> None:
    before = sha256_tree(project.evaluation("vqa"))
    evaluate_task(project, "vqa")
    assert sha256_tree(project.evaluation("vqa")) == before


def test_a_model_that_is_not_trained_is_named(project: Project) -> None:
    folder = project.checkpoint("sar-gpt")
    away = folder.with_name("away")
    folder.rename(away)
    try:
        with pytest.raises(
            ArtefactError, match=r"model/sar-gpt: the model is not trained; run `sartext train sar-gpt`"
        ):
            evaluate_task(project, "vqa")
    finally:
        away.rename(folder)
