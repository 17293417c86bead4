"""The stage ``evaluation@retrieval``: every model on every benchmark, and foils, in one folder for the report."""

import csv
from itertools import product
from typing import Any

import numpy as np
import pytest

from sartext.config import Project
from sartext.evaluation.details import (
    CHANCE,
    PERFECT,
    TEXT_PRIOR,
    Details,
    picture_path,
    read_details,
    shown_pictures,
)
from sartext.evaluation.figures import MINUS, Figure, read_figures
from sartext.evaluation.metrics.recall import Ranks
from sartext.evaluation.retrieval_figures import METRICS, score_retrieval
from sartext.evaluation.stages import evaluate_task
from sartext.evaluation.stages.models import compared, project_benchmarks
from sartext.files import sha256_tree
from tests.evaluation.generated import find


@pytest.fixture(scope="module")
def metrics(project: Project) -> dict[str, Any]:
    return evaluate_task(project, "retrieval")


@pytest.fixture(scope="module")
def figures(project: Project, metrics: dict[str, Any]) -> list[Figure]:
    return read_figures(project.evaluation("retrieval") / "figures.json")


@pytest.fixture(scope="module")
def details(project: Project, metrics: dict[str, Any]) -> Details:
    return read_details(project.evaluation("retrieval") / "details.json")


def test_every_model_and_the_ceiling_have_every_figure_on_every_benchmark(
    project: Project, figures: list[Figure]
) -> None:
    names = {model.name for model in compared(project)} | {CHANCE, PERFECT}
    whole = {
        (figure.benchmark, figure.metric, figure.variant)
        for figure in figures
        if figure.task == "retrieval" and figure.subset == "all" and MINUS not in figure.variant
    }
    assert whole == set(product(project_benchmarks(project), METRICS, names))


def test_the_figures_are_those_of_the_features(project: Project, figures: list[Figure]) -> None:
    from sartext.evaluation.embedding import embed

    benchmark = project_benchmarks(project)["release-test"]
    (model,) = (model for model in compared(project) if model.name == "sar-rs-coca")
    parameters = project.parameters.evaluation
    alone = score_retrieval(
        {"sar-rs-coca": embed(model.open(project), benchmark).pair},
        benchmark,
        resamples=parameters.resamples,
        seed=parameters.seed,
    )
    assert {one for one in alone if one.variant == "sar-rs-coca"} <= set(figures)


def test_the_ranks_of_every_variant_give_its_recall(project: Project, figures: list[Figure]) -> None:
    for name in ("sar-rs-coca", PERFECT):
        path = project.evaluation("retrieval") / "ranks" / "release-test" / f"{name}.csv"
        with path.open() as file:
            rows = list(csv.DictReader(file))
        for metric in METRICS:
            scoring, _, measure = metric.partition(".")
            way, _, cut = measure.partition("_r")
            if not cut.isdigit():
                continue
            columns = (
                [float(row[f"{scoring}.{way}.{of}"]) for row in rows] for of in ("above", "ties", "positives")
            )
            found = Ranks(*map(np.array, columns)).recall_at([int(cut)])
            wanted = find(figures, metric, name, benchmark="release-test")
            assert 100 * found.mean() == pytest.approx(wanted.value)


def test_differences_are_paired_and_agree_with_their_parts(figures: list[Figure]) -> None:
    metric = "duplicate_aware.mean_recall"
    for first, second in (("sar-rs-clip", "foundation-clip"), ("progressive", "foundation")):
        less = find(figures, metric, f"{first} minus {second}", benchmark="release-test")
        left, right = (find(figures, metric, name, benchmark="release-test").value for name in (first, second))
        assert less.value == pytest.approx(left - right)
        assert less.low <= less.value <= less.high


def test_foils_are_told_beside_what_words_alone_give(project: Project, figures: list[Figure]) -> None:
    variants = {
        figure.variant for figure in figures if (figure.task, figure.benchmark) == ("foils", "release-test")
    }
    assert {name for name in variants if MINUS not in name} == {
        *(model.name for model in compared(project)),
        TEXT_PRIOR,
    }


def test_the_details_say_what_every_figure_is_of(details: Details, figures: list[Figure]) -> None:
    named = {variant.name for variant in details.variants}
    assert {part for figure in figures for part in figure.variant.split(MINUS)} == named
    assert [row.name for row in details.benchmarks] == list(dict.fromkeys(row.name for row in details.benchmarks))
    assert {figure.benchmark for figure in figures} == {row.name for row in details.benchmarks}
    assert {(curve.variant, curve.scoring, curve.benchmark) for curve in details.curves} >= {
        (PERFECT, "one_positive", "release-test"),
        ("progressive", "duplicate_aware", "sim-test"),
    }


def test_examples_name_pictures_that_are_there(project: Project, details: Details) -> None:
    assert {example.kind for example in details.retrieval} == {"i2t", "t2i"}
    assert {example.variant for example in details.retrieval} == {"sar-rs-clip"}
    assert details.foils
    folder = project.evaluation("retrieval")
    shown = {path.relative_to(folder) for path in (folder / "pictures").rglob("*.png")}
    assert shown == {picture_path(folder, one).relative_to(folder) for one in shown_pictures(details)}
    assert any("were cut" in note for note in details.notes), "the tiny models' context is short"


def test_the_counts_are_those_of_the_files(
    metrics: dict[str, Any], figures: list[Figure], details: Details
) -> None:
    assert metrics["figures"] == len(figures)
    assert metrics["not_computed"] == sum(figure.value is None for figure in figures) > 0
    assert metrics["variants"] == len(details.variants)
    assert "duplicate_aware.mean_recall of sar-rs-clip" in metrics["headlines"]


def test_the_same_models_give_the_same_bytes(project: Project, metrics: dict[str, Any]) -> None:
    before = sha256_tree(project.evaluation("retrieval"))
    evaluate_task(project, "retrieval")
    assert sha256_tree(project.evaluation("retrieval")) == before
