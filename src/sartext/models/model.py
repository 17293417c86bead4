"""A model as the rest of the library sees it, and the device on which it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from sartext.errors import ModelError
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
    """Return the figures of a model that a card or a tracked run shows: kind, sizes, numbers of parameters."""
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


def device_of(name: str) -> torch.device:
    """Return the device of a name: ``cpu``, ``cuda``, ``cuda:<number>``, or ``auto`` for a GPU where there is one.

    Raises:
        ModelError: the name is unknown, or a GPU is asked for and there is none, or not that many.
    """
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
