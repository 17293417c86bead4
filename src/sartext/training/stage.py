"""The stages `checkpoint@<name>` and `model@<name>`: a model is trained, and the best by validation is kept."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Protocol

import torch

from sartext.config import Parameters, Project, load_parameters
from sartext.config.training import GptParameters, GrounderParameters
from sartext.errors import ParameterError, TrainingError, nearest
from sartext.files import atomic_folder, remove_tree, sha256_file, write_json
from sartext.models.checkpoint import save, start
from sartext.models.compatibility import open_clip
from sartext.models.frozen import frozen_tower
from sartext.models.model import device_of
from sartext.models.squashing import Pixels
from sartext.models.weights import RECORD
from sartext.training.callbacks import Callback, CallbackList, ProgressCallback, say
from sartext.training.checkpointing import Resume, data_hashes
from sartext.training.distribution import Processes, joined, local_device
from sartext.training.fit import Fit
from sartext.training.image_text import FEWEST_VALIDATED, ImageTextTask, batches_of_row, validation_of_row
from sartext.training.loop import fit
from sartext.training.shards.reading import open_shards


class Job(Protocol):
    """A row of ``checkpoints`` or ``models`` made ready to train; each kind of model has its own."""

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights: parameters, hashes of data and parent, versions."""

    def info(self, origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``steps``, ``batch``, ``kind``, and how much there is to learn from."""

    def fit(self, callback: Callback, resume: Callable[[str], Resume | None]) -> Mapping[str, Fit]:
        """Train; return how each course went by its name. ``resume`` keeps the state of a course."""

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the best weights; return the record of the training, with ``model_sha256``."""

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return what the stage reports."""


def train(
    project: Project,
    name: str,
    *,
    callbacks: Sequence[Callback] = (),
    withheld: Callable[[str], Pixels | None] = lambda image_id: None,
) -> dict[str, object]:
    """Train a checkpoint, or a model on the release, and write its folder (``Project.checkpoint``).

    A training that was killed goes on where it was and ends with the same weights. Under ``torchrun`` all
    processes train together and the first one writes.

    Args:
        project: the checkout; the data of the row, and the model that it starts from, must be there.
        name: a row of ``checkpoints`` or ``models`` in ``params.yaml``.
        callbacks: follow the course of the training beside the screen, in the first process.
        withheld: returns a picture that the release does not hold, or None; a SAR-GPT learns from what questions
            have their pictures.

    Returns:
        Steps, figures of the best model, speed, and the hash of its weights; in other processes nothing.

    Raises:
        ParameterError: there is no such row.
        ModelError: the model that it starts from cannot be had, or the device is absent.
        TrainingError: the data do not fill a batch or do not fit, a loss is no number, or memory runs out.
        ArtefactError: data are missing or damaged, or nothing can be written.
    """
    path = project.root / "params.yaml"
    rows = project.parameters.checkpoints | project.parameters.models
    if name not in rows:
        raise ParameterError(f"no checkpoint or model '{name}'", where=path, way_out=nearest(name, rows))
    device = local_device(device_of(project.parameters.training.device))
    with ExitStack() as stack:
        processes = stack.enter_context(joined(device))
        job: Job
        if isinstance(row := rows[name], GptParameters):
            from sartext.training.gpt.curriculum import GptJob

            job = GptJob(project, row, withheld, stack)
        elif isinstance(row, GrounderParameters):
            from sartext.training.grounding.job import GrounderJob

            job = GrounderJob(project, row, processes, stack)
        else:
            job = ImageTextJob(project, name, processes, stack)
        callback, origins = CallbackList(), {}
        if processes.first:
            progress = ProgressCallback(f"{'model' if name in project.parameters.models else 'checkpoint'} {name}")
            stack.callback(progress.close)
            callback, origins = CallbackList(progress, *callbacks), job.origins()
            inputs = {key: origins[key] for key in ("parent", "data", "versions")}
            callback.started({"name": name, **job.info(origins), **inputs})
        state = project.build / "resume" / name

        def resume(course: str) -> Resume | None:
            fingerprint = {**origins, "processes": processes.world}
            return Resume(state / course, fingerprint) if processes.first else None

        try:
            fits = job.fit(callback, resume)
            if not processes.first:
                return {}
            # DVC reads the parameters again when the command has ended
            if _decisive(project.parameters, name) != _decisive(load_parameters(path), name):
                raise TrainingError(
                    f"the parameters of '{name}' were changed while it was trained",
                    where=path,
                    way_out="put them back and it goes on from its last state; "
                    "run as they are now, it begins anew",
                )
            with atomic_folder(project.checkpoint(name)) as folder:
                record = {**origins, **job.save(folder, fits), "name": name}
                write_json(folder / RECORD, record)
        except Exception as error:  # an interrupt is no failure
            callback.failed(error)
            raise
        callback.finished(project.checkpoint(name))
        remove_tree(state)  # last: a stage that is killed loses its checkpoint, and is made again from this state
    return {**job.metrics(fits), "model_sha256": record["model_sha256"]}


def _decisive(parameters: Parameters, name: str) -> tuple[object, ...]:
    """Return the parameters that decide a training."""
    row = (parameters.checkpoints | parameters.models).get(name)
    return row, parameters.training, None if isinstance(row, GptParameters) else parameters.shards


class ImageTextJob:
    """A CLIP or CoCa and the pairs that it learns from; a `Job` of a single course.

    Shards, tokenizer and parent of the row must be there; ``stack`` closes what is opened.
    """

    def __init__(self, project: Project, name: str, processes: Processes, stack: ExitStack) -> None:
        training, row = project.parameters.training, project.parameters.trainings[name]
        self._project, self._name, self._row, self._processes = project, name, row, processes
        self._shards = shards = stack.enter_context(open_shards(project.root / row.data))
        self._model = model = start(
            row.origin, project.root, project.tokenizer, seed=training.seed, side=shards.side
        )
        if row.frozen_tower:
            training = training.model_copy(update={"augment": False})
        train = batches_of_row(row, training, shards, model, rank=processes.rank, world=processes.world)
        validation = validation_of_row(row, training, shards, model)
        self._task = ImageTextTask(model, train, validation, training)
        validated = sum(map(len, validation))
        self._pairs = {"train": train.pairs, "validation": validated, "left_out": len(train.left_out)}

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights: equal origins on one type of CPU give equal weights."""
        row, model, training = self._row, self._model, self._project.parameters.training
        origin = self._project.root / row.origin
        built = origin.is_file()
        return {
            "checkpoint": row.model_dump(mode="json", by_alias=True),
            "data": data_hashes(self._project, self._shards.folders),
            "foundation_sha256": sha256_file(origin) if built else None,
            "foundation_weights_sha256": model.sha256 if built else None,
            "model": model.config,
            "parent": {"checkpoint": row.parent, "model_sha256": None if built else model.sha256},
            "seed": training.seed,
            "tokenizer_sha256": model.tokenizer.files_sha256(),
            "training": training.model_dump(mode="json"),
            "versions": {"open_clip": str(open_clip.__version__), "torch": torch.__version__},
        }

    def info(self, origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the training is made of."""
        batch = self._project.parameters.training.batch
        steps = self._row.samples // batch
        return {"steps": steps, "batch": batch, "kind": self._model.kind, "pairs": self._pairs}

    def fit(self, callback: Callback, resume: Callable[[str], Resume | None]) -> dict[str, Fit]:
        """Train."""
        if self._processes.first and not self._task.validated:
            few = f"fewer than {FEWEST_VALIDATED} validation pairs"
            say(f"checkpoint {self._name}: {few}, so the last weights count as the best")
        options: dict[str, Any] = {"samples": self._row.samples, "learning_rate": self._row.learning_rate}
        with self._tower():
            fitted = fit(self._task, **options, callback=callback, resume=resume(""), processes=self._processes)
        return {"pairs": fitted}

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the best weights; return the record of the training."""
        model, fitted = self._model, fits["pairs"]
        with self._tower():
            model.network.load_state_dict(fitted.best)
        best = save(model, folder)
        record = fitted.record("validation loss", "fewer than two validation pairs")
        return {"pairs": self._pairs, **record, "model_sha256": best}

    def _tower(self) -> AbstractContextManager[None]:
        """Keep the weights of the image tower as they are, if the row says so."""
        where = f"{self._project.root / 'params.yaml'}: {self._name}: frozen_tower"
        return frozen_tower(self._model, self._row.frozen_tower, where)

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return what the stage reports."""
        return fits["pairs"].summary("pairs", self._pairs)
