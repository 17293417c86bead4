"""What a grounder sees in a picture, as numbers: peaks of the heat maps, land cover per cell, shares by zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from sartext.corpora.masks import zone_slices
from sartext.errors import ModelError
from sartext.models.grounder.checkpoint import Grounder, GrounderConfig
from sartext.models.grounder.network import Maps
from sartext.models.squashing import Pixels

FAINTEST = 0.02
"""Height of a peak below which it is not listed."""

MOST = 100
"""Peaks of a picture that are looked at: the highest."""

OVERLAP = 0.1
"""Intersection over union of the boxes of two peaks of a class from which on the lower one is not listed: along a
large object stand several peaks. Of two ships side by side the boxes seldom share as much."""

QUARTERS = 4

IMAGE = "image"

Array = npt.NDArray[np.float32]


class Peak(NamedTuple):
    """A place where an object may be: class, centre and size in pixels of model input, and the peak's height."""

    label: str
    x: float
    y: float
    width: float
    height: float
    score: float


@dataclass(frozen=True)
class Grounding:
    """What a grounder sees in one picture of ``side`` pixels.

    Args:
        side: width and height in pixels of model input.
        peaks: of all classes, the highest first.
        stuff: keys of the classes of land cover.
        cover: their probability at each cell, and that of none of them, (classes + 1) x G x G.
        scenes: the probability of each scene.
        presence: the logit of whether each class, of objects or land cover, occurs in the picture.
    """

    side: int
    peaks: tuple[Peak, ...]
    stuff: tuple[str, ...]
    cover: Array
    scenes: dict[str, float]
    presence: dict[str, float]

    @cached_property
    def shares(self) -> dict[str, dict[str, float]]:
        """For each class of land cover its share of the image, and of each zone, from 0 to 1."""
        zones = {IMAGE: (slice(None), slice(None)), **zone_slices(*self.cover.shape[2:0:-1])}
        means = {zone: self.cover[(slice(None), *place)].mean(axis=(1, 2)) for zone, place in zones.items()}
        return {
            key: {zone: float(values[number]) for zone, values in means.items()}
            for number, key in enumerate(self.stuff)
        }

    @cached_property
    def doubt(self) -> dict[str, float]:
        """For each class of land cover how undecided the cells are: root of the mean of p (1 - p), 0 to 0.5."""
        values = np.sqrt((self.cover * (1.0 - self.cover)).mean(axis=(1, 2)))
        return {key: float(values[number]) for number, key in enumerate(self.stuff)}


@torch.inference_mode()
def ground(grounder: Grounder, pictures: Sequence[Pixels]) -> list[Grounding]:
    """Return what a grounder sees in pictures, uint8, side x side x 3, all of its side.

    Where its foundation asks for ``turns``, objects are those of the mean of the heat of eight views: what only
    one of them shows is mostly none.

    Raises:
        ModelError: they are of another side or kind.
    """
    if not pictures:
        return []
    config = grounder.config
    if len(shapes := {picture.shape for picture in pictures}) > 1:
        raise ModelError(
            f"pictures of different shapes, {min(shapes)} and {max(shapes)}, in one batch",
            way_out=f"squash them all to its side of {config.side} pixels, three channels",
        )
    batch = torch.from_numpy(np.stack(pictures)).to(grounder.device)
    maps = grounder.network(grounder.normalise(batch))
    if config.foundation.turns > 1:
        maps = maps._replace(heat=_mean_heat(grounder, batch, maps.heat))
    cover = maps.cover.softmax(dim=1).cpu().numpy()
    scenes = maps.scene.softmax(dim=1).cpu().tolist()
    presence = maps.presence.cpu().tolist()
    return [
        Grounding(
            config.side,
            peaks,
            config.stuff,
            cover[at],
            dict(zip(config.scenes, scenes[at], strict=True)),
            dict(zip((*config.things, *config.stuff), presence[at], strict=True)),
        )
        for at, peaks in enumerate(peaks_of(maps, config))
    ]


def _mean_heat(grounder: Grounder, batch: Tensor, heat: Tensor) -> Tensor:
    """Return the logits of the mean chance over quarter turns and their mirror images.

    Args:
        grounder: the network.
        batch: pictures, n x side x side x 3.
        heat: the logits of the pictures as they are, n x classes x G x G.
    """
    chances = heat.sigmoid()
    for turn in range(1, grounder.config.foundation.turns):
        mirrored = turn >= QUARTERS
        view = torch.rot90(batch, turn, (1, 2))
        seen = grounder.network(grounder.normalise(view.flip(2) if mirrored else view)).heat.sigmoid()
        chances = chances + torch.rot90(seen.flip(3) if mirrored else seen, -turn, (2, 3))
    return torch.logit(chances / grounder.config.foundation.turns, eps=1e-6)


def peaks_of(maps: Maps, config: GrounderConfig) -> list[tuple[Peak, ...]]:
    """Return the peaks of each picture, the highest first."""
    if not config.things:
        return [() for _ in maps.heat]
    heat = maps.heat.sigmoid()
    heat = torch.where(
        max_pool2d(heat, 3, stride=1, padding=1) == heat, heat, 0.0
    )  # the highest of its neighbours
    heights, sizes, offsets = (part.cpu().numpy() for part in (heat, maps.size.exp(), maps.offset))
    return [
        tuple(_peaks(heights[at], sizes[at], offsets[at], config.things, config.stride))
        for at in range(len(heights))
    ]


def _peaks(heat: Array, size: Array, offset: Array, things: Sequence[str], stride: int) -> list[Peak]:
    classes, rows, columns = np.nonzero(heat >= FAINTEST)
    scores = heat[classes, rows, columns]
    highest = np.argsort(-scores, kind="stable")[:MOST]
    classes, rows, columns, scores = classes[highest], rows[highest], columns[highest], scores[highest]
    centres = (np.stack([columns, rows]) + 0.5 + offset[:, rows, columns]) * stride
    sizes = size[:, rows, columns] * stride
    return [
        Peak(things[classes[at]], *map(float, (*centres[:, at], *sizes[:, at], scores[at])))
        for at in _free(classes, centres, sizes)
    ]


def _free(classes: npt.NDArray[np.int64], centres: Array, sizes: Array) -> list[int]:
    """The places of peaks whose box does not overlap that of a higher one of their class, see ``OVERLAP``.

    Centres and sizes of the boxes are 2 x peaks, the highest peak first (non-maximum suppression).
    """
    low, high, areas = centres - sizes / 2, centres + sizes / 2, sizes.prod(axis=0)
    free = np.ones(len(classes), dtype=np.bool_)
    for at in range(len(classes)):
        if free[at]:
            after = slice(at + 1, None)
            sides = np.minimum(high[:, after], high[:, [at]]) - np.maximum(low[:, after], low[:, [at]])
            shared = sides.clip(min=0.0).prod(axis=0)
            either = areas[at] + areas[after] - shared
            free[after] &= (classes[after] != classes[at]) | (shared <= OVERLAP * either)
    return [int(at) for at in np.flatnonzero(free)]
