"""CLIP and CoCa learn from pairs of an image and its caption: batches, losses and validation."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from math import isfinite, log
from typing import Any, Protocol

import torch
from torch import Tensor

from sartext.config.training import CheckpointParameters, TrainingParameters
from sartext.errors import TrainingError
from sartext.evaluation.retrieval import retrieval
from sartext.models.forward import cut
from sartext.models.memory import explained, placed
from sartext.models.model import Model, normalise
from sartext.training.batches import Batch, Batches, validation_batches
from sartext.training.distribution import Processes
from sartext.training.gradients import Objective, Pairs, Trained, compute_gradients, contrastive
from sartext.training.optimisation import in_bf16
from sartext.training.sampler import mixed
from sartext.training.shards.reading import Shards

FEWEST_VALIDATED = 2
"""Validation pairs that can tell models apart: of a single pair the contrastive loss is always 0."""

RECALL_PAIRS = 5000
"""Above this many validation pairs their similarities are not compared at every validation."""

HIGHEST_SCALE = log(100)
"""Of the logarithm of the temperature's inverse, as in Radford et al. 2021."""


class Source(Protocol):
    """Where batches come from: `Batches`, or anything that gives the same batch for the same step."""

    def from_step(self, step: int) -> Iterator[Batch]:
        """Yield this process's parts of the batches from a step on, counted from 0."""


