"""The figures of retrieval: three ways, by subset, with intervals, and what is stated where there is none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sartext.errors import EvaluationError
from sartext.evaluation.details import CHANCE, CONSTANT_RANKING, PERFECT
from sartext.evaluation.metrics.recall import CUTS, SCORINGS, WAYS, ceiling, constant_ranks
from sartext.evaluation.retrieval import retrieval
from sartext.evaluation.retrieval_figures import (
    METRICS,
    facts_keys,
    rank_variants,
    recall_curves,
    retrieval_figures,
    score_retrieval,
)
from sartext.evaluation.stages.retrieval import retrieval_examples
from tests.evaluation.generated import SHIP, benchmark, benchmark_of, example, find, object_facts


@pytest.fixture(scope="module")
def tested():
    return benchmark(60)


def knowing(tested, noise, seed=0):
    """Features of a model that knows the facts, more or less."""
    generator = torch.Generator().manual_seed(seed)
    facts = torch.randn(60, 24, generator=generator)[facts_keys(tested)]
    images, texts = (facts + noise * torch.randn(facts.shape, generator=generator) for _ in range(2))
    return torch.nn.functional.normalize(images, dim=1), torch.nn.functional.normalize(texts, dim=1)


def test_every_figure_is_that_of_retrieval(tested):
    features = {"good": knowing(tested, 0.3), "bad": knowing(tested, 3.0, 1)}
    figures = score_retrieval(features, tested, resamples=50)
    for variant, (images, texts) in features.items():
        for scoring, found in (
            ("one_positive", retrieval(images, texts)),
            ("duplicate_aware", retrieval(images, texts, facts_keys(tested))),
        ):
            sides = (found.image_to_text.mean(axis=0), found.text_to_image.mean(axis=0))
            names = [f"{way}_r{cut}" for way in WAYS for cut in CUTS]
            expected = dict(zip(names, np.concatenate(sides), strict=True), mean_recall=found.mean_recall / 100)
            for name, value in expected.items():
                figure = find(figures, f"{scoring}.{name}", variant)
                assert figure.value == pytest.approx(100 * value)
                assert figure.low <= figure.value <= figure.high
                assert figure.n == 60
        keys = facts_keys(tested)
        first = np.unique(keys, return_index=True)[1]
        similar = images @ texts[first].T
        above = (similar > similar[torch.arange(60), torch.from_numpy(keys)][:, None]).sum(dim=1)
        of_sets = [(above[keys == key] < 5).double().mean() for key in range(len(first))]
        assert find(figures, "distinct_facts.i2t_r5", variant).value == pytest.approx(100 * np.mean(of_sets))
    assert {figure.metric for figure in figures if figure.subset == "all"} == set(METRICS)
    assert {figure.benchmark for figure in figures} == {"release-test"}


def test_a_perfect_model_is_beside_them(tested):
    figures = score_retrieval({}, tested, resamples=20)
    keys = facts_keys(tested)
    assert len(set(keys)) < len(keys)
    assert find(figures, "one_positive.mean_recall", PERFECT).value == pytest.approx(ceiling(keys))
    assert find(figures, "duplicate_aware.mean_recall", PERFECT).value == 100
    exact = torch.eye(60)[keys]
    reached = score_retrieval({"exact": (exact, exact)}, tested, resamples=20)
    for metric in METRICS:
        assert find(reached, metric, "exact").value == pytest.approx(find(reached, metric, PERFECT).value)


def test_chance_is_what_orders_drawn_at_random_find_on_average(tested):
    figures = score_retrieval({}, tested, resamples=20)
    assert find(figures, "one_positive.i2t_r10", CHANCE).value == pytest.approx(100 * 10 / 60)
    assert find(figures, "one_positive.t2i_r1", CHANCE).value == pytest.approx(100 / 60)
    keys, drawn = facts_keys(tested), np.random.default_rng(5)
    found = [np.mean([(drawn.permutation(keys)[:5] == key).any() for key in keys]) for _ in range(1500)]
    figure = find(figures, "duplicate_aware.i2t_r5", CHANCE)
    assert figure.value == pytest.approx(100 * np.mean(found), abs=0.6)
    assert figure.value == find(figures, "duplicate_aware.t2i_r5", CHANCE).value


@pytest.fixture(scope="module")
def lopsided():
    """Forty images of one fact, ten of another, and thirty that are alone with theirs."""
    counts = [40, 10, *[1] * 30]
    facts = [object_facts((SHIP, at // 6 + 1, at % 6)) for at, count in enumerate(counts) for _ in range(count)]
    return benchmark_of([example(f"sim-ships/{at:04}", of_image) for at, of_image in enumerate(facts)])


def blindly(tested, order):
    """Features of a model whose ranking of the facts is the same whatever it is asked, by the place of each."""
    place = torch.tensor([order.index(key) for key in facts_keys(tested)], dtype=torch.float64)
    ones = torch.ones(len(place), dtype=torch.float64)
    gallery = torch.stack([ones, -place / len(order)], dim=1)
    return torch.stack([ones, ones], dim=1), gallery


def test_who_never_looks_is_at_chance_of_distinct_facts_whatever_the_order_and_who_knows_reaches_100(lopsided):
    keys = facts_keys(lopsided)
    sizes = np.bincount(keys)
    commonest = sorted(range(len(sizes)), key=lambda key: -sizes[key])
    exact = torch.eye(len(sizes), dtype=torch.float64)[keys]
    features = {"perfect model": (exact, exact)}
    for name, order in (("commonest", commonest), ("rarest", commonest[::-1])):
        queries, gallery = blindly(lopsided, order)
        features[name] = (queries, gallery)
        features[f"{name}, images"] = (gallery, queries)
    torch.manual_seed(4)
    drawn = [torch.randn(2, len(keys), 8, dtype=torch.float64) for _ in range(40)]
    features |= {f"drawn {at}": (one[0], one[1]) for at, one in enumerate(drawn)}
    figures = score_retrieval(features, lopsided, resamples=10)

    def at_chance(way, variant):
        pairs = [
            (find(figures, f"distinct_facts.{way}_r{cut}", name).value for name in (variant, CHANCE))
            for cut in CUTS
        ]
        return all(value == pytest.approx(chance) for value, chance in pairs)

    for name in ("commonest", "rarest"):
        assert at_chance("i2t", name) and at_chance("t2i", f"{name}, images")
    assert at_chance("i2t", CONSTANT_RANKING) and at_chance("t2i", CONSTANT_RANKING)
    mean = "distinct_facts.mean_recall"
    chance = find(figures, mean, CHANCE).value
    assert chance == pytest.approx(100 * np.mean([1, 5, 10]) / 32)
    assert np.mean([find(figures, mean, f"drawn {at}").value for at in range(40)]) == pytest.approx(chance, abs=1)
    assert find(figures, mean, "perfect model").value == find(figures, mean, PERFECT).value == pytest.approx(100)


def test_the_constant_ranking_is_the_strongest_that_never_looks_where_equal_facts_all_count(lopsided):
    figures = score_retrieval({}, lopsided, resamples=10)
    reached = [find(figures, f"duplicate_aware.i2t_r{cut}", CONSTANT_RANKING).value for cut in CUTS]
    assert reached == pytest.approx([100 * share / 80 for share in (40, 53, 58)])
    assert find(figures, "duplicate_aware.i2t_r5", CHANCE).value < reached[1]
    assert find(figures, "one_positive.mean_recall", CONSTANT_RANKING).value == pytest.approx(
        find(figures, "one_positive.mean_recall", CHANCE).value
    )
    places = sorted(constant_ranks([5, 5, 5, 2, 2, 7])["one_positive"].above)
    assert places == [0, 1, 2, 3, 4, 5], "every item has a place of its own"


@pytest.fixture(scope="module")
def middling(tested):
    """Recall of each pair, duplicate-aware, and the figures of the same features."""
    images, texts = knowing(tested, 1.0)
    figures = score_retrieval({"model": (images, texts)}, tested, resamples=20)
    return retrieval(images, texts, facts_keys(tested)).per_pair, figures


def test_queries_of_a_corpus_are_ranked_against_the_whole_gallery(tested, middling):
    pairs, figures = middling
    for corpus in ("sim-landcover", "sim-objects"):
        inside = np.array([example.corpus == corpus for example in tested.examples])
        figure = find(figures, "duplicate_aware.mean_recall", "model", subset=f"corpus:{corpus}")
        assert (figure.value, figure.n) == (pytest.approx(pairs[inside].mean()), inside.sum())
    assert find(figures, "duplicate_aware.mean_recall", "model").value == pytest.approx(pairs.mean())


def test_classes_are_those_that_the_facts_hold(tested, middling):
    _, figures = middling
    for noun in ("storage tank", "water"):
        holds = np.array([noun in example.caption.casefold() for example in tested.examples])
        figure = find(figures, "distinct_facts.mean_recall", "model", subset=f"class:{noun}")
        assert figure.n == holds.sum() > 0
    by_class = {figure.metric for figure in figures if figure.subset.startswith("class:")}
    assert by_class == {"distinct_facts.mean_recall"}


def test_intervals_are_drawn_over_groups_paired_and_equal_seeds_give_equal_ones(tested):
    features = {"a": knowing(tested, 1.0), "same": knowing(tested, 1.0)}
    first, again, other = (score_retrieval(features, tested, resamples=200, seed=seed) for seed in (3, 3, 4))
    assert first == again != other
    paired = retrieval_figures(rank_variants(features, tested), tested, resamples=50, pairs=[("a", "same")])
    figure = find(paired, "one_positive.mean_recall", "a minus same")
    assert (figure.value, figure.low, figure.high) == (0, 0, 0)
    lumped = replace(tested, examples=tuple(replace(example, group_id="g") for example in tested.examples))
    whole = find(score_retrieval(features, lumped, resamples=50), "one_positive.mean_recall", "a")
    assert whole.value == find(first, "one_positive.mean_recall", "a").value
    assert (whole.low, whole.high) == (None, None)


def test_a_single_image_is_not_computed():
    alone = benchmark(1)
    figures = score_retrieval({"model": (torch.ones(1, 4), torch.ones(1, 4))}, alone)
    assert len(figures) == 4 * len(METRICS)
    assert all(figure.value is None and "a single image" in figure.reason for figure in figures)


def test_features_of_another_benchmark_or_of_no_numbers_are_refused(tested):
    images, texts = knowing(tested, 1.0)
    wrong = images.clone()
    wrong[3, 1] = torch.nan
    for features, problem in (
        ((images[1:], texts), "mine on release-test: features of 59 images and 60 texts, the bench"),
        ((wrong, texts), "mine on release-test, images: 1 of 60 features"),
        ((images, texts[:, :20]), "features of images have 24 values, those of texts 20"),
    ):
        with pytest.raises(EvaluationError, match=problem):
            score_retrieval({"mine": features}, tested)


def test_the_curve_goes_through_the_figures(tested):
    features = {"model": knowing(tested, 1.5)}
    curves = recall_curves(rank_variants(features, tested), tested)
    curve = {curve.scoring: curve for curve in curves if curve.variant == "model"}
    figures = score_retrieval(features, tested, resamples=10)
    for scoring in SCORINGS:
        for way in ("i2t", "t2i"):
            recalls = getattr(curve[scoring], way)
            assert len(recalls) == 50
            assert list(recalls) == sorted(recalls)
            for cut in CUTS:
                assert recalls[cut - 1] == pytest.approx(find(figures, f"{scoring}.{way}_r{cut}", "model").value)
    assert {len(curve.i2t) for curve in recall_curves(rank_variants({}, benchmark(7)), benchmark(7))} == {7}


def test_examples_show_right_and_wrong_answers_and_are_not_picked_by_hand(tested):
    images, texts = features = knowing(tested, 1.5)
    shown = retrieval_examples(features, tested, 6, "model")
    assert shown == retrieval_examples(features, tested, 6, "model")
    keys = dict(zip((example.image_id for example in tested.examples), facts_keys(tested), strict=True))
    places = {example.image_id: at for at, example in enumerate(tested.examples)}
    for way, query, gallery in (("i2t", images, texts), ("t2i", texts, images)):
        of_way = [row for row in shown if row.kind == way]
        assert len(of_way) == 6
        assert sum(row.ranked[0].right for row in of_way) == 3
        assert [row.image_id for row in of_way] == sorted(row.image_id for row in of_way)
        for row in of_way:
            similar = gallery @ query[places[row.image_id]]
            similarities = [float(similar[places[answer.image_id]]) for answer in row.ranked]
            assert similarities == pytest.approx(sorted(similarities, reverse=True))
            assert similarities[0] == pytest.approx(float(similar.max()))
            assert len(row.ranked) == 5
            assert [answer.right for answer in row.ranked] == [
                keys[answer.image_id] == keys[row.image_id] for answer in row.ranked
            ]
            assert way == "t2i" or len({answer.caption for answer in row.ranked}) == 5
    exact = torch.eye(60)[facts_keys(tested)]
    assert all(example.ranked[0].right for example in retrieval_examples((exact, exact), tested, 4, "model"))
