"""Thresholds of champions."""

import pytest
from pydantic import TypeAdapter, ValidationError

from sartext.config.training import Champions

ADAPTER = TypeAdapter(Champions)


def test_thresholds_are_read_by_model_and_figure() -> None:
    thresholds = {"sar-rs-clip": {"retrieval/duplicate_aware.mean_recall": 30, "foils/mean_accuracy": 60.5}}
    assert ADAPTER.validate_python(thresholds) == thresholds


@pytest.mark.parametrize("name", ["mean_recall", "retrieval/", "retrieval/Mean Recall", "speed/oa", "vqa/a.b.c"])
def test_what_is_no_name_of_a_figure_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"sar-gpt": {name: 1}})


def test_a_threshold_of_physics_which_no_model_could_pass_is_refused_and_told_why() -> None:
    with pytest.raises(
        ValidationError, match="figures of physics are of simulated scenes, not of the first benchmark"
    ):
        ADAPTER.validate_python({"sar-rs-clip": {"physics/mean_recall": 1}})


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), "much"])
def test_a_threshold_is_a_number(bound: object) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python({"sar-gpt": {"vqa/oa": bound}})
