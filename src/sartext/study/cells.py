"""The cells of the study: trainings of one row on one seed's data, with their scores on that seed's test split."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sartext.catalogue.loading import find_entry
from sartext.config.arms import SAR
from sartext.config.training import TrainingParameters
from sartext.errors import ArtefactError, DivergenceError, TrainingError
from sartext.files import atomic_folder, read_json, write_json
from sartext.models.checkpoint import save, start
from sartext.models.frozen import frozen_tower
from sartext.models.model import Model
from sartext.study.design import Design
from sartext.study.examination import examine
from sartext.study.grounding import Trained, sar_seen, train_grounder
from sartext.study.worlds import World, world_of
from sartext.training.batches import Batch
from sartext.training.fit import Fit
from sartext.training.image_text import FEWEST_VALIDATED, ImageTextTask, batches_of_row, validation_of_row
from sartext.training.loop import fit
from sartext.training.sampler import made_by, share
from sartext.training.shards.reading import Shards, open_shards

WHOLE = 1.0


@dataclass(frozen=True)
class StudyCell:
    """One training, of a row of ``checkpoints``.

    ``fraction`` is the share of the SAR captions that it sees, 1 for rows that see none, and ``parent`` the cell
    whose model it starts from. A ``development`` cell serves to choose a learning rate: it is scored on validation
    alone.
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
    path, way_out = result_path(design, cell), "run `sartext study run`"
    if not path.is_file():
        raise ArtefactError("a cell of the study is missing", where=path, way_out=way_out)
    result = _read(path, path.stat().st_mtime_ns)
    if result.get("hash") != design.digest:
        way_out = f"remove it and {way_out}"
        raise ArtefactError("a cell of another simulator or recipe", where=path, way_out=way_out)
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
    parent = cell.parent.name if cell.parent else None
    identity = {name: getattr(cell, name) for name in ("seed", "row", "fraction", "learning_rate")}
    try:
        result = _trained_and_scored(design, cell)
    except DivergenceError:
        result = {"validation_loss": None}
    write_json(result_path(design, cell), {"hash": design.digest, **identity, "parent": parent, **result})


def _trained_and_scored(design: Design, cell: StudyCell) -> dict[str, Any]:
    if cell.parent is not None and diverged(read_result(design, cell.parent)):
        raise DivergenceError(f"{cell.parent.name} diverged")
    world = world_of(design, cell.seed)
    began = time.perf_counter()
    if (row := design.grounders.get(cell.row)) is not None:
        own = row.model_copy(update={"learning_rate": cell.learning_rate})
        trained = train_grounder(own, design.parameters, world, seed=cell.seed, fraction=cell.fraction)
    else:
        trained = _train(design, cell, world)
    seconds = time.perf_counter() - began
    result = {**_course(trained.fit), **trained.seen, "seconds": round(seconds, 3)}
    if not cell.development:
        result["examination"] = trained.examine()
    return result


def _course(fitted: Fit | None) -> dict[str, Any]:
    """What a result tells of a training, or of none."""
    if fitted is None:
        return {"samples": 0, "kept_samples": 0, "validation_loss": 0.0, "validations": []}
    figures = fitted.best_figures
    return {
        "samples": fitted.samples,
        "kept_samples": fitted.samples * fitted.best_step // fitted.steps,
        "validation_loss": figures["loss"] if figures else None,
        "validations": fitted.curves["validations"],
    }


def _train(design: Design, cell: StudyCell, world: World) -> Trained:
    row = design.rows[cell.row]
    parameters = _parameters(design, cell)
    fitted, seen = None, {"sar_pairs": 0, "sar_samples": 0}
    with open_shards(world.project.root / row.data) as shards:
        model = _start(design, cell, world, shards.side)
        if row.samples:
            train = batches_of_row(row, parameters, shards, model, fraction=cell.fraction, workers=1)
            validation = _validation(design, cell, world, model, parameters)
            with frozen_tower(model, _is_frozen(design, cell), "study"):
                task = ImageTextTask(model, train, validation, parameters)
                fitted = fit(task, samples=row.samples, learning_rate=cell.learning_rate)
                model.network.load_state_dict(fitted.best)
            left_out = set(train.left_out)
            rows = share(made_by(shards.rows("train"), row.methods), cell.fraction)
            pairs = [pair for pair in rows if pair.image_id not in left_out]
            seen = sar_seen(pairs, parameters.batch, fitted.steps, cell.seed)
    if _is_parent(design, cell):
        with atomic_folder(_model(design, cell)) as folder:
            save(model, folder)
    return Trained(fitted, seen, partial(_examine, design, world, model, _is_frozen(design, cell)))


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
    place = world.project.shards("sar" if learns_sar(design, cell.row) else "optical")
    with Shards([place]) as shards:
        batches = validation_of_row(design.rows[cell.row], parameters, shards, model)
    if sum(map(len, batches)) < FEWEST_VALIDATED:
        raise TrainingError(
            f"the validation split holds fewer than {FEWEST_VALIDATED} pairs for '{cell.row}'",
            where=place,
            way_out="raise `splits.validation` or `study.scenes`",
        )
    return batches


def _parameters(design: Design, cell: StudyCell) -> TrainingParameters:
    batch = design.parameters.training.batch
    every = steps_between(design.rows[cell.row].samples // batch, design.study.validations)
    augment = design.parameters.training.augment and not _is_frozen(design, cell)
    changes = {"seed": cell.seed, "validate_every": every * batch, "augment": augment}
    return design.parameters.training.model_copy(update=changes)


def steps_between(steps: int, validations: int) -> int:
    """Return after how many steps each to validate: never more often than asked for, the last step included."""
    return max(1, -(-steps // validations))


def _is_frozen(design: Design, cell: StudyCell) -> bool:
    return design.study.frozen_tower or design.rows[cell.row].frozen_tower


def _examine(design: Design, world: World, model: Model, frozen: bool) -> dict[str, Any]:
    place = world.examination.shards("sar")
    with Shards([place]) as shards, frozen_tower(model, frozen, "study"):
        entries = {name: find_entry(world.examination, name) for name in world.examination.parameters.captions}
        # the wording that the SAR stages learn and validate with, for all arms alike
        taught = design.rows[SAR]
        return examine(model, shards, entries, methods=taught.methods, paraphrase=taught.paraphrase)


def learns_sar(design: Design, row: str) -> bool:
    """Whether a row sees SAR captions, so that their share matters."""
    return not design.every_row[row].data.endswith("/optical")


def _is_parent(design: Design, cell: StudyCell) -> bool:
    return any(row.parent == cell.row for row in design.every_row.values())


def _model(design: Design, cell: StudyCell) -> Path:
    return world_of(design, cell.seed).folder / "models" / cell.name
