"""Weights from a tag, a folder or a file into a network: all of them, or an error."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sartext.errors import ArtefactError, ModelError, nearest
from sartext.files import read_json, sha256_file
from sartext.models.compatibility import open_clip
from sartext.models.foundation import FILE_SUFFIXES, Foundation
from sartext.models.tensor_files import CONVERT, PICKLED, UNPICKLES, read_state

PREFERRED = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "open_clip_pytorch_model.pth",
    "model.safetensors",
    "pytorch_model.bin",
    "pytorch_model.pth",
    "model.pth",
)
"""Names of the weights in a folder, in the order in which open_clip looks for them."""

WEIGHTS = "model.safetensors"
CONFIG = "open_clip_config.json"
RECORD = "training.json"
"""What a training says of the checkpoint that it wrote; ``model_sha256`` is that of ``model.safetensors``."""


def locate(foundation: Foundation) -> tuple[Path | None, Mapping[str, Any]]:
    """Return the file of the weights that a foundation names, None where it names none, before anything is built.

    Returns:
        The file, and what open_clip knows of a tag, or a folder says of itself (``mean``, ``std``).

    Raises:
        ModelError: the tag is unknown or cannot be fetched, the folder or file is missing or holds no weights, or
            the file is of a kind that could only be read by unpickling.
    """
    if foundation.pretrained is None:
        return None, {}
    path = foundation.weights
    if path is None:
        _refuse_pickle(Path(foundation.pretrained), foundation.source)
        return fetch(foundation)
    if path.is_dir():
        weights = weights_in(path)
        verify_weights(path, weights)
        return weights, _preprocessing_in(path)
    if path.is_file() and path.suffix in FILE_SUFFIXES:
        return path, {}
    if path.is_file():
        _refuse_pickle(path, foundation.source)
    what = "no pretrained weights" if not path.exists() else f"no weights ({', '.join(FILE_SUFFIXES)})"
    raise ModelError(
        f"{what} at '{path}'",
        where=foundation.source,
        way_out="correct `pretrained` there; null starts from random weights",
    )


def _refuse_pickle(path: Path, where: Path | None) -> None:
    """Refuse a file by a pickle's ending, unopened, and say why.

    Raises:
        ModelError: it has such an ending.
    """
    if path.suffix.lower() in PICKLED:
        raise ModelError(f"'{path}' is a pickle: {UNPICKLES}", where=where, way_out=CONVERT)


def fetch(foundation: Foundation) -> tuple[Path, Mapping[str, Any]]:
    """Return the file of a tag, from open_clip's cache or the network, and what open_clip knows of it.

    Raises:
        ModelError: the tag is unknown for this architecture, or its file is not here and cannot be fetched.
    """
    name, tag = foundation.architecture, foundation.pretrained or ""
    tags = open_clip.list_pretrained_tags_by_model(name)
    told: dict[str, Any] = open_clip.get_pretrained_cfg(name, tag)
    if not told:
        advice = nearest(tag, tags) if tags else "it has none: name a folder or file with weights, or null"
        raise ModelError(
            f"no pretrained weights '{tag}' of '{name}' are known", where=foundation.source, way_out=advice
        )
    _check_activation(foundation, told)
    hub = logging.getLogger("huggingface_hub")
    level = hub.level
    try:
        hub.setLevel(logging.ERROR)  # it tells of every attempt; the error tells all
        return Path(open_clip.download_pretrained(told)), told
    except Exception as error:  # whatever the network, the hub or the disk came up with
        place = told.get("hf_hub") or told.get("url", "")
        raise ModelError(
            f"the weights '{tag}' of '{name}' are not on this machine and cannot be fetched "
            f"({type(error).__name__})",
            where=foundation.source,
            way_out=f"download '{place.rstrip('/')}' elsewhere and name its folder or file as `pretrained` there",
        ) from error
    finally:
        hub.setLevel(level)


def _check_activation(foundation: Foundation, told: Mapping[str, Any]) -> None:
    """Refuse weights that were trained with the other approximation of GELU: they load, and work worse."""
    name = foundation.architecture
    config = open_clip.get_model_config(name) or {}
    needed = bool(told.get("quick_gelu", False))
    if needed == bool(config.get("quick_gelu", False)):
        return
    other = f"{name}-quickgelu" if needed else name.removesuffix("-quickgelu")
    known = other != name and other in open_clip.list_models()
    raise ModelError(
        f"the weights '{foundation.pretrained}' were trained with{'' if needed else 'out'} QuickGELU, "
        f"'{name}' computes with{'out' if needed else ''} it",
        where=foundation.source,
        way_out=f"set `architecture: {other}` there" if known else "take another `pretrained` there",
    )


def weights_in(folder: Path) -> Path:
    """Return the weights file of a folder: of a training's the best weights alone, else the one open_clip takes.

    Raises:
        ModelError: there is none, or only such as could be read by unpickling alone, or there are several and none
            has a name that open_clip looks for.
    """
    if (folder / RECORD).is_file():
        if not (folder / WEIGHTS).is_file():
            raise ModelError(
                f"the folder holds no weights that {RECORD} vouches for: there is no {WEIGHTS}",
                where=folder,
                way_out="build or copy the checkpoint again",
            )
        return folder / WEIGHTS
    files = sorted(one for one in folder.iterdir() if one.is_file())
    found = [one for one in files if one.suffix in FILE_SUFFIXES]
    if not found:
        for one in files:
            _refuse_pickle(one, folder)
        raise ModelError(
            "the folder holds no weights",
            where=folder,
            way_out=f"it should hold model.safetensors or another file that ends in {', '.join(FILE_SUFFIXES)}",
        )
    named = [one for one in found if one.name in PREFERRED]
    if named:
        return min(named, key=lambda one: PREFERRED.index(one.name))
    if len(found) > 1:
        raise ModelError(
            f"the folder holds several weights: {', '.join(one.name for one in found)}",
            where=folder,
            way_out=f"rename the one to take to {WEIGHTS}",
        )
    return found[0]


def read_record(folder: Path) -> Mapping[str, Any]:
    """Return what a training says of the checkpoint in a folder; nothing where it says nothing.

    Raises:
        ModelError: the record is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        told = read_json(path)
    except ArtefactError as error:
        raise ModelError(error.what, where=path, way_out="build or copy the checkpoint again") from error
    return told if isinstance(told, dict) else {}


