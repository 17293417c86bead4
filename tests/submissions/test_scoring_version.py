"""The version of the scoring is raised where equal answers get other figures, so that leaderboards mix none."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch

from sartext.evaluation.benchmarks import open_benchmarks
from sartext.evaluation.caption_scoring import score_captions
from sartext.evaluation.figures import Figure
from sartext.evaluation.foil_scoring import score_foils
from sartext.evaluation.foils import make_foils
from sartext.evaluation.registry import headlines
from sartext.evaluation.retrieval_figures import score_retrieval
from sartext.evaluation.vqa import score_vqa
from sartext.submissions.scoring import SCORING
from sartext.vqa.question import Question
from tests.evaluation.generated import needs_jars, needs_java
from tests.evaluation.released import Published
from tests.submissions.making import entries_of

RAISE = "raise the task's number in SCORING, and pin these figures"


def values(figures: Iterable[Figure], *names: str) -> dict[str, float]:
    """The figures of the whole benchmark, rounded so that no processor's sums matter."""
    return {
        figure.metric: round(figure.value, 3)
        for figure in figures
        if (figure.variant, figure.subset) == ("m", "all") and figure.metric in names and figure.value is not None
    }


def test_retrieval_and_foils(small: Published) -> None:
    benchmark = open_benchmarks(small.release)["release-test"]
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(2, len(benchmark), 8))).float()
    pair = tuple(torch.nn.functional.normalize(part, dim=1) for part in features)
    figures = score_retrieval({"m": pair}, benchmark, resamples=100, seed=7)  # type: ignore[dict-item]
    assert SCORING["retrieval"] == 1
    assert values(figures, "distinct_facts.mean_recall", "one_positive.mean_recall") == {
        "distinct_facts.mean_recall": 51.389,
        "one_positive.mean_recall": 50.0,
    }, RAISE
    foils = make_foils(benchmark, entries_of(small.built.root, benchmark.corpora), 7)
    margins = np.random.default_rng(1).normal(size=len(foils))
    assert SCORING["foils"] == 1
    figures = score_foils({"m": margins}, foils, benchmark, resamples=100, seed=7)
    assert values(figures, *headlines("foils")) == {"mean_accuracy": 75.0}, RAISE


def test_vqa(questions: list[Question]) -> None:
    answers = {question.id: f"the {question.answer}." if at % 3 else "" for at, question in enumerate(questions)}
    figures = score_vqa({"m": answers}, questions, benchmark_name="release-test", resamples=100, seed=7)
    assert SCORING["vqa"] == 1
    assert values(figures, "oa", "aa", "empty") == {"oa": 64.286, "aa": 79.167, "empty": 35.714}, RAISE


@needs_java
@needs_jars
@pytest.mark.slow
def test_captioning(small: Published) -> None:
    benchmark = open_benchmarks(small.release)["release-test"]
    captions = {row.image_id: f"{row.caption.split('. ')[0]}. There is one ship." for row in benchmark.examples}
    entries = entries_of(small.built.root, benchmark.corpora)
    figures = score_captions({"m": captions}, benchmark, entries, side=224, seed=7, resamples=100)
    assert SCORING["captioning"] == 1
    names = ("bleu_4", "meteor", "rouge_l", "cider_d", "fact_precision", "fact_recall", "fact_f1")
    pinned = (0.698, 0.428, 0.696, 1.908, 71.429, 53.571, 61.224)
    assert values(figures, *names) == dict(zip(names, pinned, strict=True)), RAISE
