"""The state of an unfinished training: whole on disk at every moment, removed once all is done.

Two files in ``build/resume/<name>/``: ``state.pt``, and the best weights so far, ``best-<step>.pt``, as it says.
The best weights are written first and older ones removed last, so that a kill between any two system calls leaves
a state that fits together. Learning rate, sampler and random numbers are functions of the step.
"""

import pickle
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sartext.config import Project
from sartext.files import atomic_path, canonical_json, remove_tree, sha256_tree
from sartext.models.memory import placed
from sartext.training.callbacks import say

SHARE = 0.01
"""Of the time that saving may take, unless states would then lie further apart than `LONGEST_SECONDS`."""

LONGEST_SECONDS = 600.0
"""Between two saves: what a kill may cost, however large the model."""

ASSUMED_BYTES_PER_SECOND = 2e8
"""Speed of a disk before the first file is written, to know when the first save is worth it."""

Weights = dict[str, Tensor]


def clone_weights(network: nn.Module) -> Weights:
    """Return a copy of the weights in main memory."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in network.state_dict().items()}


def data_hashes(project: Project, folders: Iterable[Path]) -> dict[str, str]:
    """Return the hash of every file of folders that a training reads."""
    return {
        f"{project.relative(folder)}/{path}": digest
        for folder in folders
        for path, digest in sha256_tree(folder).items()
        if path != "metrics.json"
    }


@dataclass
class State:
    """Where a training stands: after its last step, and at the best validation (step 0 before the first one).

    ``curves`` holds a mapping of figures for each of the ``steps`` and ``validations``.
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
        return sum(figures["step"] > self.best_step for figures in self.curves["validations"]) >= patience


class Resume:
    """The files of the state of one training.

    Args:
        folder: of the state.
        fingerprint: parameters, hashes of data and parent, versions: a state of another fingerprint is discarded.
        share: of the time that saving may take, by default `SHARE`; 1 saves after every step.
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any], share: float | None = None) -> None:
        self.folder = folder
        self.fingerprint = {name: canonical_json({"": value}) for name, value in fingerprint.items()}
        self.share = SHARE if share is None else share
        self._ended = time.monotonic()
        self._cost: float | None = None

    def load(self) -> tuple[State | None, str]:
        """Return the state that is there, or None, and what is to be said of it; a foreign state is removed."""
        if not (path := self.folder / "state.pt").is_file():
            self.remove()  # best weights without a state are of a training that nothing is known of
            return None, ""
        try:
            content = _read(path)
            state = State(**content["state"], best={})
            if state.best_step:
                state.best = _read(self._best(state.best_step))
            fingerprint = dict(content["fingerprint"])
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
            reason = f"the state in {self.folder.name} cannot be read ({type(error).__name__}) and is discarded"
            self.remove()
            return None, reason
        names = sorted({*self.fingerprint, *fingerprint})
        changed = ", ".join(name for name in names if self.fingerprint.get(name) != fingerprint.get(name))
        if changed:
            self.remove()
            return None, f"the unfinished training is discarded: {changed} changed since"
        return state, f"it goes on after step {state.step}"

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
        content = {name: value for name, value in vars(state).items() if name != "best"}
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


class Checkpointer:
    """Saves the state of one training after whole steps: now and then, at its end, and when it is interrupted.

    The state goes to ``resume``; None saves nothing.
    """

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer, resume: Resume | None) -> None:
        self._network, self._optimiser, self._resume = network, optimiser, resume
        self._bytes = 3 * sum(weight.nbytes for weight in network.parameters() if weight.requires_grad)
        self._saved = (0, 0)
        self._consistent = True

    def load(self) -> State | None:
        """Return the state that is there, and say what becomes of it."""
        if self._resume is None:
            return None
        state, note = self._resume.load()
        if note:
            say(f"training {self._resume.folder.name}: {note}")
        if state is not None:
            self._saved = _progress(state)
        return state

    def restore(self, state: State, device: torch.device) -> None:
        """Give the network and the optimiser what a state holds, and let go of it; memory may run out."""
        with placed(self._network, device):
            self._network.load_state_dict(state.weights)
            self._optimiser.load_state_dict(state.optimiser)
        state.weights, state.optimiser = {}, {}

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Mark a block in which weights, optimiser and state do not fit together."""
        self._consistent = False
        yield
        self._consistent = True

    @contextmanager
    def save_on_interrupt(self, state: State) -> Iterator[None]:
        """Save the state where Ctrl-C or a `SystemExit` interrupts the block, unless a step is half taken."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            if self._consistent and self._resume is not None:
                self.save(state)
                say(f"training {self._resume.folder.name}: interrupted, its state after step {state.step} is kept")
            raise

    def save_if_due(self, state: State) -> None:
        """Save the state if enough time went by."""
        if self._resume is not None and self._resume.is_due(self._bytes):
            self.save(state)

    def save(self, state: State) -> None:
        """Save the state, unless it is the one that was saved last; see `Resume.save`."""
        if self._resume is None or self._saved == _progress(state):
            return
        state.weights = dict(self._network.state_dict())
        state.optimiser = self._optimiser.state_dict()
        self._resume.save(state)
        self._saved = _progress(state)
        state.weights, state.optimiser = {}, {}


def _progress(state: State) -> tuple[int, int]:
    """What two states of one training differ in: a step, and whether its validation was done."""
    return state.step, len(state.curves["validations"])


def _write(path: Path, value: object) -> None:
    with atomic_path(path) as temporary:
        torch.save(value, temporary)


def _read(path: Path) -> Any:  # noqa: ANN401 - what was saved
    return torch.load(path, map_location="cpu", weights_only=True)
