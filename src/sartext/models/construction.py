"""Building a network from its configuration: deterministic, finite, never random where weights were promised."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sartext.errors import ModelError, nearest
from sartext.files import sha256_file
from sartext.models.compatibility import open_clip
from sartext.models.foundation import Foundation
from sartext.models.model import Model, kind_of
from sartext.models.preprocessing import preprocess_cfg
from sartext.models.pretrained import load_weights, locate
from sartext.models.tokenizer import Tokenizer, clip_tokenizer, read_tokenizer

CONFIGURATIONS = Path(__file__).parent / "configurations"


def build(foundation: Foundation, tokenizer_folder: Path | None, *, seed: int, side: int | None = None) -> Model:
    """Build the model of a foundation; the same seed gives the same weights in every process.

    Args:
        foundation: architecture, weights or none, tokenizer.
        tokenizer_folder: of the trained tokenizer; not read where the foundation says ``clip``.
        seed: of all weights that are not read from a file.
        side: width and height of the input in pixels; must be the foundation's ``image_size`` where it has one.

    Raises:
        ModelError: the architecture or tag is unknown, weights cannot be loaded or are of another architecture,
            the tokenizer is missing or not the one that the weights know, or the side does not fit.
    """
    config = architecture(foundation.architecture, foundation.source)
    if foundation.patch_size is not None:
        config["vision_cfg"]["patch_size"] = _patch(config, foundation)
    config["vision_cfg"]["image_size"] = _side(config, foundation, side)
    tokenizer = _tokenizer(config, foundation, tokenizer_folder)
    adapt_text(config, tokenizer)
    weights, told = locate(foundation)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = instantiate(config, foundation.source or foundation.architecture)
    if weights is not None:
        load_weights(network, weights)
    size = config["vision_cfg"]["image_size"]
    whole = {"model_cfg": config, "preprocess_cfg": preprocess_cfg(size, told)}
    digest = None if weights is None else sha256_file(weights)
    return Model(network.eval(), tokenizer, whole, kind_of(config), digest)


def architecture(name: str, where: Path | None = None) -> dict[str, Any]:
    """Return the configuration of an architecture: one of this package, else open_clip's.

    Raises:
        ModelError: there is no such architecture; the nearest name is told.
    """
    own = {path.stem: path for path in sorted(CONFIGURATIONS.glob("*.json"))}
    if name in own:
        found: dict[str, Any] = json.loads(own[name].read_text(encoding="utf-8"))
        return found
    known = open_clip.list_models()
    if name not in known:
        raise ModelError(f"no architecture '{name}'", where=where, way_out=nearest(name, [*own, *known]))
    config: dict[str, Any] = open_clip.get_model_config(name)
    return config


def instantiate(config: Mapping[str, Any], where: object = None) -> nn.Module:
    """Return the network of an open_clip ``model_cfg``, its weights from torch's random generator.

    Weights of single towers are never fetched. open_clip leaves the head of CoCa's text decoder uninitialised:
    it is drawn here as its other projections are, normal with a standard deviation of width^-0.5.

    Raises:
        ModelError: open_clip cannot build it.
    """
    told = deepcopy(dict(config))
    custom = told.pop("custom_text", False) or "hf_model_name" in told.get("text_cfg", {})
    if "timm_model_name" in told.get("vision_cfg", {}):
        told["vision_cfg"]["timm_model_pretrained"] = False
    if "hf_model_name" in told.get("text_cfg", {}):
        told["text_cfg"]["hf_model_pretrained"] = False
    made = open_clip.CoCa if custom and "multimodal_cfg" in told else None
    made = made or (open_clip.CustomTextCLIP if custom else open_clip.CLIP)
    try:
        network: nn.Module = made(**told)
    except Exception as error:  # any content of a stranger's configuration ends here
        raise ModelError(
            f"open_clip cannot build this model_cfg ({type(error).__name__}: {error})",
            where=where,
            way_out="correct the configuration, or take another checkpoint",
        ) from error
    if isinstance(network, open_clip.CoCa):
        head = network.text_decoder.text_projection
        nn.init.normal_(head, std=head.shape[0] ** -0.5)
    return network


def adapt_text(config: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Set vocabulary, context and padding of a configuration to a tokenizer's.

    CoCa's two text towers take the same number of tokens: the first appends its class token by itself, and the
    second reads the first's token states.
    """
    config["text_cfg"] |= tokenizer.text_cfg()
    if "multimodal_cfg" in config:
        told = tokenizer.text_cfg()
        config["multimodal_cfg"] |= {key: told[key] for key in ("context_length", "vocab_size")}
        config["pad_id"] = tokenizer.pad


def _patch(config: Mapping[str, Any], foundation: Foundation) -> int:
    if foundation.patch_size is None or not config["vision_cfg"].get("patch_size"):
        raise ModelError(
            f"the image tower of '{foundation.architecture}' has no patches of a size to set",
            where=foundation.source,
            way_out="take `patch_size` out, or take another architecture",
        )
    return foundation.patch_size


def _side(config: Mapping[str, Any], foundation: Foundation, side: int | None) -> int:
    if side is not None and foundation.image_size is not None and side != foundation.image_size:
        raise ModelError(
            f"pictures of {side} pixels for a foundation of {foundation.image_size}",
            where=foundation.source,
            way_out="make `shards.side` in params.yaml and `image_size` there equal",
        )
    size = int(side or foundation.image_size or config["vision_cfg"]["image_size"])
    patch = config["vision_cfg"].get("patch_size")
    if patch and size % patch:
        raise ModelError(
            f"pictures of {size} pixels do not divide into patches of {patch}",
            where=foundation.source or foundation.architecture,
            way_out=f"set `shards.side` in params.yaml to {max(1, round(size / patch)) * patch}",
        )
    return size


def _tokenizer(config: Mapping[str, Any], foundation: Foundation, folder: Path | None) -> Tokenizer:
    if foundation.tokenizer == "clip":
        if config["text_cfg"].get("hf_tokenizer_name"):
            raise ModelError(
                f"'{foundation.architecture}' has a tokenizer of its own, not CLIP's",
                where=foundation.source,
                way_out="take another architecture, or `tokenizer: trained` without pretrained weights",
            )
        return clip_tokenizer(int(config["text_cfg"].get("context_length", 77)))
    # trained weights know the vocabulary that they were trained with
    weights = foundation.weights
    if weights is not None and (weights / "tokenizer.json").is_file():
        return read_tokenizer(weights)
    if folder is None:
        raise ModelError(
            "no folder of a trained tokenizer is given", where=foundation.source, way_out="run `sartext tokenizer`"
        )
    return read_tokenizer(folder)
