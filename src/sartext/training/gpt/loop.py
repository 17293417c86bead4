"""One stage of the training of a SAR-GPT: steps, validations, the best weights, and a state to go on from."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sartext.config.training import TrainingParameters
from sartext.errors import DivergenceError, TrainingError
from sartext.models.gpt.model import Gpt
from sartext.models.memory import placed, shortage_told
from sartext.models.model import device_of
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Checkpointer, Resume, State, clone_weights
from sartext.training.gpt.order import Order
from sartext.training.gpt.packing import Asked, Packed, batch_of, pack
from sartext.training.gpt.scoring import said_of, score
from sartext.training.gpt.states import PatchStates
from sartext.training.loop import Fit
from sartext.training.optimisation import adamw, learning_rate_at, reproducible, set_learning_rate
from sartext.training.sampler import mixed, order

MOST_VALIDATED = 2000
"""Validation questions that are asked each time; of more, a fixed random part."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What one stage teaches.

    Args:
        name: ``optical`` or ``sar``.
        train: its questions in tokens.
        validation: others; without any nothing is validated, and the last weights are the best.
        states: of the pictures of both; None for a model without images.
        samples: questions to ask; whole batches of them, at least one.
        order: of the train questions.
    """

    name: str
    train: Sequence[Asked]
    validation: Sequence[Asked]
    states: PatchStates | None
    samples: int
    order: Order


def fit_lesson(
    model: Gpt,
    lesson: Lesson,
    parameters: TrainingParameters,
    *,
    learning_rate: float,
    callback: Callback | None = None,
    resume: Resume | None = None,
) -> Fit:
    """Teach a model one lesson in place; it ends with the best weights, by accuracy and then by loss.

    Args:
        model: its parameters that require a gradient learn; moved to the device of the parameters.
        lesson: the questions.
        parameters: of the training.
        learning_rate: the highest one.
        callback: told of every step.
        resume: keeps the state; what it holds is gone on from. The caller removes it when the result is safe.

    Raises:
        DivergenceError: a loss or the gradient is no number.
        TrainingError: memory runs out, or nothing is left to learn.
        ModelError: the device is absent.
    """
    device = device_of(parameters.device)
    with reproducible(parameters, device):
        return _Loop(model, lesson, parameters, device, resume).run(learning_rate, callback or CallbackList())


def learned(model: Gpt) -> nn.ParameterDict:
    """Return the parameters that learn, by name, as a module that shares them: what a state is made of."""
    named = model.network.named_parameters()
    return nn.ParameterDict({name.replace(".", "/"): one for name, one in named if one.requires_grad})


class _Loop:
    """The parts of one lesson that stay the same while it runs."""

    def __init__(
        self,
        model: Gpt,
        lesson: Lesson,
        parameters: TrainingParameters,
        device: torch.device,
        resume: Resume | None,
    ) -> None:
        self.model, self.lesson, self.parameters, self.device = model, lesson, parameters, device
        self.steps = lesson.samples // parameters.batch
        pad = model.tokenizer.pad_token_id
        self.pad = int(pad)
        self.validation = [pack(part, self.pad) for part in _parts(lesson.validation, parameters)]
        with placed(model.network, device):
            model.network.to(device)
        if parameters.gradient_checkpointing:
            model.network.model.language_model.gradient_checkpointing_enable({"use_reentrant": False})
        self.learned = learned(model)
        self.optimiser = adamw(model.network, parameters)
        self.checkpointer = Checkpointer(self.learned, self.optimiser, resume)
        able = device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.bf16 = parameters.precision == "bf16" or (parameters.precision == "auto" and able)
        self.state = State()
        self.resumed_after = 0
        self.validating = 0.0

    def run(self, learning_rate: float, callback: Callback) -> Fit:
        """Take the steps; leave the best weights in the model."""
        batch = self.parameters.batch
        found = self.checkpointer.load()
        if found is not None:
            self.checkpointer.restore(found, self.device)
            self.state, self.resumed_after = found, found.step
        start = time.perf_counter()
        self.model.network.train()
        with self.checkpointer.save_on_interrupt(self.state):
            self._validate_if_due(callback)
            while self.state.step < self.steps and not self.state.is_over(self.parameters.patience):
                step = self.state.step + 1
                rate = learning_rate_at(step, self.steps, learning_rate, self.parameters.warmup)
                callback.step(step, step * batch, self._take(step, rate))
                self._validate_if_due(callback)
                self.checkpointer.save_if_due(self.state)
            self.checkpointer.save(self.state)
        seconds = time.perf_counter() - start
        best = self.state.best or clone_weights(self.learned)
        self.learned.load_state_dict(best)
        self.model.network.eval()
        taken = (self.state.step - self.resumed_after) * batch
        return Fit(
            steps=self.state.step,
            samples=self.state.step * batch,
            best_step=self.state.best_step or self.state.step,
            best=best,
            curves=self.state.curves,
            stopped="complete" if self.state.step == self.steps else "patience",
            resumed_after=self.resumed_after,
            seconds=seconds,
            waited_share=0.0,
            samples_per_second=taken / max(1e-9, seconds - self.validating),
        )

    def _take(self, step: int, rate: float) -> dict[str, float]:
        """Take one step; return its figures."""
        # what dropout draws follows from the step, so that a resumed training draws the same
        torch.manual_seed(mixed(self.parameters.seed, step))
        set_learning_rate(self.optimiser, rate)
        places = self.lesson.order.at(step - 1)
        with shortage_told(lambda: _shortage(self.parameters)):
            loss = self._gradients(places)
            norm = nn.utils.clip_grad_norm_(list(self.learned.values()), self.parameters.clip_norm)
        figures = {"loss": loss, "learning_rate": rate, "gradient_norm": float(norm)}
        self._check(step, figures, places)
        with self.checkpointer.updating():
            with shortage_told(lambda: _shortage(self.parameters)):
                self.optimiser.step()
            self.state.step = step
            self.state.curves["steps"].append({"step": step, **figures})
        return figures

    def _gradients(self, places: Sequence[int]) -> float:
        """Leave the gradient of the mean loss over the tokens of the answers; return that loss."""
        self.optimiser.zero_grad(set_to_none=True)
        size = -(-len(places) // self.parameters.accumulate)
        parts = [places[at : at + size] for at in range(0, len(places), size)]
        tokens = sum(len(self.lesson.train[at].said) for at in places)
        total = torch.zeros((), device=self.device)
        for part in parts:
            loss: Tensor = self._said(batch_of(self.lesson.train, part, self.pad)) / tokens
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return float(total)

    def _said(self, packed: Packed) -> Tensor:
        return said_of(self.model, packed, self.lesson.states, bf16=self.bf16).loss

    def _check(self, step: int, figures: dict[str, float], places: Sequence[int]) -> None:
        wrong = [name for name in ("loss", "gradient_norm") if not math.isfinite(figures[name])]
        if wrong:
            images = dict.fromkeys(self.lesson.train[at].image_id for at in places)
            raise DivergenceError(
                f"the {wrong[0].replace('_', ' ')} is {figures[wrong[0]]} at step {step} of the "
                f"{self.lesson.name} questions, with the images {', '.join(images)}",
                where="training",
                way_out="look at these images, or lower `learning_rate`; the weights of this step are not kept",
            )

    def _validate_if_due(self, callback: Callback) -> None:
        """Ask the validation questions after every so many steps and the last, once."""
        step, done = self.state.step, self.state.curves["validations"]
        every = max(1, round(self.parameters.validate_every / self.parameters.batch))
        due = bool(self.validation) and step > 0 and (step % every == 0 or step == self.steps)
        if due and not (done and done[-1]["step"] == step):
            callback.validated(step, step * self.parameters.batch, self._validate(step))

    def _validate(self, step: int) -> dict[str, float]:
        start = time.perf_counter()
        with shortage_told(lambda: _shortage(self.parameters)):
            figures = score(self.model, self.validation, self.lesson.states, bf16=self.bf16)
        if not math.isfinite(figures["loss"]):
            raise DivergenceError(
                f"the loss of the validation questions is {figures['loss']} at step {step}",
                where="training",
                way_out="lower `learning_rate`; the weights of this step are not kept",
            )
        told = self.state.curves["validations"]
        is_best = not told or _merit(figures) > max(map(_merit, told))
        weights = clone_weights(self.learned) if is_best else {}
        with self.checkpointer.updating():
            if is_best:
                self.state.best_step, self.state.best = step, weights
            told.append({"step": step, **figures})
        self.validating += time.perf_counter() - start
        return figures


def _merit(figures: dict[str, float]) -> tuple[float, float]:
    return figures["accuracy"], -figures["loss"]


def _parts(questions: Sequence[Asked], parameters: TrainingParameters) -> Iterator[list[Asked]]:
    """The validation questions in batches, pictures with equally many together; of too many a fixed part."""
    kept = order(len(questions), mixed(parameters.seed, 4), 0)[:MOST_VALIDATED].tolist() if questions else []
    images: dict[str, list[Asked]] = {}
    for at in sorted(kept):
        images.setdefault(questions[at].image_id, []).append(questions[at])
    flat = [one for same in sorted(images.values(), key=len) for one in same]
    for at in range(0, len(flat), parameters.batch):
        yield flat[at : at + parameters.batch]


def _shortage(parameters: TrainingParameters) -> TrainingError:
    checkpointing = "" if parameters.gradient_checkpointing else ", or `training.gradient_checkpointing: true`"
    return TrainingError(
        f"out of memory with {parameters.batch} questions in {parameters.accumulate} parts",
        where="training",
        way_out=f"raise `training.accumulate` in params.yaml, which gives the same gradients{checkpointing}",
    )
