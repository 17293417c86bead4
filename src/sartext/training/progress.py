"""The course of a training on the screen: a bar on a terminal, else a line every ten seconds."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sartext.progress import LOG_EVERY
from sartext.training.callbacks import Callback


def say(text: str) -> None:
    """Write one line where progress is shown."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class ProgressCallback(Callback):
    """Shows steps, loss and speed.

    Args:
        name: of what is trained.
    """

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
        elif self._bar is not None:
            self._bar.update(self._task, completed=step, description=self._line(step, samples, metrics, now))
        elif now - self._logged >= LOG_EVERY:
            self._logged = now
            say(self._line(step, samples, metrics, now))

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
            self._bar = None

    def _line(self, step: int, samples: int, metrics: Mapping[str, float], now: float) -> str:
        speed = (samples - (self._since_samples or 0)) / max(1e-9, now - self._since)
        place = f"step {step:,} of {self._steps:,}, loss {metrics['loss']:.3f}"
        return f"{self._name}: {place}{self._validation}, {speed:,.0f} samples/s"
