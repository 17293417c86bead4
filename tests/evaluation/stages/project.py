"""A project whose models are there, untrained: what its evaluations need, and no more."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.evaluation.details import Details, read_details, shown_pictures
from sartext.evaluation.figures import MINUS, Figure, read_figures
from sartext.evaluation.stages import evaluate_task
from sartext.files import sha256_tree, write_json
from sartext.models.checkpoint import save
from sartext.models.gpt.checkpoint import save_gpt
from sartext.models.weights import RECORD
from tests.conftest import ROOT
from tests.evaluation.generated import find
from tests.evaluation.released import assembled
from tests.models.gpt.making import tiny_gpt, tower
from tests.models.making import small_tokenizer

FOUNDATIONS = "src/sartext/models/foundations"
ROW = {"samples": 64, "learning_rate": 0.001}
CHECKPOINTS = {
    "clip-optical": {"from": f"{FOUNDATIONS}/clip-tiny.yaml", "data": "build/shards/optical", **ROW},
    "clip-sar": {"from": "build/checkpoint/clip-optical", "data": "build/shards/sar", **ROW},
    "coca-optical": {"from": f"{FOUNDATIONS}/coca-tiny.yaml", "data": "build/shards/optical", **ROW},
    "coca-sar": {"from": "build/checkpoint/coca-optical", "data": "build/shards/sar", **ROW, "samples": 32},
    "arm-mixed": {"from": f"{FOUNDATIONS}/coca-tiny.yaml", "data": "build/shards", **ROW, "samples": 96},
}
RELEASED = {"data": "build/release-shards", **ROW}
MODELS = {
    "sar-rs-clip": {"from": "build/checkpoint/clip-optical", **RELEASED},
    "sar-rs-coca": {"from": "build/checkpoint/coca-optical", **RELEASED},
    "sar-rs-coca-annotated": {"from": "build/checkpoint/coca-optical", **RELEASED, "methods": ["a2c"]},
    "sar-gpt": {
        "from": "build/model/sar-rs-clip",
        "language": "src/sartext/models/languages/phi-tiny.yaml",
        "optical_samples": 16,
        **ROW,
    },
}
MODELS["sar-gpt-blind"] = {**MODELS["sar-gpt"], "images": False}
SEEN = {
    **{
        name: {"samples": row["samples"], "stopped": "complete"} for name, row in {**CHECKPOINTS, **MODELS}.items()
    },
    "coca-sar": {"samples": 24, "stopped": "patience"},
    "sar-gpt": {"samples": 48, "stopped": "patience", "optical": {"samples": 8, "stopped": "patience"}},
}
"""What each training tells of itself: two stopped before they had seen what was planned."""

COMPARISONS = {
    "progressive": ["mixed", "optical-only", "foundation"],
    "sar-rs-clip": ["clip-progressive", "foundation-clip", "chance"],
    "sar-gpt": ["constant", "constant-per-corpus", "sar-gpt-blind"],
}
PHYSICS = 3
"""Scenes of the physics curves."""


def trained(root: Path, *, parts: bool = True) -> Project:
    """A project with a release and a folder for every model, all of them tiny and of random weights.

    Without ``parts`` the release has no benchmark but its whole test split.
    """
    built = assembled(root, parts=parts)
    built.parameters(
        checkpoints=CHECKPOINTS,
        models=MODELS,
        simulation={"seed": 4711, "size": 64},
        training={"threads": 1},
        evaluation={"resamples": 100, "physics_scenes": PHYSICS, "comparisons": COMPARISONS},
    )
    (root / "src").mkdir()
    (root / "src" / "sartext").symlink_to(ROOT / "src" / "sartext", target_is_directory=True)
    project = built.project
    small_tokenizer(project.tokenizer)
    for seed, name in enumerate((*CHECKPOINTS, *MODELS)):
        if "gpt" in name:
            save_gpt(tiny_gpt(images="blind" not in name, seed=seed), project.checkpoint(name))
        else:
            save(tower("clip" if "clip" in name else "coca", seed=seed), project.checkpoint(name))
        write_json(project.checkpoint(name) / RECORD, SEEN[name])
    return project


@dataclass(frozen=True)
class Evaluation:
    """What a stage left in its folder, and the metrics that it returned."""

    project: Project
    task: str
    metrics: dict[str, Any]
    figures: list[Figure]
    details: Details

    @property
    def folder(self) -> Path:
        return self.project.evaluation(self.task)

    def find(self, metric: str, variant: str) -> Figure | None:
        """The figure on the whole test split."""
        return find(self.figures, metric, variant, benchmark="release-test")

    def rows(self, table: str) -> list[dict[str, str]]:
        with (self.folder / f"{table}.csv").open() as file:
            return list(csv.DictReader(file))

    def check(self) -> None:
        """The details say what every figure is of, the metrics count them, and the pictures shown are there."""
        named = {part for figure in self.figures for part in figure.variant.split(MINUS)}
        assert named == {variant.name for variant in self.details.variants}
        benchmarks = [row.name for row in self.details.benchmarks]
        assert {figure.benchmark for figure in self.figures} == {*benchmarks}
        assert len(benchmarks) == len({*benchmarks})
        assert self.metrics["figures"] == len(self.figures)
        assert self.metrics["not_computed"] == sum(figure.value is None for figure in self.figures) > 0
        pictures = self.folder / "pictures"
        shown = {path.relative_to(pictures).with_suffix("").as_posix() for path in pictures.rglob("*.png")}
        assert shown == shown_pictures(self.details)

    def check_bytes(self) -> None:
        """Evaluated again, everything is the same to the byte."""
        before = sha256_tree(self.folder)
        evaluate_task(self.project, self.task)
        assert sha256_tree(self.folder) == before


def evaluated(project: Project, task: str) -> Evaluation:
    metrics = evaluate_task(project, task)
    folder = project.evaluation(task)
    return Evaluation(
        project, task, metrics, read_figures(folder / "figures.json"), read_details(folder / "details.json")
    )
