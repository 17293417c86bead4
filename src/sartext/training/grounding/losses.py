"""The losses of a grounder, each a mean that is 0 where a batch has nothing to teach."""

from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss, logsigmoid

from sartext.models.grounder.network import Maps
from sartext.narrator.annotated import STUFF_FRACTION
from sartext.training.grounding.batches import GroundingBatch

NAMES = ("heat", "box", "cover", "share", "scene", "presence")
WEIGHTS = (1.0, 0.2, 1.0, 2.0, 0.5, 0.5)
"""Of the losses in their sum."""

TRUE_POWER, FALSE_POWER = 2.0, 4.0
"""Of the focal loss on heat maps (Zhou, Wang, Krähenbühl 2019): easy cells and those near a centre count less."""


def losses(maps: Maps, batch: GroundingBatch, zones: Tensor) -> Tensor:
    """Return the losses in the order of ``NAMES``; ``zones`` are `targets.zone_weights`."""
    return torch.stack(
        [
            _heat(maps, batch),
            _box(maps, batch),
            *_cover(maps, batch, zones),
            _scene(maps, batch),
            _presence(maps, batch),
        ]
    )


def _heat(maps: Maps, batch: GroundingBatch) -> Tensor:
    """Focal loss, of the classes that a picture's corpus decides, per object."""
    chance, target = maps.heat.sigmoid(), batch.heat
    centre = target == 1
    positive = -logsigmoid(maps.heat) * (1 - chance) ** TRUE_POWER
    negative = -logsigmoid(-maps.heat) * chance**TRUE_POWER * (1 - target) ** FALSE_POWER
    # an object of a class that is not annotated exhaustively is an object all the same
    per_cell = torch.where(centre, positive, negative * batch.known[:, :, None, None])
    return per_cell.sum() / max(1, len(batch.centres))


def _box(maps: Maps, batch: GroundingBatch) -> Tensor:
    """Of the cell of each centre and of its eight neighbours: the peak may stand beside the centre."""
    if not len(batch.centres):
        return maps.size.sum() * 0.0
    height, width = maps.size.shape[-2:]
    pictures, _, rows, columns = batch.centres.T
    errors = []
    for down, across in product((-1, 0, 1), repeat=2):
        row, column = (rows + down).clamp(0, height - 1), (columns + across).clamp(0, width - 1)
        moved = torch.stack([columns - column, rows - row, *torch.zeros_like(batch.centres.T[:2])], dim=1)
        seen = torch.cat([maps.offset[pictures, :, row, column], maps.size[pictures, :, row, column]], dim=1)
        errors.append(l1_loss(seen, batch.boxes + moved))
    return torch.stack(errors).mean()


def _cover(maps: Maps, batch: GroundingBatch, zones: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy per cell with data, and the difference of shares by zone, of pictures with a mask."""
    taught = batch.cover.sum(dim=1) + batch.other
    if not bool(taught.any()):
        return maps.cover.sum() * 0.0, maps.cover.sum() * 0.0
    logs = maps.cover.log_softmax(dim=1)
    named = (batch.cover * logs[:, :-1]).sum(dim=1)
    barred = ~batch.allowed[:, :, None, None]
    unnamed = logs.masked_fill(barred, -torch.inf).logsumexp(dim=1) * batch.other
    entropy = -(named + unnamed).sum() / taught.sum()
    masked = batch.data.sum(dim=(1, 2)) > 0
    data = batch.data[masked]
    area = torch.einsum("zrc,nrc->nz", zones, data).clamp_min(1e-6)
    seen, true = (
        torch.einsum("zrc,nsrc->nsz", zones, part * data[:, None] if weighted else part) / area[:, None]
        for part, weighted in ((logs[masked, :-1].exp(), True), (batch.cover[masked], False))
    )
    return entropy, (seen - true).abs().sum(dim=1).mean()


def _scene(maps: Maps, batch: GroundingBatch) -> Tensor:
    if not bool((batch.scene >= 0).any()):
        return maps.scene.sum() * 0.0
    return cross_entropy(maps.scene, batch.scene, ignore_index=-1)


def _presence(maps: Maps, batch: GroundingBatch) -> Tensor:
    """Whether each class occurs: objects where the corpus decides it, land cover of pictures with a mask."""
    objects = torch.zeros_like(batch.known, dtype=torch.float32)
    pictures, classes = batch.centres.T[:2]
    objects[pictures, classes] = 1.0
    area = batch.data.sum(dim=(1, 2))
    shares = batch.cover.sum(dim=(2, 3)) / area.clamp_min(1e-6)[:, None]
    cover = (shares >= STUFF_FRACTION).float()
    decided = ~batch.allowed[:, :-1] & (area > 0)[:, None]
    taught = torch.cat([batch.known | (objects > 0), decided | (cover > 0)], dim=1).float()
    entropy = binary_cross_entropy_with_logits(
        maps.presence, torch.cat([objects, cover], dim=1), weight=taught, reduction="sum"
    )
    return entropy / taught.sum().clamp_min(1.0)
