"""Convolutional image towers of timm: feature maps for dense models, trunks for CLIP and CoCa."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from sartext.errors import ModelError
from sartext.models.compatibility import open_clip  # noqa: F401 - before timm, see there
from sartext.models.model import MEAN, STD, side_of
from sartext.models.pretrained import PRETRAINED, locate_pretrained
from sartext.models.weights import read_state


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
        network = create_network(architecture, where, features_only=True)
    mean, std = MEAN, STD
    if pretrained is not None:
        weights = PRETRAINED.get(pretrained, where=where)
        load_pretrained(network, architecture, pretrained, where)
        mean, std = weights.mean, weights.std
    network.to(memory_format=torch.channels_last)
    info = network.feature_info
    return FeatureTower(network, tuple(info.channels()), tuple(info.reduction()), mean, std)


class TokenTower(nn.Module):
    """A CoCa's image tower: the cells of a timm network's feature maps are the tokens that the decoder attends to.

    The last three maps, of stride 8, 16 and 32 in most networks, meet on the grid of one of them: of a finer one
    the cells inside a cell go side by side, of a coarser one each cell repeats. Sines tell the places (Vaswani et
    al. 2017, in two dimensions).

    Args:
        architecture: timm's name of the network; its weights are drawn.
        width: of the tokens and of the pooled feature.
        stride: of the tokens in pixels, that of one of the three maps; by default the middle one's.
        pool: None for a pooled feature made of the tokens' mean; ``avg`` for one of the coarsest map's mean, as
            open_clip's CLIP with the network has it.
    """

    def __init__(
        self,
        architecture: str,
        width: int,
        *,
        stride: int | None = None,
        pool: str | None = None,
        where: object = None,
    ) -> None:
        super().__init__()
        self.trunk = create_network(architecture, where, features_only=True, out_indices=(-3, -2, -1))
        self.strides = strides = tuple(self.trunk.feature_info.reduction())
        if len(set(strides)) < 3:
            raise ModelError(
                f"the maps of '{architecture}' are of one stride",
                where=where,
                way_out="take a convolutional network",
            )
        self.stride = strides[1] if stride is None else stride
        if self.stride not in strides or pool not in {None, "avg"}:
            raise ModelError(
                f"no tokens of stride {self.stride} and pooling '{pool}' of '{architecture}'",
                where=where,
                way_out=f"set `token_stride` to one of {', '.join(map(str, strides))}, `timm_pool` to avg",
            )
        maps = self.trunk.feature_info.channels()
        channels = sum(
            count * max(1, self.stride // finer) ** 2 for count, finer in zip(maps, strides, strict=True)
        )
        self.ln_pre = nn.LayerNorm(channels)
        self.tokens = nn.Linear(channels, width)
        self.ln_post = nn.LayerNorm(width) if pool is None else None
        self.pooled = nn.Linear(width if pool is None else maps[-1], width, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the pooled features, n x width, and the tokens, n x cells x width, of normalised images."""
        maps = self.trunk(images)
        grid = [self._on_grid(each, stride) for each, stride in zip(maps, self.strides, strict=True)]
        height, width = grid[0].shape[-2:]
        cells = torch.cat(grid, dim=1).flatten(2).mT
        places = _places(height, width, self.tokens.out_features).to(cells)
        tokens = self.tokens(self.ln_pre(cells)) + places
        pooled = maps[-1].mean(dim=(2, 3)) if self.ln_post is None else self.ln_post(tokens.mean(dim=1))
        return self.pooled(pooled), tokens

    def _on_grid(self, features: Tensor, stride: int) -> Tensor:
        if stride < self.stride:
            return F.pixel_unshuffle(features, self.stride // stride)
        return features if stride == self.stride else F.interpolate(features, scale_factor=stride / self.stride)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Compute activations twice instead of keeping them."""
        self.trunk.set_grad_checkpointing(enable)


def _places(height: int, width: int, channels: int) -> Tensor:
    """Sines of the row and of the column of each cell: [height * width, channels], which must divide by 4."""
    rates = 10000.0 ** -torch.linspace(0, 1, channels // 4 + 1)[:-1]
    rows, columns = (torch.outer(torch.arange(count), rates) for count in (height, width))
    waves = [torch.cat([angles.sin(), angles.cos()], dim=1) for angles in (rows, columns)]
    grid = [waves[0][:, None].expand(-1, width, -1), waves[1][None].expand(height, -1, -1)]
    return torch.cat(grid, dim=2).flatten(0, 1)


def take_timm_tower(arguments: dict[str, Any], where: object = None) -> TokenTower | None:
    """Return the image tower of a CoCa that names a network of timm, which open_clip's cannot take; else None.

    ``arguments``, an open_clip ``model_cfg``, then name a stand-in, for `set_timm_tower` to exchange. A side that
    its cells do not divide is a ModelError. ``token_stride`` of ``vision_cfg`` is ours, ``timm_pool`` open_clip's.
    """
    name = timm_name(arguments)
    if name is None or "multimodal_cfg" not in arguments:
        return None
    check_tower_side(arguments, side_of(arguments), where)
    vision = arguments["vision_cfg"]
    stride, pool = vision.get("token_stride"), vision.get("timm_pool")
    tower = TokenTower(name, int(arguments["embed_dim"]), stride=stride, pool=pool, where=where)
    arguments["vision_cfg"] = {"image_size": 1, "patch_size": 1, "width": 1, "head_width": 1, "layers": 0}
    return tower


def set_timm_tower(network: Any, tower: TokenTower | None) -> None:  # noqa: ANN401 - open_clip is untyped
    """Give a CoCa its tower of timm, if it has one; lay out the weights of any tower of timm for a CPU."""
    if tower is not None:
        network.visual = tower
    if hasattr(network.visual, "trunk"):
        network.visual.to(memory_format=torch.channels_last)  # the same, sooner


def timm_name(model_cfg: Mapping[str, Any]) -> str | None:
    """Return timm's name of the image tower of an open_clip ``model_cfg``; None where it is another's."""
    name: str | None = model_cfg["vision_cfg"].get("timm_model_name")
    return name


def check_tower_side(model_cfg: Mapping[str, Any], side: int, where: object) -> None:
    """Raise a ModelError where ``side`` pixels do not divide into the cells of a convolutional tower."""
    import timm

    config = timm.get_pretrained_cfg(name) if (name := timm_name(model_cfg)) else None
    if config is not None and config.pool_size is not None:
        check_side(side, config.input_size[-1] // config.pool_size[-1], where)


def load_pretrained_tower(network: Any, model_cfg: Mapping[str, Any], pretrained: str, where: object) -> str:  # noqa: ANN401 - open_clip is untyped
    """Load natural-image weights into the image tower of a CLIP or CoCa; see `load_pretrained`."""
    name = timm_name(model_cfg)
    if name is None:
        weights = PRETRAINED.get(pretrained, where=where)
        raise ModelError(
            f"the weights '{pretrained}' are of {weights.architecture}, the image tower is no network of timm",
            where=where,
            way_out="set `architecture: clip-lite0` or `coca-lite0` there",
        )
    return load_pretrained(network.visual.trunk, name, pretrained, where)


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
    tensors = read_state(locate_pretrained(weights, where)).values()  # in timm's order, under other names
    state = dict(zip(create_network(architecture, where).state_dict(), tensors, strict=True))
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


def create_network(architecture: str, where: object = None, **options: Any) -> Any:  # noqa: ANN401 - untyped
    """Return a network of timm, its weights from torch's random generator."""
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
