"""open_clip, imported where torch and torchvision may not fit each other.

Where torch is a CPU-only build, a torchvision built for CUDA fails at import: ``operator torchvision::nms does not
exist``. It registers fake kernels for operators that its own library, which cannot be loaded there, would have
defined. Declaring those operators first lets the import go through; open_clip, timm and transformers call neither.
So take it from here: ``from sartext.models.compatibility import open_clip``. A program of theirs is run with
``python -m sartext.models.compatibility open_clip_train.main ARGUMENTS``.
"""

import importlib
import os
import runpy
import sys
from typing import Any

import torch

OPERATORS = ("nms", "qnms")
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# read when the libraries are first imported; a person's own setting stays
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# batches are tokenised by the loader's workers, and a fork after Rust's threads began is warned of
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_declared: list[Any] = []
"""Keeps the declarations alive: an operator goes with the library object that defined it."""


def guard_torchvision() -> bool:
    """Import torchvision; declare the operators that it misses, and only then, and import it again.

    Returns whether anything had to be declared; any other error of the import is raised.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    else:
        return False
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in OPERATORS:
        library.define(f"{operator}{SIGNATURE}")  # type: ignore[no-untyped-call]
    _declared.append(library)
    importlib.import_module("torchvision")
    return True


guard_torchvision()

import open_clip  # noqa: E402 - after the guard

__all__ = ["guard_torchvision", "open_clip"]

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
