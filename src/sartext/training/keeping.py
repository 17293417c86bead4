"""When the state of a training is kept: now and then, at its end, and when it is interrupted."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from sartext.models.memory import placed
from sartext.training.resume import Resume, State
from sartext.training.showing import say


class Keeping:
    """Keeps the state of one training after whole steps.

    Args:
        network: that is trained.
        optimiser: its optimiser.
        resume: where the state goes; None keeps nothing.
    """

    def __init__(self, network: nn.Module, optimiser: torch.optim.Optimizer, resume: Resume | None) -> None:
        self._network, self._optimiser, self._resume = network, optimiser, resume
        self._bytes = 3 * sum(one.nbytes for one in network.parameters() if one.requires_grad)
        self._kept = (0, 0)
        self._whole = True

    def load(self) -> State | None:
        """Return the state that is there, and say what becomes of it."""
        if self._resume is None:
            return None
        found, note = self._resume.load()
        if note:
            say(f"training {self._resume.folder.name}: {note}")
        if found is not None:
            self._kept = _mark(found)
        return found

    def restore(self, found: State, device: torch.device) -> None:
        """Give the network and the optimiser what a state holds, and let go of the copy.

        Raises:
            TrainingError: memory runs out.
        """
        with placed(self._network, device):
            self._network.load_state_dict(found.weights)
            self._optimiser.load_state_dict(found.optimiser)
        found.weights, found.optimiser = {}, {}

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Mark a block in which weights, optimiser and state do not fit together."""
        self._whole = False
        yield
        self._whole = True

    @contextmanager
    def through_interrupts(self, state: State) -> Iterator[None]:
        """Keep the state when the block is interrupted: by Ctrl-C, or by a SIGTERM that is made a `SystemExit`.

        Where a step is half taken nothing is kept, and the state before holds.
        """
        try:
            yield
        except (KeyboardInterrupt, SystemExit):
            if self._whole and self._resume is not None:
                self.keep(state)
                say(f"training {self._resume.folder.name}: interrupted, its state after step {state.step} is kept")
            raise

    def keep_if_due(self, state: State) -> None:
        """Keep the state if enough time went by."""
        if self._resume is not None and self._resume.is_due(self._bytes):
            self.keep(state)

    def keep(self, state: State) -> None:
        """Keep the state, unless it is the one that was kept last.

        Raises:
            ArtefactError: the disk is full or cannot be written.
        """
        if self._resume is None or self._kept == _mark(state):
            return
        state.weights = dict(self._network.state_dict())
        state.optimiser = self._optimiser.state_dict()
        self._resume.save(state)
        self._kept = _mark(state)
        state.weights, state.optimiser = {}, {}


def _mark(state: State) -> tuple[int, int]:
    """What tells two states of one training apart: a step, and whether its validation was done."""
    return state.step, len(state.curves["validations"])
