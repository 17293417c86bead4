"""What a training reports while it runs: to a tracker, a test, or the screen (a bar, else a line every 10 s)."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from sartext.progress import LOG_EVERY


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
    """Several callbacks as one; ``steps`` and ``samples`` came before those that are reported here."""

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


def say(text: str) -> None:
    """Write one line where progress is shown."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class ProgressCallback(Callback):
    """Shows steps, loss and speed of the training of a name, until it is closed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._steps = 0
        self._bar: Any = None
        self._task: Any = None
        self._logged = self._since = time.monotonic()
        self._since_samples: int | None = None
        self._validation = ""

    def started(self, info: dict[str, Any]) -> None:
        """Begin to show."""
        self._steps = int(info["steps"])
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()
        self._task = self._bar.add_task(self._name, total=self._steps)

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Show a step."""
        now = time.monotonic()
        if self._since_samples is None:
            self._since, self._since_samples = now, samples
            return
        speed = (samples - self._since_samples) / max(1e-9, now - self._since)
        place = f"step {step:,} of {self._steps:,}, loss {metrics['loss']:.3f}"
        line = f"{self._name}: {place}{self._validation}, {speed:,.0f} samples/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=line)
        elif now - self._logged >= LOG_EVERY:
            self._logged = now
            say(line)

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Remember the validation loss for the next line."""
        self._validation = f", validation {metrics['loss']:.3f}"

    def finished(self, folder: Path) -> None:
        """End the bar."""
        self.close()

    def failed(self, error: Exception) -> None:
        """End the bar; whoever runs the training shows the error."""
        self.close()

    def close(self) -> None:
        """End the bar, whatever happened."""
        if self._bar is not None:
            self._bar.stop()
