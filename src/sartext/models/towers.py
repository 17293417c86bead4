"""Convolutional image towers of timm: feature maps for dense models, trunks for CLIP and CoCa."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sartext.errors import ModelError
from sartext.models.compatibility import open_clip  # noqa: F401 - before timm, see there
from sartext.models.model import MEAN, STD
from sartext.models.pretrained import PRETRAINED, read_pretrained


@dataclass(frozen=True)
class FeatureTower:
    """A network that gives feature maps of several strides.

    Args:
        network: from images, float, n x 3 x height x width, normalised, to a list of maps, one per stride:
            n x channels x height / stride x width / stride.
        channels: of each map.
        strides: of each map in pixels of the input, ascending.
        mean: what is taken off each of the three channels of an input, of pixels from 0 to 1.
        std: what each channel is then divided by.
    """

    network: nn.Module
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def check_side(self, side: int, where: object = None) -> None:
        """Raise a ModelError where ``side`` pixels do not divide into the cells of every map."""
        check_side(side, self.strides[-1], where)


def feature_tower(
    architecture: str, *, pretrained: str | None = None, seed: int = 0, where: object = None
) -> FeatureTower:
    """Build a feature pyramid of a timm network, such as ``tf_efficientnet_lite0``.

    Args:
        architecture: timm's name of it.
        pretrained: name of its weights in `PRETRAINED`; None for random ones.
        seed: of random weights.
        where: the file that names the tower, for errors.

    Raises:
        ModelError: timm has no such network or it gives no maps, or the weights are not installed, not as pinned
            or of another network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _create(architecture, where, features_only=True)
    mean, std = MEAN, STD
    if pretrained is not None:
        weights = PRETRAINED.get(pretrained, where=where)
        load_pretrained(network, architecture, pretrained, where)
        mean, std = weights.mean, weights.std
    info = network.feature_info
    return FeatureTower(network, tuple(info.channels()), tuple(info.reduction()), mean, std)


def load_pretrained(network: nn.Module, architecture: str, pretrained: str, where: object = None) -> str:
    """Load weights into a timm network or a part of it, every tensor of that; return the SHA-256 of their file.

    Args:
        network: timm's, with or without its classifier and last convolution.
        architecture: timm's name of it.
        pretrained: name of its weights in `PRETRAINED`.
        where: the file that names them, for errors.

    Raises:
        ModelError: the weights are unknown, not installed, not as pinned, or of another network.
    """
    weights = PRETRAINED.get(pretrained, where=where)
    if architecture != weights.architecture:
        raise ModelError(
            f"the weights '{pretrained}' are of {weights.architecture}, the tower is {architecture}",
            where=where,
            way_out=f"take {weights.architecture}, or no pretrained weights",
        )
    state = read_pretrained(weights, list(_create(architecture, where).state_dict()), where)
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return weights.sha256


def check_side(side: int, stride: int, where: object = None) -> None:
    """Raise a ModelError where pictures of ``side`` pixels do not divide into cells of ``stride``."""
    if side < stride or side % stride:
        nearest = max(1, round(side / stride)) * stride
        raise ModelError(
            f"pictures of {side} pixels do not divide into cells of {stride}, the stride of the image tower",
            where=where,
            way_out=f"set `shards.side` in params.yaml to {nearest}",
        )


def _create(architecture: str, where: object, **options: Any) -> Any:  # noqa: ANN401 - timm is untyped
    import timm

    if not timm.is_model(architecture):
        known = ", ".join(weights.architecture for weights in PRETRAINED)
        raise ModelError(f"timm has no network '{architecture}'", where=where, way_out=f"take e.g. {known}")
    try:
        return timm.create_model(architecture, pretrained=False, **options)
    except (RuntimeError, AttributeError, AssertionError, TypeError) as error:
        raise ModelError(
            f"timm cannot build '{architecture}' ({type(error).__name__}: {error})",
            where=where,
            way_out="take a convolutional network",
        ) from error
