"""The state of an unfinished training: whole on disk at every moment, removed once all is done.

Two files in ``build/resume/<name>/``: ``state.pt`` (step, weights, optimiser, curves, the fingerprint of what is
trained) and ``best-<step>.pt`` (the best weights so far), which the state names. The best weights are written
first and older ones removed last, so that a kill between any two system calls leaves a state that fits together.
Learning rate, sampler and random numbers are functions of the step and need no state.
"""

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sartext.files import atomic_path, canonical_json, remove_tree

SHARE = 0.01
"""Of the time that saving may take, unless states would then lie further apart than `LONGEST_SECONDS`."""

LONGEST_SECONDS = 600.0
"""Between two saves: what a kill may cost, however large the model."""

ASSUMED_BYTES_PER_SECOND = 2e8
"""Speed of a disk before the first file is written, to know when the first one is worth it."""

Weights = dict[str, Tensor]


@dataclass
class State:
    """Where a training stands.

    Args:
        step: the last step that was taken.
        weights: of the network after that step.
        optimiser: its state after that step.
        best_step: the step with the lowest validation loss; 0 before the first validation.
        best: the weights of that step; empty before the first validation.
        curves: of the steps, and of the validations, a mapping of figures for each.
    """

    step: int = 0
    weights: Weights = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    best_step: int = 0
    best: Weights = field(default_factory=dict)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {"steps": [], "validations": []})

    def is_over(self, patience: int | None) -> bool:
        """Whether as many validations as the patience went by since the best one; never without patience."""
        if patience is None:
            return False
        return sum(one["step"] > self.best_step for one in self.curves["validations"]) >= patience


class Resume:
    """Keeps the state of one training.

    Args:
        folder: of the state.
        fingerprint: parameters, hashes of data and parent, versions: a state of another fingerprint is discarded.
        share: of the time that saving may take, by default a hundredth; 1 saves after every step. Larger models
            are saved every ten minutes, whatever that takes.
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any], share: float | None = None) -> None:
        self.folder = folder
        self.fingerprint = {name: canonical_json({"": value}) for name, value in fingerprint.items()}
        self.share = SHARE if share is None else share
        self._ended = time.monotonic()
        self._cost: float | None = None

    def load(self) -> tuple[State | None, str]:
        """Return the state that is there, or None, and what is to be said of it; a foreign state is removed."""
        path = self.folder / "state.pt"
        if not path.is_file():
            self.remove()  # best weights without a state are of a training that nothing is known of
            return None, ""
        try:
            told = _read(path)
            found = State(**told["state"], best={})
            if found.best_step:
                found.best = _read(self._best(found.best_step))
            fingerprint = dict(told["fingerprint"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            reason = f"the state in {self.folder.name} cannot be read ({type(error).__name__}) and is discarded"
            self.remove()
            return None, reason
        changed = [
            name
            for name in sorted({*self.fingerprint, *fingerprint})
            if self.fingerprint.get(name) != fingerprint.get(name)
        ]
        if changed:
            self.remove()
            return None, f"the unfinished training is discarded: {', '.join(changed)} changed since"
        return found, f"it goes on after step {found.step}"

    def is_due(self, state_bytes: int) -> bool:
        """Whether the last save is so long ago that another one stays within its share, or that it must be."""
        cost = self._cost if self._cost is not None else state_bytes / ASSUMED_BYTES_PER_SECOND
        return time.monotonic() - self._ended >= min(LONGEST_SECONDS, cost * (1 / self.share - 1))

    def save(self, state: State) -> None:
        """Write the state; until this returns, the one before holds.

        Raises:
            ArtefactError: the disk is full or cannot be written.
        """
        start = time.monotonic()
        best = self._best(state.best_step)
        if state.best_step and not best.is_file():
            _write(best, state.best)
        held = {"step", "weights", "optimiser", "best_step", "curves"}
        content = {name: value for name, value in vars(state).items() if name in held}
        _write(self.folder / "state.pt", {"fingerprint": self.fingerprint, "state": content})
        for old in self.folder.glob("*"):
            if old.name not in {"state.pt", best.name}:
                old.unlink(missing_ok=True)
        self._ended = time.monotonic()
        self._cost = self._ended - start

    def remove(self) -> None:
        """Forget the state."""
        remove_tree(self.folder)

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step}.pt"


def _write(path: Path, value: object) -> None:
    with atomic_path(path) as temporary:
        torch.save(value, temporary)


def _read(path: Path) -> Any:  # noqa: ANN401 - what was saved
    return torch.load(path, map_location="cpu", weights_only=True)
