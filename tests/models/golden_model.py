"""The CoCa of `tests/golden`, trained there, and its pictures."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from safetensors.torch import load_file

from sartext.models.compatibility import open_clip
from sartext.models.model import Model
from tests.golden.scenes import END, PAD, START, normalise

GOLDEN = Path(__file__).parents[1] / "golden"


@cache
def golden_network() -> torch.nn.Module:
    network = open_clip.CoCa(**json.loads((GOLDEN / "coca.json").read_text()))
    network.load_state_dict(load_file(GOLDEN / "coca.safetensors"))
    return network.eval()


@cache
def golden_images() -> torch.Tensor:
    return torch.from_numpy(normalise(np.load(GOLDEN / "pictures.npy")))


def golden_model() -> Model:
    """With the ids of the special tokens alone for a tokenizer: all that decoding asks of it."""
    words = SimpleNamespace(sot=START, eos=END, pad=PAD)
    config = json.loads((GOLDEN / "coca.json").read_text())
    return Model(golden_network(), words, {"model_cfg": config}, "coca")


def random_model(seed: int = 3, **changes: dict) -> Model:
    """The same architecture with other widths and random weights."""
    config = json.loads((GOLDEN / "coca.json").read_text())
    for part, values in changes.items():
        config[part] |= values
    torch.manual_seed(seed)
    network = open_clip.CoCa(**deepcopy(config))
    torch.nn.init.normal_(network.text_decoder.text_projection, std=0.3)
    return Model(network.eval(), golden_model().tokenizer, {"model_cfg": config}, "coca")
