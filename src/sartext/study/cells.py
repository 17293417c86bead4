"""A cell of the study: one training of one row on one seed's data, and its score on that seed's test split."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sartext.catalogue.loading import find_entry
from sartext.config.arms import SAR
from sartext.config.training import TrainingParameters
from sartext.errors import ArtefactError, DivergenceError, TrainingError
from sartext.files import atomic_folder, read_json, write_json
from sartext.models.checkpoint import save, start
from sartext.models.model import Model
from sartext.study.design import Design
from sartext.study.examination import examine
from sartext.study.worlds import World, world_of
from sartext.training.batches import Batch
from sartext.training.image_text import FEWEST_VALIDATED, ImageTextTask, batches_of_row, validation_of_row
from sartext.training.loop import Fit, fit
from sartext.training.sampler import batch_indices, made_by, share
from sartext.training.shards.reading import Pair, Shards, open_shards


@dataclass(frozen=True)
class StudyCell:
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
    parent: "StudyCell | None" = None
    development: bool = False

    @property
    def name(self) -> str:
        """What its files are called."""
        origin = f"_from-{self.parent.learning_rate:g}" if self.parent else ""
        return f"{self.row}_{self.fraction:g}_{self.learning_rate:g}{origin}"


def result_path(design: Design, cell: StudyCell) -> Path:
    """Return where a cell's result is written."""
    return world_of(design, cell.seed).folder / "cells" / f"{cell.name}.json"


def is_done(design: Design, cell: StudyCell) -> bool:
    """Whether a cell has its result, and its model where others start from that and it did not diverge."""
    if not result_path(design, cell).is_file():
        return False
    return not _is_parent(design, cell) or _model(design, cell).is_dir() or diverged(read_result(design, cell))


def diverged(result: Mapping[str, Any]) -> bool:
    """Whether a training, or the one that it starts from, came to no number: its cell has no figures."""
    return result["validation_loss"] is None


def read_result(design: Design, cell: StudyCell) -> Mapping[str, Any]:
    """Return the result of a cell.

    Raises:
        ArtefactError: it is missing, damaged, or of another simulator or recipe.
    """
    path = result_path(design, cell)
    if not path.is_file():
        raise ArtefactError("a cell of the study is missing", where=path, way_out="run `sartext study run`")
    result = _read(path, path.stat().st_mtime_ns)
    if result.get("hash") != design.digest:
        raise ArtefactError(
            "a cell of another simulator or recipe", where=path, way_out="remove it and run `sartext study run`"
        )
    return result


@lru_cache(maxsize=4096)
def _read(path: Path, _changed: int) -> Mapping[str, Any]:
    result: Mapping[str, Any] = read_json(path)
    return result


def run_cell(design: Design, cell: StudyCell) -> None:
    """Train a cell, score it and write its result; a cell that stands is left as it is.

    A training that diverges would do so again, as would all that start from it: that is its result.

    Raises:
        TrainingError: it cannot be trained.
    """
    if is_done(design, cell):
        return
    world = world_of(design, cell.seed)
    nothing = {**_told(design, cell), "validation_loss": None}
    if cell.parent is not None and diverged(read_result(design, cell.parent)):
        write_json(result_path(design, cell), nothing)
        return
    began = time.perf_counter()
    try:
        model, fitted, seen = _train(design, cell, world)
    except DivergenceError:
        write_json(result_path(design, cell), nothing)
        return
    seconds = time.perf_counter() - began
    model.network.load_state_dict(fitted.best)
    if _is_parent(design, cell):
        with atomic_folder(_model(design, cell)) as folder:
            save(model, folder)
    result = {**_told(design, cell), **_course(fitted), **seen, "seconds": round(seconds, 3)}
    if not cell.development:
        result["examination"] = _examine(design, world, model)
    write_json(result_path(design, cell), result)


