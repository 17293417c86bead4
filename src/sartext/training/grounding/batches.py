"""Batches of pictures and of the maps that they should give; step ``s`` is the same in every process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sartext.models.squashing import Pixels
from sartext.training.augmentation import Choice, draw, view
from sartext.training.batches import ahead
from sartext.training.grounding.targets import TargetMaker, Targets
from sartext.training.sampler import batch_indices, check_batch, share
from sartext.training.shards.reading import Pair, Shards


@dataclass(frozen=True)
class GroundingBatch:
    """What a step takes: ``Targets`` of n pictures on top of each other.

    Args:
        step: counted from 0.
        images: uint8, n x 3 x side x side.
        heat: n x T x G x G; ``known`` n x T.
        centres: picture, class, row and column of each object, k x 4; ``boxes`` k x 4.
        cover: n x S x G x G; ``other`` and ``data`` n x G x G; ``allowed`` n x (S + 1).
        scene: n, -1 where none is stated.
        image_ids: of the pictures.
    """

    step: int
    images: torch.Tensor
    heat: torch.Tensor
    known: torch.Tensor
    centres: torch.Tensor
    boxes: torch.Tensor
    cover: torch.Tensor
    other: torch.Tensor
    data: torch.Tensor
    allowed: torch.Tensor
    scene: torch.Tensor
    image_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.image_ids)


class GroundingBatches:
    """An endless row of batches of annotated pairs, from any step on.

    Args:
        shards: SAR pairs.
        maker: of the targets.
        batch: pictures per step over all processes.
        seed: of order and views.
        augment: turns and other looks. Grey levels stay: brightness tells forest from cropland (with gain and
            contrast mean IoU on validation is 0.56 instead of 0.61 after half of the embedded profile's training,
            0.627 instead of 0.635 at its end).
        fraction: share of the pairs; a smaller one is part of every larger one.
        rank: of this process among ``world``.
        world: number of processes.

    Raises:
        TrainingError: fewer annotated pairs than the batch.
    """

    def __init__(
        self,
        shards: Shards,
        maker: TargetMaker,
        *,
        batch: int,
        seed: int,
        augment: bool = True,
        fraction: float = 1.0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.rows = [pair for pair in share(shards.rows("train"), fraction) if teaches(pair)]
        where = ", ".join(map(str, shards.folders))
        check_batch(len(self.rows), batch, where, key="`batch` of the grounder")
        self._shards, self._maker, self._augment = shards, maker, augment
        self.batch, self.seed = batch, seed
        part = batch // world
        self._part = slice(rank * part, (rank + 1) * part)

    def from_step(self, step: int) -> Iterator[GroundingBatch]:
        """Yield the batches from a step on, without end; closing the iterator ends its threads."""
        return ahead(self.at, step)

    def at(self, step: int) -> GroundingBatch:
        """Return this process's part of the batch of one step, made here and now."""
        indices = batch_indices(len(self.rows), self.batch, step, self.seed)[self._part]
        first = step * self.batch + self._part.start
        rows = [self.rows[index] for index in indices]
        drawn = [draw(self.seed, first + at, pair.looks) for at, pair in enumerate(rows)]
        choices = [Choice(look=each.look, turn=each.turn) for each in drawn]
        return make_batch(self._shards, self._maker, step, rows, choices if self._augment else None)


def teaches(pair: Pair) -> bool:
    """Whether a pair has an annotation that a grounder can learn from: boxes, a mask or a scene."""
    return pair.annotated or pair.mask_size is not None


def validation_batches(shards: Shards, maker: TargetMaker, batch: int) -> list[GroundingBatch]:
    """Return the annotated validation pairs, upright and unchanged, sorted by image id."""
    rows = [pair for pair in shards.rows("validation") if teaches(pair)]
    parts = [rows[first : first + batch] for first in range(0, len(rows), batch)]
    return [make_batch(shards, maker, step, part) for step, part in enumerate(parts)]


def make_batch(
    shards: Shards, maker: TargetMaker, step: int, rows: Sequence[Pair], choices: Sequence[Choice] | None = None
) -> GroundingBatch:
    """Return pairs as a batch, without choices upright and unchanged."""
    pictures: list[Pixels] = []
    targets: list[Targets] = []
    for at, pair in enumerate(rows):
        choice = Choice() if choices is None else choices[at]
        pictures.append(view(shards.picture(pair, choice.look), choice))
        targets.append(maker.of(pair, shards.mask(pair), choice.turn))
    planes = [
        np.broadcast_to(each, (3, *each.shape)) if each.ndim == 2 else each.transpose(2, 0, 1) for each in pictures
    ]
    numbered = [np.column_stack([np.full(len(each.centres), at), each.centres]) for at, each in enumerate(targets)]
    stacked = {
        name: torch.from_numpy(np.stack([getattr(each, name) for each in targets]))
        for name in ("heat", "known", "cover", "other", "data", "allowed")
    }
    return GroundingBatch(
        step=step,
        images=torch.from_numpy(np.stack(planes)),
        centres=torch.from_numpy(np.concatenate(numbered).astype(np.int64)),
        boxes=torch.from_numpy(np.concatenate([each.boxes for each in targets])),
        scene=torch.tensor([each.scene for each in targets]),
        image_ids=tuple(pair.image_id for pair in rows),
        **stacked,
    )
