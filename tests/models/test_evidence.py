"""What the maps say of a statement: beside brute force, and fitted on what was planted."""

import json
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.models.grounder.evidence import MapModel, logit
from sartext.models.grounder.fitting import fit_maps
from sartext.models.grounder.maps import Grounding, Peak
from sartext.models.grounder.truth import Truth
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_ZONE,
    SCENE,
    Statement,
)
from sartext.narrator.vocabulary import SHARES

SIDE = 64
MODEL = MapModel(
    peaks={"": (1.0, 0.0), "ship": (1.5, -0.5)},
    blur=0.04,
    share=(0.3, 0.02),
    cover={"": (1.2, 6.0), "water": (2.0, 9.0)},
    zone=(9.0, -4.0),
)
peak_lists = st.lists(st.tuples(st.floats(0, SIDE), st.floats(0, SIDE), st.floats(0.05, 0.95)), max_size=6)
covers = st.lists(st.floats(-6, 6), min_size=48, max_size=48).map(lambda values: np.array(values).reshape(3, 4, 4))


def grounding(peaks=(), logits=None):
    """What a grounder might see: peaks of ships with place and height, and two classes of land cover."""
    weights = np.exp(np.zeros((3, 4, 4)) if logits is None else logits)
    seen = sorted((Peak("ship", x, y, 4, 4, score) for x, y, score in peaks), key=lambda peak: -peak.score)
    return Grounding(SIDE, tuple(seen), ("water", "forest"), weights / weights.sum(axis=0), {"sea": 0.7}, {})


def chance(line, figure):
    return 1 / (1 + np.exp(-line[0] * figure - line[1]))


def enumerated(peaks):
    """The probability of so many ships in the center and outside it: of every subset, and every place of each."""
    places = []
    for x, y, score in peaks:
        real, spread = chance(MODEL.peaks["ship"], np.log(score / (1 - score))), 0.04 * SIDE
        inside = np.prod([NormalDist(at, spread).cdf(48) - NormalDist(at, spread).cdf(16) for at in (x, y)])
        places.append({"none": 1 - real, "center": real * inside, "outside": real * (1 - inside)})
    joint = np.zeros((7, 7))
    for outcome in product(("none", "center", "outside"), repeat=len(peaks)):
        probability = np.prod([each[place] for each, place in zip(places, outcome, strict=True)])
        joint[outcome.count("center"), outcome.count("outside")] += probability
    return joint


@settings(max_examples=25, deadline=None)
@given(peak_lists)
def test_the_number_of_objects_in_and_outside_the_center_is_that_of_every_subset(peaks):
    joint, seen = enumerated(peaks), grounding(peaks)
    totals = [sum(joint[inside, number - inside] for inside in range(number + 1)) for number in range(7)]
    for number in range(7):
        expected = {"": totals[number], " center": joint[number].sum(), " outside": joint[:, number].sum()}
        for place, value in expected.items():
            kind = OBJECT_ZONE if place else OBJECT_COUNT
            assert MODEL.probability(Statement(kind, "ship", f"{number}{place}"), seen) == pytest.approx(
                value, abs=1e-9
            )
    there = 1 - joint[0, 0]
    assert MODEL.probability(Statement(OBJECT_CLASS, "ship"), seen) == pytest.approx(there)
    proposed = [statement for statement in MODEL.statements(seen) if statement.label == "ship"]
    assert bool(proposed) == (there >= 0.25)
    if proposed:
        stated = {
            kind: [each.value for each in proposed if each.kind == kind] for kind in (OBJECT_COUNT, OBJECT_ZONE)
        }
        numbers = {place: int(count) for count, place in (value.split() for value in stated[OBJECT_ZONE])}
        chosen = joint[numbers.get("center", 0), numbers.get("outside", 0)]
        joint[0, 0] = 0
        assert chosen == pytest.approx(joint.max()) and stated[OBJECT_COUNT] == [str(sum(numbers.values()))]


def test_the_peaks_that_are_likelier_than_not_are_counted_where_they_stand():
    real, doubtful = 0.6, 0.56  # as probable as 0.527 and 0.466
    seen = grounding([(32, 32, 0.9), (20, 40, real), (4, 60, real), (60, 4, doubtful), (32, 2, doubtful)])
    assert MODEL.numbers("ship", seen) == (3, 2, 1)
    assert MODEL.numbers("ship", grounding([(32, 32, doubtful)] * 3)) == (0, 0, 0)
    assert MODEL.numbers("ship", grounding([(32, 32, real)] * 20 + [(4, 4, real)] * 5)) == (21, 20, 5)


