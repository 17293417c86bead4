"""The figures of grounding: by hand on pictures whose truth is known, and what a corpus shows most often."""

from dataclasses import replace

import numpy as np
import pytest

from sartext.bootstrap import FEWEST_GROUPS
from sartext.evaluation.figures import EVERYTHING
from sartext.evaluation.grounding_answers import Answer, Known, commonest
from sartext.evaluation.grounding_figures import grounding_figures, score_answer
from sartext.evaluation.registry import METRICS
from sartext.models.grounder.truth import OTHER, UNTAUGHT, Truth
from tests.evaluation.generated import find

SIDE = 16
THINGS, STUFF = ("bridge", "ship"), ("water", "forest", "roads")
NONE = len(STUFF)
DECIDED = {
    "sea": frozenset({"ship"}),
    "land": frozenset({"bridge", "ship", "water", "forest"}),
    "label": frozenset(),
}


def known(name, centres=None, numbers=None, shares=None, scene=None, group=None):
    corpus = name.split("/")[0]
    regions = {key: {"image": share} for key, share in (shares or {}).items()}
    truth = Truth(SIDE, centres or {}, regions, frozenset(DECIDED[corpus]))
    return Known(name, corpus, group or name, truth, numbers or {}, scene)


def answer(peaks=None, places=None, shares=None, cover=NONE, scene=""):
    places = places or {}
    counts = {key: sum(numbers) for key, numbers in places.items()}
    mask = np.broadcast_to(np.asarray(cover, dtype=np.int16), (SIDE, SIDE))
    return Answer(peaks or {}, counts, places, shares or {}, mask, scene)


