"""The same numbers at every run: fixed threads, deterministic algorithms, random numbers of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sartext.config.training import TrainingParameters


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
