"""Detection and segmentation figures: by hand, and beside an independent brute force."""

from math import dist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartext.evaluation.grounding import CoverFigures, DetectionFigures, average_precision
from sartext.models.grounder.truth import match

SIDE = 64
REACH = 4.0
"""A sixteenth of the side."""

points = st.tuples(*[st.integers(0, 12)] * 2)
pictures = st.lists(
    st.tuples(st.lists(points, max_size=6), st.lists(points, max_size=4)), min_size=1, max_size=4
).filter(lambda each: any(centres for _, centres in each))


def test_a_peak_stands_for_one_object_and_an_object_for_one_peak():
    assert match([(0.9, (10, 10)), (0.8, (11, 10))], [(10, 11)], REACH) == [True, False]
    assert match([(0.9, (10, 10))], [(10, 10), (10, 11)], REACH) == [True]
    assert match([(0.9, (10, 10)), (0.8, (11, 10))], [(10, 13), (10, 11)], REACH) == [True, True]
    assert match([(0.9, (10, 10)), (0.5, (0, 0))], [(10, 14), (10, 16)], REACH) == [True, False]
    assert match([(0.9, (10, 10))], [(10, 14.1)], REACH) == match([(0.9, (10, 10))], [], REACH) == [False]


def test_average_precision_by_hand():
    figures = DetectionFigures()
    figures.add([(0.7, (30, 30)), (0.9, (10, 12))], [(10, 10), (30, 30)], SIDE)  # both right
    figures.add([(0.8, (50, 50))], [(5, 5)], SIDE)  # wrong, and one missed
    assert figures.average_precision == pytest.approx((1 + 2 / 3) / 3)
    figures.add([(0.1, (5, 5))], [(5, 5)], SIDE)
    assert figures.average_precision == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)  # precision made monotone
    missed = DetectionFigures()
    missed.add([], [(1, 1)], SIDE)
    assert missed.average_precision == 0 and DetectionFigures().average_precision is None


def found_above(least, scored):
    """Peaks of that height and more in all pictures, and how many objects they find, the highest first."""
    stated = right = 0
    for peaks, centres in scored:
        free = list(centres)
        for height, place in sorted(peaks, reverse=True):
            if height >= least:
                stated += 1
                near = [centre for centre in free if dist(centre, place) <= REACH]
                if near:
                    right += 1
                    free.remove(min(near, key=lambda centre: dist(centre, place)))
    return stated, right


@given(pictures, st.randoms())
def test_average_precision_is_that_of_every_threshold(drawn, random):
    heights = list(range(1, 1 + sum(len(places) for places, _ in drawn)))
    random.shuffle(heights)
    scored = [([(heights.pop() / 100, place) for place in places], centres) for places, centres in drawn]
    figures = DetectionFigures()
    for peaks, centres in scored:
        figures.add(peaks, centres, SIDE)
    objects = sum(len(centres) for _, centres in scored)
    outcomes = [found_above(height, scored) for peaks, _ in scored for height, _ in peaks]
    best = [
        max((right / stated for stated, right in outcomes if right >= recalled), default=0)
        for recalled in range(1, objects + 1)
    ]
    assert figures.average_precision == pytest.approx(sum(best) / objects)


peak_rows = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 3)), max_size=12)


@given(peak_rows, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_resample_has_the_average_precision_of_its_groups_so_many_times(peaks, weights):
    columns = list(zip(*peaks, strict=True)) or [(), (), ()]
    heights, right, owner = (np.array(each, kind) for each, kind in zip(columns, (float, bool, int), strict=True))
    objects = np.bincount(owner[right], minlength=4) + np.array([1.0, 0, 2, 0])
    value, nothing = average_precision(heights, right, owner, objects, np.array([weights, [0, 0, 0, 0]], float))
    times = np.array(weights)[owner]
    seen, hits = (
        [int((times * part * (heights >= least)).sum()) for least in (5, 4, 3, 2, 1)]
        for part in (np.ones(len(peaks)), right)
    )
    there, area, before = int(weights @ objects), 0.0, 0
    for at, found in enumerate(hits):
        best = max((hits[later] / seen[later] for later in range(at, 5) if seen[later]), default=0)
        area, before = area + best * (found - before), found
    assert np.isnan(nothing) and (value == pytest.approx(area / there) if there else np.isnan(value))


def test_iou_by_hand_of_the_classes_that_occur():
    figures = CoverFigures(("water", "forest", "crops"))
    figures.add(np.array([0, 0, 0]), np.array([0, 0, 1]))
    figures.add(np.array([1, 1]), np.array([1, 2]))
    assert figures.iou == pytest.approx({"water": 2 / 3, "forest": 1 / 3})
