"""The stage ``evaluation@retrieval``: every model on every benchmark, and foils, in one folder for the report."""

from itertools import product

import numpy as np
import pytest

from sartext.config import Project
from sartext.evaluation.details import CHANCE, PERFECT, TEXT_PRIOR
from sartext.evaluation.embedding import embed
from sartext.evaluation.figures import MINUS
from sartext.evaluation.metrics.recall import Ranks
from sartext.evaluation.retrieval_figures import METRICS, score_retrieval
from sartext.evaluation.stages.models import compared, project_benchmarks
from tests.evaluation.stages.project import Evaluation, evaluated


@pytest.fixture(scope="module")
def evaluation(project: Project) -> Evaluation:
    return evaluated(project, "retrieval")


def test_what_is_written_agrees_and_is_the_same_to_the_byte_again(evaluation: Evaluation) -> None:
    evaluation.check()
    evaluation.check_bytes()


def test_every_model_and_the_ceiling_have_every_figure_on_every_benchmark(
    project: Project, evaluation: Evaluation
) -> None:
    names = {model.name for model in compared(project)} | {CHANCE, PERFECT}
    whole = {
        (figure.benchmark, figure.metric, figure.variant)
        for figure in evaluation.figures
        if figure.task == "retrieval" and figure.subset == "all" and MINUS not in figure.variant
    }
    assert whole == set(product(project_benchmarks(project), METRICS, names))


def test_the_figures_are_those_of_the_features(project: Project, evaluation: Evaluation) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    (model,) = (model for model in compared(project) if model.name == "sar-rs-coca")
    parameters = project.parameters.evaluation
    alone = score_retrieval(
        {"sar-rs-coca": embed(model.open(project), benchmark).pair},
        benchmark,
        resamples=parameters.resamples,
        seed=parameters.seed,
    )
    assert {figure for figure in alone if figure.variant == "sar-rs-coca"} <= set(evaluation.figures)


def test_the_ranks_of_every_variant_give_its_recall(evaluation: Evaluation) -> None:
    for name in ("sar-rs-coca", PERFECT):
        rows = evaluation.rows(f"ranks/release-test/{name}")
        for metric in METRICS:
            scoring, _, measure = metric.partition(".")
            way, _, cut = measure.partition("_r")
            if not cut.isdigit():
                continue
            columns = (
                [float(row[f"{scoring}.{way}.{of}"]) for row in rows] for of in ("above", "ties", "positives")
            )
            recall = Ranks(*map(np.array, columns)).recall_at([int(cut)])
            assert 100 * recall.mean() == pytest.approx(evaluation.find(metric, name).value)


def test_differences_are_paired_and_agree_with_their_parts(evaluation: Evaluation) -> None:
    metric = "duplicate_aware.mean_recall"
    for first, second in (("sar-rs-clip", "foundation-clip"), ("progressive", "foundation")):
        less = evaluation.find(metric, f"{first} minus {second}")
        left, right = (evaluation.find(metric, name).value for name in (first, second))
        assert less.value == pytest.approx(left - right)
        assert less.low <= less.value <= less.high


def test_foils_are_told_beside_what_words_alone_give(project: Project, evaluation: Evaluation) -> None:
    whole = (figure for figure in evaluation.figures if figure.benchmark == "release-test")
    variants = {figure.variant for figure in whole if figure.task == "foils" and MINUS not in figure.variant}
    assert variants == {*(model.name for model in compared(project)), TEXT_PRIOR}


def test_curves_examples_foils_and_notes_are_in_the_details(evaluation: Evaluation) -> None:
    details = evaluation.details
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
    assert "duplicate_aware.mean_recall of sar-rs-clip" in evaluation.metrics["headlines"]
