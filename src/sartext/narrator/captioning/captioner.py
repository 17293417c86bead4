"""A CoCa that captions pictures, and a CLIP that says how well picture and caption go together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from sartext.config import NarrationParameters, Project
from sartext.errors import ArtefactError
from sartext.models.checkpoint import load
from sartext.models.decoding.captioning import Caption, generate, hypotheses
from sartext.models.devices import device_of
from sartext.models.model import Model
from sartext.models.preprocessing import normalise, squash
from sartext.training.forward import forward

DECIMALS = 6
"""Of log-probabilities and similarities: sums of floats in another order agree so far."""

T = TypeVar("T")

Picture = npt.NDArray[np.uint8]
"""Height x width, or height x width x 3."""


@dataclass(frozen=True)
class Told:
    """What the narrator says of a picture.

    ``log_probability`` is the mean over the tokens, natural logarithm; ``similarity`` the cosine of picture and
    text by CLIP-SAR, None where no CLIP judged; ``finished`` whether the model ended the sentence itself.
    """

    text: str
    log_probability: float
    finished: bool = True
    similarity: float | None = None

    @property
    def figures(self) -> tuple[float, float]:
        """What the score of its statements is made of."""
        return self.log_probability, self.similarity or 0.0


@dataclass(frozen=True)
class Captioner:
    """Models and how they are asked.

    Args:
        coca: writes.
        clip: judges.
        length: tokens of the longest caption.
        beams: of the beam search; one is greedy.
        batch: pictures at a time.
    """

    coca: Model
    clip: Model
    length: int
    beams: int = 1
    batch: int = 64

    def speak(self, pictures: Iterable[Picture]) -> Iterator[Told]:
        """Caption pictures, in their order; nothing judges."""
        for some in chunks(pictures, self.batch):
            yield from (found[0] for found in told_of(self.coca, some, self.length, self.beams))

    def caption(self, pictures: Iterable[Picture]) -> Iterator[Told]:
        """Caption pictures, in their order, and judge how like they are.

        The best caption is told, whether its facts can be read or not. To look on among the beams for one that can
        be read was tried: it says what the narrator does not believe, and precision fell.
        """
        for some in chunks(pictures, self.batch):
            texts = [found[0] for found in told_of(self.coca, some, self.length, self.beams)]
            for one, similarity in zip(texts, self.similarities(some, [one.text for one in texts]), strict=True):
                yield replace(one, similarity=similarity)

    def similarities(self, pictures: Sequence[Picture], texts: Sequence[str]) -> list[float]:
        """Return the cosine of each picture and its text by the CLIP, from -1 to 1."""
        found: list[float] = []
        for some in chunks(zip(pictures, texts, strict=True), self.batch):
            tokens = self.clip.tokenizer.encode([text for _, text in some], self.clip.context, cut=True)
            with torch.inference_mode():
                seen = _input([picture for picture, _ in some], self.clip)
                outputs = forward(self.clip.network.eval(), seen, tokens.to(self.clip.device))
                cosines = (outputs.image_features * outputs.text_features).sum(dim=1)
            found += [round(value, DECIMALS) for value in cosines.double().cpu().tolist()]
        return found


def told_of(model: Model, pictures: Sequence[Picture], length: int, beams: int) -> list[list[Told]]:
    """Return the captions of each picture, best first: one, or what a beam search found.

    Raises:
        DecodingError: the length does not fit the model, or the model writes no captions.
    """
    images = _input(pictures, model)
    if beams == 1:
        ranked = [[one] for one in generate(model, images, length=length)]
    else:
        ranked = hypotheses(model, images, length=length, beams=beams)
    return [[_told(one, model) for one in found] for found in ranked]


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of ``size``, the last one shorter."""
    left = iter(items)
    while some := list(islice(left, size)):
        yield some


def open_captioner(project: Project, writer: str) -> Captioner:
    """Load a project's checkpoint that writes, and ``clip-sar`` that judges.

    Args:
        project: the checkout; ``narration`` and ``training`` of its parameters say how.
        writer: name of the checkpoint: ``coca-sar`` or ``coca-optical``.

    Raises:
        ArtefactError: a checkpoint is missing.
        ModelError: it cannot be loaded, or is of another kind.
    """
    parameters: NarrationParameters = project.parameters.narration
    prepare(project)
    device = device_of(project.parameters.training.device)
    for name in (writer, "clip-sar"):
        _require(project.checkpoint(name))
    coca = load(project.checkpoint(writer), device=device, expected_kind="coca")
    clip = load(project.checkpoint("clip-sar"), device=device, expected_kind="clip")
    return Captioner(coca, clip, parameters.length, parameters.beams, parameters.batch)


def prepare(project: Project) -> None:
    """Make torch compute as the trainings do: the number of threads is part of the arithmetic."""
    torch.set_num_threads(project.parameters.training.threads)


def _require(folder: Path) -> None:
    if not folder.is_dir():
        way_out = f"run `sartext train {folder.name}`"
        raise ArtefactError("the checkpoint is missing", where=folder, way_out=way_out)


def _told(one: Caption, model: Model) -> Told:
    text = model.tokenizer.decode(one.ids).strip()
    return Told(text, round(one.mean_log_probability, DECIMALS) if one.ids else 0.0, one.finished)


def _input(pictures: Sequence[Picture], model: Model) -> torch.Tensor:
    """Pictures as the network takes them, where its weights are."""
    squashed = np.stack([squash(one, model.side) for one in pictures])
    return normalise(torch.from_numpy(squashed).to(model.device), model)
