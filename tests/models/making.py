"""Small models and captions for the tests."""

from collections.abc import Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sartext.files import read_json, write_json
from sartext.models import checkpoint
from sartext.models.construction import FOLDER, Foundation, build, read_foundation
from sartext.models.model import Model
from sartext.models.tokenizer import Tokenizer, train_tokenizer

NUMBERS = ("one", "two", "three", "four", "several")
THINGS = ("ships", "bridges", "storage tanks", "A220 aircraft", "harbours")
ZONES = ("in the center", "in the upper left", "outside the center", "in the lower right")

CAPTIONS = [
    f"There are {number} {thing} {zone} of this SAR image. {other.capitalize()} surround them."
    for number in NUMBERS
    for thing in THINGS
    for zone in ZONES
    for other in THINGS[:2]
]


def small_tokenizer(folder: Path, vocabulary: int = 420, context: int = 32) -> Tokenizer:
    """A tokenizer of the captions above, saved to a folder."""
    tokenizer = train_tokenizer(CAPTIONS, vocabulary, context)
    tokenizer.save(folder)
    return tokenizer


def small_model(folder: Path, kind: str, seed: int = 7) -> Model:
    """One of the embedded profile's foundations, with the tokenizer above in ``folder/tokenizer``."""
    small_tokenizer(folder / "tokenizer")
    return build(read_foundation(FOLDER / f"{kind}-tiny.yaml"), folder / "tokenizer", seed=seed)


def foundation(pretrained: object) -> Foundation:
    """A foundation of the tiny CLIP with weights from somewhere."""
    return Foundation("clip-tiny", str(pretrained))


def tiny_config(kind: str, vision: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """open_clip's configuration of a CLIP or CoCa of some thousand weights with such an image tower."""
    text = {"width": 16, "heads": 2, "layers": 1}
    config: dict[str, Any] = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": dict(text), **fields}
    if kind == "coca":
        pool = {"attentional_pool": True, "attn_pooler_queries": 4, "attn_pooler_heads": 2, "output_tokens": True}
        config["vision_cfg"] |= pool
        config["text_cfg"] |= {"embed_cls": True, "output_tokens": True}
        config |= {"multimodal_cfg": {**text, "attn_pooler_heads": 2}, "custom_text": True}
    return config


def pictures(count: int, height: int = 90, width: int = 70, seed: int = 3) -> np.ndarray:
    """Smooth random colour pictures, uint8, count x height x width x 3."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, height // 10, width // 10, 3), dtype=np.uint8)
    return coarse.repeat(10, axis=1).repeat(10, axis=2)


def saved(folder: Path, kind: str = "clip") -> Path:
    """The folder ``model`` of such a model's checkpoint."""
    checkpoint.save(small_model(folder, kind), folder / "model")
    return folder / "model"


def set_config(folder: Path, *part: str, **fields: object) -> None:
    """Change fields of a part of a checkpoint's configuration."""
    whole = read_json(folder / "open_clip_config.json")
    reduce(getitem, part, whole).update(fields)
    write_json(folder / "open_clip_config.json", whole)


def states_equal(first: Model, second: Model) -> bool:
    """Whether two models have the same weights, bit for bit."""
    return same(first.network.state_dict(), second.network.state_dict())


def same(first: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether tensors have the same names and are equal, bit for bit."""
    return first.keys() == other.keys() and all(torch.equal(first[name], other[name]) for name in first)
