"""A figure is a number or the reason why there is none; a table of them reads back as it was written."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sartext.errors import ArtefactError
from sartext.evaluation.bootstrap import Interval
from sartext.evaluation.figures import Figure, not_computed, read_figures, write_figures
from tests.evaluation.generated import find

RECALL = Figure("retrieval", "duplicate_aware.mean_recall", "sar-rs-clip", 41.25, 39.5, 43.0, 210)
FIGURES = [
    RECALL,
    replace(RECALL, variant="foundation", value=1.0 / 3.0, low=None, high=None),
    replace(RECALL, subset="corpus:sim-ships"),
    replace(RECALL, benchmark="sim-test"),
    replace(RECALL, metric="one_positive.i2t_r1", value=0.0, low=0.0, high=0.0),
    not_computed("captioning", "spice", "sar-rs-coca", "its models are not at hand: pip …", subset="class:ship"),
]


def test_figures_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_figures(path, FIGURES)
    assert sorted(read_figures(path), key=lambda one: one.place) == sorted(FIGURES, key=lambda one: one.place)


def test_equal_figures_give_equal_bytes_whatever_their_order(tmp_path: Path) -> None:
    write_figures(tmp_path / "one.json", FIGURES)
    write_figures(tmp_path / "two.json", iter(FIGURES[::-1]))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_two_figures_of_the_same_thing_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"two figures of .*mean_recall"):
        write_figures(tmp_path / "figures.json", [*FIGURES, replace(RECALL, value=1.0)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["value", "low", "high"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_no_figure(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=f"mean_recall of sar-rs-clip: {name} is .*, not a number"):
        replace(RECALL, **{name: number})


def test_a_figure_without_a_value_says_why() -> None:
    with pytest.raises(ValueError, match="no value and no reason"):
        replace(RECALL, value=None)
    with pytest.raises(ValueError, match="no value and no reason"):
        not_computed("vqa", "aa", "sar-gpt", "")
    one = not_computed("vqa", "aa", "sar-gpt", "no question is asked", benchmark="sim-test")
    assert (one.value, one.low, one.high, one.n, one.reason) == (None, None, None, 0, "no question is asked")


def test_an_interval_brings_its_bounds() -> None:
    told = replace(RECALL, low=None, high=None).within(Interval(41.25, 40.0, 42.0))
    assert (told.value, told.low, told.high) == (41.25, 40.0, 42.0)


@pytest.mark.parametrize(
    "content",
    ["{", "5", '["a"]', "[{}]", '[{"task": "vqa", "metric": "aa", "variant": "x", "value": NaN}]', '{"a": 1}'],
)
def test_a_damaged_table_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "figures.json").write_text(content)
    with pytest.raises(ArtefactError) as caught:
        read_figures(tmp_path / "figures.json")
    assert "\n" not in str(caught.value)
    assert "figures.json" in str(caught.value)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="missing"):
        read_figures(tmp_path / "figures.json")


def test_a_column_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_figures(path, [RECALL])
    path.write_text(json.dumps([{**json.loads(path.read_text())[0], "colour": "red"}]))
    assert read_figures(path) == [RECALL]


def test_a_figure_is_found_by_metric_variant_benchmark_and_subset() -> None:
    metric, variant = RECALL.metric, RECALL.variant
    assert find(FIGURES, metric, variant) is FIGURES[0]
    assert find(FIGURES, metric, variant, benchmark="sim-test") is FIGURES[3]
    assert find(FIGURES, metric, variant, subset="corpus:sim-ships") is FIGURES[2]
    assert find(FIGURES, metric, "nobody") is None
