"""The training loop: steps, validations, the best and the last weights, and a state to go on from."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from sartext.config.training import TrainingParameters
from sartext.errors import TrainingError
from sartext.models.memory import explained, placed
from sartext.models.model import Model, device_of
from sartext.models.preprocessing import normalise
from sartext.training.batches import Batch
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Checkpointer, Resume, State, Weights, clone_weights
from sartext.training.distribution import Processes, local_device
from sartext.training.divergence import check_step, check_validation
from sartext.training.gradients import Objective, Pairs, Trained, compute_gradients
from sartext.training.optimisation import (
    adamw,
    clamp_temperature,
    learning_rate_at,
    reproducible,
    set_learning_rate,
)
from sartext.training.sampler import mixed
from sartext.training.validation import score

FEWEST_VALIDATED = 2
"""Validation pairs that can tell models apart: of a single one the contrastive loss is always 0."""


class Source(Protocol):
    """Where batches come from: `Batches`, or anything that gives the same ones for the same step."""

    batch: int
    waited: float

    def from_step(self, step: int) -> Iterator[Batch]:
        """Yield this process's parts of the batches from a step on, counted from 0."""


@dataclass(frozen=True)
class Fit:
    """What a training gave. The model holds the last weights.

    Args:
        steps: that were taken, over all runs of a training that was resumed.
        samples: pairs that were seen.
        best_step: the step with the lowest validation loss; the last one where nothing was validated.
        best: the weights of that step, in main memory.
        curves: ``steps`` and ``validations``, a mapping of figures for each, with ``step`` counted from 1.
        stopped: ``complete``, or ``patience`` where it ended early.
        resumed_after: the step that this run went on after; 0 for a fresh one.
        seconds: of this run, validations included.
        waited_share: share of the seconds in which the trainer waited for data.
        samples_per_second: of this run, validations left out.
    """

    steps: int
    samples: int
    best_step: int
    best: Weights
    curves: dict[str, list[dict[str, float]]]
    stopped: str
    resumed_after: int
    seconds: float
    waited_share: float
    samples_per_second: float


def fit(
    model: Model,
    train: Source,
    validation: Sequence[Batch],
    parameters: TrainingParameters,
    *,
    samples: int,
    learning_rate: float,
    callback: Callback | None = None,
    resume: Resume | None = None,
    processes: Processes | None = None,
) -> Fit:
    """Train a model in place.

    Args:
        model: moved to the device of the parameters.
        train: batches of ``parameters.batch`` pairs over all processes.
        validation: fixed batches; with fewer than two pairs nothing is validated, the last weights are the best.
        parameters: of the training; ``seed`` decides what dropout draws.
        samples: pairs to see; whole batches of them.
        learning_rate: the highest one.
        callback: told of every step by process 0.
        resume: keeps the state, at the end and at an interrupt too; what it holds is gone on from. The caller
            removes it when the result is safe.
        processes: of this training.

    Raises:
        DivergenceError: a loss, in training or validation, or the gradient is no number.
        TrainingError: memory runs out, or the samples do not fill a batch.
        ModelError: the device is absent.
    """
    processes = processes or Processes()
    device = local_device(device_of(parameters.device))
    with reproducible(parameters, device):
        loop = _Loop(model, train, validation, parameters, device=device, processes=processes, resume=resume)
        return loop.run(samples, learning_rate, callback if callback and processes.first else CallbackList())


