"""The cells of the study: trainings of one row on one seed's data, with their scores on that seed's test split.

Which learning rate a row trains with is the grid's best on the validation split of development seeds.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from sartext.training.fit import Fit
from sartext.training.image_text import FEWEST_VALIDATED, ImageTextTask, batches_of_row, validation_of_row
from sartext.training.loop import fit
from sartext.training.sampler import batch_indices, made_by, share
from sartext.training.shards.reading import Pair, Shards, open_shards

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
    model, fitted, seen = _train(design, cell, world)
    seconds = time.perf_counter() - began
    model.network.load_state_dict(fitted.best)
    if _is_parent(design, cell):
        with atomic_folder(_model(design, cell)) as folder:
            save(model, folder)
    validations = fitted.curves["validations"]
    [loss] = [validation["loss"] for validation in validations if validation["step"] == fitted.best_step]
    result = {
        "samples": fitted.samples,
        "kept_samples": fitted.samples * fitted.best_step // fitted.steps,
        "validation_loss": loss,
        "validations": validations,
        **seen,
        "seconds": round(seconds, 3),
    }
    if not cell.development:
        result["examination"] = _examine(design, world, model)
    return result


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
    return design.parameters.training.model_copy(update={"seed": cell.seed, "validate_every": every * batch})


def steps_between(steps: int, validations: int) -> int:
    """Return after how many steps each to validate: never more often than asked for, the last step included."""
    return max(1, -(-steps // validations))


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


@dataclass(frozen=True)
class Tried:
    """The validation loss of one learning rate, the mean over development seeds; nothing where one diverged."""

    learning_rate: float
    loss: float | None


@dataclass
class Rates:
    """What was tried, by row and share of the SAR captions."""

    tried: dict[tuple[str, float], list[Tried]] = field(default_factory=dict)

    def chosen(self, row: str, fraction: float) -> float:
        """Return the learning rate of a row: that of the nearest share at which it was chosen (by ratio)."""
        near = [tried for name, tried in self.tried if name == row]
        nearest = min(near, key=lambda tried: (abs(math.log(tried / fraction)), tried))
        known = [rate for rate in self.tried[row, nearest] if rate.loss is not None]
        if not known:
            where = "params.yaml: study.learning_rates"
            raise TrainingError(
                f"'{row}' diverged with every learning rate", where=where, way_out="add smaller ones"
            )
        return min(known, key=lambda rate: (rate.loss, rate.learning_rate)).learning_rate

    def as_json(self) -> list[dict[str, Any]]:
        """Return everything that was tried, in order."""
        return [
            {"row": row, "fraction": share, "chosen": self.chosen(row, share), "tried": [*map(asdict, rates)]}
            for (row, share), rates in sorted(self.tried.items())
        ]


def shares_of(design: Design, row: str) -> Sequence[float]:
    """Return the shares of the SAR captions at which a row's learning rate is chosen."""
    return sorted(set(design.study.development_fractions)) if learns_sar(design, row) else (WHOLE,)


def learns_sar(design: Design, row: str) -> bool:
    """Whether a row sees SAR captions, so that their share matters."""
    return not design.rows[row].data.endswith("/optical")


def candidates(design: Design, row: str, rates: Rates) -> list[StudyCell]:
    """Return the development cells of a row; its parent's learning rate must have been chosen."""
    return [
        cell_of(design, seed, row, fraction, rates, learning_rate=rate)
        for seed in design.study.development_seeds
        for fraction in shares_of(design, row)
        for rate in design.study.learning_rates
    ]


def cell_of(
    design: Design, seed: int, row: str, fraction: float, rates: Rates, *, learning_rate: float | None = None
) -> StudyCell:
    """Return the cell of a row with its chosen learning rate, or a development cell with another one."""
    rate = rates.chosen(row, fraction) if learning_rate is None else learning_rate
    parent, development = design.rows[row].parent, seed in design.study.development_seeds
    origin = cell_of(design, seed, parent, WHOLE, rates) if parent else None
    return StudyCell(seed, row, fraction, rate, origin, development)


def learn_rates(design: Design, row: str, cells: Iterable[StudyCell], rates: Rates) -> None:
    """Add what the development cells of a row found."""
    losses: dict[tuple[float, float], list[float | None]] = {}
    for cell in cells:
        result: Mapping[str, Any] = read_result(design, cell)
        losses.setdefault((cell.fraction, cell.learning_rate), []).append(result["validation_loss"])
    for (fraction, rate), of_seeds in sorted(losses.items()):
        known = [loss for loss in of_seeds if loss is not None]
        mean = sum(known) / len(known) if len(known) == len(of_seeds) else None
        rates.tried.setdefault((row, fraction), []).append(Tried(rate, mean))


def take_the_only_rate(design: Design, rates: Rates) -> None:
    """Where the grid holds one learning rate there is nothing to choose, and nothing to train."""
    for row in design.rows:
        for fraction in shares_of(design, row):
            rates.tried[row, fraction] = [Tried(design.study.learning_rates[0], 0.0)]
