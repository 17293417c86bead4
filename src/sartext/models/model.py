"""A model as the rest of the library sees it, the pictures that it takes, and the device on which it runs.

open_clip's default evaluation resizes the shortest side and cuts the centre, which loses objects that the caption
names; so every checkpoint of ours says ``resize_mode: squash``, and open_clip's own transform then equals ours. A
model of somebody else is scored on what its own configuration makes of a picture, see `fit`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import nn

from sartext.errors import ModelError, nearest
from sartext.models.squashing import Pixels, check_picture, squash, three_channels
from sartext.models.tokenizer import Tokenizer

Kind = Literal["clip", "coca"]

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own training images (Radford et al. 2021): what open_clip models take unless they say otherwise."""

_RESIZING = {"resize_mode": ("shortest", "longest", "squash"), "interpolation": ("bicubic", "bilinear", "random")}
"""What open_clip knows, its default first; ``random`` is bicubic outside of a training."""


@dataclass
class Model:
    """A network with all that is needed to use it.

    Args:
        network: open_clip's ``CLIP``, ``CustomTextCLIP`` or ``CoCa``.
        tokenizer: of its captions.
        config: content of ``open_clip_config.json``: ``model_cfg`` and ``preprocess_cfg``.
        kind: ``coca`` can write captions, ``clip`` only compares.
        sha256: of the weights file that it was read from, or built on; None where its weights are random.
    """

    network: nn.Module
    tokenizer: Tokenizer
    config: dict[str, Any]
    kind: Kind
    sha256: str | None = None

    @property
    def side(self) -> int:
        """Width and height of the input in pixels."""
        return side_of(self.config["model_cfg"])

    @property
    def mean(self) -> tuple[float, ...]:
        """What is taken off each of the three channels, of pixels from 0 to 1."""
        return tuple(map(float, self.config["preprocess_cfg"]["mean"]))

    @property
    def std(self) -> tuple[float, ...]:
        """What each channel is then divided by."""
        return tuple(map(float, self.config["preprocess_cfg"]["std"]))

    @property
    def context(self) -> int:
        """Tokens of the longest caption, start and end included."""
        return int(self.config["model_cfg"]["text_cfg"].get("context_length", 77))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device


def kind_of(model_cfg: Mapping[str, Any]) -> Kind:
    """Return what an open_clip model configuration describes."""
    return "coca" if "multimodal_cfg" in model_cfg else "clip"


def side_of(model_cfg: Mapping[str, Any]) -> int:
    """Return the width and height in pixels of the input of an open_clip model configuration."""
    size = model_cfg["vision_cfg"].get("image_size", 224)
    return int(size[0] if isinstance(size, list | tuple) else size)


def preprocess_cfg(side: int, stated: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the ``preprocess_cfg`` of a checkpoint for pictures of ``side`` pixels that are squashed.

    Of what pretrained weights have ``stated`` of themselves, ``mean`` and ``std`` are kept.
    """
    stated = stated or {}
    return {
        "size": side,
        "mode": "RGB",
        "mean": _three(stated.get("mean") or MEAN),
        "std": _three(stated.get("std") or STD),
        "interpolation": "bicubic",
        "resize_mode": "squash",
        "fill_color": 0,
    }


def own_preprocess_cfg(side: int, stated: Mapping[str, Any] | None, where: object) -> dict[str, Any]:
    """Return the ``preprocess_cfg`` of a checkpoint that keeps its own resizing, open_clip's by default."""
    stated = stated or {}
    own = {key: stated.get(key) or known[0] for key, known in _RESIZING.items()}
    for key, known in _RESIZING.items():
        if own[key] not in known:
            raise ModelError(f"{key} '{own[key]}' is unknown", where=where, way_out=nearest(str(own[key]), known))
    return {**preprocess_cfg(side, stated), **own, "fill_color": stated.get("fill_color") or 0}


def fit(picture: Pixels, model: Model) -> Pixels:
    """Return a picture resized to the model's square as its own configuration says: bit for bit open_clip's.

    Where that is squashing by a bicubic filter, as in every checkpoint of ours, this is `squash`, whose arguments,
    result and errors it has.
    """
    config = model.config["preprocess_cfg"]
    mode, interpolation = config["resize_mode"], config["interpolation"]
    if mode == "squash" and interpolation != "bilinear":
        return squash(picture, model.side)
    check_picture(picture)
    image = Image.fromarray(np.ascontiguousarray(picture))
    for step in _steps(model.side, mode, interpolation, config["fill_color"]):
        image = step(image)
    return three_channels(np.asarray(image))


@lru_cache
def _steps(
    side: int, mode: str, interpolation: str, fill: int
) -> tuple[Callable[[Image.Image], Image.Image], ...]:
    """What open_clip's evaluation does before it converts to RGB, to a tensor, and normalises."""
    from sartext.models.compatibility import open_clip

    whole = open_clip.image_transform(
        side, is_train=False, resize_mode=mode, interpolation=interpolation, fill_color=fill
    )
    return tuple(whole.transforms[:-3])


def normalise(batch: torch.Tensor, model: Model) -> torch.Tensor:
    """Return pictures as a model takes them, see `normalised`."""
    return normalised(batch, model.side, model.mean, model.std)


def normalised(
    batch: torch.Tensor,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    memory_format: torch.memory_format = torch.contiguous_format,
) -> torch.Tensor:
    """Return pictures as a network takes them, on the device they are on: float32, n x 3 x side x side.

    Args:
        batch: uint8, n x side x side x 3 or n x 3 x side x side.
        side: of the pictures that the network was taught.
        mean: of each channel, of pixels from 0 to 1, which is taken off.
        std: what is divided by then.
        memory_format: of the result.

    Raises:
        ModelError: the pictures have another shape or type.
    """
    if batch.dtype == torch.uint8 and tuple(batch.shape[1:]) == (side, side, 3):
        batch = batch.permute(0, 3, 1, 2)
    elif batch.dtype != torch.uint8 or tuple(batch.shape[1:]) != (3, side, side):
        raise ModelError(
            f"pictures of {batch.dtype}, {tuple(batch.shape[1:])}; the model takes uint8 of {side} x {side}",
            way_out="squash them to the model's side; `shards.side` in params.yaml must be the same",
        )
    offset, scale = (torch.tensor(values, device=batch.device).view(3, 1, 1) for values in (mean, std))
    return batch.to(torch.float32, memory_format=memory_format).div_(255).sub_(offset).div_(scale)


def _three(values: Any) -> list[float]:  # noqa: ANN401 - a number or three
    return [float(values)] * 3 if isinstance(values, int | float) else list(map(float, values))


def device_of(name: str | torch.device) -> torch.device:
    """Return the device of a name: ``cpu``, ``cuda``, ``cuda:<number>``, or ``auto`` for a GPU where there is one.

    Raises:
        ModelError: the name is unknown, or a GPU is asked for and there is none, or not that many.
    """
    if isinstance(name, torch.device):
        return name
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in {"cpu", "cuda"} or (number and (kind == "cpu" or not number.isdigit())):
        raise ModelError(f"no device '{name}'", way_out="say cpu, cuda or auto")
    if kind == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if count == 0:
        built = "" if torch.version.cuda or torch.version.hip else " (this torch is built for CPUs only)"
        raise ModelError(
            f"a GPU is asked for ('{name}') and torch sees none{built}",
            way_out="set the device to cpu or auto (`training.device` in params.yaml), or install a torch for it",
        )
    if number and int(number) >= count:
        raise ModelError(f"device '{name}' is asked for, there are {count}", way_out=f"say cuda:0 to {count - 1}")
    return torch.device(name)
