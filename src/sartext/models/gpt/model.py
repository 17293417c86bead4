"""A SAR-GPT as the rest of the library sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerBase,
)

from sartext.models.gpt.prompts import prompt
from sartext.models.model import Model
from sartext.models.preprocessing import normalise
from sartext.models.squashing import Pixels, squash


@dataclass
class Gpt:
    """A network with all that is needed to ask it.

    Args:
        network: transformers' ``LlavaForConditionalGeneration``.
        processor: of its pictures and texts.
        images: False for a model that was taught without pictures, and is asked without.
        sha256: of the weights file that it was read from; None where it was built.
    """

    network: LlavaForConditionalGeneration
    processor: LlavaProcessor
    images: bool = True
    sha256: str | None = None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Of its questions and answers."""
        return self.processor.tokenizer

    @property
    def side(self) -> int:
        """Width and height of the input in pixels."""
        return int(self.network.config.vision_config.image_size)

    @property
    def mean(self) -> tuple[float, float, float]:
        """What is taken off each channel, of pixels from 0 to 1."""
        red, green, blue = self.processor.image_processor.image_mean
        return float(red), float(green), float(blue)

    @property
    def std(self) -> tuple[float, float, float]:
        """What each channel is then divided by."""
        red, green, blue = self.processor.image_processor.image_std
        return float(red), float(green), float(blue)

    @property
    def patches(self) -> int:
        """Tokens that a picture takes."""
        return int(self.network.config.image_seq_length)

    @property
    def image_token(self) -> int:
        """The token that a picture's patches stand in for."""
        return int(self.network.config.image_token_id)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        place: torch.device = next(self.network.parameters()).device
        return place


def image_processor(side: int, mean: Sequence[float], std: Sequence[float]) -> CLIPImageProcessorPil:
    """Return transformers' image processor that squashes the whole picture to a square as `preprocessing` does."""
    square = {"height": side, "width": side}
    return CLIPImageProcessorPil(
        do_resize=True,
        size=square,
        resample=3,  # bicubic
        do_center_crop=False,
        crop_size=square,
        image_mean=list(mean),
        image_std=list(std),
    )


def pixel_values(model: Gpt, pictures: Sequence[Pixels]) -> Tensor:
    """Return pictures of any size as the network takes them.

    Args:
        model: says side, mean and standard deviation.
        pictures: uint8, height x width (grey, put on three channels) or height x width x 3.

    Returns:
        float32 on the model's device, n x 3 x side x side.

    Raises:
        ModelError: an array is no such picture.
    """
    squashed = torch.from_numpy(np.stack([squash(picture, model.side) for picture in pictures]))
    # it reads side, mean and standard deviation alone
    return normalise(squashed.to(model.device), cast(Model, model))


def patch_states(model: Gpt, pixels: Tensor) -> Tensor:
    """Return what the image tower says of each patch, before the projector: n x patches x width of the tower."""
    config = model.network.config
    states = model.network.model.vision_tower(pixels, output_hidden_states=True).hidden_states
    chosen: Tensor = states[config.vision_feature_layer]
    return chosen[:, 1:]  # without the class token


def prompt_ids(model: Gpt, question: str) -> tuple[list[int], list[int]]:
    """Return the tokens of a prompt: those up to the picture's end, and those of the question.

    The first part holds the picture's token once for every patch; it is empty where the model sees no picture.
    """
    ids: list[int] = model.tokenizer(prompt(question, image=model.images))["input_ids"]
    if not model.images:
        return [], ids
    at = ids.index(model.image_token)
    return [*ids[:at], *[model.image_token] * model.patches], ids[at + 1 :]
