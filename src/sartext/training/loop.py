"""The training loop: steps, validations, the best and the last weights, and a state to go on from."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from sartext.config.training import TrainingParameters
from sartext.errors import DivergenceError, TrainingError
from sartext.models.memory import placed
from sartext.models.model import device_of
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Checkpointer, Resume, State, clone_weights
from sartext.training.distribution import Processes, local_device
from sartext.training.fit import Fit
from sartext.training.optimisation import adamw, learning_rate_at, reproducible

B = TypeVar("B")

CHECKED = {name: f"{name} loss" for name in ("contrastive", "caption")}
CHECKED |= {"loss": "loss", "gradient_norm": "gradient norm"}
"""Figures that must be finite, and what a message calls them; the first that is not is named."""


class Task(Protocol[B]):
    """What a training learns: a network, its batches, its losses and its validation.

    Attributes:
        name: of what it learns from, as in ``pairs``.
        parameters: of the training.
        network: whose parameters that require a gradient learn.
        saved: the part of it that a state holds; the network itself, or what learns of it.
        validated: whether there is anything to validate with; without, the last weights are the best.
    """

    name: str
    parameters: TrainingParameters
    network: nn.Module
    saved: nn.Module
    validated: bool

    def prepare(self, device: torch.device, processes: Processes) -> None:
        """Make ready what a step needs; the network is on its device, and in training mode."""

    def batches(self, step: int) -> Iterator[B]:
        """Yield this process's parts of the batches from a step on, counted from 0."""

    def random_seed(self, step: int) -> int:
        """Return the seed of what dropout draws in a step: a resumed training draws the same."""

    def gradients(self, batch: B) -> Tensor:
        """Add the gradients of a batch to the parameters; return its losses, a vector."""

    def losses(self, values: Sequence[float]) -> dict[str, float]:
        """Name the losses that `gradients` returned; ``loss`` is what is minimised."""

    def images(self, batch: B) -> Iterable[str]:
        """Return the ids of the images of a batch, of all processes."""

    def explain_shortage(
        self, optimiser: torch.optim.Optimizer, batch: B | None = None
    ) -> AbstractContextManager[None]:
        """Turn a shortage of memory in a step, or a validation, into an error that says what fits."""

    def after_step(self) -> None:
        """Bring parameters back within their bounds."""

    def validate(self) -> dict[str, float]:
        """Return the figures of the validation, ``loss`` among them."""

    def merit(self, figures: dict[str, float]) -> tuple[float, ...]:
        """Return what a validation is compared by; the highest one has the best weights."""


def fit(
    task: Task[B],
    *,
    samples: int,
    learning_rate: float,
    callback: Callback | None = None,
    resume: Resume | None = None,
    processes: Processes | None = None,
) -> Fit:
    """Train a network in place.

    Args:
        task: what is learned; the network is moved to the device of its parameters.
        samples: pairs or questions to see; whole batches of them.
        learning_rate: the highest one.
        callback: called by process 0.
        resume: keeps the state and is gone on from; the caller removes it when the result is safe.
        processes: of this training.

    Raises:
        DivergenceError: a loss, in training or validation, or the gradient is no number.
        TrainingError: memory runs out, or the samples do not fill a batch.
        ModelError: the device is absent.
    """
    processes = processes or Processes()
    device = local_device(device_of(task.parameters.device))
    with reproducible(task.parameters, device):
        loop = _Loop(task, device, processes, resume)
        return loop.run(samples, learning_rate, callback if callback and processes.first else CallbackList())


