"""The stages ``evaluation@retrieval``, with foils, and ``evaluation@vqa``: every model on every benchmark."""

from itertools import product

import numpy as np
import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import CHANCE, CONSTANT, CONSTANT_PER_CORPUS, CONSTANT_RANKING, PERFECT, TEXT_PRIOR
from sartext.evaluation.embedding import embed
from sartext.evaluation.figures import MINUS
from sartext.evaluation.metrics.recall import Ranks
from sartext.evaluation.prediction_files import read_answers
from sartext.evaluation.retrieval_figures import METRICS, score_retrieval
from sartext.evaluation.stages import evaluate_task
from sartext.evaluation.stages.models import compared, project_benchmarks
from sartext.evaluation.vqa import score_vqa
from sartext.files import sha256_file
from sartext.vqa.question import Question, read_splits
from tests.evaluation.generated import find
from tests.evaluation.stages.project import Evaluation, evaluated

BLIND = ["sar-gpt-blind", CONSTANT, CONSTANT_PER_CORPUS]
ANSWERING = ["sar-gpt", *BLIND]


@pytest.fixture(scope="module")
def retrieval(project: Project) -> Evaluation:
    return evaluated(project, "retrieval")


@pytest.fixture(scope="module")
def vqa(project: Project) -> Evaluation:
    return evaluated(project, "vqa")


@pytest.fixture(scope="module")
def asked(project: Project) -> list[Question]:
    return read_splits(project.build / "release")["test"]


@pytest.mark.parametrize("task", ["retrieval", "vqa"])
def test_what_is_written_agrees_and_is_the_same_to_the_byte_again(
    task: str, request: pytest.FixtureRequest
) -> None:
    evaluation: Evaluation = request.getfixturevalue(task)
    evaluation.check()
    evaluation.check_bytes()


def test_every_model_and_the_ceiling_have_every_figure_on_every_benchmark(
    project: Project, retrieval: Evaluation
) -> None:
    names = {model.name for model in compared(project)} | {CHANCE, CONSTANT_RANKING, PERFECT}
    whole = {
        (figure.benchmark, figure.metric, figure.variant)
        for figure in retrieval.figures
        if figure.task == "retrieval" and figure.subset == "all" and MINUS not in figure.variant
    }
    assert whole == set(product(project_benchmarks(project), METRICS, names))


def test_the_figures_are_those_of_the_features(project: Project, retrieval: Evaluation) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    (model,) = (model for model in compared(project) if model.name == "sar-rs-coca")
    parameters = project.parameters.evaluation
    alone = score_retrieval(
        {"sar-rs-coca": embed(model.open(project), benchmark).pair},
        benchmark,
        resamples=parameters.resamples,
        seed=parameters.seed,
    )
    assert {figure for figure in alone if figure.variant == "sar-rs-coca"} <= set(retrieval.figures)


def test_the_ranks_of_every_variant_give_its_recall(retrieval: Evaluation) -> None:
    for name in ("sar-rs-coca", PERFECT):
        rows = retrieval.rows(f"ranks/release-test/{name}")
        for metric in METRICS:
            scoring, _, measure = metric.partition(".")
            way, _, cut = measure.partition("_r")
            if not cut.isdigit():
                continue
            columns = (
                [float(row[f"{scoring}.{way}.{of}"]) for row in rows] for of in ("above", "ties", "positives")
            )
            recall = Ranks(*map(np.array, columns)).recall_at([int(cut)])[:, 0]
            facts = [row["facts"] for row in rows]
            weights = [1 / facts.count(key) if scoring == "distinct_facts" else 1 for key in facts]
            assert 100 * np.average(recall, weights=weights) == pytest.approx(retrieval.find(metric, name).value)


