"""Thresholds: the least score from which on enough statements of a type are true."""

import random
from dataclasses import replace

import pytest

from sartext.captioner.scores import fit_logistic
from sartext.captioner.thresholds import (
    REST,
    Judged,
    choose,
    cross_scored,
    curve,
    from_record,
    lower_bound,
    released,
    to_record,
    upper_bound,
    without,
)
from sartext.errors import ArtefactError
from sartext.narrator.statements import COVER_CLASS, KINDS, OBJECT_COUNT, Statement


def judged(n, key="ship", kind=OBJECT_COUNT, truth=lambda surety: surety > 0.5, seed=1, family="detection"):
    """Statements whose truth follows from how sure the maps are; the other figures are noise."""
    draw = random.Random(seed)
    rows = [[draw.random() for _ in range(5)] for _ in range(n)]
    return [
        Judged(Statement(kind, key, "1"), (row[0] - 1, *row[1:]), truth(row[0]), place % 2, family)
        for place, row in enumerate(rows)
    ]


def known(key, kind, true, count):
    """Statements of which all figures are alike."""
    return [
        Judged(Statement(kind, key, ""), (-0.1, 0.0, 0.0, -0.1, 0.5), true(place), place % 2)
        for place in range(count)
    ]


def chosen(statements, **options):
    return choose(statements, precision_objects=0.8, precision_cover=0.9, fewest=30, **options)


def test_the_lower_bound_is_wilsons():
    assert lower_bound(30, 30) == pytest.approx(0.948, abs=1e-3)
    assert lower_bound(80, 100) == pytest.approx(0.744, abs=1e-3)
    assert lower_bound(0, 10) == 0.0 == lower_bound(0, 0)
    assert upper_bound(20, 100) == pytest.approx(1 - lower_bound(80, 100))
    assert upper_bound(0, 0) == 1.0


def test_a_threshold_keeps_the_sure_statements_and_reaches_the_wanted_precision():
    statements = judged(300)
    rule = chosen(statements)[OBJECT_COUNT]
    threshold = rule.thresholds[REST]
    scored = cross_scored(statements)
    kept = [item for item in scored if rule.accepts("ship", item.score)]
    assert len(kept) == threshold.kept >= 120
    assert sum(item.true for item in kept) == threshold.kept_true
    assert lower_bound(threshold.kept_true, threshold.kept) == threshold.bound >= 0.8
    assert rule.fit.coefficients[1] > 1  # the maps tell, the rest is noise
    surplus = {score: 2 * true - kept for score, kept, true, _ in curve(scored)}
    assert surplus[threshold.threshold] == max(surplus.values()), "no other keeps more true than false statements"


def test_a_type_that_misses_the_precision_is_not_released():
    coin = random.Random(5)
    rules = chosen(judged(200, truth=lambda surety: coin.random() < 0.5))
    assert released(rules[OBJECT_COUNT]) == {}
    assert not rules[OBJECT_COUNT].accepts("ship", 1.0)


def test_too_few_statements_release_nothing_however_true():
    assert released(chosen(judged(29, truth=lambda surety: True))[OBJECT_COUNT]) == {}
    assert released(chosen(judged(30, truth=lambda surety: True))[OBJECT_COUNT]).keys() == {"other classes"}


def test_classes_that_are_too_few_each_are_judged_together():
    """33 of 35 true are no proof of nine in ten; 132 of 140 are."""
    keys = ("water", "forest", "soil", "roads")
    several = [item for key in keys for item in known(key, COVER_CLASS, lambda place: place > 1, 35)]
    alone = chosen([item for item in several if item.statement.label == "water"])[COVER_CLASS]
    assert not alone.accepts("water", 1.0)
    rule = chosen(several)[COVER_CLASS]
    assert set(rule.thresholds) == {REST}
    assert rule.thresholds[REST].statements == 140
    # crops were never seen: they are taken as the others that are rare
    for key in ("water", "forest", "roads", "crops"):
        assert rule.accepts(key, rule.thresholds[REST].threshold)
    wrong = known("crops", COVER_CLASS, lambda place: place < 20, 40)
    rule = chosen([*several, *wrong])[COVER_CLASS]
    assert set(rule.thresholds) == {"crops", REST}
    assert not rule.accepts("crops", 1.0)
    assert rule.accepts("water", 1.0)


