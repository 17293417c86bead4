"""Building a network from a foundation: deterministic, finite, never random where weights were promised.

A foundation, stage 0 of the transfer, is data: an architecture, its weights or none, and its tokenizer.
"""

import json
import logging
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
import yaml
from pydantic import BaseModel, Field, ValidationError
from torch import nn

from sartext.config import Section, explain_validation
from sartext.errors import ModelError, nearest
from sartext.files import sha256_file
from sartext.models.compatibility import open_clip
from sartext.models.model import Model, kind_of, preprocess_cfg
from sartext.models.pretrained import PRETRAINED
from sartext.models.tokenizer import Tokenizer, clip_tokenizer, read_tokenizer
from sartext.models.towers import check_tower_side, load_pretrained_tower, set_timm_tower, take_timm_tower
from sartext.models.weights import FILE_SUFFIXES, load_weights, refuse_pickle, weights_at

FOLDER = Path(__file__).parent / "foundations"
"""The foundation files that come with the package."""

CONFIGURATIONS = FOLDER.with_name("configurations")


@dataclass(frozen=True)
class Foundation:
    """What a training starts from.

    Args:
        architecture: a configuration of this package, or one of open_clip's by its name.
        pretrained: None for random weights on purpose; natural-image weights of the image tower alone, one of
            `PRETRAINED`; a tag that open_clip knows for this architecture; or a folder or file with weights
            (.safetensors, .bin, .pt), relative to the foundation file.
        tokenizer: ``trained`` on the corpora's captions, or ``clip``, which pretrained weights need.
        image_size: width and height of the input in pixels, where it is not the configuration's.
        patch_size: width and height of the image tower's patches in pixels, where it is not the configuration's.
        source: the file that says so, for messages.
    """

    architecture: str
    pretrained: str | None = None
    tokenizer: Literal["trained", "clip"] = "trained"
    image_size: int | None = None
    patch_size: int | None = None
    source: Path | None = None

    @property
    def weights(self) -> Path | None:
        """The place of the weights if ``pretrained`` names one: it has a slash or the ending of a weights file."""
        place = self.pretrained
        if place is None or not ("/" in place or place.startswith(("~", ".")) or place.endswith(FILE_SUFFIXES)):
            return None
        return (self.source.parent if self.source else Path()) / Path(place).expanduser()


class _File(Section):
    architecture: str = Field(min_length=1)
    pretrained: str | None
    tokenizer: Literal["trained", "clip"]
    image_size: int | None = Field(None, ge=16, le=4096)
    patch_size: int | None = Field(None, ge=2, le=1024)


def read_foundation(path: Path) -> Foundation:
    """Read a foundation file. ``pretrained`` must be said: no weights are random because a line is forgotten."""
    content = read_foundation_file(path, _File, key="from", others=FOLDER)
    return Foundation(**content.model_dump(), source=path)


Form = TypeVar("Form", bound=BaseModel)


