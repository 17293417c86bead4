"""A grounder made ready to train, see `training.stage.Job`."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from sartext.config import Project
from sartext.config.training import GrounderParameters
from sartext.errors import TrainingError
from sartext.files import sha256_file
from sartext.models.grounder.checkpoint import save_grounder, start_grounder
from sartext.narrator.vocabulary import vocabulary_of
from sartext.training.callbacks import Callback
from sartext.training.checkpointing import Resume, data_hashes
from sartext.training.distribution import Processes
from sartext.training.fit import Fit
from sartext.training.grounding.batches import GroundingBatches, validation_batches
from sartext.training.grounding.targets import TargetMaker
from sartext.training.grounding.task import GroundingTask
from sartext.training.loop import fit
from sartext.training.shards.reading import open_shards


class GrounderJob:
    """A grounder and the annotated pairs that it learns from; shards and foundation must be there."""

    def __init__(self, project: Project, row: GrounderParameters, processes: Processes, stack: ExitStack) -> None:
        self._project, self._row, self._processes = project, row, processes
        own = {"batch": row.batch, "validate_every": row.validate_every}
        self._training = training = project.parameters.training.model_copy(update=own)
        if row.batch % processes.world:
            raise TrainingError(
                f"{processes.world} processes do not divide {row.batch} pictures",
                way_out=f"set `batch` of the grounder to a multiple of {processes.world}",
            )
        self._shards = shards = stack.enter_context(open_shards(project.root / row.data))
        vocabulary = vocabulary_of(shards.entries.values())
        self._grounder = start_grounder(
            project.root / row.origin, vocabulary, side=shards.side, seed=training.seed
        )
        maker = TargetMaker(shards.entries, vocabulary, shards.side, self._grounder.config.stride)
        train = GroundingBatches(
            shards,
            maker,
            batch=row.batch,
            seed=training.seed,
            augment=training.augment,
            rank=processes.rank,
            world=processes.world,
        )
        validation = validation_batches(shards, maker, row.batch)
        self._task = GroundingTask(self._grounder, train, validation, training)
        self._pictures = {"train": len(train.rows), "validation": sum(map(len, validation))}

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights: equal origins on one type of CPU give equal weights."""
        row = self._row
        return {
            "checkpoint": row.model_dump(mode="json", by_alias=True),
            "data": data_hashes(self._project, self._shards.folders),
            "foundation_sha256": sha256_file(self._project.root / row.origin),
            "model": self._grounder.config.model_dump(mode="json"),
            "parent": {"checkpoint": None, "model_sha256": None},
            "seed": self._training.seed,
            "training": self._training.model_dump(mode="json"),
            "versions": {"torch": torch.__version__},
        }

    def info(self, origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the training is made of."""
        steps = self._row.samples // self._row.batch
        return {"steps": steps, "batch": self._row.batch, "kind": "grounder", "pictures": self._pictures}

    def fit(self, callback: Callback, resume: Callable[[str], Resume | None]) -> dict[str, Fit]:
        """Train."""
        options: dict[str, Any] = {"samples": self._row.samples, "learning_rate": self._row.learning_rate}
        fitted = fit(self._task, **options, callback=callback, resume=resume(""), processes=self._processes)
        return {"pictures": fitted}

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the best weights; return the record of the training."""
        fitted = fits["pictures"]
        self._grounder.network.load_state_dict(fitted.best)
        digest = save_grounder(self._grounder, folder)
        record = fitted.record("mean of average precision, mean IoU and scene accuracy", "no validation pictures")
        return {"pictures": self._pictures, **record, "model_sha256": digest}

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return what the stage reports."""
        return fits["pictures"].summary("pictures", self._pictures)
