"""What the training loop needs of a grounder: batches, losses, validation."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sartext.config.training import TrainingParameters
from sartext.errors import TrainingError
from sartext.evaluation.grounding import CoverFigures, DetectionFigures, mean
from sartext.models.grounder.checkpoint import Grounder
from sartext.models.grounder.maps import peaks_of
from sartext.models.grounder.network import Maps
from sartext.models.memory import shortage_told
from sartext.training.distribution import Processes
from sartext.training.grounding.batches import GroundingBatch, GroundingBatches
from sartext.training.grounding.losses import NAMES, WEIGHTS, losses
from sartext.training.grounding.targets import zone_weights
from sartext.training.sampler import mixed

WHOLE = 0.75
"""Share of a cell from which on it is of one class: cells on borders are not scored."""


class GroundingTask:
    """The `loop.Task` of a grounder.

    Args:
        grounder: to be trained.
        source: of batches of ``parameters.batch`` pictures over all processes.
        validation: fixed batches; without any nothing is validated.
        parameters: of the training.
    """

    name = "pictures"

    def __init__(
        self,
        grounder: Grounder,
        source: GroundingBatches,
        validation: Sequence[GroundingBatch],
        parameters: TrainingParameters,
    ) -> None:
        self.grounder, self.source, self.validation, self.parameters = grounder, source, validation, parameters
        self.network: nn.Module = grounder.network
        self.saved: nn.Module = grounder.network
        self.validated = bool(validation)

    def prepare(self, device: torch.device, processes: Processes) -> None:
        """Share the network among the processes."""
        self.device, self.processes = device, processes
        self.weights = torch.tensor(WEIGHTS, device=device)
        self.zones = torch.from_numpy(zone_weights(self.grounder.config.cells)).to(device)
        self.trained = processes.wrap(self.network, device)

    def batches(self, step: int) -> Iterator[GroundingBatch]:
        """Yield the batches of the source."""
        return self.source.from_step(step)

    def random_seed(self, step: int) -> int:
        """Return another seed for every step and process."""
        return mixed(self.parameters.seed, step, self.processes.rank)

    def gradients(self, batch: GroundingBatch) -> Tensor:
        """Add the gradients of a batch; return its losses."""
        values = self._losses(batch)
        (values * self.weights).sum().backward()  # type: ignore[no-untyped-call]
        return values.detach()

    def losses(self, values: Sequence[float]) -> dict[str, float]:
        """Name the losses; ``loss`` is their weighted sum."""
        return {"loss": float(np.dot(values, WEIGHTS)), **dict(zip(NAMES, values, strict=True))}

    def images(self, batch: GroundingBatch) -> Iterable[str]:
        """Return the ids of the pictures of a batch, of all processes."""
        return self.processes.gather_objects(batch.image_ids)

    def explain_shortage(
        self, optimiser: torch.optim.Optimizer, batch: GroundingBatch | None = None
    ) -> AbstractContextManager[None]:
        """Turn a shortage of memory inside the block into an error that says what to set."""
        return shortage_told(
            lambda: TrainingError(
                f"out of memory with {self.parameters.batch} pictures at a time",
                way_out="lower `batch` of the grounder in params.yaml, or take a smaller foundation",
            )
        )

    def after_step(self) -> None:
        """Nothing has bounds."""

    def validate(self) -> dict[str, float]:
        """Score the validation pictures: losses, average precision, mean IoU, accuracy of the scenes."""
        self.network.eval()
        scored = Scored(self.grounder)
        with torch.no_grad():
            for batch in self.validation:
                moved = self._moved(batch)
                maps = self.network(self.grounder.normalise(moved.images))
                scored.add(maps, batch, losses(maps, moved, self.zones).tolist())
        self.network.train()
        return {**self.losses(scored.losses), **scored.figures()}

    def merit(self, figures: dict[str, float]) -> tuple[float, ...]:
        """The highest mean of what can be measured is the best, then the least loss."""
        return figures["quality"], -figures["loss"]

    def _losses(self, batch: GroundingBatch) -> Tensor:
        moved = self._moved(batch)
        return losses(self.trained(self.grounder.normalise(moved.images)), moved, self.zones)

    def _moved(self, batch: GroundingBatch) -> GroundingBatch:
        tensors: dict[str, Any] = {
            each.name: value.to(self.device)
            for each in fields(batch)
            if isinstance(value := getattr(batch, each.name), Tensor)
        }
        return replace(batch, **tensors)


class Scored:
    """Validation batches beside what a grounder sees in them."""

    def __init__(self, grounder: Grounder) -> None:
        self.config = grounder.config
        self._sums, self._pictures = np.zeros(len(NAMES)), 0
        self._detections = {key: DetectionFigures() for key in self.config.things}
        self._cover = CoverFigures(self.config.stuff)
        self._scenes: list[bool] = []

    def add(self, maps: Maps, batch: GroundingBatch, values: Sequence[float]) -> None:
        """Count a batch and its losses."""
        self._sums += np.array(values) * len(batch)
        self._pictures += len(batch)
        stride, side = self.config.stride, self.config.side
        owner, kind, rows, columns = batch.centres.T.numpy()
        across, down = batch.boxes.T[:2].numpy()
        x, y = (columns + 0.5 + across) * stride, (rows + 0.5 + down) * stride
        for at, peaks in enumerate(peaks_of(maps, self.config)):
            for number, key in enumerate(self.config.things):
                if batch.known[at, number]:
                    own = (owner == at) & (kind == number)
                    seen = [(peak.score, (peak.x, peak.y)) for peak in peaks if peak.label == key]
                    centres = list(zip(x[own].tolist(), y[own].tolist(), strict=True))
                    self._detections[key].add(seen, centres, side)
        whole = batch.cover.max(dim=1).values if batch.cover.shape[1] else batch.data * 0.0
        plain = (whole > WHOLE).numpy()  # cells of a single class
        if plain.any():
            true, seen_cover = (
                part.argmax(dim=1).numpy()[plain] for part in (batch.cover, maps.cover[:, :-1].cpu())
            )
            self._cover.add(true, seen_cover)
        stated = batch.scene >= 0
        self._scenes += (
            (maps.scene.cpu()[stated].argmax(dim=1) == batch.scene[stated]).tolist() if stated.any() else []
        )

    @property
    def losses(self) -> list[float]:
        """The mean of each loss."""
        return list((self._sums / max(1, self._pictures)).tolist())

    def figures(self) -> dict[str, float]:
        """Return what can be measured, from 0 to 1, and its mean as ``quality``."""
        parts = {
            "average_precision": mean(each.average_precision for each in self._detections.values()),
            "mean_iou": mean(self._cover.iou.values()),
            "scene_accuracy": mean(map(float, self._scenes)),
        }
        there = {name: value for name, value in parts.items() if value is not None}
        return {**there, "quality": mean(there.values()) or 0.0}
