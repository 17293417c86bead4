"""How good a model is on pairs that it does not learn from: its losses and its retrieval."""

from collections.abc import Iterable
from math import isfinite

import torch
from torch import Tensor

from sartext.evaluation.retrieval import retrieval
from sartext.models.forward import cut
from sartext.models.model import Model
from sartext.models.preprocessing import normalise
from sartext.training.batches import Batch
from sartext.training.distribution import Processes
from sartext.training.gradients import Objective, Trained
from sartext.training.losses import contrastive

RECALL_PAIRS = 5000
"""Above this many validation pairs their similarities are not compared at every validation."""


def score(
    model: Model,
    batches: Iterable[Batch],
    objective: Objective,
    processes: Processes | None = None,
    parts: int = 1,
) -> dict[str, float]:
    """Return the losses of the validation pairs, and the mean recall of their retrieval.

    Args:
        model: on its device.
        batches: the same fixed batches at every call; the contrastive loss is taken within each.
        objective: weights of the losses, and what a positive is.
        processes: among which the batches are dealt out; all return the same figures.
        parts: in which the network sees a batch; the losses are those of the whole batch.

    Returns:
        ``loss`` (what decides which model is best), ``contrastive``, for a CoCa ``caption`` (nats per token), and
        ``mean_recall`` (0 to 100, pairs with equal keys are right answers) where it is computed.
    """
    processes = processes or Processes()
    trained = Trained(model.network, objective)
    network = model.network
    was_training = network.training
    network.eval()
    found: list[tuple[int, list[float], tuple[Tensor, Tensor, Tensor]]] = []
    with torch.no_grad():
        for number, batch in enumerate(batches):
            if number % processes.world == processes.rank:
                found.append((number, *_score_batch(trained, model, batch, objective, parts)))
    network.train(was_training)
    # sums in the order of the batches: the same to the last bit for any number of processes
    every = sorted(processes.gather_objects(found), key=lambda one: one[0])
    pairs, tokens, contrasted, captioned = (sum(one[1][at] for one in every) for at in range(4))
    figures = {"contrastive": contrasted / max(1, pairs)}
    if trained.captions:
        figures["caption"] = captioned / max(1, tokens)
    figures["loss"] = objective.total(figures["contrastive"], figures.get("caption"))
    if 1 < pairs <= RECALL_PAIRS and isfinite(figures["loss"]):  # else the training stops, and says at which step
        images, texts, keys = (torch.cat([one[2][at] for one in every]) for at in range(3))
        figures["mean_recall"] = retrieval(images, texts, keys).mean_recall
    return figures


def _score_batch(
    trained: Trained,
    model: Model,
    batch: Batch,
    objective: Objective,
    parts: int,
) -> tuple[list[float], tuple[Tensor, Tensor, Tensor]]:
    """Return pairs, tokens and both losses summed over them; and features and keys."""
    tokens = cut(batch.tokens.to(model.device), objective.pad)
    keys = batch.keys.to(model.device)
    size = -(-len(tokens) // parts)
    seen = [
        trained(normalise(batch.images[at : at + size].to(model.device), model), tokens[at : at + size])
        for at in range(0, len(tokens), size)
    ]
    images, texts = (torch.cat([one[at] for one in seen]) for at in range(2))
    scale, captioned = seen[0][2], sum(float(one[3]) for one in seen)
    loss = contrastive(images, texts, scale, keys if objective.equal_facts else None)
    scored = int((tokens[:, 1:] != objective.pad).sum())
    sums = [float(len(images)), float(scored), float(loss) * len(images), captioned]
    return sums, (images.cpu(), texts.cpu(), keys.cpu())
