"""The tensors of a weights file: safetensors, or what torch reads without unpickling anything else."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from sartext.errors import ModelError

SAFE = ".safetensors"

PICKLED = (".pkl", ".pickle", ".ckpt")
"""Endings of files that hold a whole training or any other object."""

UNPICKLES = "reading it would unpickle, and that runs any code the file brings"
CONVERT = "where you trust its origin, save the tensors alone as safetensors and name that file"


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a weights file by name, without a training's wrapping (``state_dict``, ``module.``).

    Raises:
        ModelError: the file is damaged, holds no weights, or could only be read by unpickling.
    """
    content = _read_safetensors(path) if path.suffix == SAFE else _read_torch(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content or not all(map(torch.is_tensor, content.values())):
        raise ModelError("the file holds no weights by name", where=path, way_out=CONVERT)
    names = [str(name) for name in content]
    wrapped = all(name.startswith("module.") for name in names)
    return {
        name.removeprefix("module.") if wrapped else name: tensor
        for name, tensor in zip(names, content.values(), strict=True)
    }


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
        raise ModelError(
            f"the file holds more than tensors: {UNPICKLES}",
            where=path,
            way_out=CONVERT,
        ) from error
    except Exception as error:  # a cut archive ends in many kinds of error
        scripted = "TorchScript" in str(error)
        what = "a TorchScript archive, which is a program" if scripted else "damaged or cut short"
        raise ModelError(
            f"the file is {what} ({type(error).__name__})",
            where=path,
            way_out=CONVERT if scripted else "copy or build it again",
        ) from error