def verify_weights(folder: Path, weights: Path, found: str | None = None) -> None:
    """Compare weights with the record of the training that wrote them, where there is one.

    Args:
        folder: of the checkpoint.
        weights: the file in it.
        found: its SHA-256 if that is known.

    Raises:
        ModelError: they are others.
    """
    pinned = read_record(folder).get("model_sha256")
    if pinned is None:
        return
    found = found or sha256_file(weights)
    if pinned != found:
        raise ModelError(
            f"these are not the weights that the training wrote: SHA-256 {found[:12]}..., {RECORD} says "
            f"{str(pinned)[:12]}...",
            where=weights,
            way_out="build or copy the checkpoint again",
        )


def _preprocessing_in(folder: Path) -> Mapping[str, Any]:
    """What a folder's configuration says of the pictures that its weights know."""
    path = folder / CONFIG
    if not path.is_file():
        return {}
    try:
        whole = read_json(path)
    except ArtefactError as error:
        raise ModelError(error.what, where=path, way_out="copy the folder again") from error
    told = whole.get("preprocess_cfg") if isinstance(whole, dict) else None
    return told if isinstance(told, dict) else {}


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a weights file into a network, every tensor of it.

    Layouts of third parties are converted and position embeddings of another input size interpolated by
    open_clip's own functions. Nothing is unpickled.

    Raises:
        ModelError: the file is damaged, needs unpickling, belongs to another architecture or holds values that are
            not finite.
    """
    state = _converted(network, read_state(path))
    if difference := _difference(network.state_dict(), state):
        raise ModelError(
            f"the weights are of another architecture: {difference}",
            where=path,
            way_out="take weights of the configured architecture, or the architecture of these weights",
        )
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(
                f"the weights '{name}' hold values that are not finite",
                where=path,
                way_out="the training that wrote them failed: take another checkpoint",
            )
    network.load_state_dict(state)


def _converted(network: nn.Module, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state in the layout of the network, as ``open_clip.load_checkpoint`` would have it."""
    own = dict(network.named_parameters())
    try:
        state = open_clip.convert.convert_state_dict(network, state)
        if "positional_embedding" in state and "positional_embedding" not in own:
            state = open_clip.model.convert_to_custom_text_state_dict(state)
        for name in ("logit_scale", "logit_bias"):
            if name in state and name in own and state[name].numel() == 1:
                state[name] = state[name].reshape(own[name].shape)
        state.pop("text.transformer.embeddings.position_ids", None)
        open_clip.model.resize_pos_embed(state, network)
        open_clip.model.resize_text_pos_embed(state, network)
    except (AttributeError, AssertionError, RuntimeError, KeyError, IndexError, ValueError):
        # what cannot be converted is told by what differs
        return state
    return state


def _difference(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> str:
    """Say in what a state differs from a network's: the first of each kind, and how many."""
    told = []
    for what, names in (
        ("lacks", [name for name in own if name not in state]),
        ("has no place for", [name for name in state if name not in own]),
    ):
        if names:
            told.append(f"it {what} '{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else ""))
    shapes = [name for name in own if name in state and own[name].shape != state[name].shape]
    if shapes:
        there, here = (" x ".join(map(str, one[shapes[0]].shape)) or "a number" for one in (state, own))
        told.append(f"'{shapes[0]}' is {there} in the file and {here} in the configuration")
    return ", ".join(told)
