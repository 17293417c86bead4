"""An image tower that learns nothing: its features of a picture are taken once, for all that a process trains.

What a training with it asks is what captions teach the text side and the projections. It is many times as cheap,
and takes every picture upright and unchanged. The features stay in memory: 90 kB a picture of EfficientNet-Lite0's
maps at 128 pixels.
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
def frozen_tower(model: Model, frozen: bool, where: object = None) -> Iterator[None]:
    """Let a model learn and work on remembered features of its image tower, where it is ``frozen``.

    Raises:
        ModelError: its image tower is no network of timm; ``where`` is the place that asks for it.
    """
    if not frozen:
        yield
        return
    visual = model.network.visual
    trunk = getattr(visual, "trunk", None)
    if not isinstance(trunk, nn.Module):
        way_out = "let it learn, or start from a foundation with one, such as clip-lite0.yaml or coca-lite0.yaml"
        raise ModelError("only an image tower of timm can be frozen", where=where, way_out=way_out)
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
        given = getattr(getattr(trunk, "feature_info", None), "out_indices", None)  # which maps; none of a CLIP's
        digest = blake2b(repr((type(trunk).__name__, given)).encode(), digest_size=16)
        for tensor in trunk.state_dict().values():
            digest.update(tensor.cpu().numpy().tobytes())
        self._known = _features_of(digest.digest())

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Nothing is computed twice where nothing is learned."""

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        """Return the maps of images, or a CLIP's pooled features; each is looked at by itself."""
        features = [self._features(image) for image in images.contiguous()]
        stacked = [torch.stack(each) for each in zip(*features, strict=True)]
        return stacked if stacked[0].ndim > 2 else stacked[0]

    def _features(self, image: Tensor) -> list[Tensor]:
        key = blake2b(image.cpu().numpy().tobytes(), digest_size=16).digest()
        if key not in self._known:
            with torch.no_grad():
                seen = self._trunk[0].to(image.device)(image[None])  # a network is placed without what is hidden
            self._known[key] = [each[0].cpu() for each in ([seen] if isinstance(seen, Tensor) else seen)]
        return [each.to(image.device) for each in self._known[key]]


@lru_cache(maxsize=2)
def _features_of(tower: bytes) -> Features:
    """Those of the last two towers: natural-image weights, and the random ones of a seed."""
    return {}
