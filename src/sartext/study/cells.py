"""A cell of the study: one training of one row on one seed's data, and its score on that seed's test split."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sartext.catalogue.loading import find_entry
from sartext.config.training import TrainingParameters
from sartext.errors import ArtefactError, DivergenceError
from sartext.files import atomic_folder, read_json, write_json
from sartext.models.checkpoint import save, start
from sartext.models.model import Model
from sartext.study.design import Design
from sartext.study.examination import examine
from sartext.study.worlds import World, world_of
from sartext.training.batches import Batch, Batches, validation_batches
from sartext.training.loop import Fit, fit
from sartext.training.sampler import made_by, share
from sartext.training.shards.reading import Shards, open_shards


@dataclass(frozen=True)
class Cell:
    """One training.

    Args:
        seed: of scenes, weights and batches.
        row: of ``checkpoints``.
        fraction: share of the SAR captions that it sees; 1 for rows that see none.
        learning_rate: of this stage.
        parent: the cell whose model it starts from.
        development: it serves to choose a learning rate: it is scored on validation alone.
    """

    seed: int
    row: str
    fraction: float
    learning_rate: float
    parent: "Cell | None" = None
    development: bool = False

    @property
    def name(self) -> str:
        """What its files are called."""
        origin = f"_from-{self.parent.learning_rate:g}" if self.parent else ""
        return f"{self.row}_{self.fraction:g}_{self.learning_rate:g}{origin}"


def result_path(design: Design, cell: Cell) -> Path:
    """Return where a cell's result is written."""
    return world_of(design, cell.seed).folder / "cells" / f"{cell.name}.json"


def is_done(design: Design, cell: Cell) -> bool:
    """Whether a cell has its result, and its model where others start from that."""
    return result_path(design, cell).is_file() and (not _is_parent(design, cell) or _model(design, cell).is_dir())


def read_result(design: Design, cell: Cell) -> Mapping[str, Any]:
    """Return the result of a cell.

    Raises:
        ArtefactError: it is missing, damaged, or of another simulator or recipe.
    """
    path = result_path(design, cell)
    if not path.is_file():
        raise ArtefactError("a cell of the study is missing", where=path, way_out="run `sartext study run`")
    found = _read(path, path.stat().st_mtime_ns)
    if found.get("hash") != design.digest:
        raise ArtefactError(
            "a cell of another simulator or recipe", where=path, way_out="remove it and run `sartext study run`"
        )
    return found


@lru_cache(maxsize=4096)
def _read(path: Path, _changed: int) -> Mapping[str, Any]:
    found: Mapping[str, Any] = read_json(path)
    return found


def run_cell(design: Design, cell: Cell) -> None:
    """Train a cell, score it and write its result; a cell that stands is left as it is.

    Raises:
        TrainingError: it cannot be trained, or diverged outside development.
    """
    if is_done(design, cell):
        return
    world = world_of(design, cell.seed)
    began = time.perf_counter()
    try:
        model, fitted, sar_pairs = _train(design, cell, world)
    except DivergenceError:
        if not cell.development:
            raise
        write_json(result_path(design, cell), {**_told(design, cell), "validation_loss": None})
        return
    seconds = time.perf_counter() - began
    model.network.load_state_dict(fitted.best)
    if _is_parent(design, cell):
        with atomic_folder(_model(design, cell)) as folder:
            save(model, folder)
    result = {**_told(design, cell), **_course(fitted), "sar_pairs": sar_pairs, "seconds": round(seconds, 3)}
    if not cell.development:
        result["examination"] = _examine(design, world, model)
    write_json(result_path(design, cell), result)


def _train(design: Design, cell: Cell, world: World) -> tuple[Model, Fit, int]:
    """Return the model as its last step left it, its course, and the number of SAR pairs that it saw."""
    row = design.rows[cell.row]
    parameters = _parameters(design, cell)
    with open_shards(world.project.root / row.data) as shards:
        model = _start(design, cell, world, shards.side)
        train = Batches(
            shards,
            model.tokenizer,
            batch=parameters.batch,
            seed=cell.seed,
            augment=parameters.augment,
            shuffle_captions=row.shuffle_captions,
            fraction=cell.fraction,
            methods=row.methods,
            paraphrase=row.paraphrase,
            side=model.side,
            workers=1,
        )
        fitted = fit(
            model,
            train,
            _validation(design, cell, world, model),
            parameters,
            samples=row.samples,
            learning_rate=cell.learning_rate,
        )
        seen = share(made_by(shards.rows("train"), row.methods), cell.fraction)
    return model, fitted, sum(pair.modality == "sar" for pair in seen)


def _start(design: Design, cell: Cell, world: World, side: int) -> Model:
    if cell.parent is None:
        origin, project = design.rows[cell.row].origin, world.project
        return start(origin, project.root, project.tokenizer, seed=cell.seed, side=side)
    folder = _model(design, cell.parent)
    return start(folder.name, folder.parent, None, seed=cell.seed, side=side)


def _validation(design: Design, cell: Cell, world: World, model: Model) -> list[Batch]:
    """A stage that sees SAR captions is chosen by those alone, so that all arms answer the same question."""
    row = design.rows[cell.row]
    kind = "optical" if row.data.endswith("/optical") else "sar"
    with Shards([world.project.shards(kind)]) as shards:
        return validation_batches(
            shards,
            model.tokenizer,
            batch=design.parameters.training.batch,
            side=model.side,
            methods=row.methods,
            paraphrase=row.paraphrase,
            shuffle_captions=row.shuffle_captions,
            seed=cell.seed,
        )


def _parameters(design: Design, cell: Cell) -> TrainingParameters:
    every = max(1, design.rows[cell.row].samples // design.study.validations)
    return design.parameters.training.model_copy(update={"seed": cell.seed, "validate_every": every})


def _told(design: Design, cell: Cell) -> dict[str, Any]:
    return {
        "hash": design.digest,
        "seed": cell.seed,
        "row": cell.row,
        "fraction": cell.fraction,
        "learning_rate": cell.learning_rate,
        "parent": cell.parent.name if cell.parent else None,
    }


def _course(fitted: Fit) -> dict[str, Any]:
    validations = fitted.curves["validations"]
    kept = next(one for one in validations if one["step"] == fitted.best_step)
    return {
        "samples": fitted.samples,
        "kept_samples": fitted.samples * fitted.best_step // fitted.steps,
        "validation_loss": kept["loss"],
        "validations": validations,
    }


def _examine(design: Design, world: World, model: Model) -> dict[str, Any]:
    with Shards([world.examination.shards("sar")]) as shards:
        entries = {name: find_entry(world.examination, name) for name in world.examination.parameters.captions}
        return examine(model, shards, entries)


def _is_parent(design: Design, cell: Cell) -> bool:
    return any(row.parent == cell.row for row in design.rows.values())


def _model(design: Design, cell: Cell) -> Path:
    return world_of(design, cell.seed).folder / "models" / cell.name
