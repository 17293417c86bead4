"""Batches of pictures and tokens, made ahead of the trainer by threads.

Step ``s`` of a training gives the same batch in every process, however many threads make it and wherever the
training went on: what is in it follows from the seed and ``s`` alone.

``torch.utils.data.DataLoader`` is not taken: it has no step to resume from exactly, and its workers pickle each
batch across processes, where threads decode into one shared cache.
"""

import os
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from sartext.errors import TrainingError
from sartext.models.squashing import Pixels
from sartext.models.tokenizer import Tokenizer
from sartext.training.augmentation import UPRIGHT, Choice, draw, view
from sartext.training.caption_views import CaptionView, CaptionViews
from sartext.training.sampler import batch_indices, check_batch, derangement, made_by, share
from sartext.training.shards.reading import Pair, Shards

B = TypeVar("B")

AHEAD = 3
"""Batches that are made or being made while the trainer works on another."""

CACHE_BYTES = 512 << 20
"""Of decoded pictures that a training holds in memory."""


@dataclass(frozen=True)
class Batch:
    """What a step takes.

    Args:
        step: counted from 0.
        images: uint8, n x 3 x side x side; `models.model.normalise` makes them the network's input.
        tokens: int64, n x (tokens of the longest caption), padded.
        keys: int64, n; equal for pairs that say the same.
        image_ids: of the pictures.
        captions: the texts.
    """

    step: int
    images: torch.Tensor
    tokens: torch.Tensor
    keys: torch.Tensor
    image_ids: tuple[str, ...]
    captions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.image_ids)


def ahead(make: Callable[[int], B], step: int, workers: int | None = None) -> Iterator[B]:
    """Yield what ``make`` returns for a step and those after it, without end, made ahead by threads.

    Closing the iterator ends the threads, by default one for each core, at most four.
    """
    workers = workers or max(1, min(4, len(os.sched_getaffinity(0))))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    waiting: deque[Future[B]] = deque()
    try:
        while True:
            while len(waiting) < AHEAD + workers - 1:
                waiting.append(pool.submit(make, step))
                step += 1
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class Batches:
    """An endless row of batches of the training split, from any step on.

    Args:
        shards: optical, SAR or both; mixed data are drawn in proportion.
        tokenizer: of the model.
        batch: pairs per step over all processes.
        seed: of order, views and, for the control, the shuffling.
        rank: of this process among ``world``; it gets a fixed part of every batch.
        world: number of processes.
        augment: turns, gain and contrast, looks and paraphrases; without, only an image's captions take turns.
        shuffle_captions: the control: every image gets the captions of another one, always the same.
        fraction: share of the SAR pairs; a smaller one is part of every larger one.
        methods: which SAR captions, by how they were made; none named: all.
        paraphrase: without, annotated pairs are described in the grammar's plain words alone.
        side: of the model's input, which must be the shards'.
        workers: threads; the batches do not depend on it.

    Attributes:
        pairs: number of pairs that are drawn from.
        left_out: image ids of pairs without a caption that the context holds.

    Raises:
        TrainingError: fewer pairs than the batch, a batch that the processes do not divide, captions longer than
            the context, or shards of another side.
    """

    def __init__(
        self,
        shards: Shards,
        tokenizer: Tokenizer,
        *,
        batch: int,
        seed: int,
        rank: int = 0,
        world: int = 1,
        augment: bool = True,
        shuffle_captions: bool = False,
        fraction: float = 1.0,
        methods: Collection[str] = (),
        paraphrase: bool = True,
        side: int | None = None,
        workers: int | None = None,
    ) -> None:
        if batch % world:
            raise TrainingError(
                f"{world} processes do not divide a batch of {batch}",
                way_out=f"set training.batch to a multiple of {world}",
            )
        rows = share(made_by(shards.rows("train"), methods), fraction)
        self._maker = _Maker(shards, tokenizer, rows, augment=augment, paraphrase=paraphrase, side=side)
        self.pairs = len(self._maker.captions.pairs)
        self.left_out = tuple(self._maker.captions.left_out)
        check_batch(self.pairs, batch, ", ".join(map(str, shards.folders)))
        if shuffle_captions:
            self._maker.swapped = derangement(self.pairs, seed)
        self.batch, self.seed, self._augment = batch, seed, augment
        part = batch // world
        self._part = slice(rank * part, (rank + 1) * part)
        self._workers = workers

    def from_step(self, step: int) -> Iterator[Batch]:
        """Yield the batches from a step on, without end; closing the iterator ends its threads."""
        return ahead(self.at, step, self._workers)

    def at(self, step: int) -> Batch:
        """Return this process's part of the batch of one step, made here and now."""
        indices = batch_indices(self.pairs, self.batch, step, self.seed)[self._part]
        first = step * self.batch + self._part.start
        choices = [self._choice(first + at, index) for at, index in enumerate(indices)]
        return self._maker.batch(step, indices, choices)

    def _choice(self, position: int, index: int) -> Choice:
        drawn = draw(self.seed, position, self._maker.captions.pairs[index].looks)
        return drawn if self._augment else replace(UPRIGHT, wording=drawn.wording)


