"""The stages `checkpoint@<name>` and `model@<name>`: a model is trained, and the best by validation is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from sartext.config import Project, load_parameters
from sartext.config.training import CheckpointParameters, GptParameters
from sartext.errors import ParameterError, TrainingError, nearest
from sartext.files import atomic_folder, remove_tree, write_json
from sartext.models.checkpoint import save, start
from sartext.models.model import device_of
from sartext.models.weights import RECORD
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume
from sartext.training.distribution import Processes, joined, local_device
from sartext.training.image_text import FEWEST_VALIDATED, ImageTextTask, batches_of_row, validation_of_row
from sartext.training.loop import Fit, fit
from sartext.training.progress import ProgressCallback, say
from sartext.training.record import data_hashes, fit_record, image_text_origins
from sartext.training.shards.pictures import Pixels
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
        callbacks: follow the course of the training beside the screen, in the first process. Any exception, but
            no interrupt, ends the training as failed.
        withheld: returns a picture that the release does not hold, or None where it is not at hand; a SAR-GPT
            learns from what questions have their pictures.

    Returns:
        Steps, figures of the best model, speed, and the hash of its weights; nothing in processes other than the
        first.

    Raises:
        ParameterError: there is no such row.
        ModelError: the model that it starts from cannot be had, or the device is absent.
        TrainingError: the data do not fill a batch or do not fit, a loss is no number, or memory runs out.
        ArtefactError: data are missing or damaged, or nothing can be written.
    """
    rows = project.parameters.checkpoints | project.parameters.models
    if name not in rows:
        raise ParameterError(
            f"no checkpoint or model '{name}'", where=project.root / "params.yaml", way_out=nearest(name, rows)
        )
    device = local_device(device_of(project.parameters.training.device))
    with ExitStack() as stack:
        processes = stack.enter_context(joined(device))
        job = _prepare(project, name, processes, withheld, stack)
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

        with _failure_reported(callback):
            fits = job.fit(callback, resume)
            if not processes.first:
                return {}
            _check_parameters(project, name)
            with atomic_folder(project.checkpoint(name)) as folder:
                record = {**origins, **job.save(folder, fits), "name": name}
                write_json(folder / RECORD, record)
        callback.finished(project.checkpoint(name))
        remove_tree(state)  # last: a stage that is killed loses its checkpoint, and is made again from this state
    return {**job.metrics(fits), "model_sha256": record["model_sha256"]}


def _prepare(
    project: Project,
    name: str,
    processes: Processes,
    withheld: Callable[[str], Pixels | None],
    stack: ExitStack,
) -> Job:
    row = project.parameters.models.get(name)
    if not isinstance(row, GptParameters):
        return ImageTextJob(project, name, processes, stack)
    from sartext.training.gpt.curriculum import GptJob

    return GptJob(project, row, withheld, stack)


@contextmanager
def _failure_reported(callback: Callback) -> Iterator[None]:
    """Report an error that ends the block; an interrupt is none."""
    try:
        yield
    except Exception as error:
        callback.failed(error)
        raise


def _check_parameters(project: Project, name: str) -> None:
    """Refuse to record what was trained with other parameters: DVC reads them again when the command has ended.

    Raises:
        TrainingError: they were edited meanwhile; the state of the training is kept.
    """
    path = project.root / "params.yaml"
    read = []
    for parameters in (project.parameters, load_parameters(path)):
        row = (parameters.checkpoints | parameters.models).get(name)
        shards = parameters.shards if isinstance(row, CheckpointParameters) else None
        read.append((row, parameters.training, shards))
    if read[0] != read[1]:
        raise TrainingError(
            f"the parameters of '{name}' were changed while it was trained",
            where=path,
            way_out="put them back and it goes on from its last state; run as they are now, it begins anew",
        )


class ImageTextJob:
    """A CLIP or CoCa and the pairs that it learns from; a `Job` of a single course.

    Args:
        project: the checkout; shards, tokenizer and parent must be there.
        name: of the row.
        processes: that share the training.
        stack: closes what is opened.
    """

    def __init__(self, project: Project, name: str, processes: Processes, stack: ExitStack) -> None:
        training, row = project.parameters.training, project.parameters.trainings[name]
        self._project, self._name, self._row, self._processes = project, name, row, processes
        self._shards = shards = stack.enter_context(open_shards(project.root / row.data))
        self._model = model = start(
            row.origin, project.root, project.tokenizer, seed=training.seed, side=shards.side
        )
        train = batches_of_row(row, training, shards, model, rank=processes.rank, world=processes.world)
        validation = validation_of_row(row, training, shards, model)
        self._task = ImageTextTask(model, train, validation, training)
        validated = sum(map(len, validation))
        self._pairs = {"train": train.pairs, "validation": validated, "left_out": len(train.left_out)}

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights."""
        data = data_hashes(self._project, self._shards.folders)
        return image_text_origins(self._project, self._name, data, self._model)

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
        fitted = fit(
            self._task,
            samples=self._row.samples,
            learning_rate=self._row.learning_rate,
            callback=callback,
            resume=resume(""),
            processes=self._processes,
        )
        return {"pairs": fitted}

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the last and the best weights; return the record of the training."""
        model, fitted = self._model, fits["pairs"]
        last = save(model, folder, name="last.safetensors")
        model.network.load_state_dict(fitted.best)
        best = save(model, folder)
        validated = bool(fitted.curves["validations"])
        chosen_by = "validation loss" if validated else "the last step: fewer than two validation pairs"
        hashes = {"model_sha256": best, "last_sha256": last}
        return {"pairs": self._pairs, **fit_record(fitted, chosen_by), **hashes}

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return steps, figures of the best model, speed, and the share of the time spent waiting for data."""
        fitted = fits["pairs"]
        return {
            "steps": fitted.steps,
            "best_step": fitted.best_step,
            "stopped": fitted.stopped,
            **{
                f"validation_{key}": round(value, 4)
                for key, value in (fitted.best_figures or {}).items()
                if key != "step"
            },
            **{f"{key}_pairs": value for key, value in self._pairs.items()},
            "samples_per_second": round(fitted.samples_per_second, 1),
            "waited_share": round(fitted.waited_share, 4),
            "training_seconds": round(fitted.seconds, 1),
            "resumed_after": fitted.resumed_after,
        }
