"""Weights of a folder or file: which file, whether it is the trained one, and loading all of it or nothing."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from sartext.errors import ArtefactError, ModelError
from sartext.files import read_json, sha256_file
from sartext.models.compatibility import open_clip

FILE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")

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

PICKLED = (".pkl", ".pickle", ".ckpt")
"""Endings of files that hold a whole training or any other object."""

AGAIN = "build or copy the checkpoint again"
UNPICKLES = "reading it would unpickle, and that runs any code the file brings"
CONVERT = "where you trust its origin, save the tensors alone as safetensors and name that file"


def refuse_pickle(path: Path, where: Path | None) -> None:
    """Raise a ModelError where a file has a pickle's ending, unopened."""
    if path.suffix.lower() in PICKLED:
        raise ModelError(f"'{path}' is a pickle: {UNPICKLES}", where=where, way_out=CONVERT)


def weights_at(path: Path, where: Path | None) -> tuple[Path, Mapping[str, Any]]:
    """Return the weights file at a folder or file that ``where`` names, and the preprocessing that it states.

    Raises a ModelError where there are none, others than the folder's training wrote, or such as need unpickling.
    """
    if path.is_dir():
        weights = weights_in(path)
        verify_weights(path, weights)
        stated = read_object(path / CONFIG, "copy the folder again").get("preprocess_cfg")
        return weights, stated if isinstance(stated, dict) else {}
    if path.is_file() and path.suffix in FILE_SUFFIXES:
        return path, {}
    if path.is_file():
        refuse_pickle(path, where)
    what = "no pretrained weights" if not path.exists() else f"no weights ({', '.join(FILE_SUFFIXES)})"
    raise ModelError(
        f"{what} at '{path}'", where=where, way_out="correct `pretrained` there; null starts from random weights"
    )


def weights_in(folder: Path) -> Path:
    """Return the weights file of a folder: of a training's the best weights alone, else the one open_clip takes.

    Raises a ModelError where there is none, only such as need unpickling, or several of other names.
    """
    if (folder / RECORD).is_file():
        if not (folder / WEIGHTS).is_file():
            what = f"the folder holds no weights that {RECORD} vouches for: there is no {WEIGHTS}"
            raise ModelError(what, where=folder, way_out=AGAIN)
        return folder / WEIGHTS
    files = sorted(file for file in folder.iterdir() if file.is_file())
    weights = [file for file in files if file.suffix in FILE_SUFFIXES]
    if not weights:
        for file in files:
            refuse_pickle(file, folder)
        raise ModelError(
            "the folder holds no weights",
            where=folder,
            way_out=f"it should hold model.safetensors or another file that ends in {', '.join(FILE_SUFFIXES)}",
        )
    named = [file for file in weights if file.name in PREFERRED]
    if named:
        return min(named, key=lambda file: PREFERRED.index(file.name))
    if len(weights) > 1:
        raise ModelError(
            f"the folder holds several weights: {', '.join(file.name for file in weights)}",
            where=folder,
            way_out=f"rename the one to take to {WEIGHTS}",
        )
    return weights[0]


def read_record(folder: Path) -> Mapping[str, Any]:
    """Return what a training says of the checkpoint in a folder; nothing where it says nothing."""
    return read_object(folder / RECORD, AGAIN)


def read_object(path: Path, way_out: str) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is no file, or something else in it.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
    except ArtefactError as error:
        raise ModelError(error.what, where=path, way_out=way_out) from error
    return content if isinstance(content, dict) else {}


def verify_weights(folder: Path, weights: Path, digest: str | None = None) -> None:
    """Raise a ModelError where weights, of SHA-256 ``digest`` if known, are not those of the training's record."""
    pinned = read_record(folder).get("model_sha256")
    if pinned is None:
        return
    digest = digest or sha256_file(weights)
    if pinned != digest:
        raise ModelError(
            f"these are not the weights that the training wrote: SHA-256 {digest[:12]}..., {RECORD} says "
            f"{str(pinned)[:12]}...",
            where=weights,
            way_out=AGAIN,
        )


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
    check_finite(state, path, "the training that wrote them failed: take another checkpoint")
    network.load_state_dict(state)


def check_finite(state: Mapping[str, torch.Tensor], where: Path, way_out: str) -> None:
    """Raise a ModelError where a weight is infinite or no number."""
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"the weights '{name}' hold values that are not finite", where=where, way_out=way_out)


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
        return state  # the error says what differs
    return state


def _difference(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> str:
    """Say in what a state differs from a network's: the first of each kind, and how many."""
    differences = []
    for what, names in (
        ("lacks", [name for name in own if name not in state]),
        ("has no place for", [name for name in state if name not in own]),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            differences.append(f"it {what} '{names[0]}'{more}")
    shapes = [name for name in own if name in state and own[name].shape != state[name].shape]
    if shapes:
        there, here = (" x ".join(map(str, tensors[shapes[0]].shape)) or "a number" for tensors in (state, own))
        differences.append(f"'{shapes[0]}' is {there} in the file and {here} in the configuration")
    return ", ".join(differences)


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a weights file by name, out of a training's ``state_dict`` and ``module.``."""
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content or not all(map(torch.is_tensor, content.values())):
        raise ModelError("the file holds no weights by name", where=path, way_out=CONVERT)
    state = {str(name): tensor for name, tensor in content.items()}
    if all(name.startswith("module.") for name in state):
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return state


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(
            f"the file is damaged or cut short ({error})", where=path, way_out="copy or build it again"
        ) from error


def _read_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle's protocol, before the pickle is refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(f"the file holds more than tensors: {UNPICKLES}", where=path, way_out=CONVERT) from error
    except Exception as error:  # a cut archive ends in many kinds of error
        scripted = "TorchScript" in str(error)
        what = "a TorchScript archive, which is a program" if scripted else "damaged or cut short"
        raise ModelError(
            f"the file is {what} ({type(error).__name__})",
            where=path,
            way_out=CONVERT if scripted else "copy or build it again",
        ) from error
