"""The registry of metrics: every figure is of one of them, and all that is said of metrics follows from it."""

import pytest

from sartext.errors import ParameterError
from sartext.evaluation.details import CHANCE
from sartext.evaluation.registry import METRICS, headlines, in_order, metric_named, metric_of, names_in
from sartext.evaluation.retrieval_figures import facts_keys, score_retrieval
from tests.evaluation.generated import benchmark, find

EVERY = [metric for registry in METRICS.values() for metric in registry]


def test_every_metric_says_what_it_is() -> None:
    for task, registry in METRICS.items():
        for metric in registry:
            assert metric.task == task
            assert metric.title and metric.meaning.endswith("."), metric.name
            assert metric.section, "the page shows it somewhere"
        assert headlines(task)
        assert set(headlines(task)) <= set(registry.names)


def test_metrics_stand_in_the_order_of_the_registry_and_others_behind_them() -> None:
    names = {"spice", "bleu_1", "zeta", "alpha", "fact_recall"}
    assert in_order("captioning", names) == ["bleu_1", "spice", "fact_recall", "alpha", "zeta"]


def test_sections_are_those_of_the_page() -> None:
    assert names_in("captioning", "scores")[:4] == ("bleu_1", "bleu_2", "bleu_3", "bleu_4")
    assert len(names_in("retrieval", "cuts")) == 18
    assert set(names_in("captioning", "facts")) >= {"fact_precision", "object_recall", "wrong_counts"}
    assert names_in("captioning", "nowhere") == ()


def test_a_metric_is_named_with_its_task() -> None:
    assert metric_named("captioning/invented_objects").higher_is_better is False
    assert metric_named("vqa/oa") is METRICS["vqa"]["oa"]


@pytest.mark.parametrize(
    ("reference", "what", "way_out"),
    [
        ("captioning/bleu_5", "no metric of captioning 'bleu_5'", "bleu_"),
        ("retrieval/mean_recal", "no metric of retrieval", "mean_recall"),
        ("captions/bleu_4", "no task 'captions'", "captioning"),
        ("bleu_4", "no task 'bleu_4'", "known"),
    ],
)
def test_an_unknown_metric_is_an_error_that_names_the_nearest(reference: str, what: str, way_out: str) -> None:
    with pytest.raises(ParameterError) as raised:
        metric_named(reference, where="params.yaml: champions")
    assert what in str(raised.value) and way_out in raised.value.way_out
    assert raised.value.where == "params.yaml: champions"


def test_a_metric_of_a_foreign_table_is_shown_by_its_own_name() -> None:
    metric = metric_of("captioning", "new_score.large")
    assert (metric.title, metric.unit, metric.higher_is_better) == ("new score: large", "", None)


def test_chance_is_what_a_random_order_reaches() -> None:
    tested = benchmark(60)
    figures = score_retrieval({}, tested, resamples=20)
    labels = facts_keys(tested).tolist()
    for metric in METRICS["retrieval"]:
        figure = find(figures, metric.name, CHANCE)
        assert metric.chance(labels) == pytest.approx(figure.value)
    assert [metric.chance([]) for metric in METRICS["foils"] if metric.chance] == [50, 50]


def test_what_follows_from_captions_and_references_is_computed_for_each_caption() -> None:
    computed = {metric.name for metric in EVERY if metric.compute}
    assert computed >= {"bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "spice", "words"}
    for name in ("bleu_4", "rouge_l", "words"):
        compute = METRICS["captioning"][name].compute
        assert len(compute(["one ship", ""], [["one ship here"], ["two", "three ships"]])) == 2