class _Loop(Generic[B]):
    """The parts of one training that stay the same while it runs."""

    def __init__(self, task: Task[B], device: torch.device, processes: Processes, resume: Resume | None) -> None:
        self.task, self.parameters, self.device, self.processes = task, task.parameters, device, processes
        with placed(task.network, device):
            task.network.to(device)
        task.network.train()
        task.prepare(device, processes)
        self.optimiser = adamw(task.network, self.parameters)
        self.checkpointer = Checkpointer(task.saved, self.optimiser, resume if processes.first else None)
        self.learned = [weight for weight in task.saved.parameters() if weight.requires_grad]
        self.state = State()
        self.waited = self.validating = 0.0

    def run(self, samples: int, learning_rate: float, callback: Callback) -> Fit:
        """Take the steps."""
        batch = self.parameters.batch
        steps = samples // batch
        if steps < 1:
            raise TrainingError(
                f"{samples} samples do not fill one batch of {batch}",
                way_out="raise the `samples`, or lower the batch",
            )
        every = max(1, round(self.parameters.validate_every / batch))
        # all processes take over the state that the first one finds
        if (state := self.processes.broadcast(self.checkpointer.load())) is not None:
            self.checkpointer.restore(state, self.device)
            self.state = state
        resumed_after = self.state.step
        start = time.perf_counter()
        with (
            closing(self.task.batches(self.state.step)) as batches,  # type: ignore[type-var]
            self.checkpointer.save_on_interrupt(self.state),
        ):
            self._validate_if_due(every, steps, callback)  # an interrupt may have come between it and its step
            while self.state.step < steps and not self.state.is_over(self.parameters.patience):
                step = self.state.step + 1
                rate = learning_rate_at(step, steps, learning_rate, self.parameters.warmup)
                waiting_since = time.perf_counter()
                following = next(batches)
                self.waited += time.perf_counter() - waiting_since
                figures = self._step(step, following, rate)
                share = self.waited / max(1e-9, time.perf_counter() - start)
                callback.step(step, step * batch, {**figures, "waited_share": share})
                self._validate_if_due(every, steps, callback)
                self.checkpointer.save_if_due(self.state)
            self.checkpointer.save(self.state)
        seconds = time.perf_counter() - start
        taken = (self.state.step - resumed_after) * batch
        return Fit(
            steps=self.state.step,
            samples=self.state.step * batch,
            best_step=self.state.best_step or self.state.step,
            best=self.state.best or clone_weights(self.task.saved),
            curves=self.state.curves,
            stopped="complete" if self.state.step == steps else "patience",
            resumed_after=resumed_after,
            seconds=seconds,
            waited_share=self.waited / seconds if taken else 0.0,
            samples_per_second=taken / max(1e-9, seconds - self.validating),
        )

    def _step(self, step: int, batch: B, rate: float) -> dict[str, float]:
        """Take one step; return its figures."""
        torch.manual_seed(self.task.random_seed(step))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        with self.task.explain_shortage(self.optimiser, batch):
            losses = self.task.gradients(batch)
            norm = nn.utils.clip_grad_norm_(self.learned, self.parameters.clip_norm)
        *values, length = torch.cat([losses, norm.detach().reshape(1).to(losses)]).tolist()
        figures = {**self.task.losses(values), "learning_rate": rate, "gradient_norm": length}
        if name := _not_finite(figures):
            images = ", ".join(self.task.images(batch))
            raise DivergenceError(
                f"the {CHECKED[name]} is {figures[name]} at step {step}, with the images {images}",
                where=f"training on {self.task.name}",
                way_out="look at these images, or lower `learning_rate`; the weights of this step are not kept",
            )
        with self.checkpointer.updating():
            # the first step makes the optimiser's state
            with self.task.explain_shortage(self.optimiser, batch):
                self.optimiser.step()
            self.task.after_step()
            self.state.step = step
            self.state.curves["steps"].append({"step": step, **figures})
        return figures

    def _validate_if_due(self, every: int, steps: int, callback: Callback) -> None:
        """Validate after every so many steps and the last, once."""
        step, validations = self.state.step, self.state.curves["validations"]
        due = self.task.validated and step > 0 and (step % every == 0 or step == steps)
        if due and not (validations and validations[-1]["step"] == step):
            callback.validated(step, step * self.parameters.batch, self._validate(step))

    def _validate(self, step: int) -> dict[str, float]:
        start = time.perf_counter()
        with self.task.explain_shortage(self.optimiser):
            figures = self.task.validate()
        if name := _not_finite(figures):
            raise DivergenceError(
                f"the {CHECKED[name]} of the validation {self.task.name} is {figures[name]} at step {step}",
                where="training",
                way_out="lower `learning_rate` or `training.clip_norm`; the weights of this step are not kept",
            )
        validations = self.state.curves["validations"]
        better = not validations or self.task.merit(figures) > max(map(self.task.merit, validations))
        is_best = self.processes.broadcast(better)
        weights = clone_weights(self.task.saved) if is_best else {}
        with self.checkpointer.updating():
            if is_best:
                self.state.best_step, self.state.best = step, weights
            validations.append({"step": step, **figures})
        self.validating += time.perf_counter() - start
        return figures


def _not_finite(figures: dict[str, float]) -> str | None:
    return next((name for name in CHECKED if not math.isfinite(figures.get(name, 0.0))), None)
