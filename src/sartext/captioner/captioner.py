"""A CoCa that captions pictures, and a CLIP that says how well picture and caption go together."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from sartext.captioner.decoding import Decoding, searching
from sartext.captioner.fitting import Fitting
from sartext.config import NarrationParameters, Project
from sartext.errors import ArtefactError
from sartext.models.checkpoint import load
from sartext.models.decoding.captioning import Caption, generate
from sartext.models.forward import forward
from sartext.models.model import Model, device_of
from sartext.models.preprocessing import normalise, squash

DECIMALS = 6
"""Of log-probabilities and similarities: sums of floats in another order agree so far."""

SETTING = "`narration.batch`"

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
        batch: pictures at a time; fewer where memory runs out.
    """

    coca: Model
    clip: Model
    length: int
    beams: int = 1
    batch: int = 64

    def speak(self, pictures: Iterable[Picture]) -> Iterator[Told]:
        """Caption pictures, in their order; nothing judges.

        Raises:
            DecodingError: the length does not fit the model, or not even one picture fits into memory.
        """
        fitting = Fitting(self.batch, SETTING)
        for some in chunks(pictures, self.batch):
            yield from self._told(some, fitting)

    def caption(self, pictures: Iterable[Picture]) -> Iterator[Told]:
        """Caption pictures, in their order, and judge how like they are.

        The best caption is told, whether its facts can be read or not: one from further down the beams that can be
        read says what the narrator does not believe.

        Raises:
            DecodingError: the length does not fit the model, or not even one picture fits into memory.
        """
        writing, judging = Fitting(self.batch, SETTING), Fitting(self.batch, SETTING)
        for some in chunks(pictures, self.batch):
            told = self._told(some, writing)
            alike = self.similarities(some, [one.text for one in told], judging)
            for one, similarity in zip(told, alike, strict=True):
                yield replace(one, similarity=similarity)

    def similarities(
        self, pictures: Sequence[Picture], texts: Sequence[str], fitting: Fitting | None = None
    ) -> list[float]:
        """Return the cosine of each picture and its text by the CLIP, from -1 to 1.

        A text that CLIP's context does not hold is judged by its beginning, as open_clip itself would. The models
        of a project share tokenizer and context, so that a text as the writer wrote it always fits.

        Raises:
            DecodingError: not even one pair fits into memory.
        """
        fitting = fitting or Fitting(self.batch, SETTING)
        return fitting.over(list(zip(pictures, texts, strict=True)), self._cosines)

    def _told(self, pictures: Sequence[Picture], fitting: Fitting) -> list[Told]:
        return fitting.over(pictures, lambda some: told_of(self.coca, some, self.length, searching(self.beams)))

    def _cosines(self, pairs: Sequence[tuple[Picture, str]]) -> list[float]:
        tokens = self.clip.tokenizer.encode([text for _, text in pairs], self.clip.context, cut=True)
        with torch.inference_mode():
            seen = _input([picture for picture, _ in pairs], self.clip)
            outputs = forward(self.clip.network.eval(), seen, tokens.to(self.clip.device))
            cosines = (outputs.image_features * outputs.text_features).sum(dim=1)
        return [round(value, DECIMALS) for value in cosines.double().cpu().tolist()]


def told_of(model: Model, pictures: Sequence[Picture], length: int, decoding: Decoding) -> list[Told]:
    """Return the caption of each picture, the best one where a beam search found several.

    Raises:
        DecodingError: the length does not fit the model, or the model writes no captions.
    """
    found = generate(
        model,
        _input(pictures, model),
        method=decoding.method,
        length=length,
        beams=decoding.beams,
        top_p=decoding.top_p,
        temperature=decoding.temperature,
        seed=decoding.seed,
    )
    return [_told(one, model) for one in found]


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
