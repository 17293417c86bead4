"""A small release of 50 images, as the publication leaves it, and what is asked of it from outside."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sartext.cli import cli
from sartext.cli.program import run
from sartext.evaluation.figures import Figure, read_figures
from sartext.release.assembly import assemble
from sartext.release.publication import publish
from tests.release.built import Built, build, passed_verdict

Pairs = list[tuple[str, str]]
Models = dict[str, Path]

WITHHELD = {"beta/0004", "beta/0009"}
AT_HAND = {*(f"alpha/{number:04d}" for number in range(4, 30, 5)), "sim-toy/0004", "sim-toy/0009"}
"""The images of the test split."""

BENCHMARKS = {
    "alpha/0004": "alpha-official",
    "alpha/0009": "alpha-official",
    "alpha/0014": "alone",
    "beta/0004": "beta-official",
}


def assembled(root: Path, *, parts: bool = True) -> Built:
    """A release of three corpora in ``build/release``; the licence of one of them withholds its images.

    Without ``parts`` no image is simulated or of a benchmark, so that it has one benchmark.
    """
    built = build(root)
    if parts:
        built.add_corpus("sim-toy", 10, seed=3)
        built.set_pairs(lambda rows: [{**row, "benchmark": BENCHMARKS.get(row["image_id"])} for row in rows])
    passed_verdict(built)
    assemble(built.project)
    return built


@dataclass(frozen=True)
class Published:
    """A project whose release is published.

    Args:
        built: the project.
        release: the folder of the version.
    """

    built: Built
    release: Path

    @property
    def captions(self) -> dict[str, str]:
        """The captions of the images of the test split that can be scored, by image id."""
        return {row["image_id"]: row["caption"] for row in self.built.pairs() if row["image_id"] in AT_HAND}


def published(root: Path) -> Published:
    built = assembled(root)
    return Published(built, built.root / str(publish(built.project)["path"]))


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    code: int
    out: str
    err: str


class CommandLine:
    """``sartext`` with its first arguments, run in this process as a shell would."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *first: object
    ) -> None:
        self._monkeypatch, self._capsys, self._first = monkeypatch, capsys, first

    def __call__(self, *arguments: object) -> Result:
        self._monkeypatch.setattr(sys, "argv", ["sartext", *map(str, (*self._first, *arguments))])
        self._capsys.readouterr()
        try:
            run(cli, "sartext")
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        written = self._capsys.readouterr()
        return Result(code, written.out, written.err)

    def scores(self, out: Path, *arguments: object) -> tuple[Result, list[Figure]]:
        """Run ``evaluate``, which must succeed, with few resamples, and read the figures in ``out``."""
        result = self(*arguments, "--out", out, "--resamples", 100)
        assert result.code == 0, result.err
        return result, read_figures(out)

    def refused(self, *arguments: object) -> str:
        """Run a command that must fail, with one line on standard error and exit code 1; return the line."""
        result = self(*arguments)
        lines = result.err.splitlines()
        assert (result.code, len(lines)) == (1, 1), result.err
        assert lines[0].startswith("error: ")
        return lines[0]


def write_csv(path: Path, columns: tuple[str, str], rows: Pairs) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def answers_file(path: Path, pairs: Pairs) -> Path:
    return write_csv(path, ("id", "answer"), pairs)


def captions_file(path: Path, pairs: Pairs) -> Path:
    return write_csv(path, ("image_id", "caption"), pairs)
