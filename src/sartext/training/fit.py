"""How a training went: its length, its curves, its best weights, and what a stage says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sartext.training.checkpointing import Weights

CURVE_POINTS = 1000
"""Steps that the record of a training keeps at most; of a longer one every n-th, and the last."""


@dataclass(frozen=True)
class Fit:
    """What a training gave. The network holds the last weights.

    Args:
        steps: that were taken, over all runs of a training that was resumed.
        samples: pairs or questions that were seen.
        best_step: the step with the best validation; the last one where nothing was validated.
        best: the weights of that step, in main memory.
        curves: ``steps`` and ``validations``, a mapping of figures for each, with ``step`` counted from 1.
        stopped: ``complete``, or ``patience`` where it ended early.
        resumed_after: the step that this run went on after; 0 for a fresh one.
        seconds: of this run, validations included.
        waited_share: share of the seconds in which the trainer waited for data.
        samples_per_second: of this run, validations left out.
    """

    steps: int
    samples: int
    best_step: int
    best: Weights
    curves: dict[str, list[dict[str, float]]]
    stopped: str
    resumed_after: int
    seconds: float
    waited_share: float
    samples_per_second: float

    @property
    def best_figures(self) -> dict[str, float] | None:
        """The figures of the validation with the best weights; None where nothing was validated."""
        return next((each for each in self.curves["validations"] if each["step"] == self.best_step), None)

    def metrics(self, prefix: str = "validation") -> dict[str, float]:
        """Return the figures of the validation with the best weights, rounded, as a stage reports them."""
        figures = self.best_figures or {}
        return {f"{prefix}_{name}": round(value, 4) for name, value in figures.items() if name != "step"}

    def summary(self, items: str, counts: Mapping[str, int]) -> dict[str, object]:
        """Return what a stage of a single course reports: steps, figures of the best model, and speed.

        ``counts`` is how many ``items`` (pairs, pictures) were learned from, by split.
        """
        return {
            "steps": self.steps,
            "best_step": self.best_step,
            "stopped": self.stopped,
            **self.metrics(),
            **{f"{key}_{items}": value for key, value in counts.items()},
            "samples_per_second": round(self.samples_per_second, 1),
            "waited_share": round(self.waited_share, 4),
            "training_seconds": round(self.seconds, 1),
            "resumed_after": self.resumed_after,
        }

    def record(self, chosen_by: str, none: str) -> dict[str, Any]:
        """Return its part of ``training.json``: length, curves, and by what the best weights were chosen.

        That is ``chosen_by``, or the last step, where nothing was validated for the reason ``none``.
        """
        steps, validations = self.curves["steps"], self.curves["validations"]
        every = -(-len(steps) // CURVE_POINTS)
        return {
            "steps": self.steps,
            "samples": self.samples,
            "stopped": self.stopped,
            "best_step": self.best_step,
            "best": self.best_figures,
            "chosen_by": chosen_by if validations else f"the last step: {none}",
            "curves": {
                "steps": [each for at, each in enumerate(steps) if at % every == 0 or each is steps[-1]],
                "validations": validations,
            },
        }
