"""A training that processes share; run by ``torchrun`` it writes what came out, imported it is the reference.

With the word ``short`` the second process has no room for the gradients of more than two pictures.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sartext.models.model import normalise
from sartext.training.callbacks import Callback
from sartext.training.checkpointing import Resume
from sartext.training.distribution import Processes, joined
from sartext.training.gradients import Objective, Pairs, Trained, compute_gradients
from sartext.training.loop import fit
from tests.training.toy import Narrow, ToyBatches, toy_model, toy_task

CPU = torch.device("cpu")
CASES = [(kind, parts, facts) for kind in ("clip", "coca") for parts in (1, 2) for facts in (True, False)]


def results(processes: Processes, folder: Path | None = None) -> dict[str, Any]:
    """Return the gradients of one batch in every case, and the curves of short trainings."""
    torch.set_num_threads(1)
    outcome: dict[str, Any] = {}
    for kind, parts, facts in CASES:
        model = toy_model(kind)
        model.network.train()
        source = ToyBatches(model, 8, processes.rank, processes.world)
        batch = next(source.from_step(0))
        objective = Objective(1.0, 2.0, facts, model.tokenizer.pad)
        trained = processes.wrap(Trained(model.network, objective), CPU)
        pairs = Pairs(normalise(batch.images, model), batch.tokens, batch.keys)
        losses = compute_gradients(trained, pairs, objective, processes, parts)
        grads = {name: weight.grad for name, weight in model.network.named_parameters()}
        outcome[f"{kind}-{parts}-{facts}"] = {"losses": losses, "gradients": grads}
    for kind in ("clip", "coca"):
        model = toy_model(kind)
        source = ToyBatches(model, 8, processes.rank, processes.world)
        resume = Resume(folder / kind, {}, share=1.0) if folder and processes.first else None
        task = toy_task(model, source=source, accumulate=2)
        fitted = fit(task, samples=96, learning_rate=0.003, resume=resume, processes=processes)
        outcome[f"fit-{kind}"] = {"curves": fitted.curves, "weights": dict(model.network.state_dict())}
    return outcome


class Noting(Callback):
    """Writes down that a step was taken."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self.path.touch()


def run_short(processes: Processes, stepped: Path) -> None:
    """Train until the second process runs out of memory within its backward pass."""
    torch.set_num_threads(1)
    model = toy_model("clip")
    if not processes.first:
        model.network.visual = Narrow(model.network.visual, 2, backward=True)
    source = ToyBatches(model, 8, processes.rank, processes.world)
    task = toy_task(model, source=source, validation=[])
    fit(task, samples=80, learning_rate=0.001, callback=Noting(stepped), processes=processes)


if __name__ == "__main__":
    folder, *modes = sys.argv[1:]
    with joined(CPU) as together:
        assert together.world == 2
        if modes == ["short"]:
            run_short(together, Path(folder) / "stepped")
        else:
            torch.save(results(together, Path(folder)), Path(folder) / f"{together.rank}.pt")
