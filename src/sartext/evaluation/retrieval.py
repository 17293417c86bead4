"""Retrieval from image to text and from text to image: recall at 1, 5 and 10 from features.

Every image ranks all texts and every text all images. One product of matrices serves both directions, and memory
holds a block of it at a time. Two things make equal similarities equal, whatever the order in which a product adds
up:

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

from sartext.bootstrap import Floats
from sartext.errors import EvaluationError
from sartext.evaluation import similarity_blocks
from sartext.evaluation.metrics.recall import CUTS, Ranks
from sartext.evaluation.similarity_blocks import (
    Block,
    Buffers,
    Side,
    all_blocks,
    holding_positives,
    side_of,
    sweep,
)

LARGEST = 1 << 24
"""Items of a side at most: whole numbers up to here are exact in single precision."""

Labels = Sequence[int] | npt.NDArray[np.int64] | Tensor


@dataclass(frozen=True)
class Retrieval:
    """For every image and every text the chance that a positive stands among the first ``CUTS``, its columns."""

    image_to_text: Floats
    text_to_image: Floats

    @property
    def mean_recall(self) -> float:
        """The mean of the six recalls, times 100."""
        return 50 * float(self.image_to_text.mean() + self.text_to_image.mean())

    @property
    def per_pair(self) -> Floats:
        """What each pair adds to mean recall, times 100; for one caption per image, in the same order."""
        return np.asarray(50 * (self.image_to_text.mean(axis=1) + self.text_to_image.mean(axis=1)))


def retrieval(
    images: Tensor, texts: Tensor, image_labels: Labels | None = None, text_labels: Labels | None = None
) -> Retrieval:
    """Rank all texts for each image and all images for each text by the scalar product of their features.

    Without ties this is the recall of ``clip_benchmark.metrics.zeroshot_retrieval``. Where a negative ties with
    the best positive, that takes whichever its sorting happens to put first; here all orders are equally likely.

    Args:
        images: features [n, d], normalised.
        texts: features [m, d], normalised.
        image_labels: n whole numbers; a text is positive for an image if their labels are equal. Without labels
            the texts are the images' own captions, in the same order (one-positive). With labels of equal facts it
            is duplicate-aware; with the number of its image as each text's label, several captions per image are
            scored as the field does.
        text_labels: m whole numbers; those of the images where absent.

    Raises:
        EvaluationError: there is nothing to rank, numbers of features and labels differ, the two sides have
            features of different width, or one is no number.
    """
    ranked = ranks(images, texts, image_labels, text_labels)
    return Retrieval(ranked[0].recall_at(CUTS), ranked[1].recall_at(CUTS))


def ranks(
    images: Tensor, texts: Tensor, image_labels: Labels | None = None, text_labels: Labels | None = None
) -> tuple[Ranks, Ranks]:
    """Return where the best positives of the images and of the texts stand; see `retrieval`, which cuts them.

    Raises:
        EvaluationError: as `retrieval`, too many items, or a device whose product is another the second time.
    """
    if image_labels is None:
        image_labels = range(len(images))
    left = _labels(image_labels)
    right = left if text_labels is None else _labels(text_labels)
    if len(images) != len(left) or len(texts) != len(right) or not len(images) or not len(texts):
        raise EvaluationError(
            f"{len(images)} images with {len(left)} labels, {len(texts)} texts with {len(right)}",
            way_out="give a label to every image and text, or no labels and a text for every image",
        )
    check_features(images, texts)
    if max(len(images), len(texts)) >= LARGEST:
        raise EvaluationError(
            f"{len(images)} images and {len(texts)} texts", way_out=f"rank fewer than {LARGEST} at a time"
        )
    rows, columns = side_of(images, left), side_of(texts.to(images.device), right)
    lock = Lock()

    def find_best(block: Block) -> None:
        best = list(_best_positives(block, block.similarity()))
        with lock:
            for side, items, similarities, numbers in best:
                _update_best(side, items, similarities, numbers)

    def count(block: Block) -> None:
        counted = list(_count(block, block.similarity()))
        with lock:
            for counts, items, added in counted:
                counts[items] += added

    buffers = Buffers()
    sweep([Block(rows, columns, buffers, *place) for place in holding_positives(rows, columns)], find_best)
    sweep([Block(rows, columns, buffers, *place) for place in all_blocks(rows, columns)], count)
    return _ranks(rows), _ranks(columns)


def check_features(images: Tensor, texts: Tensor) -> None:
    """Refuse features that cannot be compared.

    Raises:
        EvaluationError: they are no matrices, their widths differ, or a value is no finite number.
    """
    for name, features in (("images", images), ("texts", texts)):
        if features.ndim != 2 or not features.is_floating_point():
            raise EvaluationError(
                f"features of {features.dtype} and shape {tuple(features.shape)}",
                where=name,
                way_out="give a matrix of floating-point numbers, a row for each",
            )
        # a row's sum of squares is finite only if all of its values are; it needs no second matrix
        wrong = (~torch.isfinite(torch.linalg.vector_norm(features.float(), dim=1))).nonzero()
        if len(wrong):
            raise EvaluationError(
                f"{len(wrong)} of {len(features)} features hold a value that is no finite number, the first in "
                f"row {int(wrong[0])}",
                where=name,
                way_out="the model diverged or overflows in half precision: embed in fp32, or name a sound model",
            )
    if images.shape[1] != texts.shape[1]:
        raise EvaluationError(
            f"features of images have {images.shape[1]} values, those of texts {texts.shape[1]}",
            way_out="embed both by the same model",
        )


def _ranks(side: Side) -> Ranks:
    """Return what was counted, in the caller's order."""
    if bool((side.equal < side.best_count).any()):  # a positive is at least equal to itself
        raise EvaluationError(
            "the same product of matrices gave other numbers the second time",
            where=str(side.features.device),
            way_out="score on the CPU, or ask torch for deterministic algorithms",
        )
    known = side.best_count > 0
    counts = torch.stack([side.above, side.equal - side.best_count, side.best_count]) * known
    ordered = np.empty((3, len(side.items)))
    ordered[:, side.items.numpy()] = counts.cpu().numpy()
    return Ranks(*ordered)


