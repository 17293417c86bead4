"""A training that processes share; run by ``torchrun`` it writes what came out, imported it is the reference."""

import sys
from pathlib import Path
from typing import Any

import torch

from sartext.models.model import normalise
from sartext.training.checkpointing import Resume
from sartext.training.distribution import Processes, joined
from sartext.training.gradients import Objective, Pairs, Trained, compute_gradients
from sartext.training.image_text import ImageTextTask
from sartext.training.loop import fit
from tests.training.toy import ToyBatches, toy_model, toy_parameters, toy_validation

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
        fitted = fit(
            ImageTextTask(model, source, toy_validation(model), toy_parameters(accumulate=2)),
            samples=96,
            learning_rate=0.003,
            resume=Resume(folder / kind, {}, share=1.0) if folder and processes.first else None,
            processes=processes,
        )
        outcome[f"fit-{kind}"] = {"curves": fitted.curves, "weights": dict(model.network.state_dict())}
    return outcome


if __name__ == "__main__":
    with joined(CPU) as together:
        outcome = results(together, Path(sys.argv[1]))
        assert together.world == 2
        torch.save(outcome, Path(sys.argv[1]) / f"{together.rank}.pt")
