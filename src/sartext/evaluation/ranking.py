"""Where the right answers stand: every image ranks all texts and every text all images, block by block.

One product of matrices serves both directions, and memory holds a block of it at a time. Two things make equal
similarities equal, whatever the order in which a product adds up:

- Equal features are compared once. A product need not give two equal columns the same last bit, as it may treat
  the edge of a block in another way; so a tie between equal texts would be broken by rounding.
- The similarity of a positive comes out of the same product as those that it is compared with. A first sweep
  multiplies only the blocks that hold a positive and keeps each query's best; the second multiplies all blocks,
  by the same calls, and counts. Items are sorted by label, so that positives lie in few blocks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sartext.errors import EvaluationError
from sartext.evaluation import blocks
from sartext.evaluation.blocks import Block, Room, Side, all_blocks, holding_positives, side_of, sweep

LARGEST = 1 << 24
"""Items of a side at most: whole numbers up to here are exact in single precision."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranks:
    """For every query what decides at which rank its first positive stands.

    Args:
        above: how many of the gallery are more similar than the best positive.
        ties: how many negatives are exactly as similar.
        best: how many positives are; 0 for a query without a positive.
    """

    above: Floats
    ties: Floats
    best: Floats

    def found(self, cuts: Sequence[int]) -> Floats:
        """Return the chance that a positive is among the first k, all orders of ties equally likely.

        The first k miss all of the best positives if their k - above free places go to negatives
        (hypergeometric). A query without a positive finds none.

        Args:
            cuts: the ranks k, from 1.

        Returns:
            Queries x cuts, from 0 to 1.
        """
        most = max(cuts)
        missed = np.ones((len(self.above), most + 1))
        for place in range(most):
            left = self.ties - place
            missed[:, place + 1] = missed[:, place] * np.maximum(left, 0) / np.maximum(left + self.best, 1)
        places = np.clip(np.asarray(cuts)[None, :] - self.above[:, None], 0, most).astype(np.int64)
        found = 1.0 - np.take_along_axis(missed, places, axis=1)
        return np.where(self.best[:, None] > 0, found, 0.0)


def rank(images: Tensor, texts: Tensor, image_labels: Tensor, text_labels: Tensor) -> tuple[Ranks, Ranks]:
    """Rank all texts for each image and all images for each text by the scalar product of their features.

    Args:
        images: float, n x width, finite.
        texts: float, m x width, finite, on the same device.
        image_labels: int64, n; a text is positive for an image if their labels are equal.
        text_labels: int64, m.

    Returns:
        The ranks of the images' and of the texts' positives, in the order of the arguments.

    Raises:
        EvaluationError: there are too many, or the device gives another product for the same numbers.
    """
    if max(len(images), len(texts)) >= LARGEST:
        raise EvaluationError(
            f"{len(images)} images and {len(texts)} texts", way_out=f"rank fewer than {LARGEST} at a time"
        )
    rows, columns = side_of(images, image_labels), side_of(texts, text_labels)
    lock = Lock()

    def note_best(block: Block) -> None:
        noted = list(_note_best(block, block.similarity()))
        with lock:
            for one in noted:
                _keep(*one)

    def count(block: Block) -> None:
        counted = list(_count(block, block.similarity()))
        with lock:
            for counts, items, found in counted:
                counts[items] += found

    room = Room()
    sweep([Block(rows, columns, room, *one) for one in holding_positives(rows, columns)], note_best)
    sweep([Block(rows, columns, room, *one) for one in all_blocks(rows, columns)], count)
    return _ranks(rows), _ranks(columns)


def _ranks(side: Side) -> Ranks:
    """Return what was counted, in the caller's order."""
    if bool((side.equal < side.best_ones).any()):  # a positive is at least equal to itself
        raise EvaluationError(
            "the same product of matrices gave other numbers the second time",
            where=str(side.features.device),
            way_out="score on the CPU, or ask torch for deterministic algorithms",
        )
    known = side.best_ones > 0
    counts = torch.stack([side.above, side.equal - side.best_ones, side.best_ones]) * known
    told = np.empty((3, len(side.items)))
    told[:, side.items.numpy()] = counts.cpu().numpy()
    return Ranks(*told)


_Noted = tuple[Side, slice, Tensor, Tensor]
"""A side, some of its items, their best positive similarity in a block, and how many positives have it."""


def _note_best(block: Block, similarity: Tensor) -> Iterator[_Noted]:
    rows, columns = block.rows, block.columns
    for left, of_left in rows.chunks(block.row):
        some = similarity if of_left is None else similarity[of_left]
        for right, of_right in columns.chunks(block.column):
            part = some if of_right is None else some[:, of_right]
            positive = rows.labels[left, None] == columns.labels[None, right]
            part = part.masked_fill(~positive, -torch.inf)
            for side, items, dimension in ((rows, left, 1), (columns, right, 0)):
                best = part.amax(dim=dimension, keepdim=True)
                ones = ((part == best) & positive).sum(dim=dimension)
                yield side, items, best.squeeze(dimension), ones


def _keep(side: Side, items: slice, found: Tensor, ones: Tensor) -> None:
    """Keep the better of what was known of some items and what was found in a block."""
    held = side.best[items]
    best = torch.maximum(held, found)
    side.best_ones[items] = side.best_ones[items] * (held == best) + ones * (found == best)
    side.best[items] = best


_Counted = tuple[Tensor, slice, Tensor]
"""Counts of a side, the items that they are of, and what is to be added."""


def _count(block: Block, similarity: Tensor) -> Iterator[_Counted]:
    """Count how much of the other side is above each query's best positive, and how much is equal to it.

    The block is read strip by strip, while a strip is in the processor's cache.
    """
    rows, columns, room = block.rows, block.columns, block.room
    strip = blocks.STRIP if similarity.device.type == "cpu" else blocks.BLOCK
    for start in range(0, len(similarity), strip):
        part = similarity[start : start + strip]
        some = slice(block.row.start + start, block.row.start + start + len(part))
        for items, of in rows.chunks(some):
            queries = part if of is None else part[of]
            yield from _compare(queries, rows, items, columns.weights[block.column], room=room, gallery=1)
        for items, of in columns.chunks(block.column):
            queries = part if of is None else part[:, of]
            yield from _compare(queries, columns, items, rows.weights[some], room=room, gallery=0)


def _compare(
    part: Tensor, queries: Side, items: slice, weights: Tensor, *, room: Room, gallery: int
) -> Iterator[_Counted]:
    """Compare with the best positives; ``gallery`` is the dimension that is counted, with its weights.

    A comparison is written as numbers, 0 or 1, so that a product with the weights counts them: exact in single
    precision.
    """
    work = room.take("comparison", part, *part.shape)
    best = queries.best[items].unsqueeze(gallery)
    for compare, counts in ((work.gt_, queries.above), (work.eq_, queries.equal)):
        work.copy_(part)
        compare(best)
        yield counts, items, torch.mv(work if gallery == 1 else work.T, weights)
