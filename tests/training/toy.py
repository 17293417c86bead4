"""A model of some thousand weights and generated pairs, for tests of the loop itself, and of killing it."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from sartext.config.training import TrainingParameters
from sartext.models.construction import adapt_text, instantiate
from sartext.models.model import Model, preprocess_cfg
from sartext.models.tokenizer import train_tokenizer
from sartext.training.batches import Batch
from sartext.training.callbacks import Callback
from sartext.training.checkpointing import Resume
from sartext.training.fit import Fit
from sartext.training.image_text import ImageTextTask, Source
from sartext.training.loop import fit
from tests.models.making import tiny_config

SIDE = 32
PARTS = ("images", "tokens", "keys", "image_ids", "captions")
STEPS = 48
FINGERPRINT = {"training": {"batch": 8}, "data": "abc"}
CAPTIONS = [
    f"There is {number} ship in the {place}." for number in ("one", "two", "no") for place in ("sea", "port")
]
CAPTIONS += ["Water.", "One bridge and two ships are in this SAR image, and a part of it is land."]


def toy_model(kind: str = "coca", *, seed: int = 0, patch_dropout: float = 0.0) -> Model:
    """Build a tiny CLIP or CoCa with a tokenizer of its own."""
    vision = {"image_size": SIDE, "patch_size": 16, "width": 16, "layers": 1, "head_width": 8}
    config = tiny_config(kind, {**vision, "patch_dropout": patch_dropout})
    tokenizer = train_tokenizer(CAPTIONS, 300, 96)
    adapt_text(config, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = instantiate(config)
    return Model(network, tokenizer, {"model_cfg": config, "preprocess_cfg": preprocess_cfg(SIDE)}, kind)


def toy_batch(model: Model, count: int, step: int = 0) -> Batch:
    """Make a batch in which some pairs say the same; the pictures follow the captions."""
    draw = torch.Generator().manual_seed(1000 + step)
    chosen = torch.randint(len(CAPTIONS), (count,), generator=draw)
    noise = torch.randint(0, 100, (count, 3, SIDE, SIDE), generator=draw)
    images = (noise + 18 * chosen.view(-1, 1, 1, 1)).to(torch.uint8)
    captions = tuple(CAPTIONS[at] for at in chosen)
    names = tuple(f"toy/{step}-{number}" for number in range(count))
    return Batch(step, images, model.tokenizer.encode(captions), chosen.long(), names, captions)


class ToyBatches:
    """A source of such batches, the share of one process."""

    def __init__(self, model: Model, batch: int, rank: int = 0, world: int = 1) -> None:
        self.model, self.batch = model, batch
        self._share = slice(rank * batch // world, (rank + 1) * batch // world)

    def from_step(self, step: int) -> Iterator[Batch]:
        while True:
            whole = toy_batch(self.model, self.batch, step)
            images, tokens, *others = (getattr(whole, name)[self._share] for name in PARTS)
            # like the real ones, a share is cut to its own longest caption
            longest = int((tokens != self.model.tokenizer.pad).any(dim=0).sum())
            yield Batch(step, images, tokens[:, :longest], *others)
            step += 1


def toy_validation(model: Model) -> Sequence[Batch]:
    """Make fixed validation batches."""
    return [toy_batch(model, 8, 10_000), toy_batch(model, 4, 10_001)]


def toy_task(
    model: Model, *, source: Source | None = None, validation: Sequence[Batch] | None = None, **options: object
) -> ImageTextTask:
    """Return the training of such a model on such batches; the options are its training parameters."""
    parameters = toy_parameters(**options)
    source = source or ToyBatches(model, parameters.batch)
    return ImageTextTask(model, source, toy_validation(model) if validation is None else validation, parameters)


def toy_parameters(**changed: object) -> TrainingParameters:
    """Parameters of a training of batches of 8."""
    return TrainingParameters.model_validate({"batch": 8, "threads": 1, "validate_every": 32, **changed})


def trained(
    model: Model, *, steps: int = 8, rate: float = 0.003, callback: Callback | None = None, **options: Any
) -> Fit:
    """Train such a model for some steps; the options are those of its task."""
    task = toy_task(model, **options)
    return fit(task, samples=steps * task.parameters.batch, learning_rate=rate, callback=callback)


class Narrow(nn.Module):
    """An image tower that has memory for so many pictures at a time, or for the gradients of so many."""

    def __init__(self, visual: nn.Module, room: int, *, backward: bool = False) -> None:
        super().__init__()
        self.visual, self.room, self.backward = visual, room, backward

    def forward(self, images: Tensor) -> Any:
        features = self.visual(images)
        if len(images) > self.room and self.backward:
            features.register_hook(out_of_memory)
        elif len(images) > self.room:
            out_of_memory()
        return features


def out_of_memory(*_: object) -> NoReturn:
    raise RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory")


class Ending(Callback):
    """Writes down the steps, and ends the training at one: by an error, or by killing its own process."""

    def __init__(self, last: int = 0, error: type[BaseException] | None = None, reached: Any = None) -> None:
        self.last, self.error, self.reached = last, error, reached
        self.steps: list[tuple[int, int]] = []
        self.validations: list[int] = []

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self.steps.append((step, samples))
        if self.reached is not None:
            self.reached.value = step
        if step == self.last and self.error is not None:
            raise self.error
        if step == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self.validations.append(step)


def toy_fit(folder: Path | None, callback: Any = None, *, share: float = 1.0) -> tuple[Any, Fit]:
    """Run the training that the tests kill; with a folder it keeps its state there."""
    torch.set_num_threads(1)
    model = toy_model("coca", patch_dropout=0.25)
    resume = Resume(folder, FINGERPRINT, share=share) if folder is not None else None
    task = toy_task(model, validate_every=40)
    return model, fit(task, samples=8 * STEPS, learning_rate=0.003, callback=callback, resume=resume)


def run(folder: Path, result: Path, reached: Any, last: int, share: float = 1.0) -> None:
    """Train in a child that ends by SIGTERM as the command line does; write what came out."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    model, fitted = toy_fit(folder, Ending(last, reached=reached), share=share)
    outcome = {"last": dict(model.network.state_dict()), "best": fitted.best, "curves": fitted.curves}
    torch.save({**outcome, "best_step": fitted.best_step, "resumed_after": fitted.resumed_after}, result)
