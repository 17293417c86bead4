"""A model as the rest of the library sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from sartext.models.tokenizer import Tokenizer

Kind = Literal["clip", "coca"]


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
        return int(_square(self.config["model_cfg"]["vision_cfg"].get("image_size", 224)))

    @property
    def mean(self) -> tuple[float, float, float]:
        """What is taken off each channel, of pixels from 0 to 1."""
        red, green, blue = self.config["preprocess_cfg"]["mean"]
        return float(red), float(green), float(blue)

    @property
    def std(self) -> tuple[float, float, float]:
        """What each channel is then divided by."""
        red, green, blue = self.config["preprocess_cfg"]["std"]
        return float(red), float(green), float(blue)

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


def describe(model: Model) -> dict[str, object]:
    """Return the figures of a model that a card or a tracked run tells: kind, sizes, numbers of parameters."""
    parts: dict[str, int] = {}
    for name, parameter in model.network.named_parameters():
        part = name.split(".")[0] if "." in name else "rest"
        parts[part] = parts.get(part, 0) + parameter.numel()
    return {
        "kind": model.kind,
        "side": model.side,
        "context": model.context,
        "vocabulary": model.tokenizer.size,
        "parameters": sum(parts.values()),
        "parameters_of": dict(sorted(parts.items())),
    }


def _square(size: Any) -> int:  # noqa: ANN401 - a number, or a pair of equal ones
    if isinstance(size, list | tuple):
        return int(size[0])
    return int(size)
