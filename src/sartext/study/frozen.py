"""An image tower that learns nothing: its features of a picture are taken once, for all cells of a process.

A study with it asks another question: what the captions of a stage teach the text side and the projections. It is
many times as cheap, and takes every picture upright and unchanged.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b

import torch
from torch import Tensor, nn

from sartext.errors import ModelError
from sartext.models.model import Model

Features = dict[bytes, list[Tensor]]


@contextmanager
def frozen_tower(model: Model, frozen: bool) -> Iterator[None]:
    """Let a model learn and work on remembered features of its image tower, where it is ``frozen``.

    Raises:
        ModelError: its image tower is no network of timm.
    """
    if not frozen:
        yield
        return
    visual = model.network.visual
    trunk = getattr(visual, "trunk", None)
    if not isinstance(trunk, nn.Module):
        way_out = "leave out --frozen, or take `coca-lite0` as foundation"
        raise ModelError("only an image tower of timm can be frozen", where="study", way_out=way_out)
    visual.trunk = _Remembering(trunk)  # type: ignore[union-attr]
    try:
        yield
    finally:
        visual.trunk = trunk  # type: ignore[union-attr]


class _Remembering(nn.Module):
    """A trunk that is no part of the network: no weight of it is trained, or among the weights that are kept."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self._trunk = (trunk.eval().requires_grad_(False),)
        digest = blake2b(digest_size=16)
        for tensor in trunk.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        self._known = _features_of(digest.digest())

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the maps of images; each is looked at by itself, so that they depend on no other."""
        maps = [self._maps(image) for image in images.contiguous()]
        return [torch.stack(each) for each in zip(*maps, strict=True)]

    def _maps(self, image: Tensor) -> list[Tensor]:
        key = blake2b(image.numpy().tobytes(), digest_size=16).digest()
        if key not in self._known:
            with torch.no_grad():
                self._known[key] = [each[0].clone() for each in self._trunk[0](image[None])]
        return self._known[key]


@lru_cache(maxsize=2)
def _features_of(weights: bytes) -> Features:
    """Those of the last two towers: natural-image weights, and the random ones of a seed."""
    return {}
