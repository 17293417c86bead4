"""From a picture to the input of a model: resized to its square, then normalised.

open_clip's default evaluation resizes the shortest side and cuts the centre, which loses objects that the caption
names; so every checkpoint of ours says ``resize_mode: squash``, and open_clip's own transform then equals ours. A
model of somebody else is scored on what its own configuration makes of a picture, see `fit`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from sartext.errors import ModelError, nearest
from sartext.models.model import Model
from sartext.models.squashing import Pixels, check_picture, squash, three_channels

__all__ = ["MEAN", "STD", "Pixels", "fit", "normalise", "own_preprocess_cfg", "preprocess_cfg", "squash"]

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own training images (Radford et al. 2021): what open_clip models take unless they say otherwise."""


def preprocess_cfg(side: int, stated: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the ``preprocess_cfg`` of a checkpoint.

    Args:
        side: width and height of the input in pixels.
        stated: what pretrained weights say of themselves; their ``mean`` and ``std`` are kept.
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
    """Return the ``preprocess_cfg`` of a checkpoint that keeps its own resizing; open_clip's where it says none.

    Args:
        side: width and height of the input in pixels.
        stated: ``preprocess_cfg`` of its configuration.
        where: the configuration, for the error.

    Raises:
        ModelError: open_clip knows no such resizing.
    """
    stated = stated or {}
    own = {key: stated.get(key) or known[0] for key, known in _RESIZING.items()}
    for key, known in _RESIZING.items():
        if own[key] not in known:
            raise ModelError(f"{key} '{own[key]}' is unknown", where=where, way_out=nearest(str(own[key]), known))
    return {**preprocess_cfg(side, stated), **own, "fill_color": stated.get("fill_color") or 0}


_RESIZING = {"resize_mode": ("shortest", "longest", "squash"), "interpolation": ("bicubic", "bilinear", "random")}
"""What open_clip knows, its default first; ``random`` is bicubic outside of a training."""


def fit(picture: Pixels, model: Model) -> Pixels:
    """Return a picture resized to the model's square as its own configuration says: bit for bit open_clip's.

    Args:
        picture: uint8, height x width (grey) or height x width x 3.
        model: says side, ``resize_mode`` and ``interpolation``; where it squashes by a bicubic filter, as every
            checkpoint of ours does, this is `squash`.

    Returns:
        uint8, side x side x 3; grey pictures on three equal channels.

    Raises:
        ModelError: the array is no such picture.
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
    """Return pictures as the network takes them, on the device they are on.

    Args:
        batch: uint8, n x side x side x 3 or n x 3 x side x side.
        model: says mean, standard deviation and side.

    Returns:
        float32, n x 3 x side x side.

    Raises:
        ModelError: the pictures have another shape or type.
    """
    side = model.side
    if batch.dtype == torch.uint8 and tuple(batch.shape[1:]) == (side, side, 3):
        batch = batch.permute(0, 3, 1, 2)
    elif batch.dtype != torch.uint8 or tuple(batch.shape[1:]) != (3, side, side):
        raise ModelError(
            f"pictures of {batch.dtype}, {tuple(batch.shape[1:])}; the model takes uint8 of {side} x {side}",
            way_out="squash them to the model's side; `shards.side` in params.yaml must be the same",
        )
    mean = torch.tensor(model.mean, device=batch.device).view(3, 1, 1)
    std = torch.tensor(model.std, device=batch.device).view(3, 1, 1)
    scaled = batch.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    return scaled.sub_(mean).div_(std)


def _three(values: Any) -> list[float]:  # noqa: ANN401 - a number or three
    if isinstance(values, int | float):
        return [float(values)] * 3
    return [float(value) for value in values]
