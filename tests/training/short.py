"""A training that processes share, in which the second runs out of memory within its backward pass."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sartext.training.callbacks import Callback
from sartext.training.distribution import joined
from sartext.training.image_text import ImageTextTask
from sartext.training.loop import fit
from tests.training.toy import ToyBatches, toy_model, toy_parameters


class Short(nn.Module):
    """An image tower whose gradients have no room for more than two pictures."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: Tensor) -> Any:
        features = self.visual(images)
        if len(images) > 2:
            features.register_hook(_no_room)
        return features


def _no_room(gradient: Tensor) -> None:
    raise torch.OutOfMemoryError("out of memory")


class Noting(Callback):
    """Writes down that a step was taken."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self.path.touch()


if __name__ == "__main__":
    with joined(torch.device("cpu")) as together:
        torch.set_num_threads(1)
        model = toy_model("clip")
        if not together.first:
            model.network.visual = Short(model.network.visual)
        source = ToyBatches(model, 8, together.rank, together.world)
        fit(
            ImageTextTask(model, source, [], toy_parameters()),
            samples=80,
            learning_rate=0.001,
            callback=Noting(Path(sys.argv[1])),
            processes=together,
        )
