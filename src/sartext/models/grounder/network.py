"""The grounder's network: a convolutional tower, a feature pyramid, and heads at its finest level.

Objects are points of a heat map with a size (CenterNet: Zhou, Wang, Krähenbühl 2019), land cover is a class per
cell; the tower's levels are merged from coarse to fine (feature pyramid: Lin et al. 2017).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

PRIOR = 0.01
"""Share of the cells that hold a centre, which the heat map begins with (focal loss: Lin et al. 2017)."""


class Maps(NamedTuple):
    """What the network says of n pictures; G is the number of cells along a side.

    Args:
        heat: logits of the centre of an object of each class, n x classes of things x G x G.
        size: natural logarithm of width and height in cells, n x 2 x G x G.
        offset: of the centre from that of its cell, in cells, along x and y, n x 2 x G x G.
        cover: logits of the land cover, n x (classes of stuff + 1) x G x G; the last is that of none of them.
        scene: logits of the scene, n x scenes.
        presence: logits of whether each class occurs in the picture, n x (things + stuff).
    """

    heat: Tensor
    size: Tensor
    offset: Tensor
    cover: Tensor
    scene: Tensor
    presence: Tensor


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(inputs + self.second(self.first(inputs)))


class SmallTower(nn.Module):
    """A residual tower that learns in minutes on a core: a level for each of ``widths``, the first of stride 2."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.channels = tuple(widths)
        self.strides = tuple(2 << level for level in range(len(widths)))
        self.stem = _convolution(3, widths[0] // 2)
        inputs = (widths[0] // 2, *widths[:-1])
        self.levels = nn.ModuleList(
            nn.Sequential(_convolution(before, width, stride=2), _Residual(width))
            for before, width in zip(inputs, widths, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps of normalised pictures, from fine to coarse."""
        features, maps = self.stem(images), []
        for level in self.levels:
            features = level(features)
            maps.append(features)
        return maps


class GroundingNetwork(nn.Module):
    """Tower, pyramid and heads.

    Args:
        tower: gives feature maps from fine to coarse, of normalised pictures; the finest is the grid of the maps.
        channels: of each of them.
        things: number of classes of objects.
        stuff: number of classes of land cover.
        scenes: number of scenes.
        width: channels of the pyramid and of the heads.
    """

    def __init__(
        self, tower: nn.Module, channels: Sequence[int], *, things: int, stuff: int, scenes: int, width: int
    ) -> None:
        super().__init__()
        self.tower = tower
        self.lateral = nn.ModuleList(nn.Conv2d(level, width, 1) for level in channels)
        self.merge = nn.ModuleList(_convolution(width, width) for _ in channels[:-1])
        self.objects = _convolution(width, width)
        self.ground = _convolution(width, width)
        self.counts = things, scenes, things + stuff
        # torch has no layer without outputs: of no classes one output is made and left out
        self.heat = nn.Conv2d(width, max(1, things), 1)
        self.extent = nn.Conv2d(width, 4, 1)
        self.cover = nn.Conv2d(width, stuff + 1, 1)
        self.scene = nn.Linear(channels[-1] + width, max(1, scenes))
        self.presence = nn.Linear(2 * channels[-1] + 4 * width, max(1, things + stuff))
        nn.init.constant_(self.heat.bias, -torch.log(torch.tensor((1 - PRIOR) / PRIOR)))  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Maps:
        """Return the maps of normalised pictures, float32, n x 3 x side x side."""
        levels = self.tower(images)
        merged = self.lateral[-1](levels[-1])
        for place in reversed(range(len(levels) - 1)):
            finer = self.lateral[place](levels[place])
            merged = self.merge[place](finer + interpolate(merged, size=finer.shape[-2:], mode="nearest"))
        objects = self.objects(merged)
        extent = self.extent(objects)
        whole = torch.cat([levels[-1].mean(dim=(2, 3)), merged.mean(dim=(2, 3))], dim=1)
        ground = self.ground(merged)
        # the mean is how much there is of it, the maximum whether it is anywhere
        both = [
            part
            for each in (levels[-1], objects, ground)
            for part in (each.mean(dim=(2, 3)), each.amax(dim=(2, 3)))
        ]
        things, scenes, classes = self.counts
        return Maps(
            self.heat(objects)[:, :things],
            extent[:, :2],
            extent[:, 2:],
            self.cover(ground),
            self.scene(whole)[:, :scenes],
            self.presence(torch.cat(both, dim=1))[:, :classes],
        )
