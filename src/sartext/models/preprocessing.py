"""From a picture to the input of a model: squashed whole to a square, never cropped, then normalised.

open_clip's default evaluation resizes the shortest side and cuts the centre, which loses objects that the caption
tells; so every checkpoint says ``resize_mode: squash``, and open_clip's own transform then equals this one.
"""

from collections.abc import Mapping
from typing import Any

import torch

from sartext.errors import ModelError
from sartext.models.model import Model
from sartext.models.squashing import Pixels, squash

__all__ = ["MEAN", "STD", "Pixels", "normalise", "preprocess_cfg", "squash"]

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""Of CLIP's own training images (Radford et al. 2021): what open_clip models take unless they say otherwise."""


def preprocess_cfg(side: int, told: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the ``preprocess_cfg`` of a checkpoint.

    Args:
        side: width and height of the input in pixels.
        told: what pretrained weights say of themselves; their ``mean`` and ``std`` are kept.
    """
    told = told or {}
    return {
        "size": side,
        "mode": "RGB",
        "mean": _three(told.get("mean") or MEAN),
        "std": _three(told.get("std") or STD),
        "interpolation": "bicubic",
        "resize_mode": "squash",
        "fill_color": 0,
    }


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
