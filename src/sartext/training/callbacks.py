"""What a training reports while it runs, to a tracker, a progress line or a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Callback(Protocol):
    """Receives the course of a training; a subclass overrides what it needs, all else does nothing.

    Steps count from 1; ``samples`` are the pairs or questions seen so far. A training of several courses counts
    both through.
    """

    def started(self, info: dict[str, Any]) -> None:
        """The training begins or goes on; ``info`` holds its parameters, data hashes and parent."""

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """A step was taken; the metrics: losses, learning rate, gradient norm, share of the time spent waiting."""

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """The validation split was scored after a step."""

    def finished(self, folder: Path) -> None:
        """The checkpoint stands complete in ``folder``."""

    def failed(self, error: Exception) -> None:
        """The training ended by an error. An interrupted one has not failed: it goes on later."""


class CallbackList(Callback):
    """Several callbacks as one.

    Args:
        callbacks: called in their order.
        steps: taken before those that are reported here.
        samples: seen before.
    """

    def __init__(self, *callbacks: Callback, steps: int = 0, samples: int = 0) -> None:
        self._callbacks, self._steps, self._samples = callbacks, steps, samples

    def started(self, info: dict[str, Any]) -> None:
        """Call all."""
        for callback in self._callbacks:
            callback.started(info)

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Call all."""
        for callback in self._callbacks:
            callback.step(step + self._steps, samples + self._samples, metrics)

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Call all."""
        for callback in self._callbacks:
            callback.validated(step + self._steps, samples + self._samples, metrics)

    def finished(self, folder: Path) -> None:
        """Call all."""
        for callback in self._callbacks:
            callback.finished(folder)

    def failed(self, error: Exception) -> None:
        """Call all."""
        for callback in self._callbacks:
            callback.failed(error)
