"""The stages `checkpoint@<name>` and `model@<name>`: a model trained on shards, the best by validation."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sartext.config import Project, load_parameters
from sartext.errors import ParameterError, TrainingError, nearest
from sartext.files import atomic_folder, write_json
from sartext.models.checkpoint import save, start
from sartext.models.model import Model, device_of
from sartext.models.weights import RECORD
from sartext.training.batches import Batch, Batches
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume
from sartext.training.distribution import Processes, joined, local_device
from sartext.training.loop import Fit, fit
from sartext.training.progress import ProgressCallback, say
from sartext.training.record import origins, record_of
from sartext.training.rows import batches_of_row, validation_of_row
from sartext.training.shards.reading import Shards, open_shards


def train(project: Project, name: str, *, callbacks: Sequence[Callback] = ()) -> dict[str, object]:
    """Train a checkpoint, or a model on the release, and write its folder (``Project.checkpoint``).

    A training that was killed goes on where it was and ends with the same weights. Under ``torchrun`` all
    processes train together and the first one writes.

    Args:
        project: the checkout; shards, tokenizer and parent must be there.
        name: a row of ``checkpoints`` or ``models`` in ``params.yaml``.
        callbacks: follow the course of the training beside the screen, by the first process.

    Returns:
        Steps, figures of the best model, speed, and the share of the time spent waiting for data; nothing in
        processes other than the first.

    Raises:
        ParameterError: there is no such row.
        ModelError: the model that it starts from cannot be had, or the device is absent.
        TrainingError: the data do not fill a batch or do not fit, a loss is no number, or memory runs out.
        ArtefactError: shards are missing or damaged, or nothing can be written.
    """
    parameters = project.parameters
    if name not in parameters.trainings:
        known = nearest(name, parameters.trainings)
        raise ParameterError(f"no checkpoint '{name}'", where=project.root / "params.yaml", way_out=known)
    device = local_device(device_of(parameters.training.device))
    with ExitStack() as stack:
        processes = stack.enter_context(joined(device))
        material = _prepare(project, name, processes, stack)
        every = _callbacks(name, callbacks, stack) if processes.first else None
        resume, told = None, {}
        if processes.first and every is not None:
            told = origins(project, name, material.shards, material.model)
            resume = Resume(project.build / "resume" / name, {**told, "processes": processes.world})
            every.started(_info(project, name, material, told))
        with _failure_told(every):
            fitted = _fit(project, name, material, callback=every, resume=resume, processes=processes)
            if resume is None or every is None:
                return {}
            _check_parameters(project, name)
            digest = _write(project, name, material, fitted, told)
        every.finished(project.checkpoint(name))
        resume.remove()  # last: a stage that is killed loses its checkpoint, and is made again from this state
    return _metrics(material, fitted, digest)


@dataclass(frozen=True)
class _Material:
    """What a training is made of."""

    model: Model
    shards: Shards
    train: Batches
    validation: list[Batch]

    @property
    def pairs(self) -> dict[str, int]:
        """Numbers of pairs."""
        return {
            "train": self.train.pairs,
            "validation": sum(map(len, self.validation)),
            "left_out": len(self.train.left_out),
        }


def _prepare(project: Project, name: str, processes: Processes, stack: ExitStack) -> _Material:
    parameters, row = project.parameters, project.parameters.trainings[name]
    training = parameters.training
    shards = stack.enter_context(open_shards(project.root / row.data))
    model = start(row.origin, project.root, project.tokenizer, seed=training.seed, side=shards.side)
    train = batches_of_row(row, training, shards, model, rank=processes.rank, world=processes.world)
    return _Material(model, shards, train, validation_of_row(row, training, shards, model))


def _callbacks(name: str, callbacks: Sequence[Callback], stack: ExitStack) -> Callback:
    progress = ProgressCallback(f"checkpoint {name}")
    stack.callback(progress.close)
    return CallbackList(progress, *callbacks)


@contextmanager
def _failure_told(callback: Callback | None) -> Iterator[None]:
    """Tell of an error that ends the block; an interrupt is none."""
    try:
        yield
    except Exception as error:
        if callback is not None:
            callback.failed(error)
        raise


def _info(project: Project, name: str, material: _Material, told: dict[str, Any]) -> dict[str, Any]:
    training, row = project.parameters.training, project.parameters.trainings[name]
    return {
        "name": name,
        "steps": row.samples // training.batch,
        "batch": training.batch,
        "kind": material.model.kind,
        "pairs": material.pairs,
        "parent": told["parent"],
        "data": told["data"],
        "versions": told["versions"],
    }


def _fit(
    project: Project,
    name: str,
    material: _Material,
    *,
    callback: Callback | None,
    resume: Resume | None,
    processes: Processes,
) -> Fit:
    row = project.parameters.trainings[name]
    if processes.first and sum(map(len, material.validation)) < 2:
        say(f"checkpoint {name}: fewer than two validation pairs, so the last weights count as the best")
    return fit(
        material.model,
        material.train,
        material.validation,
        project.parameters.training,
        samples=row.samples,
        learning_rate=row.learning_rate,
        callback=callback,
        resume=resume,
        processes=processes,
    )


def _check_parameters(project: Project, name: str) -> None:
    """Refuse to record what was trained with other parameters: DVC reads them again when the command has ended.

    Raises:
        TrainingError: they were edited meanwhile; the state of the training is kept.
    """
    path = project.root / "params.yaml"
    then, now = project.parameters, load_parameters(path)
    row = now.trainings.get(name)
    if (row, now.training, now.shards) != (then.trainings[name], then.training, then.shards):
        raise TrainingError(
            f"the parameters of '{name}' were changed while it was trained",
            where=path,
            way_out="put them back and it goes on from its last state; run as they are now, it begins anew",
        )


def _write(project: Project, name: str, material: _Material, fitted: Fit, told: dict[str, Any]) -> str:
    """Write the checkpoint's folder, whole or not at all; return the hash of the best weights."""
    model = material.model
    with atomic_folder(project.checkpoint(name)) as folder:
        last = save(model, folder, name="last.safetensors")
        model.network.load_state_dict(fitted.best)
        best = save(model, folder)
        record = record_of(name, told, fitted, material.pairs, model_sha256=best, last_sha256=last)
        write_json(folder / RECORD, record)
    return best


def _metrics(material: _Material, fitted: Fit, digest: str) -> dict[str, object]:
    validations = fitted.curves["validations"]
    best = next((one for one in validations if one["step"] == fitted.best_step), {})
    return {
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "stopped": fitted.stopped,
        **{f"validation_{key}": round(value, 4) for key, value in best.items() if key != "step"},
        **{f"{key}_pairs": value for key, value in material.pairs.items()},
        "samples_per_second": round(fitted.samples_per_second, 1),
        "waited_share": round(fitted.waited_share, 4),
        "training_seconds": round(fitted.seconds, 1),
        "resumed_after": fitted.resumed_after,
        "model_sha256": digest,
    }
