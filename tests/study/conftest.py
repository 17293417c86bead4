"""A study of two seeds, two shares and all arms, on scenes that are made in seconds."""

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml

from sartext.config import Project
from sartext.study.design import plan
from sartext.study.running import run_study
from tests.conftest import ROOT
from tests.processes import built_once

STUDY = {
    "seeds": [9001, 9002],
    "fractions": [0.25, 1.0],
    "scenes": {"ships": 40, "objects": 40, "landcover": 40, "pairs": 0, "optical": 60},
    "looks": 1,
    "batch": 8,
    "scale": 1.0,
    "validations": 2,
    "learning_rates": [0.002],
    "workers": 1,
    "resamples": 100,
}


IN_TOTAL = ("arm-direct-total", "arm-mixed")
"""Rows with the samples of both stages; every other row has those of one."""


def make_project(root: Path, **study) -> Project:
    """A checkout with the parameters of the embedded profile, 16 samples in every stage, and a small study."""
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text())
    parameters["study"] = {**STUDY, **study}
    for corpus in parameters["corpora"].values():
        copy(corpus["catalogue"], root)
    for name, row in parameters["checkpoints"].items():
        row["samples"] = 32 if name in IN_TOTAL else 16
        if row["from"].endswith(".yaml"):
            copy(row["from"], root)
    (root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))
    return Project(root)


def copy(name: str, root: Path) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, root / name)


def times(paths: Iterable[Path]) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in paths}


def without_seconds(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return [
            {name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(stream)
        ]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The study, run to its end: a copy of the one that one of the tests' processes ran."""
    whole = built_once(tmp_path_factory, "study", lambda folder: run_study(plan(make_project(folder / "project"))))
    root = shutil.copytree(whole / "project", tmp_path_factory.mktemp("study") / "project", symlinks=True)
    return run_study(plan(Project(root)))