def test_a_statement_that_is_likely_false_is_not_released_beside_sure_ones():
    """Three hundred sure statements would carry thirty at one in ten to nine tenths."""
    sure, coin = judged(300, truth=lambda surety: True), random.Random(4)
    statements = [replace(item, figures=(3.0, *item.figures[1:])) for item in sure]
    doubtful = [
        replace(item, figures=(-3.0, *item.figures[1:]), true=coin.random() < 0.1) for item in judged(30, seed=8)
    ]
    rule = chosen([*statements, *doubtful])[OBJECT_COUNT]
    assert rule.thresholds[REST].kept == 300 == rule.thresholds[REST].kept_true


def test_a_threshold_is_raised_where_that_lets_a_class_in():
    """Below one half land cover is right by itself, and forest is not: above, both are."""
    water = judged(300, "water", COVER_CLASS, truth=lambda surety: surety > 0.02)
    forest = judged(300, "forest", COVER_CLASS, truth=lambda surety: surety > 0.5, seed=2)
    rule = chosen([*water, *forest])[COVER_CLASS]
    assert rule.accepts("forest", 0.95) and not rule.accepts("forest", 0.2)


def test_land_cover_has_its_own_precision():
    statements = judged(400, "water", COVER_CLASS, truth=lambda surety: surety > 0.1)
    assert lower_bound(360, 400) < 0.9
    rule = chosen(statements)[COVER_CLASS]
    assert rule.wanted == 0.9
    assert rule.thresholds[REST].bound >= 0.9


def test_a_figure_that_would_count_against_a_statement_is_left_out():
    statements = [
        replace(item, figures=(item.figures[0], -item.figures[0], 0.0, 0.0, 0.0)) for item in judged(100)
    ]
    fit = fit_logistic([item.figures for item in statements], [item.true for item in statements])
    assert fit.coefficients[1] > 0 == fit.coefficients[2]
    assert fit.score((0.0, 0.0, 0.0, 0.0, 0.0)) > fit.score((-1.0, 0.0, 0.0, 0.0, 0.0))


def test_each_half_is_scored_by_what_the_other_half_says():
    """A figure that tells the truth on one half and nothing on the other is worth nothing on the half it tells."""
    statements = judged(400)
    coin = random.Random(2)
    noisy = [item if item.half else replace(item, true=coin.random() < 0.5) for item in statements]
    scored = cross_scored(noisy)
    scores = {
        half: [item.score for item, own in zip(scored, noisy, strict=True) if own.half == half] for half in (0, 1)
    }
    assert max(scores[0]) - min(scores[0]) > 0.9 > max(scores[1]) - min(scores[1])


def test_a_family_of_corpora_with_enough_statements_must_reach_the_precision_by_itself():
    sure = judged(300, truth=lambda surety: surety > 0.1)
    coin = random.Random(3)
    masks = judged(60, truth=lambda surety: coin.random() < 0.5, seed=4, family="segmentation")
    assert released(chosen(sure)[OBJECT_COUNT])
    assert not released(chosen([*sure, *masks])[OBJECT_COUNT])
    few = masks[:12]
    assert released(chosen([*sure, *few])[OBJECT_COUNT]), "too few to judge the family by"


def test_rules_survive_being_written():
    rules = chosen(judged(100))
    assert from_record(to_record(rules), "here") == rules
    assert set(rules) == set(KINDS)
    with pytest.raises(ArtefactError, match="sartext calibrate"):
        from_record({"object count": {}}, "here")


def test_a_class_that_no_validation_image_lacks_is_not_released():
    truths = known("ship", "object class", lambda place: True, 60)
    assert chosen(truths)["object class"].accepts("ship", 1.0)
    rule = chosen(truths, untested={"ship", "bridge"})["object class"]
    assert not rule.accepts("ship", 1.0)
    assert not rule.accepts("bridge", 1.0)


def test_nothing_is_released_of_classes_without_rules():
    rules = chosen(judged(300) + known("forest", COVER_CLASS, lambda place: True, 60))
    fewer = without(rules, ["forest"])
    assert rules[COVER_CLASS].accepts("forest", 1.0) and not fewer[COVER_CLASS].accepts("forest", 1.0)
    assert fewer[OBJECT_COUNT].accepts("ship", 1.0) and "forest" not in released(fewer[COVER_CLASS])