def _train(design: Design, cell: StudyCell, world: World) -> tuple[Model, Fit, dict[str, int]]:
    """Return the model as its last step left it, its course, and what it saw of SAR."""
    row = design.rows[cell.row]
    parameters = _parameters(design, cell)
    with open_shards(world.project.root / row.data) as shards:
        model = _start(design, cell, world, shards.side)
        train = batches_of_row(row, parameters, shards, model, fraction=cell.fraction, workers=1)
        validation = _validation(design, cell, world, model, parameters)
        task = ImageTextTask(model, train, validation, parameters)
        fitted = fit(task, samples=row.samples, learning_rate=cell.learning_rate)
        left_out = set(train.left_out)
        rows = share(made_by(shards.rows("train"), row.methods), cell.fraction)
        pairs = [pair for pair in rows if pair.image_id not in left_out]
    return model, fitted, sar_seen(pairs, parameters.batch, fitted.steps, cell.seed)


def sar_seen(pairs: Sequence[Pair], batch: int, steps: int, seed: int) -> dict[str, int]:
    """Return how many SAR pairs there were, and how often one was drawn in all steps."""
    sar = np.array([pair.modality == "sar" for pair in pairs])
    drawn = sum(int(sar[batch_indices(len(pairs), batch, step, seed)].sum()) for step in range(steps))
    return {"sar_pairs": int(sar.sum()), "sar_samples": drawn}


def _start(design: Design, cell: StudyCell, world: World, side: int) -> Model:
    if cell.parent is None:
        origin, project = design.rows[cell.row].origin, world.project
        return start(origin, project.root, project.tokenizer, seed=cell.seed, side=side)
    folder = _model(design, cell.parent)
    return start(folder.name, folder.parent, None, seed=cell.seed, side=side)


def _validation(
    design: Design, cell: StudyCell, world: World, model: Model, parameters: TrainingParameters
) -> list[Batch]:
    """A stage that sees SAR captions is chosen by those alone, so that all arms answer the same question."""
    row = design.rows[cell.row]
    kind = "optical" if row.data.endswith("/optical") else "sar"
    with Shards([world.project.shards(kind)]) as shards:
        batches = validation_of_row(row, parameters, shards, model)
    if sum(map(len, batches)) < FEWEST_VALIDATED:
        raise TrainingError(
            f"the validation split holds fewer than {FEWEST_VALIDATED} pairs for '{cell.row}'",
            where=world.project.shards(kind),
            way_out="raise `splits.validation` or `study.scenes`",
        )
    return batches


def _parameters(design: Design, cell: StudyCell) -> TrainingParameters:
    batch = design.parameters.training.batch
    every = steps_between(design.rows[cell.row].samples // batch, design.study.validations)
    return design.parameters.training.model_copy(update={"seed": cell.seed, "validate_every": every * batch})


def steps_between(steps: int, validations: int) -> int:
    """Return after how many steps each to validate: never more often than asked for, the last step included."""
    return max(1, -(-steps // validations))


def _told(design: Design, cell: StudyCell) -> dict[str, Any]:
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
    kept = next(validation for validation in validations if validation["step"] == fitted.best_step)
    return {
        "samples": fitted.samples,
        "kept_samples": fitted.samples * fitted.best_step // fitted.steps,
        "validation_loss": kept["loss"],
        "validations": validations,
    }


def _examine(design: Design, world: World, model: Model) -> dict[str, Any]:
    with Shards([world.examination.shards("sar")]) as shards:
        entries = {name: find_entry(world.examination, name) for name in world.examination.parameters.captions}
        # the wording that the SAR stages learn and validate with, for all arms alike
        taught = design.rows[SAR]
        return examine(model, shards, entries, methods=taught.methods, paraphrase=taught.paraphrase)


def _is_parent(design: Design, cell: StudyCell) -> bool:
    return any(row.parent == cell.row for row in design.rows.values())


def _model(design: Design, cell: StudyCell) -> Path:
    return world_of(design, cell.seed).folder / "models" / cell.name
