"""Accuracy on foils: by kind and their mean, ties count half, and a text alone gains nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sartext.errors import EvaluationError
from sartext.evaluation.details import TEXT_PRIOR
from sartext.evaluation.embedding import embed, margins, margins_of
from sartext.evaluation.foil_changes import KINDS
from sartext.evaluation.foil_scoring import foil_examples, prior_margins, score_foils, train_prior
from sartext.evaluation.foils import Foils, make_foils
from sartext.narrator.statements import statements_of
from tests.evaluation.foils.test_making import ENTRIES
from tests.evaluation.generated import benchmark, find
from tests.models.making import small_model


@pytest.fixture(scope="module")
def tested():
    return benchmark(200)


@pytest.fixture(scope="module")
def foils(tested):
    return make_foils(tested, ENTRIES, 5)


def accuracies(figures, variant):
    """Value by kind, and the mean."""
    of_kind = {kind: find(figures, "accuracy", variant, subset=f"kind:{kind}").value for kind in KINDS}
    return of_kind, find(figures, "mean_accuracy", variant).value


def test_who_knows_the_facts_is_always_right_and_who_knows_nothing_ties(tested, foils):
    knows = np.ones(len(foils))
    figures = score_foils({"knows": knows, "inverted": -knows, "blind": 0 * knows}, foils, tested, resamples=50)
    for variant, value in (("knows", 100), ("inverted", 0), ("blind", 50)):
        by_kind, mean = accuracies(figures, variant)
        assert set(by_kind.values()) == {value}
        assert mean == value


def test_the_mean_is_that_of_the_kinds_and_ties_count_half(tested, foils):
    kinds = np.array([foil.kind for foil in foils.items])
    some = np.where(kinds == "count", 1.0, np.where(kinds == "zone", 0.0, -1.0))
    figures = score_foils({"some": some}, foils, tested, resamples=50)
    by_kind, mean = accuracies(figures, "some")
    assert by_kind == {"count": 100, "class": 0, "zone": 50, "share": 0}
    assert mean == pytest.approx(37.5)
    assert find(figures, "accuracy", "some", subset="kind:zone").n == (kinds == "zone").sum()
    assert find(figures, "mean_accuracy", "some").n == len(foils)


def test_a_text_alone_gains_nothing(tested, foils):
    """The likelier text is the true one half of the time, though frequent values are likelier."""
    figures = score_foils({}, foils, tested, resamples=200)
    for kind in KINDS:
        figure = find(figures, "accuracy", TEXT_PRIOR, subset=f"kind:{kind}")
        assert figure.low <= 50 <= figure.high or abs(figure.value - 50) < 10
    assert find(figures, "mean_accuracy", TEXT_PRIOR).value == pytest.approx(50, abs=7)
    assert (prior_margins(foils, tested) != 0).mean() > 0.95


def test_the_language_model_prefers_what_it_has_seen_more():
    model = train_prior([*["There are two ships."] * 9, "There are three ships.", "There is a bridge."])
    seen = [model.log_likelihood(f"There are {count} ships.") for count in ("two", "three", "seven")]
    assert seen == sorted(seen, reverse=True)
    assert model.log_likelihood("ships two are There") < seen[2]
    with pytest.raises(EvaluationError, match="no training captions"):
        train_prior([])


def test_the_language_models_probabilities_sum_to_one():
    model = train_prior(["one ship", "two ships", "one bridge and two ships"])
    words = ["one", "two", "ship", "ships", "bridge", "and", "<end>"]
    for context in ((), ("one",), ("<start>", "<start>", "two"), ("never", "seen")):
        known = sum(model._probability(word, context) for word in words)
        assert known + model._probability("something else", context) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_any_open_clip_model_can_be_scored(tmp_path, kind):
    model, few = small_model(tmp_path, kind), benchmark(40, train=0)
    made = make_foils(few, ENTRIES, 5)
    found = margins(model, made, few)
    assert found.shape == (len(made),)
    seen = embed(model, few).images
    np.testing.assert_allclose(margins(model, made, few, images=seen), found, atol=1e-6)
    foil = made.items[3]
    tokens = model.tokenizer.encode([foil.caption, foil.foil], full=True, cut=True)
    with torch.no_grad():
        texts = model.network.encode_text(tokens, normalize=True)
    assert found[3] == pytest.approx(float(seen[foil.place] @ texts[0] - seen[foil.place] @ texts[1]), abs=1e-6)
    figures = score_foils({kind: found}, made, few, resamples=20)
    assert find(figures, "mean_accuracy", kind).n == len(made)
    assert find(figures, "mean_accuracy", TEXT_PRIOR) is None


def test_features_that_hold_the_facts_prefer_the_truth(tested, foils):
    """Features whose product counts the statements that two records share."""
    records = [row.facts for row in (*tested.examples, *foils.items)]
    known = sorted({statement for facts in records for statement in statements_of(facts)})

    def features(every):
        rows = torch.tensor([[row in set(statements_of(facts)) for row in known] for facts in every]).float()
        return torch.nn.functional.normalize(rows, dim=1)

    images = features([example.facts for example in tested.examples])
    captions = images[[foil.place for foil in foils.items]]
    found = margins_of(images, captions, features([foil.facts for foil in foils.items]), foils, tested)
    assert (found > 0).all()
    same = margins_of(images, captions, captions, foils, tested)
    assert not same.any()


def test_examples_are_of_every_kind_and_say_who_was_right(tested, foils):
    found = np.resize([1.0, -1.0, 0.0], len(foils))
    shown = foil_examples({"model": found}, foils, 3)
    assert [example.kind for example in shown] == [kind for kind in KINDS for _ in range(3)]
    places = {(foil.kind, foil.image_id): at for at, foil in enumerate(foils.items)}
    for example in shown:
        margin = found[places[example.kind, example.image_id]]
        assert example.preferred == {"model": None if margin == 0 else margin > 0}
        assert example.caption != example.foil
    assert shown == foil_examples({"model": found}, foils, 3)


def test_intervals_are_drawn_over_groups_and_differences_are_paired(tested, foils):
    some = np.random.default_rng(0).normal(size=len(foils))
    once, again = (
        score_foils({"a": some, "b": some.copy()}, foils, tested, resamples=300, seed=1, pairs=[("a", "b")])
        for _ in range(2)
    )
    assert once == again
    figure, less = (find(once, "mean_accuracy", variant) for variant in ("a", "a minus b"))
    assert figure.low < figure.value < figure.high
    assert (less.value, less.low, less.high) == (0, 0, 0)


def test_a_kind_told_of_one_group_only_has_no_bounds_and_so_its_mean_with_others(tested, foils):
    share = next(foil for foil in foils.items if foil.kind == "share")
    few = Foils(foils.benchmark, (*(foil for foil in foils.items if foil.kind != "share"), share), foils.skipped)
    margin = np.where(np.arange(len(few)) % 3, 1.0, -1.0)
    figures = score_foils({"model": margin}, few, tested, resamples=50)
    for metric, subset in (("accuracy", "kind:share"), ("mean_accuracy", "all")):
        figure = find(figures, metric, "model", subset=subset)
        assert figure.value is not None
        assert (figure.low, figure.high) == (None, None)
    assert find(figures, "accuracy", "model", subset="kind:count").low is not None


def test_a_kind_without_foils_is_not_computed_with_the_reason(tested, foils):
    kept = tuple(foil for foil in foils.items if foil.kind != "share")
    few = Foils(foils.benchmark, kept, {**foils.skipped, "share": {"no share is told": 200}})
    figures = score_foils({"model": np.ones(len(few))}, few, tested, resamples=20)
    figure = find(figures, "accuracy", "model", subset="kind:share")
    assert figure.value is None
    assert figure.reason == "no foil of this kind: no share is told (200)"
    assert find(figures, "mean_accuracy", "model").value == 100
    figures = score_foils({"model": np.ones(0)}, Foils(foils.benchmark, (), {}), tested)
    assert len(figures) == 5
    assert all(figure.value is None and figure.reason for figure in figures)


def test_margins_that_do_not_fit_are_refused(tested, foils):
    wrong = np.ones(len(foils))
    wrong[2] = np.nan
    for margin, problem in (
        (np.ones(3), "model: 3 margins for"),
        (wrong, r"1 margins are no numbers, .* sim-"),
    ):
        with pytest.raises(EvaluationError, match=problem):
            score_foils({"model": margin}, foils, tested)
    with pytest.raises(EvaluationError, match="features of 3 images"):
        margins_of(torch.ones(3, 4), torch.ones(1, 4), torch.ones(1, 4), foils, tested)
    with pytest.raises(EvaluationError, match="there is no foil"):
        margins(None, Foils("release-test", (), {"count": {"nothing": 3}}), tested)


def test_the_train_split_of_the_benchmark_is_what_the_prior_knows(tested, foils):
    """Taught some foils, it prefers them: what it scores comes from these captions."""
    few = Foils(foils.benchmark, foils.items[:: len(foils) // 10], {})
    taught = tuple(replace(tested.train[0], caption=foil.foil) for foil in few.items)
    assert (prior_margins(few, tested) < 0).mean() < 0.8
    assert (prior_margins(few, replace(tested, train=taught)) < 0).mean() >= 0.8
