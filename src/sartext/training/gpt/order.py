"""Which questions a step sees: a pure function of the step, questions of one picture together."""

from collections.abc import Sequence

import numpy as np

from sartext.errors import TrainingError
from sartext.training.gpt.packing import Asked
from sartext.training.sampler import mixed, order

WINDOW = 16
"""Batches that are filled with pictures of about as many questions, so that their rows are about as long."""


class Order:
    """The batches of a training.

    Every epoch sees each question once (but those that fill no batch, others in every epoch). Pictures come in a
    random order; within a window those with equally many questions stand together.

    Args:
        questions: at least a batch of them.
        batch: questions of a step.
        seed: of the order.
    """

    def __init__(self, questions: Sequence[Asked], batch: int, seed: int) -> None:
        if len(questions) < batch:
            raise TrainingError(
                f"a batch of {batch} cannot be drawn from {len(questions)} questions",
                way_out="lower `batch` of the model, or add corpora" if questions else "add corpora",
            )
        self._batch, self._seed = batch, seed
        places: dict[str, list[int]] = {}
        for at, one in enumerate(questions):
            places.setdefault(one.image_id, []).append(at)
        self._images = [places[one] for one in sorted(places)]
        self._steps = len(questions) // batch
        self._per_window = max(1, round(WINDOW * batch * len(self._images) / len(questions)))
        self._count = len(questions)
        self._epoch: tuple[int, list[list[int]]] = (-1, [])

    def at(self, step: int) -> list[int]:
        """Return the places of the questions of a step, counted from 0."""
        epoch, place = divmod(step, self._steps)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._arranged(epoch))
        return self._epoch[1][place]

    def _arranged(self, epoch: int) -> list[list[int]]:
        rank = np.argsort(order(self._count, mixed(self._seed, 1), epoch), kind="stable")
        pictures = [self._images[at] for at in order(len(self._images), mixed(self._seed, 2), epoch)]
        flat: list[int] = []
        for start in range(0, len(pictures), self._per_window):
            window = sorted(pictures[start : start + self._per_window], key=len)
            for same in window:
                flat += sorted(same, key=lambda at: int(rank[at]))
        batches = [flat[at * self._batch : (at + 1) * self._batch] for at in range(self._steps)]
        return [batches[at] for at in order(self._steps, mixed(self._seed, 3), epoch)]
