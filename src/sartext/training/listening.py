"""What a training tells to whoever listens: a tracker, a progress line, a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sartext.errors import SarTextError


class Listener(Protocol):
    """Receives the course of a training. Steps count from 1; ``samples`` are the pairs seen so far."""

    def started(self, info: dict[str, Any]) -> None:
        """The training begins or goes on; ``info`` holds its parameters, data hashes and parent."""

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """A step was taken; the metrics: losses, learning rate, gradient norm, share of the time spent waiting."""

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """The validation split was scored after a step."""

    def finished(self, folder: Path) -> None:
        """The checkpoint stands complete in ``folder``."""

    def failed(self, error: SarTextError) -> None:
        """The training ended by an error. An interrupted one has not failed: it goes on later."""


class Silent:
    """A listener that does nothing."""

    def started(self, info: dict[str, Any]) -> None:
        """Do nothing."""

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Do nothing."""

    def finished(self, folder: Path) -> None:
        """Do nothing."""

    def failed(self, error: SarTextError) -> None:
        """Do nothing."""


class Listeners:
    """Several listeners as one."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def started(self, info: dict[str, Any]) -> None:
        """Tell all."""
        for one in self._listeners:
            one.started(info)

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Tell all."""
        for one in self._listeners:
            one.step(step, samples, metrics)

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Tell all."""
        for one in self._listeners:
            one.validated(step, samples, metrics)

    def finished(self, folder: Path) -> None:
        """Tell all."""
        for one in self._listeners:
            one.finished(folder)

    def failed(self, error: SarTextError) -> None:
        """Tell all."""
        for one in self._listeners:
            one.failed(error)
