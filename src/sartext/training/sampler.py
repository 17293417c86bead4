"""Which pairs or questions a step sees: a pure function of its number, from which alone a training goes on."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from sartext.errors import TrainingError
from sartext.narrator.methods import METHODS
from sartext.training.shards.reading import Pair

Indices = npt.NDArray[np.int64]

_INCREMENT = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1

WINDOW = 16
"""Batches that are filled with pictures of about as many questions, so that their rows are about as long."""


def mixed(*numbers: int) -> int:
    """Return 64 bits that depend on all the numbers and look random (SplitMix64; Steele, Lea, Flood 2014).

    A stream of numpy may change with its version.
    """
    state = 0
    for number in numbers:
        state = (state ^ (number & _WORD)) + _INCREMENT & _WORD
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _WORD
        state ^= state >> 31
    return state


def order(n: int, seed: int, epoch: int) -> Indices:
    """Return a permutation of ``0..n-1``: the order in which an epoch sees the pairs."""
    with np.errstate(over="ignore"):
        state = np.uint64(mixed(seed, epoch)) + np.arange(n, dtype=np.uint64) * np.uint64(_INCREMENT)
        state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return np.argsort(state ^ state >> np.uint64(31), kind="stable").astype(np.int64)


def batch_indices(n: int, batch: int, step: int, seed: int) -> Indices:
    """Return the pairs of a step, counted from 0: all different, in the order in which they stand in the batch.

    An epoch has ``n // batch`` steps; the pairs over, others in every epoch, are left out of it.
    """
    epoch, place = divmod(step, n // batch)
    return order(n, seed, epoch)[place * batch : (place + 1) * batch]


def check_batch(n: int, batch: int, where: object = None, *, key: str = "training.batch") -> None:
    """Raise a TrainingError that says what fits where there are fewer pairs than a batch takes."""
    if n < batch:
        what = "no pairs" if n == 0 else f"{n} pair{'s' if n > 1 else ''}"
        way_out = f"set {key} to {n} or less" if n > 1 else "add corpora: a training needs two pairs"
        raise TrainingError(f"a batch of {batch} cannot be drawn from {what}", where=where, way_out=way_out)


def derangement(n: int, seed: int) -> Indices:
    """Return for each of ``n > 1`` items another one, each taken once: one cycle through all in random order."""
    cycle = order(n, seed, -1)
    other = np.empty(n, dtype=np.int64)
    other[cycle] = np.roll(cycle, -1)
    return other


def made_by(pairs: Iterable[Pair], methods: Collection[str]) -> list[Pair]:
    """Return the SAR pairs whose captions were made by one of the methods (none: all), and all optical ones."""
    for name in methods:
        METHODS.get(name, where="params.yaml: methods of a checkpoint")
    return [pair for pair in pairs if not methods or pair.modality != "sar" or pair.method in methods]


def share(pairs: Sequence[Pair], fraction: float) -> list[Pair]:
    """Return a share of the SAR pairs, part of every larger share, and all of the optical ones.

    Whole groups are taken in the order of a hash of their id until it is reached.
    """
    if fraction >= 1.0:
        return list(pairs)
    groups = Counter(pair.group_id for pair in pairs if pair.modality == "sar")
    wanted, taken, kept = fraction * groups.total(), 0, set()
    for group in sorted(groups, key=lambda group: blake2b(group.encode(), digest_size=8).digest()):
        if taken >= wanted:
            break
        kept.add(group)
        taken += groups[group]
    return [pair for pair in pairs if pair.modality != "sar" or pair.group_id in kept]


class QuestionOrder:
    """Which questions a step sees: each once in an epoch, but for those that fill no batch, others every time.

    Pictures come in a random order, their questions together; within a window, pictures with as many questions.
    """

    def __init__(self, image_ids: Sequence[str], batch: int, seed: int) -> None:
        if len(image_ids) < batch:
            raise TrainingError(
                f"a batch of {batch} cannot be drawn from {len(image_ids)} questions",
                way_out="lower `batch` of the model, or add corpora" if image_ids else "add corpora",
            )
        self._batch, self._seed = batch, seed
        places: dict[str, list[int]] = {}
        for at, image_id in enumerate(image_ids):
            places.setdefault(image_id, []).append(at)
        self._images = [places[image_id] for image_id in sorted(places)]
        self._steps = len(image_ids) // batch
        self._per_window = max(1, round(WINDOW * batch * len(self._images) / len(image_ids)))
        self._count = len(image_ids)
        self._batches_of = lru_cache(maxsize=1)(self._batches)

    def at(self, step: int) -> list[int]:
        """Return the places of the questions of a step, counted from 0."""
        epoch, place = divmod(step, self._steps)
        return self._batches_of(epoch)[place]

    def _batches(self, epoch: int) -> list[list[int]]:
        rank = np.argsort(order(self._count, mixed(self._seed, 1), epoch), kind="stable")
        pictures = [self._images[at] for at in order(len(self._images), mixed(self._seed, 2), epoch)]
        flat: list[int] = []
        for start in range(0, len(pictures), self._per_window):
            for same in sorted(pictures[start : start + self._per_window], key=len):
                flat += sorted(same, key=lambda at: int(rank[at]))
        places = order(self._steps, mixed(self._seed, 3), epoch)
        return [flat[at * self._batch : (at + 1) * self._batch] for at in places]