class _Loop:
    """The parts of one training that stay the same while it runs."""

    def __init__(
        self,
        model: Model,
        train: Source,
        validation: Sequence[Batch],
        parameters: TrainingParameters,
        *,
        device: torch.device,
        processes: Processes,
        resume: Resume | None,
    ) -> None:
        _check(train, parameters, processes)
        self.model, self.train, self.parameters, self.processes = model, train, parameters, processes
        self.validation = validation if sum(map(len, validation)) >= FEWEST_VALIDATED else ()
        self.device = device
        self.objective = objective_of(model, parameters, device)
        with placed(model.network, device):
            model.network.to(device)
        model.network.train()
        if getattr(model.network, "logit_bias", None) is not None:
            model.network.logit_bias.requires_grad_(False)
        if parameters.gradient_checkpointing:
            model.network.set_grad_checkpointing(True)  # type: ignore[operator]
        with placed(model.network, device):
            self.trained = processes.wrap(Trained(model.network, self.objective), device)
        self.optimiser = adamw(model.network, parameters)
        self.checkpointer = Checkpointer(model.network, self.optimiser, resume if processes.first else None)
        self.learned = [one for one in model.network.parameters() if one.requires_grad]
        self.state = State()
        self.resumed_after = 0
        self.validating = 0.0

    def run(self, samples: int, learning_rate: float, callback: Callback) -> Fit:
        """Take the steps."""
        batch, peak = self.parameters.batch, learning_rate
        steps = samples // batch
        if steps < 1:
            raise TrainingError(
                f"{samples} samples do not fill one batch of {batch}",
                way_out="raise `samples` of the checkpoint, or lower `training.batch`",
            )
        every = max(1, round(self.parameters.validate_every / batch))
        self._go_on()
        waited, start = self.train.waited, time.perf_counter()
        with (
            closing(self.train.from_step(self.state.step)) as batches,  # type: ignore[type-var]
            self.checkpointer.save_on_interrupt(self.state),
        ):
            self._validate_if_due(every, steps, callback)  # an interrupt may have come between it and its step
            while self.state.step < steps and not self.state.is_over(self.parameters.patience):
                step = self.state.step + 1
                rate = learning_rate_at(step, steps, peak, self.parameters.warmup)
                figures = self._take(step, next(batches), rate)
                share = (self.train.waited - waited) / max(1e-9, time.perf_counter() - start)
                callback.step(step, step * batch, {**figures, "waited_share": share})
                self._validate_if_due(every, steps, callback)
                self.checkpointer.save_if_due(self.state)
            self.checkpointer.save(self.state)
        seconds = time.perf_counter() - start
        taken = (self.state.step - self.resumed_after) * batch
        return Fit(
            steps=self.state.step,
            samples=self.state.step * batch,
            best_step=self.state.best_step or self.state.step,
            best=self.state.best or clone_weights(self.model.network),
            curves=self.state.curves,
            stopped="complete" if self.state.step == steps else "patience",
            resumed_after=self.resumed_after,
            seconds=seconds,
            waited_share=(self.train.waited - waited) / seconds if taken else 0.0,
            samples_per_second=taken / max(1e-9, seconds - self.validating),
        )

    def _take(self, step: int, batch: Batch, rate: float) -> dict[str, float]:
        """Take one step; return its figures."""
        # what dropout draws follows from the step, so that a resumed training draws the same
        torch.manual_seed(mixed(self.parameters.seed, step, self.processes.rank))
        set_learning_rate(self.optimiser, rate)
        self.optimiser.zero_grad(set_to_none=True)
        with explained(self.parameters, self.processes.world, lambda count: self._attempt(batch, count)):
            losses = compute_gradients(
                self.trained, self._pairs(batch), self.objective, self.processes, self.parameters.accumulate
            )
            norm = nn.utils.clip_grad_norm_(self.learned, self.parameters.clip_norm)
        contrasted, captioned, length = torch.cat([losses, norm.detach().reshape(1).to(losses)]).tolist()
        figures = {"loss": self.objective.total(contrasted, captioned), "contrastive": contrasted}
        if self.model.kind == "coca":
            figures["caption"] = captioned
        figures |= {"learning_rate": rate, "gradient_norm": length}
        check_step(step, figures, lambda: self.processes.gather_objects(batch.image_ids))
        with self.checkpointer.updating():
            # the first step makes the optimiser's state
            with explained(self.parameters, self.processes.world, lambda count: self._attempt(batch, count)):
                self.optimiser.step()
            clamp_temperature(self.model.network)
            self.state.step = step
            self.state.curves["steps"].append({"step": step, **figures})
        return figures

    def _pairs(self, batch: Batch, count: int | None = None) -> Pairs:
        images = batch.images[:count].to(self.device, non_blocking=True)
        return Pairs(
            normalise(images, self.model),
            batch.tokens[:count].to(self.device, non_blocking=True),
            batch.keys[:count].to(self.device, non_blocking=True),
        )

    def _attempt(self, batch: Batch, count: int) -> None:
        """Compute the gradients of some pairs beside the optimiser's state, to see whether memory suffices."""
        self.optimiser.zero_grad(set_to_none=True)
        known = self.optimiser.state
        absent = [one for one in self.learned if "exp_avg_sq" not in known.get(one, {})]
        state = [torch.empty_like(one) for one in absent for _ in range(2)]
        alone = Trained(self.model.network, self.objective)
        compute_gradients(alone, self._pairs(batch, count), self.objective, Processes())
        del state

    def _validate_if_due(self, every: int, steps: int, callback: Callback) -> None:
        """Score the validation pairs after every so many steps and the last, once."""
        step, done = self.state.step, self.state.curves["validations"]
        due = bool(self.validation) and step > 0 and (step % every == 0 or step == steps)
        if due and not (done and done[-1]["step"] == step):
            callback.validated(step, step * self.parameters.batch, self._validate(step))

    def _validate(self, step: int) -> dict[str, float]:
        start = time.perf_counter()
        first = self.validation[0]
        with explained(self.parameters, self.processes.world, lambda count: self._attempt(first, count)):
            figures = score(
                self.model, self.validation, self.objective, self.processes, self.parameters.accumulate
            )
        check_validation(step, figures)
        told = self.state.curves["validations"]
        lowest = min((one["loss"] for one in told), default=float("inf"))
        is_best = self.processes.broadcast(figures["loss"] < lowest or not self.state.best_step)
        weights = clone_weights(self.model.network) if is_best else {}
        with self.checkpointer.updating():
            if is_best:
                self.state.best_step, self.state.best = step, weights
            told.append({"step": step, **figures})
        self.validating += time.perf_counter() - start
        return figures

    def _go_on(self) -> None:
        """Take over the state that is there; all processes take that which the first one found."""
        found = self.processes.broadcast(self.checkpointer.load())
        if found is None:
            return
        self.checkpointer.restore(found, self.device)
        self.state, self.resumed_after = found, found.step


def objective_of(model: Model, parameters: TrainingParameters, device: torch.device) -> Objective:
    """Return what a training with these parameters minimises."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return Objective(
        contrastive_weight=parameters.contrastive_weight if model.kind == "coca" else 1.0,
        caption_weight=parameters.caption_weight if model.kind == "coca" else 0.0,
        equal_facts=parameters.contrastive == "equal-facts",
        pad=model.tokenizer.pad,
        bf16=parameters.precision == "bf16" or (parameters.precision == "auto" and able),
    )


def _check(train: Source, parameters: TrainingParameters, processes: Processes) -> None:
    parts = processes.world * parameters.accumulate
    if parameters.batch % parts:
        raise TrainingError(
            f"{processes.world} processes of {parameters.accumulate} parts do not divide {parameters.batch} pairs",
            way_out=f"set `training.batch` to a multiple of {parts}",
        )
    if train.batch != parameters.batch:
        raise TrainingError(f"batches of {train.batch} pairs for a training of {parameters.batch}")
