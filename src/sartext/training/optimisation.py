"""The optimiser and its learning rate, as open_clip's trainer sets them, and arithmetic that repeats."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sartext.config.training import TrainingParameters

HIGHEST_SCALE = math.log(100)
"""Of the logarithm of the temperature's inverse, as in Radford et al. 2021."""


def adamw(network: nn.Module, parameters: TrainingParameters) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices only: not on gains, biases and the temperature."""
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for name, weight in named if not _decays(name, weight)], "weight_decay": 0.0},
        {
            "params": [weight for name, weight in named if _decays(name, weight)],
            "weight_decay": parameters.weight_decay,
        },
    ]
    # one kernel for all parameters: on a tiny model the default costs as much as the forward pass
    return torch.optim.AdamW(groups, betas=parameters.betas, eps=parameters.epsilon, fused=True)


def _decays(name: str, parameter: nn.Parameter) -> bool:
    spared = ("bn", "ln", "bias", "logit_scale")
    return parameter.ndim >= 2 and not any(part in name for part in spared)


def learning_rate_at(step: int, steps: int, peak: float, warmup: float) -> float:
    """Return the learning rate of a step: a linear rise, then half a cosine down to zero.

    Args:
        step: from 1 to ``steps``.
        steps: of the whole training.
        peak: the highest learning rate.
        warmup: share of the steps in which it rises.
    """
    rising = round(warmup * steps)
    if step <= rising:
        return peak * step / rising
    return 0.5 * peak * (1 + math.cos(math.pi * (step - 1 - rising) / (steps - rising)))


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def clamp_temperature(network: nn.Module) -> None:
    """Keep the scale of the similarities between 1 and 100."""
    with torch.no_grad():
        network.logit_scale.clamp_(0, HIGHEST_SCALE)  # type: ignore[operator]


@contextmanager
def reproducible(parameters: TrainingParameters, device: torch.device) -> Iterator[None]:
    """Fix threads and algorithms for the block, and leave torch as it was."""
    threads = torch.get_num_threads()
    strict, warns = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(parameters.threads)
    # on a GPU some kernels of attention have no deterministic form: equal bytes are promised on a CPU
    torch.use_deterministic_algorithms(True, warn_only=device.type == "cuda")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        torch.utils.deterministic.fill_uninitialized_memory = filling  # type: ignore[attr-defined]
