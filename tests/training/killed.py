"""A training in a process of its own, to be killed."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sartext.training.callbacks import Callback
from sartext.training.checkpointing import Resume
from sartext.training.image_text import ImageTextTask
from sartext.training.loop import Fit, fit
from tests.training.toy import ToyBatches, toy_model, toy_parameters, toy_validation

STEPS = 48
FINGERPRINT = {"training": {"batch": 8}, "data": "abc"}


class Counter(Callback):
    """Tells how far the training is, and ends its process at a step."""

    def __init__(self, shared: Any = None, last: int = 0) -> None:
        self.shared, self.last = shared, last

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        if self.shared is not None:
            self.shared.value = step
        if step == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def toy_fit(folder: Path | None, callback: Any = None, *, share: float = 1.0) -> tuple[Any, Fit]:
    """Run the training that the tests kill; with a folder it keeps its state there."""
    torch.set_num_threads(1)
    model = toy_model("coca", patch_dropout=0.25)
    resume = Resume(folder, FINGERPRINT, share=share) if folder is not None else None
    fitted = fit(
        ImageTextTask(model, ToyBatches(model, 8), toy_validation(model), toy_parameters(validate_every=40)),
        samples=8 * STEPS,
        learning_rate=0.003,
        callback=callback,
        resume=resume,
    )
    return model, fitted


def run(folder: Path, result: Path, shared: Any, last: int, share: float = 1.0) -> None:
    """Train in a child that ends by SIGTERM as the command line does; write what came out."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    model, fitted = toy_fit(folder, Counter(shared, last), share=share)
    outcome = {"last": dict(model.network.state_dict()), "best": fitted.best, "curves": fitted.curves}
    torch.save({**outcome, "best_step": fitted.best_step, "resumed_after": fitted.resumed_after}, result)