def halves(left, right):
    """A mask of two classes."""
    mask = np.full((SIDE, SIDE), left, dtype=np.int16)
    mask[:, SIDE // 2 :] = right
    return mask


PICTURES = [
    known("sea/0", {"ship": [(4, 4)]}, {"ship": (1, 1, 0)}),
    known("sea/1", {"ship": [(8, 8), (12, 3)]}, {"ship": (2, 1, 1)}),
    known("sea/2", {"ship": [(1, 1)]}, {"ship": (1, 0, 1)}),
    known("land/0", {"bridge": [(8, 8)]}, {"bridge": (1, 1, 0)}, {"water": 0.5, "forest": 0.5}),
    known("land/1", {}, {}, {"water": 0.5}),
    known("label/0", scene="a bay"),
    known("label/1", scene="a port"),
]
MASKS = [None, None, None, halves(0, 1), halves(0, OTHER), None, None]
PERFECT = [
    answer({"ship": [(0.9, (4, 4))]}, {"ship": (1, 0)}),
    answer({"ship": [(0.8, (8, 8)), (0.7, (12, 3))]}, {"ship": (1, 1)}),
    answer({"ship": [(0.6, (1, 1))]}, {"ship": (0, 1)}),
    answer({"bridge": [(0.4, (8, 8))]}, {"bridge": (1, 0)}, {"water": 0.5, "forest": 0.5}, MASKS[3]),
    answer({}, {}, {"water": 0.5}, halves(0, NONE)),
    answer(scene="a bay"),
    answer(scene="a port"),
]
SEEN = [
    answer({"ship": [(0.9, (4, 4.9))]}, {"ship": (1, 0)}),
    answer({"ship": [(0.8, (8, 12)), (0.7, (12, 3))]}, {"ship": (2, 0)}),  # one is missed; the places are wrong
    answer({"ship": [(0.1, (9, 9))], "bridge": [(0.9, (1, 1))]}, {"bridge": (1, 0)}),  # the sea decides no bridge
    answer({"ship": [(0.3, (8, 8))]}, {"bridge": (1, 0), "ship": (1, 0)}, {"water": 0.75, "roads": 0.25}, 0),
    answer({}, {}, {"forest": 0.1, "water": 0.3}, halves(0, 1)),
    answer(scene="a bay"),
    answer(scene="a bay"),
]


def figures(resamples=50, pictures=PICTURES, masks=MASKS, **variants):
    scored = {
        name: [score_answer(*each, THINGS, STUFF) for each in zip(pictures, masks, answers, strict=True)]
        for name, answers in variants.items()
    }
    pairs = [tuple(variants)] if len(variants) == 2 else []
    return grounding_figures(scored, pictures, benchmark="b", resamples=resamples, seed=1, pairs=pairs)


def test_who_knows_everything_has_the_best_of_every_metric():
    found = figures(perfect=PERFECT)
    assert {figure.metric for figure in found} == set(METRICS["grounding"].names)
    best = {metric.name: 0 if metric.higher_is_better is False else 100 for metric in METRICS["grounding"]}
    assert all(figure.value == pytest.approx(best[figure.metric]) for figure in found)
    assert all(figure.low == figure.high == figure.value for figure in found if figure.low is not None)


def test_figures_by_hand():
    found = figures(seen=SEEN)

    def value(metric, subset=EVERYTHING):
        return pytest.approx(find(found, metric, "seen", subset=subset, benchmark="b").value)

    # ships by height: right, wrong, right, wrong (on land), wrong; four in all, of which two are found
    assert value("average_precision", "class:ship") == 100 * (1 + 2 / 3) / 4
    assert value("average_precision", "corpus:sea") == 100 * (1 + 2 / 3) / 4
    assert value("average_precision", "class:bridge") == 0
    assert value("average_precision") == 100 * (1 + 2 / 3) / 8
    assert value("exact_counts") == 100 * 3 / 5 and value("exact_counts", "corpus:sea") == 100 * 2 / 3
    assert value("places_right") == 100 * 2 / 5 and value("places_right", "corpus:land") == 50
    # water is all of one and half of the other picture, where the other half is no class and seen as forest
    assert value("mean_iou", "class:water") == 100 * 2 / 3 and value("mean_iou", "class:forest") == 0
    assert value("mean_iou") == value("mean_iou", "corpus:land") == 100 / 3
    # roads are not decided: what is said of them is none of the classes
    assert value("share_error") == 100 * ((0.25 + 0.5 + 0.25) / 2 + (0.2 + 0.1 + 0.1) / 2) / 2
    assert value("scene_accuracy") == value("scene_accuracy", "corpus:label") == 50
    assert find(found, "average_precision", "seen", subset="part:land/bridge", benchmark="b") is None, (
        "its only one"
    )
    assert find(found, "mean_iou", "seen", subset="part:land/water", benchmark="b").n == 2
    assert (
        find(found, "exact_counts", "seen", benchmark="b").n,
        find(found, "mean_iou", "seen", benchmark="b").n,
    ) == (5, 2)


def test_intervals_hold_the_figure_and_differences_are_paired():
    again = [replace(each, image_id=f"{each.image_id}0", group_id=f"{each.image_id}0") for each in PICTURES]
    twice = {"pictures": [*PICTURES, *again], "masks": MASKS * 2}
    found = figures(200, **twice, perfect=PERFECT * 2, seen=SEEN * 2)
    for metric in METRICS["grounding"].names:
        left, right, less = (
            find(found, metric, name, benchmark="b") for name in ("perfect", "seen", "perfect minus seen")
        )
        assert less.value == pytest.approx(left.value - right.value)
        assert right.low <= right.value <= right.high and less.low <= less.value <= less.high
    alike = figures(200, **twice, perfect=PERFECT * 2, again=PERFECT * 2)
    assert all(figure.low == figure.high == 0 for figure in alike if " minus " in figure.variant)
    rare = find(figures(200, seen=SEEN), "mean_iou", "seen", benchmark="b")
    assert (rare.low, rare.high) == (None, None), "forest is in a single group: how far it varies is not known"


def test_a_single_group_has_no_interval():
    pictures = [known(each.image_id, each.truth.centres, each.numbers, group="place") for each in PICTURES[:3]]
    found = figures(pictures=pictures, masks=[None] * 3, seen=SEEN[:3])
    assert FEWEST_GROUPS == 2 and {figure.low for figure in found} == {None}
    assert find(found, "exact_counts", "seen", benchmark="b").value == pytest.approx(100 * 2 / 3)


def test_objects_and_unknown_pixels_are_no_land_cover():
    mask = halves(0, UNTAUGHT)
    scored = score_answer(PICTURES[4], mask, answer(cover=0), THINGS, STUFF)
    assert scored.cover == {"water": (128, 128, 128), "forest": (0, 0, 0)}


def test_the_commonest_of_a_corpus_is_of_its_own_images():
    train = [
        known(
            "land/0", {"ship": [(1, 1), (1.5, 0.5), (9, 1)]}, {"ship": (3, 0, 3)}, {"water": 0.2, "forest": 0.3}
        ),
        known("land/1", {"ship": [(1, 1.9), (9, 9)]}, {"ship": (2, 1, 1)}, {"water": 0.6}),
        known("land/2", {}, {"ship": (2, 2, 0)}, {"water": 0.7, "forest": 0.1}),
        known("label/0", scene="a port"),
        known("label/1", scene="a bay"),
        known("label/2", scene="a port"),
    ]
    found = commonest(train, STUFF)
    land, label = found["land"], found["label"]
    assert land.peaks == {"ship": [(1.0, (1, 1)), (1 / 3, (9, 1)), (1 / 3, (9, 9))]}, (
        "cells of an eighth of the side"
    )
    assert land.counts == {"ship": 2} and land.places == {"ship": (0, 3)}, "of equally common ones the least"
    assert land.shares == pytest.approx({"water": 0.6, "forest": 0.1}) and set(np.unique(land.cover)) == {0}
    assert label.scene == "a port" and set(np.unique(label.cover)) == {NONE} and not label.shares
    assert set(found) == {"land", "label"}