_Best = tuple[Side, slice, Tensor, Tensor]
"""A side, some of its items, their best positive similarity in a block, and how many positives have it."""


def _best_positives(block: Block, similarity: Tensor) -> Iterator[_Best]:
    rows, columns = block.rows, block.columns
    for left, of_left in rows.chunks(block.row):
        part_of = similarity if of_left is None else similarity[of_left]
        for right, of_right in columns.chunks(block.column):
            part = part_of if of_right is None else part_of[:, of_right]
            positive = rows.labels[left, None] == columns.labels[None, right]
            part = part.masked_fill(~positive, -torch.inf)
            for side, items, dimension in ((rows, left, 1), (columns, right, 0)):
                best = part.amax(dim=dimension, keepdim=True)
                numbers = ((part == best) & positive).sum(dim=dimension)
                yield side, items, best.squeeze(dimension), numbers


def _update_best(side: Side, items: slice, similarities: Tensor, numbers: Tensor) -> None:
    """Keep the better of the similarities known so far and those of a block."""
    known = side.best[items]
    best = torch.maximum(known, similarities)
    side.best_count[items] = side.best_count[items] * (known == best) + numbers * (similarities == best)
    side.best[items] = best


_Counted = tuple[Tensor, slice, Tensor]
"""Counts of a side, the items that they are of, and what is to be added."""


def _count(block: Block, similarity: Tensor) -> Iterator[_Counted]:
    """Count how much of the other side is above each query's best positive, and how much is equal to it.

    The block is read strip by strip, while a strip is in the processor's cache.
    """
    rows, columns, buffers = block.rows, block.columns, block.buffers
    strip = similarity_blocks.STRIP if similarity.device.type == "cpu" else similarity_blocks.BLOCK
    for start in range(0, len(similarity), strip):
        part = similarity[start : start + strip]
        part_of = slice(block.row.start + start, block.row.start + start + len(part))
        for items, of in rows.chunks(part_of):
            queries = part if of is None else part[of]
            yield from _compare(queries, rows, items, columns.weights[block.column], buffers=buffers, gallery=1)
        for items, of in columns.chunks(block.column):
            queries = part if of is None else part[:, of]
            yield from _compare(queries, columns, items, rows.weights[part_of], buffers=buffers, gallery=0)


def _compare(
    part: Tensor, queries: Side, items: slice, weights: Tensor, *, buffers: Buffers, gallery: int
) -> Iterator[_Counted]:
    """Compare with the best positives; ``gallery`` is the dimension that is counted, with its weights.

    A comparison is written as numbers, 0 or 1, so that a product with the weights counts them: exact in single
    precision.
    """
    work = buffers.take("comparison", part, *part.shape)
    best = queries.best[items].unsqueeze(gallery)
    for compare, counts in ((work.gt_, queries.above), (work.eq_, queries.equal)):
        work.copy_(part)
        compare(best)
        yield counts, items, torch.mv(work if gallery == 1 else work.T, weights)


def _labels(labels: Labels) -> Tensor:
    values = labels.cpu() if isinstance(labels, Tensor) else labels
    return torch.as_tensor(np.asarray(values, dtype=np.int64))
