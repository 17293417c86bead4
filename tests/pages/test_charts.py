"""Axes, looks, lines and forest plots."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise

import pytest

from sartext.pages.charts import GAP, ForestRow, Line, Point, axis_of, forest, lines
from sartext.pages.marks import Look, looks, swatch

PLACES = [(0, "1"), (1, "2")]


def elements(root: ET.Element, tag: str) -> Iterator[ET.Element]:
    return (element for element in root.iter() if element.tag.endswith(tag))


@pytest.mark.parametrize("values", [[0.0, 93.0], [0.02, 0.31], [-3.1, 4.0], [7.0], [], [1e-6, 2e-6]])
@pytest.mark.parametrize("from_zero", [True, False])
def test_an_axis_holds_all_values_between_round_ends(values: list[float], from_zero: bool) -> None:
    axis = axis_of(values, from_zero=from_zero)
    assert all(axis.low <= value <= axis.high for value in values)
    assert len(axis.ticks) >= 2
    assert len({axis.words(tick) for tick in axis.ticks}) == len(axis.ticks)


def test_an_axis_of_percentages_does_not_pass_a_hundred() -> None:
    assert axis_of([40.0, 99.9], bounds=(0, 100)).high == 100


def test_ticks_have_a_true_minus() -> None:
    axis = axis_of([-20.0, 20.0])
    assert {axis.words(tick) for tick in axis.ticks} >= {"\u221220", "0", "20"}


def test_a_name_that_goes_on_after_another_has_its_colour_dashed() -> None:
    found = looks(["direct", "mixed", "direct-total"])
    assert found["direct-total"].colour == found["direct"].colour != found["mixed"].colour
    assert found["direct-total"].dashed and not found["direct"].dashed


def chart(values: list[float], **options: bool) -> ET.Element:
    drawn = [Line(f"v{at}", Look(at % 8), [Point(0, y), Point(1, y)]) for at, y in enumerate(values)]
    return ET.fromstring(lines("title", drawn, PLACES, "below", **options))


def test_names_of_equal_lines_do_not_lie_upon_each_other() -> None:
    texts = elements(chart([50.0] * 12 + [10.0]), "text")
    places = sorted(float(text.attrib["y"]) for text in texts if (text.text or "").startswith("v"))
    assert len(places) == 13
    assert min(b - a for a, b in pairwise(places)) >= GAP - 0.11


def test_every_line_of_a_chart_is_drawn_inside_it() -> None:
    root = chart([0.0, 100.0])
    width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
    for line in elements(root, "polyline"):
        for x, y in re.findall(r"([\d.-]+),([\d.-]+)", line.attrib["points"]):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


def test_a_chart_of_differences_shows_the_line_at_zero() -> None:
    assert sum(line.get("class") == "zero" for line in elements(chart([3.0, 4.0], zero_line=True), "line")) == 1


@pytest.mark.parametrize("points", [[], [Point(0, 1.0)], [Point(0, 1.0, 0.5, 2.0), Point(1, 1.0)]])
def test_charts_survive_what_was_not_computed_and_names_that_are_markup(points: list[Point]) -> None:
    drawn = [Line("<b>&", Look(0), points), Line("none", Look(1), [])]
    root = ET.fromstring(lines("a title & more", drawn, PLACES, "<below>", zero_line=True))
    assert [title.text for title in elements(root, "title")] == ["a title & more", "<b>&", "none"]


def test_a_line_far_from_all_others_is_told_in_words() -> None:
    root = chart([1.0, 2.0, 3.0, 8.0], omit_far=True)
    texts = [text.text or "" for text in elements(root, "text")]
    assert "v3: 8 to 8, beyond this figure" in texts
    assert not [line for line in elements(root, "polyline") if "v3" in line.attrib["class"]]
    assert not any("beyond" in (text.text or "") for text in elements(chart([1.0, 2.0, 3.0, 5.0]), "text"))


def test_a_dot_stands_where_its_value_is_between_its_bounds() -> None:
    rows = [ForestRow("a", Look(0), 50.0, 40.0, 70.0), ForestRow("b", Look(1), 100.0, 100.0, 100.0)]
    root = ET.fromstring(forest("title", rows, reference=(50.0, "chance"), bounds=(0, 100)))
    first, last = (float(dot.attrib["cx"]) for dot in elements(root, "circle"))
    whisker = next(line for line in elements(root, "line") if line.attrib["class"].startswith("whisker"))
    low, high = float(whisker.attrib["x1"]), float(whisker.attrib["x2"])
    assert low < first < high < last
    assert first - low == pytest.approx((high - first) / 2, abs=0.2)
    [reference] = [line for line in elements(root, "line") if line.attrib["class"] == "reference"]
    assert float(reference.attrib["x1"]) == pytest.approx(first, abs=0.1)


def test_a_swatch_is_hidden_from_readers_without_sight() -> None:
    root = ET.fromstring(swatch(Look(3, dotted=True)))
    assert root.attrib["aria-hidden"] == "true"
    assert "v3 dotted" in next(elements(root, "line")).attrib["class"]