def test_differences_are_paired_and_agree_with_their_parts(retrieval: Evaluation) -> None:
    metric = "distinct_facts.mean_recall"
    for first, second in (("sar-rs-clip", "foundation-clip"), ("progressive", "foundation")):
        less = retrieval.find(metric, f"{first} minus {second}")
        left, right = (retrieval.find(metric, name).value for name in (first, second))
        assert less.value == pytest.approx(left - right)
        assert less.low <= less.value <= less.high


def test_foils_are_told_beside_what_words_alone_give(project: Project, retrieval: Evaluation) -> None:
    whole = (figure for figure in retrieval.figures if figure.benchmark == "release-test")
    variants = {figure.variant for figure in whole if figure.task == "foils" and MINUS not in figure.variant}
    assert variants == {*(model.name for model in compared(project)), CHANCE, TEXT_PRIOR}


def test_curves_examples_foils_and_notes_are_in_the_details(retrieval: Evaluation) -> None:
    details = retrieval.details
    assert {(curve.variant, curve.scoring, curve.benchmark) for curve in details.curves} >= {
        (PERFECT, "one_positive", "release-test"),
        ("progressive", "duplicate_aware", "sim-test"),
    }
    assert {(example.kind, example.variant) for example in details.retrieval} == {
        ("i2t", "sar-rs-clip"),
        ("t2i", "sar-rs-clip"),
    }
    assert details.foils
    assert any("were cut" in note for note in details.notes), "the tiny models' context is short"
    assert "distinct_facts.mean_recall of sar-rs-clip" in retrieval.metrics["headlines"]


def test_models_and_baselines_answer_all_questions_of_the_test_split_and_of_each_benchmark(
    vqa: Evaluation, asked: list[Question]
) -> None:
    for name in ANSWERING:
        oa, aa = (vqa.find(metric, name) for metric in ("oa", "aa"))
        assert (oa.n, oa.value is None, aa is None) == (len(asked), False, False)
    simulated = [question for question in asked if question.corpus == "sim-toy"]
    assert find(vqa.figures, "oa", CONSTANT, benchmark="sim-test").n == len(simulated)


def test_sar_gpt_is_compared_with_every_blind_baseline(vqa: Evaluation) -> None:
    whole = (figure for figure in vqa.figures if figure.benchmark == "release-test")
    differences = {figure.variant for figure in whole if MINUS in figure.variant}
    assert differences == {f"sar-gpt minus {name}" for name in BLIND}


def test_the_details_say_what_each_answering_variant_sees(project: Project, vqa: Evaluation) -> None:
    variants = {variant.name: variant for variant in vqa.details.variants}
    assert list(variants) == ANSWERING
    roles = [variant.role for variant in variants.values()]
    assert roles == ["model", "baseline", "baseline", "baseline"]
    gpt = variants["sar-gpt"]
    assert gpt.model_sha256 == sha256_file(project.checkpoint("sar-gpt") / "model.safetensors")
    assert (gpt.samples, gpt.sar_samples, gpt.stages) == (56, 48, ("model@sar-gpt",)), "both stages stopped early"
    assert gpt.title.startswith("the tower of sar-rs-clip and a language model")
    blind = variants["sar-gpt-blind"]
    assert (blind.samples, blind.sar_samples) == (64, 64)


def test_examples_have_an_answer_of_every_variant(vqa: Evaluation, asked: list[Question]) -> None:
    shown = {example.type for example in vqa.details.questions}
    assert shown >= {"count", "presence"} & {question.type for question in asked}
    assert all(set(example.answers) == {*ANSWERING} for example in vqa.details.questions)


def test_the_answers_of_every_variant_can_be_scored_again(vqa: Evaluation, asked: list[Question]) -> None:
    for name in ("sar-gpt", CONSTANT):
        table = f"answers/release-test/{name}"
        given = read_answers(vqa.folder / f"{table}.csv", asked)
        again = score_vqa({name: given}, asked, benchmark_name="release-test", resamples=20)
        value = vqa.find("oa", name).value
        assert find(again, "oa", name).value == value
        right = [row["right"] == "true" for row in vqa.rows(table)]
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