def read_foundation_file(path: Path, form: type[Form], *, key: str, others: Path) -> Form:
    """Return what a foundation file says, read as ``form``.

    ``key`` of params.yaml names the file; ``others`` is the folder of those that come with the package.

    Raises:
        ModelError: the file is absent, no YAML, or says something unknown.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(path.name for path in others.glob("*.yaml")))
        raise ModelError(
            "no such foundation file",
            where=path,
            way_out=f"correct `{key}` in params.yaml; those of the package: {known}",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ModelError(f"not a readable YAML file ({error})", where=path, way_out="correct it") from error
    try:
        return form.model_validate(content)
    except ValidationError as error:
        what, way_out = explain_validation(error, form, path)
        raise ModelError(what, where=path, way_out=way_out) from error


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
        _set_patch(config, foundation)
    size = config["vision_cfg"]["image_size"] = _side(config, foundation, side)
    tokenizer = _tokenizer(config, foundation, tokenizer_folder)
    adapt_text(config, tokenizer)
    weights, known = _locate(foundation)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = instantiate(config, foundation.source or foundation.architecture)
    digest = None if weights is None else sha256_file(weights)
    if weights is not None:
        load_weights(network, weights)
    elif foundation.pretrained is not None:
        digest = load_pretrained_tower(network, config, foundation.pretrained, foundation.source)
    whole = {"model_cfg": config, "preprocess_cfg": preprocess_cfg(size, known)}
    return Model(network.eval(), tokenizer, whole, kind_of(config), digest)


def architecture(name: str, where: Path | None = None) -> dict[str, Any]:
    """Return the configuration of an architecture: one of this package, else open_clip's.

    Raises:
        ModelError: there is none; the message holds the nearest name.
    """
    own = {path.stem: path for path in sorted(CONFIGURATIONS.glob("*.json"))}
    if name in own:
        return dict(json.loads(own[name].read_text(encoding="utf-8")))
    known = open_clip.list_models()
    if name not in known:
        raise ModelError(f"no architecture '{name}'", where=where, way_out=nearest(name, [*own, *known]))
    return dict(open_clip.get_model_config(name))


def instantiate(config: Mapping[str, Any], where: object = None) -> nn.Module:
    """Return the network of an open_clip ``model_cfg``, its weights from torch's random generator.

    Weights of single towers are never fetched. A CoCa's tower of timm is ours, `TokenTower`. open_clip leaves the
    head of CoCa's decoder uninitialised: it is drawn as its other projections are, with a deviation of width^-0.5.
    """
    arguments = deepcopy(dict(config))
    custom = arguments.pop("custom_text", False) or "hf_model_name" in arguments.get("text_cfg", {})
    if "timm_model_name" in arguments.get("vision_cfg", {}):
        arguments["vision_cfg"]["timm_model_pretrained"] = False
    if "hf_model_name" in arguments.get("text_cfg", {}):
        arguments["text_cfg"]["hf_model_pretrained"] = False
    tower = take_timm_tower(arguments, where)
    coca = open_clip.CoCa if "multimodal_cfg" in arguments else open_clip.CustomTextCLIP
    try:
        network: nn.Module = (coca if custom else open_clip.CLIP)(**arguments)
    except Exception as error:  # any content of a stranger's configuration ends here
        raise ModelError(
            f"open_clip cannot build this model_cfg ({type(error).__name__}: {error})",
            where=where,
            way_out="correct the configuration, or take another checkpoint",
        ) from error
    if isinstance(network, open_clip.CoCa):
        head = network.text_decoder.text_projection
        nn.init.normal_(head, std=head.shape[0] ** -0.5)
    set_timm_tower(network, tower)
    return network


def adapt_text(config: dict[str, Any], tokenizer: Tokenizer) -> None:
    """Set vocabulary, context and padding of a configuration to a tokenizer's.

    CoCa's two text towers take the same number of tokens: the first appends its class token by itself, and the
    second reads the first's token states.
    """
    text_cfg = tokenizer.text_cfg()
    config["text_cfg"] |= text_cfg
    if "multimodal_cfg" in config:
        config["multimodal_cfg"] |= {key: text_cfg[key] for key in ("context_length", "vocab_size")}
        config["pad_id"] = tokenizer.pad


def _set_patch(config: Mapping[str, Any], foundation: Foundation) -> None:
    if not config["vision_cfg"].get("patch_size"):
        raise ModelError(
            f"the image tower of '{foundation.architecture}' has no patches of a size to set",
            where=foundation.source,
            way_out="take `patch_size` out, or take another architecture",
        )
    config["vision_cfg"]["patch_size"] = foundation.patch_size


def _side(config: Mapping[str, Any], foundation: Foundation, side: int | None) -> int:
    if side is not None and foundation.image_size is not None and side != foundation.image_size:
        raise ModelError(
            f"pictures of {side} pixels for a foundation of {foundation.image_size}",
            where=foundation.source,
            way_out="make `shards.side` in params.yaml and `image_size` there equal",
        )
    size = int(side or foundation.image_size or config["vision_cfg"]["image_size"])
    check_tower_side(config, size, foundation.source or foundation.architecture)
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
    weights = foundation.weights
    if weights is not None and (weights / "tokenizer.json").is_file():
        return read_tokenizer(weights)  # they know the vocabulary that they were trained with
    if folder is None:
        raise ModelError(
            "no folder of a trained tokenizer is given", where=foundation.source, way_out="run `sartext tokenizer`"
        )
    return read_tokenizer(folder)


def _locate(foundation: Foundation) -> tuple[Path | None, Mapping[str, Any]]:
    """The file of the whole network's weights or None, and what is known of them (``mean``, ``std``)."""
    if foundation.pretrained is None:
        return None, {}
    if foundation.pretrained in PRETRAINED:
        return None, vars(PRETRAINED[foundation.pretrained])
    if foundation.weights is not None:
        return weights_at(foundation.weights, foundation.source)
    refuse_pickle(Path(foundation.pretrained), foundation.source)
    return _fetch(foundation)


def _fetch(foundation: Foundation) -> tuple[Path, Mapping[str, Any]]:
    """The file of a tag, from open_clip's cache or the network, and what open_clip knows of it."""
    name, tag = foundation.architecture, foundation.pretrained or ""
    tags = open_clip.list_pretrained_tags_by_model(name)
    known: dict[str, Any] = open_clip.get_pretrained_cfg(name, tag)
    if not known:
        advice = nearest(tag, tags) if tags else "it has none: name a folder or file with weights, or null"
        raise ModelError(
            f"no pretrained weights '{tag}' of '{name}' are known", where=foundation.source, way_out=advice
        )
    _check_activation(foundation, known)
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    try:
        hub.setLevel(logging.ERROR)  # it logs every attempt; the error says all
        return Path(open_clip.download_pretrained(known)), known
    except Exception as error:  # whatever the network, the hub or the disk came up with
        place = known.get("hf_hub") or known.get("url", "")
        raise ModelError(
            f"the weights '{tag}' of '{name}' are not on this machine and cannot be fetched "
            f"({type(error).__name__})",
            where=foundation.source,
            way_out=f"download '{place.rstrip('/')}' elsewhere and name its folder or file as `pretrained` there",
        ) from error
    finally:
        hub.setLevel(level)


def _check_activation(foundation: Foundation, known: Mapping[str, Any]) -> None:
    """Refuse weights that were trained with the other approximation of GELU: they load, and work worse."""
    name = foundation.architecture
    config = open_clip.get_model_config(name) or {}
    needed = bool(known.get("quick_gelu", False))
    if needed == bool(config.get("quick_gelu", False)):
        return
    other = f"{name}-quickgelu" if needed else name.removesuffix("-quickgelu")
    exists = other != name and other in open_clip.list_models()
    raise ModelError(
        f"the weights '{foundation.pretrained}' were trained with{'' if needed else 'out'} QuickGELU, "
        f"'{name}' computes with{'out' if needed else ''} it",
        where=foundation.source,
        way_out=f"set `architecture: {other}` there" if exists else "take another `pretrained` there",
    )
