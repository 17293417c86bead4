"""Axes, marks, lines and dots."""

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure
from sartext.report import forest, lines
from sartext.report.axis import axis_of
from sartext.report.lines import GAP, Line, Point
from sartext.report.marks import Look, looks


@pytest.mark.parametrize("values", [[0.0, 93.0], [0.02, 0.31], [-3.1, 4.0], [7.0], [], [1e-6, 2e-6]])
def test_an_axis_holds_all_values_between_round_ends(values: list[float]) -> None:
    axis = axis_of(values)
    assert all(axis.low <= one <= axis.high for one in values)
    assert len(axis.ticks) >= 2
    assert len({axis.words(tick) for tick in axis.ticks}) == len(axis.ticks)


def test_an_axis_of_percentages_does_not_pass_a_hundred() -> None:
    assert axis_of([40.0, 99.9], bounds=(0, 100)).high == 100


def test_a_variant_named_after_another_has_its_colour_dashed() -> None:
    variants = [Variant("direct-total", "", "arm", "coca"), Variant("direct", "", "arm", "coca")]
    found = looks([*variants, Variant("mixed", "", "arm", "coca")])
    assert found["direct-total"].colour == found["direct"].colour != found["mixed"].colour
    assert found["direct-total"].dashed and not found["direct"].dashed


def test_lines_of_foundations_and_of_baselines_can_be_told_apart() -> None:
    told = looks(
        [
            Variant("foundation", "", "foundation", "coca"),
            Variant("foundation-clip", "", "foundation", "clip"),
            Variant("chance", "", "baseline", "rule"),
            Variant("perfect", "", "ceiling", "rule"),
        ]
    )
    assert len({one.classes for one in told.values()}) == 4
    assert told["chance"].classes.endswith("dotted")


def chart(values: list[float]) -> ET.Element:
    drawn = [Line(f"v{at}", Look(at % 8), [Point(0, one), Point(1, one)]) for at, one in enumerate(values)]
    return ET.fromstring(lines.draw("title", drawn, axis_of(values), [(0, "1"), (1, "2")], "below"))


def test_names_of_equal_lines_do_not_lie_upon_each_other() -> None:
    texts = [one for one in chart([50.0] * 12 + [10.0]).iter() if one.tag.endswith("text")]
    places = sorted(float(one.attrib["y"]) for one in texts if (one.text or "").startswith("v"))
    assert len(places) == 13
    assert min(b - a for a, b in pairwise(places)) >= GAP - 0.11


def test_every_line_of_a_chart_is_drawn_inside_it() -> None:
    root = chart([0.0, 100.0])
    width, height = (float(one) for one in root.attrib["viewBox"].split()[2:])
    for one in (each for each in root.iter() if each.tag.endswith("polyline")):
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", one.attrib["points"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


def test_a_dot_stands_where_its_value_is_between_its_bounds() -> None:
    figures = [Figure("vqa", "oa", "a", 50.0, 40.0, 70.0), Figure("vqa", "oa", "b", 100.0, 100.0, 100.0)]
    told = {"a": Look(0), "b": Look(1)}
    root = ET.fromstring(forest.draw("title", figures, told, reference=(50.0, "chance"), bounds=(0, 100)))
    first, last = (float(one.attrib["cx"]) for one in root.iter() if one.tag.endswith("circle"))
    whisker = next(one for one in root.iter() if one.attrib.get("class", "").startswith("whisker"))
    low, high = float(whisker.attrib["x1"]), float(whisker.attrib["x2"])
    assert low < first < high < last
    assert first - low == pytest.approx((high - first) / 2, abs=0.2)
    reference = next(one for one in root.iter() if one.attrib.get("class") == "reference")
    assert float(reference.attrib["x1"]) == pytest.approx(first, abs=0.1)


def test_figures_without_a_value_have_no_row() -> None:
    figures = [Figure("vqa", "oa", "a", None, reason="why"), Figure("vqa", "oa", "b", 1.0)]
    root = ET.fromstring(forest.draw("title", figures, {"a": Look(0), "b": Look(1)}))
    assert sum(one.tag.endswith("circle") for one in root.iter()) == 1
