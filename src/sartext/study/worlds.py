"""The data of one seed: shards to learn from, and the test split's pairs to be scored on, kept apart.

A world of simulated scenes is a project of its own, made by the stages of the release with the seed as
``simulation.seed``. On real data all seeds share the corpora, and only the trainings differ.
"""

import os
import shutil
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sartext.config import Parameters, Project
from sartext.corpora.index import build_index
from sartext.files import atomic_folder, read_json, write_json, write_text
from sartext.narrator.stage import caption_corpus
from sartext.release.inputs import TEST, VALIDATION
from sartext.release.splits import decide_splits
from sartext.simulation import write_corpora
from sartext.study.design import Design
from sartext.tables import SPLITS, read_rows, write_table
from sartext.training.shards.writing import write_shards
from sartext.training.tokenizer_stage import make_tokenizer

READY = "world.json"


@dataclass(frozen=True)
class World:
    """Where the data of a seed lie.

    The shards of ``project`` are learned from; those of ``examination`` hold the test split, as pairs of their
    validation split. ``folder`` is that of the seed's cells and of this study's own parts of its data.
    """

    project: Project
    examination: Project
    folder: Path

    @property
    def counts(self) -> dict[str, Any]:
        """How many pairs and groups there are to learn from and to be scored on."""
        counts: dict[str, Any] = read_json(self.examination.root / READY)
        return counts


def world_of(design: Design, seed: int) -> World:
    """Return where the data of a seed lie, made or not."""
    folder = design.folder / f"seed-{seed}"
    if design.data == "sim":
        return World(Project(folder / "world"), Project(folder / "test"), folder)
    return World(design.source, Project(design.folder / "test"), folder)


def is_ready(world: World) -> bool:
    """Whether the data are there, complete."""
    return (world.examination.root / READY).is_file()


def prepare(design: Design, seed: int) -> None:
    """Make the data of a seed; the last file is written when all the others are."""
    world = world_of(design, seed)
    if design.data == "sim":
        _simulate(design, world, seed)
    trained = {kind: read_json(world.project.shards(kind) / "metrics.json") for kind in ("optical", "sar")}
    tested = _hold_out(design, world)
    kept = ("pairs", "train", "validation", "groups", "corpora")
    counts = {
        **{kind: {name: metrics[name] for name in kept} for kind, metrics in trained.items()},
        "test": {name: tested[name] for name in ("pairs", "groups", "methods", "corpora")},
    }
    write_json(world.examination.root / READY, counts)


def _simulate(design: Design, world: World, seed: int) -> None:
    project = world.project
    shutil.rmtree(project.root, ignore_errors=True)
    simulation = design.parameters.simulation
    if simulation is None:
        raise ValueError("a study of simulated scenes without the section 'simulation'")
    fresh = simulation.model_copy(update={"seed": seed})
    foundations = {row.origin for row in design.rows.values() if row.parent is None}
    _begin(design, project.root, design.parameters.model_copy(update={"simulation": fresh}), foundations)
    write_corpora(fresh, project.data)
    for name in project.parameters.corpora:
        build_index(project, name)
    for name in project.parameters.captions:
        caption_corpus(project, name)
    decide_splits(project)
    make_tokenizer(project)
    for kind in ("optical", "sar"):
        write_shards(project, kind)


def _begin(design: Design, root: Path, parameters: Parameters, files: Set[str] = frozenset()) -> None:
    """Write the parameters of a project, and copy the catalogue of its corpora and other files."""
    content = parameters.model_dump(mode="json", by_alias=True, exclude_none=True)
    write_text(root / "params.yaml", yaml.safe_dump(content, sort_keys=False))
    for name in sorted({corpus.catalogue for corpus in parameters.corpora.values()} | files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(design.source.root / name, root / name)


def _hold_out(design: Design, world: World) -> dict[str, Any]:
    """Make the examination: a project in which the test split alone is left, written as shards.

    Its images, indexes and captions are those of the world; its splits name the test pairs, named benchmarks
    included, as validation, the split that shards may hold and nothing is trained on.
    """
    with atomic_folder(world.examination.root) as folder:
        held_out = Project(folder)
        _begin(design, folder, world.project.parameters)
        for name in ("data", "build/corpus", "build/captions"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(os.path.relpath(world.project.root / name, (folder / name).parent))
        rows = read_rows(world.project.build / "splits" / "splits.parquet", SPLITS)
        kept = [{**row, "split": VALIDATION if row["split"] == TEST else None, "benchmark": None} for row in rows]
        write_table(folder / "build" / "splits" / "splits.parquet", SPLITS, kept)
        return write_shards(held_out, "sar")
