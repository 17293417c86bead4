"""Where a model runs."""

import torch

from sartext.errors import ModelError


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
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if found == 0:
        built = "" if torch.version.cuda or torch.version.hip else " (this torch is built for CPUs only)"
        raise ModelError(
            f"a GPU is asked for ('{name}') and torch sees none{built}",
            way_out="set the device to cpu or auto (`training.device` in params.yaml), or install a torch for it",
        )
    if number and int(number) >= found:
        raise ModelError(f"device '{name}' is asked for, there are {found}", way_out=f"say cuda:0 to {found - 1}")
    return torch.device(name)
