"""A figure is a number or the reason why there is none; tables read back as written; differences are paired."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sartext.bootstrap import Sums, estimate, resample
from sartext.errors import ArtefactError
from sartext.evaluation.figures import Figure, not_computed, paired, read_figures, write_figures

RECALL = Figure("retrieval", "duplicate_aware.mean_recall", "sar-rs-clip", 41.25, 39.5, 43.0, 210)
FIGURES = [
    RECALL,
    replace(RECALL, variant="foundation", value=1.0 / 3.0, low=None, high=None),
    replace(RECALL, subset="corpus:sim-ships"),
    replace(RECALL, benchmark="sim-test"),
    replace(RECALL, metric="one_positive.i2t_r1", value=0.0, low=0.0, high=0.0),
    not_computed("captioning", "spice", "sar-rs-coca", "its models are not at hand: pip …", subset="class:ship"),
]


def test_figures_read_back_as_they_were_written_whatever_their_order(tmp_path: Path) -> None:
    write_figures(tmp_path / "a.json", FIGURES)
    write_figures(tmp_path / "b.json", iter(FIGURES[::-1]))
    assert {figure.place: figure for figure in read_figures(tmp_path / "a.json")} == {
        figure.place: figure for figure in FIGURES
    }
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


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
    figure = not_computed("vqa", "aa", "sar-gpt", "no question is asked", benchmark="sim-test")
    assert figure == Figure("vqa", "aa", "sar-gpt", None, n=0, benchmark="sim-test", reason="no question is asked")


@pytest.mark.parametrize(
    "content",
    ["", "{", "5", '["a"]', "[{}]", '[{"task": "vqa", "metric": "aa", "variant": "x", "value": NaN}]', '{"a": 1}'],
)
def test_a_missing_or_damaged_table_is_told_in_one_line(tmp_path: Path, content: str) -> None:
    if content:
        (tmp_path / "figures.json").write_text(content)
    with pytest.raises(ArtefactError, match=r"figures\.json"):
        read_figures(tmp_path / "figures.json")


def test_a_column_of_a_later_version_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    write_figures(path, [RECALL])
    path.write_text(json.dumps([{**json.loads(path.read_text())[0], "colour": "red"}]))
    assert read_figures(path) == [RECALL]


def figures(**values: float) -> list[Figure]:
    return [Figure("vqa", "oa", name, value, n=9) for name, value in values.items()]


def test_what_is_added_to_every_group_is_the_difference_without_doubt() -> None:
    numerators = np.random.default_rng(3).uniform(20, 80, size=(30, 1))
    sums = [Sums(np.hstack([numerators, numerators + 5]), np.ones((30, 2)))]
    values = estimate(sums)
    found = figures(a=float(values[1]), b=float(values[0]))
    (figure,) = paired(found, resample(sums, 200, 1)[:, ::-1], [("a", "b")])
    assert (figure.variant, figure.metric, figure.n) == ("a minus b", "oa", 9)
    assert (figure.value, figure.low, figure.high) == pytest.approx((5, 5, 5))


def test_both_sides_must_count_in_two_groups_for_a_difference_to_have_bounds() -> None:
    numerators = np.array([[4.0, 1.0, 2.0], [0.0, 2.0, 5.0], [0.0, 3.0, 3.0]])
    sums = [Sums(numerators, np.array([[5.0, 9.0, 9.0], [0.0, 9.0, 9.0], [0.0, 9.0, 9.0]]))]
    values = estimate(sums)
    found = figures(rare=float(values[0]), a=float(values[1]), b=float(values[2]))
    pairs = [("rare", "a"), ("a", "rare"), ("a", "b")]
    less, more, known = paired(found, resample(sums, 200, 1), pairs)
    assert (less.low, less.high, more.low, more.high) == (None, None, None, None)
    assert less.value == pytest.approx(values[0] - values[1])
    assert known.low <= known.value <= known.high


def test_only_whole_benchmarks_and_computed_figures_of_the_same_are_compared() -> None:
    part = [Figure("vqa", "oa", "a", 1.0, subset="corpus:x"), Figure("vqa", "oa", "b", 2.0, subset="corpus:x")]
    absent = [Figure("vqa", "aa", "a", 1.0), not_computed("vqa", "aa", "b", "no question")]
    elsewhere = [*figures(a=1.0), Figure("vqa", "oa", "b", 2.0, benchmark="other")]
    assert list(paired([*part, *absent, *elsewhere], np.zeros((5, 6)), [("a", "b"), ("a", "nobody")])) == []
