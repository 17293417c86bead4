"""The optimiser and its learning rate, as open_clip's trainer sets them."""

import math

import torch
from torch import nn

from sartext.config.training import TrainingParameters

HIGHEST_SCALE = math.log(100)
"""Of the logarithm of the temperature's inverse, as in Radford et al. 2021."""


def adamw(network: nn.Module, parameters: TrainingParameters) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices only: not on gains, biases and the temperature."""
    named = [(name, one) for name, one in network.named_parameters() if one.requires_grad]
    groups = [
        {"params": [one for name, one in named if not _decays(name, one)], "weight_decay": 0.0},
        {"params": [one for name, one in named if _decays(name, one)], "weight_decay": parameters.weight_decay},
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
