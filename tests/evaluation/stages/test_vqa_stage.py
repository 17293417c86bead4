"""The stage ``evaluation@vqa``: SAR-GPT, the same without images, and two constants, on the same questions."""

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import CONSTANT, CONSTANT_PER_CORPUS
from sartext.evaluation.figures import MINUS
from sartext.evaluation.prediction_files import read_answers
from sartext.evaluation.stages import evaluate_task
from sartext.evaluation.vqa import score_vqa
from sartext.files import sha256_file
from sartext.vqa.question import Question, read_splits
from tests.evaluation.generated import find
from tests.evaluation.stages.project import Evaluation, evaluated

VARIANTS = ["sar-gpt", "sar-gpt-blind", CONSTANT, CONSTANT_PER_CORPUS]


@pytest.fixture(scope="module")
def evaluation(project: Project) -> Evaluation:
    return evaluated(project, "vqa")


@pytest.fixture(scope="module")
def asked(project: Project) -> list[Question]:
    return read_splits(project.build / "release")["test"]


def test_what_is_written_agrees_and_is_the_same_to_the_byte_again(evaluation: Evaluation) -> None:
    evaluation.check()
    evaluation.check_bytes()


def test_models_and_baselines_answer_all_questions_of_the_test_split_and_of_each_benchmark(
    evaluation: Evaluation, asked: list[Question]
) -> None:
    for name in VARIANTS:
        oa, aa = (evaluation.find(metric, name) for metric in ("oa", "aa"))
        assert (oa.n, oa.value is None, aa is None) == (len(asked), False, False)
    simulated = [question for question in asked if question.corpus == "sim-toy"]
    assert find(evaluation.figures, "oa", CONSTANT, benchmark="sim-test").n == len(simulated)


def test_sar_gpt_is_compared_with_every_blind_baseline(evaluation: Evaluation) -> None:
    whole = (figure for figure in evaluation.figures if figure.benchmark == "release-test")
    differences = {figure.variant for figure in whole if MINUS in figure.variant}
    assert differences == {f"sar-gpt minus {name}" for name in (CONSTANT, CONSTANT_PER_CORPUS, "sar-gpt-blind")}


def test_the_details_say_what_each_variant_sees(project: Project, evaluation: Evaluation) -> None:
    variants = {variant.name: variant for variant in evaluation.details.variants}
    assert list(variants) == VARIANTS
    roles = [variant.role for variant in variants.values()]
    assert roles == ["model", "baseline", "baseline", "baseline"]
    gpt = variants["sar-gpt"]
    assert gpt.model_sha256 == sha256_file(project.checkpoint("sar-gpt") / "model.safetensors")
    assert (gpt.samples, gpt.sar_samples, gpt.stages) == (56, 48, ("model@sar-gpt",)), "both stages stopped early"
    assert gpt.title.startswith("the tower of sar-rs-clip and a language model")
    blind = variants["sar-gpt-blind"]
    assert (blind.samples, blind.sar_samples) == (64, 64)


def test_examples_have_an_answer_of_every_variant(evaluation: Evaluation, asked: list[Question]) -> None:
    shown = {example.type for example in evaluation.details.questions}
    assert shown >= {"count", "presence"} & {question.type for question in asked}
    assert all(set(example.answers) == {*VARIANTS} for example in evaluation.details.questions)


def test_the_answers_of_every_variant_can_be_scored_again(evaluation: Evaluation, asked: list[Question]) -> None:
    for name in ("sar-gpt", CONSTANT):
        table = f"answers/release-test/{name}"
        given = read_answers(evaluation.folder / f"{table}.csv", asked)
        again = score_vqa({name: given}, asked, benchmark_name="release-test", resamples=20)
        value = evaluation.find("oa", name).value
        assert find(again, "oa", name).value == value
        right = [row["right"] == "true" for row in evaluation.rows(table)]
        assert 100 * sum(right) / len(asked) == pytest.approx(value)


def test_a_model_that_is_not_trained_is_named(project: Project) -> None:
    folder = project.checkpoint("sar-gpt")
    away = folder.rename(folder.with_name("away"))
    try:
        with pytest.raises(
            ArtefactError, match=r"model/sar-gpt: the model is not trained; run `sartext train sar-gpt`"
        ):
            evaluate_task(project, "vqa")
    finally:
        away.rename(folder)