def test_more_objects_than_captions_count_are_one_number():
    seen = grounding([(x, y, 0.9) for x in (4, 20, 28, 40, 60) for y in (4, 12, 28, 52, 60)])
    real, numbers = chance(MODEL.peaks["ship"], logit(0.9)), np.array([1.0])
    for _ in range(25):
        numbers = np.convolve(numbers, [1 - real, real])
    assert MODEL.probability(Statement(OBJECT_COUNT, "ship", "21"), seen) == pytest.approx(numbers[21:].sum())
    assert MODEL.probability(Statement(OBJECT_COUNT, "ship", "20"), seen) == pytest.approx(numbers[20])


@settings(max_examples=40, deadline=None)
@given(peak_lists, covers)
def test_what_is_proposed_is_as_probable_as_when_it_is_asked(peaks, logits):
    seen = grounding(peaks, logits)
    for statement, probability in MODEL.statements(seen).items():
        assert MODEL.probability(statement, seen) == probability and 0 <= probability <= 1
    for label in seen.stuff:
        shares = [MODEL.probability(Statement(COVER_SHARE, label, word), seen) for _, word in SHARES]
        assert min(shares) >= 0 and sum(shares) <= 1 + 1e-9


def test_land_cover_is_named_by_its_share_and_its_zone():
    logits = np.zeros((3, 4, 4))
    logits[1] += 12  # forest, but for water in the upper left
    logits[:, :2, :2] = [[[12]], [[0]], [[0]]]
    proposed = MODEL.statements(grounding(logits=logits))
    water = {(each.kind, each.value) for each in proposed if each.label == "water"}
    assert water == {(COVER_CLASS, ""), (COVER_SHARE, "about a quarter"), (COVER_ZONE, "upper left")}
    assert Statement(COVER_SHARE, "forest", "most") in proposed
    seen = grounding()
    assert MODEL.probability(Statement(SCENE, "sea"), seen) == 0.7
    assert MODEL.statements(seen)[Statement(SCENE, "sea")] == 0.7, "the likeliest scene is proposed"
    unknown = [Statement(OBJECT_CLASS, "kite"), Statement(COVER_CLASS, "ice"), Statement(SCENE, "desert")]
    assert [MODEL.probability(statement, seen) for statement in unknown] == [0, 0, 0]


def test_planted_rates_are_found_again():
    rng = np.random.default_rng(5)
    lines = {"ship": (1.4, -0.6), "bridge": (0.7, 0.8)}
    groundings, truths = [], []
    for _ in range(500):
        peaks, centres = [], {label: [] for label in lines}
        for label, x, y in ((label, x, y) for label in lines for x in (10, 30, 50) for y in (12, 44)):
            score = rng.uniform(0.03, 0.97)
            peaks.append(Peak(label, x, y, 4, 4, score))
            if rng.random() < chance(lines[label], logit(score)):
                centres[label].append(tuple(rng.normal((x, y), 0.012 * SIDE)))
        water = rng.uniform(0.1, 0.9)
        true = np.clip(rng.normal(water, 0.01 + 0.1 * np.sqrt(water * (1 - water))), 0, 1)
        cover = np.array([water, 0.001, 0.999 - water])[:, None, None] * np.ones((1, 4, 4))
        decided = frozenset({"ship", "bridge", "water", "forest"})
        groundings.append(
            Grounding(SIDE, tuple(sorted(peaks, key=lambda peak: -peak.score)), ("water", "forest"), cover, {}, {})
        )
        truths.append(Truth(SIDE, centres, {"water": {"image": true, "upper-left": true}}, decided))
    model = fit_maps(groundings, truths)
    for label, line in lines.items():
        for score in (0.1, 0.3, 0.6, 0.9):
            assert chance(model.peaks[label], logit(score)) == pytest.approx(chance(line, logit(score)), abs=0.05)
    assert model.blur == pytest.approx(0.012, rel=0.1)
    for share in (0.2, 0.5, 0.8):
        spread = np.sqrt(share * (1 - share))
        assert model.share @ np.array([spread, 1]) == pytest.approx(0.01 + 0.1 * spread, rel=0.15)
    seen = groundings[0]
    assert MapModel.probability(model, Statement(COVER_CLASS, "water"), seen) > 0.95
    assert MapModel.probability(model, Statement(COVER_CLASS, "forest"), seen) < 0.05
    ships_only = [Truth(SIDE, each.centres, {}, frozenset({"ship"})) for each in truths]
    of_ships = fit_maps(groundings, ships_only)
    assert of_ships.peaks.keys() == {"", "ship"}, "of bridges nothing is known"
    assert all(statement.label in lines for statement in of_ships.statements(seen)), "no mask, no land cover"
    assert max(MapModel.probability(of_ships, Statement(COVER_CLASS, label), seen) for label in seen.stuff) < 0.001


def test_a_model_of_maps_is_its_record():
    assert MapModel.from_record(json.loads(json.dumps(MODEL.to_record()))) == MODEL
    for damaged in ({}, {**MODEL.to_record(), "share": [1]}, {**MODEL.to_record(), "peaks": [1, 2]}, []):
        with pytest.raises((KeyError, TypeError, ValueError)):
            MapModel.from_record(damaged)
