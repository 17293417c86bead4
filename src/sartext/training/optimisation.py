"""The optimiser and its learning rate, as open_clip's trainer sets them, and arithmetic that repeats."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sartext.config.training import TrainingParameters


def adamw(network: nn.Module, parameters: TrainingParameters) -> torch.optim.AdamW:
    """Return AdamW with weight decay on matrices only: not on gains, biases and the temperature."""
    spared: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            small = weight.ndim < 2 or any(part in name for part in ("bn", "ln", "bias", "logit_scale"))
            (spared if small else decayed).append(weight)
    groups = [
        {"params": spared, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": parameters.weight_decay},
    ]
    # one kernel for all parameters: on a tiny model the default costs as much as the forward pass
    return torch.optim.AdamW(groups, betas=parameters.betas, eps=parameters.epsilon, fused=True)


def learning_rate_at(step: int, steps: int, peak: float, warmup: float) -> float:
    """Return the learning rate of a step from 1 to ``steps``: a linear rise, then half a cosine down to zero.

    It rises to ``peak`` in the share ``warmup`` of the steps.
    """
    rising = round(warmup * steps)
    if step <= rising:
        return peak * step / rising
    return 0.5 * peak * (1 + math.cos(math.pi * (step - 1 - rising) / (steps - rising)))


def in_bf16(parameters: TrainingParameters, device: torch.device) -> bool:
    """Whether a training on a device computes in bfloat16."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return parameters.precision == "bf16" or (parameters.precision == "auto" and able)


@contextmanager
def reproducible(parameters: TrainingParameters, device: torch.device) -> Iterator[None]:
    """Fix threads and algorithms for the block, and leave torch as it was."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
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