def validation_batches(
    shards: Shards,
    tokenizer: Tokenizer,
    *,
    batch: int,
    side: int | None = None,
    methods: Collection[str] = (),
    paraphrase: bool = True,
    shuffle_captions: bool = False,
    seed: int = 0,
) -> list[Batch]:
    """Return the validation pairs with their stored captions, sorted by image id, upright and unchanged.

    The last batch may be smaller. Without ``paraphrase`` the stored captions of annotated pairs are replaced too;
    the other arguments are those of `Batches`.

    Raises:
        TrainingError: shards of another side, or captions longer than the context. No pairs at all give none.
    """
    rows = made_by(shards.rows("validation"), methods)
    maker = _Maker(shards, tokenizer, rows, augment=False, paraphrase=paraphrase, side=side)
    count = len(maker.captions.pairs)
    if shuffle_captions and count > 1:
        maker.swapped = derangement(count, seed)
    parts = [np.arange(first, min(first + batch, count)) for first in range(0, count, batch)]
    return [maker.batch(step, part, None) for step, part in enumerate(parts)]


class _Maker:
    """Makes batches of pairs by their indices; may be used by several threads."""

    def __init__(
        self,
        shards: Shards,
        tokenizer: Tokenizer,
        pairs: Sequence[Pair],
        *,
        augment: bool,
        paraphrase: bool,
        side: int | None,
    ) -> None:
        if side is not None and shards.side and side != shards.side:
            raise TrainingError(
                f"the model takes {side} pixels, the shards hold {shards.side}",
                where=", ".join(map(str, shards.folders)),
                way_out=f"set shards.side to {side}, or take a foundation of {shards.side} pixels",
            )
        self.shards = shards
        self.pad = tokenizer.pad
        self.captions = CaptionViews(pairs, shards, tokenizer, augment=augment, paraphrase=paraphrase)
        self.swapped: npt.NDArray[np.int64] | None = None
        self._room = CACHE_BYTES
        self._pictures: dict[tuple[int, int], Pixels] = {}

    def batch(self, step: int, indices: npt.NDArray[np.int64], choices: Sequence[Choice] | None) -> Batch:
        """Make a batch; without choices of upright pictures and the stored captions."""
        side = self.shards.side
        images = np.empty((len(indices), 3, side, side), dtype=np.uint8)
        views: list[CaptionView] = []
        for at, index in enumerate(map(int, indices)):
            captioned = index if self.swapped is None else int(self.swapped[index])
            if choices is None:
                views.append(self.captions.stored(captioned))
                picture = self.shards.picture(self.captions.pairs[index])
            else:
                views.append(self.captions.view(captioned, choices[at].turn, choices[at].wording))
                choice = replace(choices[at], turn=views[-1].turn)
                picture = view(self._picture(index, choice.look), choice)
            images[at] = picture if picture.ndim == 2 else picture.transpose(2, 0, 1)
        tokens = [torch.from_numpy(caption.ids) for caption in views]
        return Batch(
            step,
            torch.from_numpy(images),
            pad_sequence(tokens, batch_first=True, padding_value=self.pad),
            torch.tensor([caption.key for caption in views], dtype=torch.int64),
            tuple(self.captions.pairs[index].image_id for index in indices),
            tuple(caption.caption for caption in views),
        )

    def _picture(self, index: int, look: int) -> Pixels:
        picture = self._pictures.get((index, look))
        if picture is None:
            picture = self.shards.picture(self.captions.pairs[index], look)
            if picture.nbytes <= self._room:
                self._room -= picture.nbytes
                self._pictures[(index, look)] = picture
        return picture