class ImageTextTask:
    """The `loop.Task` of a CLIP or a CoCa.

    Args:
        model: to be trained.
        source: of batches of ``parameters.batch`` pairs over all processes.
        validation: fixed batches; with fewer than `FEWEST_VALIDATED` pairs nothing is validated.
        parameters: of the training.
    """

    name = "pairs"

    def __init__(
        self, model: Model, source: Source, validation: Sequence[Batch], parameters: TrainingParameters
    ) -> None:
        self.model, self.source, self.validation, self.parameters = model, source, validation, parameters
        self.network = self.saved = model.network
        self.validated = sum(map(len, validation)) >= FEWEST_VALIDATED

    def prepare(self, device: torch.device, processes: Processes) -> None:
        """Share the network among the processes.

        Raises:
            TrainingError: processes and parts do not divide the batch.
        """
        batch, network = self.parameters.batch, self.network
        if batch % (parts := processes.world * self.parameters.accumulate):
            raise TrainingError(
                f"{processes.world} processes of {self.parameters.accumulate} parts do not divide {batch} pairs",
                way_out=f"set `training.batch` to a multiple of {parts}",
            )
        self.device, self.processes = device, processes
        captions = self.model.kind == "coca"
        self.objective = Objective(
            contrastive_weight=self.parameters.contrastive_weight if captions else 1.0,
            caption_weight=self.parameters.caption_weight if captions else 0.0,
            equal_facts=self.parameters.contrastive == "equal-facts",
            pad=self.model.tokenizer.pad,
            bf16=in_bf16(self.parameters, device),
        )
        if getattr(network, "logit_bias", None) is not None:
            network.logit_bias.requires_grad_(False)
        if self.parameters.gradient_checkpointing:
            network.set_grad_checkpointing(True)  # type: ignore[operator]
        with placed(network, device):
            self.trained = processes.wrap(Trained(network, self.objective), device)

    def batches(self, step: int) -> Iterator[Batch]:
        """Yield the batches of the source."""
        return self.source.from_step(step)

    def random_seed(self, step: int) -> int:
        """Return another seed for every step and process."""
        return mixed(self.parameters.seed, step, self.processes.rank)

    def gradients(self, batch: Batch) -> Tensor:
        """Add the gradients of a batch; return the contrastive and the caption loss."""
        parts = self.parameters.accumulate
        return compute_gradients(self.trained, self._pairs(batch), self.objective, self.processes, parts)

    def losses(self, values: Sequence[float]) -> dict[str, float]:
        """Name the losses; a CLIP has no ``caption``."""
        contrasted, captioned = values
        figures = {"loss": self.objective.total(contrasted, captioned), "contrastive": contrasted}
        return figures | {"caption": captioned} if self.model.kind == "coca" else figures

    def images(self, batch: Batch) -> Iterable[str]:
        """Return the ids of the images of a batch, of all processes."""
        return self.processes.gather_objects(batch.image_ids)

    def explain_shortage(
        self, optimiser: torch.optim.Optimizer, batch: Batch | None = None
    ) -> AbstractContextManager[None]:
        """Turn a shortage of memory inside the block into an error that says how many pairs fit."""
        tried, world = self.validation[0] if batch is None else batch, self.processes.world
        return explained(self.parameters, world, lambda count: self._attempt(tried, count, optimiser))

    def after_step(self) -> None:
        """Keep the scale of the similarities between 1 and 100."""
        with torch.no_grad():
            self.network.logit_scale.clamp_(0, HIGHEST_SCALE)  # type: ignore[operator]

    def validate(self) -> dict[str, float]:
        """Score the validation pairs."""
        return score(self.model, self.validation, self.objective, self.processes, self.parameters.accumulate)

    def merit(self, figures: dict[str, float]) -> tuple[float, ...]:
        """The lowest loss is the best."""
        return (-figures["loss"],)

    def _pairs(self, batch: Batch, count: int | None = None) -> Pairs:
        images, tokens, keys = (
            part[:count].to(self.device, non_blocking=True) for part in (batch.images, batch.tokens, batch.keys)
        )
        return Pairs(normalise(images, self.model), tokens, keys)

    def _attempt(self, batch: Batch, count: int, optimiser: torch.optim.Optimizer) -> None:
        """Compute the gradients of some pairs beside the optimiser's state, to see whether memory suffices."""
        optimiser.zero_grad(set_to_none=True)
        learned = [weight for weight in self.network.parameters() if weight.requires_grad]
        absent = [weight for weight in learned if "exp_avg_sq" not in optimiser.state.get(weight, {})]
        state = [torch.empty_like(weight) for weight in absent for _ in range(2)]
        alone = Trained(self.network, self.objective)
        compute_gradients(alone, self._pairs(batch, count), self.objective, Processes())
        del state


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
        batches: the contrastive loss is taken within each.
        objective: weights of the losses, and what a positive is.
        processes: among which the batches are dealt out; all return the same figures.
        parts: in which the network sees a batch; the losses are those of the whole batch.

    Returns:
        ``loss`` (what decides which model is best), ``contrastive``, for a CoCa ``caption`` (nats per token), and
        ``mean_recall`` (0 to 100, pairs with equal keys are right answers) where it is computed.
    """
    processes = processes or Processes()
    trained = Trained(model.network, objective)
    was_training = model.network.training
    model.network.eval()
    own: list[tuple[int, list[float], tuple[Tensor, Tensor, Tensor]]] = []
    with torch.no_grad():
        for number, batch in enumerate(batches):
            if number % processes.world == processes.rank:
                own.append((number, *_score_batch(trained, model, batch, objective, parts)))
    model.network.train(was_training)
    # sums in the order of the batches: the same to the last bit for any number of processes
    scored = sorted(processes.gather_objects(own), key=lambda batch: batch[0])
    pairs, tokens, contrasted, captioned = (sum(sums[at] for _, sums, _ in scored) for at in range(4))
    figures = {"contrastive": contrasted / max(1, pairs)}
    if trained.captions:
        figures["caption"] = captioned / max(1, tokens)
    figures["loss"] = objective.total(figures["contrastive"], figures.get("caption"))
    if 1 < pairs <= RECALL_PAIRS and isfinite(figures["loss"]):  # else the training stops, and says at which step
        images, texts, keys = (torch.cat([features[at] for _, _, features in scored]) for at in range(3))
        figures["mean_recall"] = retrieval(images, texts, keys).mean_recall
    return figures


def _score_batch(
    trained: Trained, model: Model, batch: Batch, objective: Objective, parts: int
) -> tuple[list[float], tuple[Tensor, Tensor, Tensor]]:
    """Return pairs, tokens and both losses summed over them; and features and keys."""
    tokens = cut(batch.tokens.to(model.device), objective.pad)
    keys = batch.keys.to(model.device)
    size = -(-len(tokens) // parts)
    outputs = [
        trained(normalise(batch.images[at : at + size].to(model.device), model), tokens[at : at + size])
        for at in range(0, len(tokens), size)
    ]
    images, texts = (torch.cat([output[at] for output in outputs]) for at in range(2))
    scale, captioned = outputs[0][2], sum(float(output[3]) for output in outputs)
    loss = contrastive(images, texts, scale, keys if objective.equal_facts else None)
    counted = int((tokens[:, 1:] != objective.pad).sum())
    sums = [float(len(images)), float(counted), float(loss) * len(images), captioned]
    return sums, (images.cpu(), texts.cpu(), keys.cpu())


def batches_of_row(
    row: CheckpointParameters,
    training: TrainingParameters,
    shards: Shards,
    model: Model,
    *,
    fraction: float = 1.0,
    rank: int = 0,
    world: int = 1,
    workers: int | None = None,
) -> Batches:
    """Return the batches that a row of ``checkpoints`` is trained on, see `Batches`."""
    options = _options(row, training, model) | {"augment": training.augment, "fraction": fraction}
    return Batches(shards, model.tokenizer, **options, rank=rank, world=world, workers=workers)


def validation_of_row(
    row: CheckpointParameters, training: TrainingParameters, shards: Shards, model: Model
) -> list[Batch]:
    """Return the batches that a row is validated on, see `validation_batches`."""
    return validation_batches(shards, model.tokenizer, **_options(row, training, model))


def _options(row: CheckpointParameters, training: TrainingParameters, model: Model) -> dict[str, Any]:
    own = {name: getattr(row, name) for name in ("methods", "paraphrase", "shuffle_captions")}
    return {**own, "batch": training.batch, "seed": training.seed, "side": model.side}
