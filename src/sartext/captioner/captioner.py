"""A CoCa that captions pictures, and a CLIP that says how well picture and caption go together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
import torch

from sartext.config import Project
from sartext.errors import ArtefactError, DecodingError
from sartext.models.checkpoint import load
from sartext.models.decoding.captioning import Method, generate
from sartext.models.forward import forward
from sartext.models.memory import is_shortage
from sartext.models.model import Model, device_of, normalise
from sartext.models.squashing import Pixels, squash

DECIMALS = 6
"""Of log-probabilities and similarities: sums of floats in another order agree so far."""

SETTING = "`narration.batch`"

UNFINISHED = "unfinished within the greatest length"

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Decoding:
    """A method and its options, see `models.decoding.captioning.generate`."""

    method: Method = "greedy"
    beams: int = 1
    top_p: float = 0.9
    temperature: float = 1.0
    seed: int = 0


GREEDY = Decoding()


def beam_search(beams: int) -> Decoding:
    """Return the beam search with that many beams; one beam is greedy."""
    return Decoding("beam", beams) if beams > 1 else GREEDY


@dataclass(frozen=True)
class ModelCaption:
    """What a model writes of a picture.

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


@dataclass
class AdaptiveBatch:
    """Works on items in parts of ``size``, which came from a ``setting``, and halves it when memory runs out.

    The size only ever falls: what did not fit is not tried again.
    """

    size: int
    setting: str

    def map(self, items: Sequence[T], work: Callable[[Sequence[T]], list[R]]) -> list[R]:
        """Return the results of ``work``, one for each item; a DecodingError where not even one item fits."""
        done: list[R] = []
        while len(done) < len(items):
            part = items[len(done) : len(done) + self.size]
            try:
                done += work(part)
                continue
            except Exception as error:
                if not is_shortage(error):
                    raise
                shortage = error.with_traceback(None)  # its frames hold the tensors that did not fit
            if len(part) == 1:
                raise DecodingError(
                    f"out of memory with one picture at a time, {self.setting} notwithstanding",
                    way_out="end what else holds memory there, "
                    "take fewer beams, a smaller model or another device",
                ) from shortage
            self.size = len(part) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return done


@dataclass(frozen=True)
class Captioner:
    """A CoCa that writes and a CLIP that judges.

    ``length`` is of the longest caption in tokens; one beam is greedy; a ``batch`` that memory does not hold is
    halved. All methods raise a DecodingError where one picture is too much, or the length does not fit the model.
    """

    coca: Model
    clip: Model
    length: int
    beams: int = 1
    batch: int = 64

    def write(self, pictures: Iterable[Pixels]) -> Iterator[ModelCaption]:
        """Caption pictures, in their order; nothing judges."""
        adaptive = AdaptiveBatch(self.batch, SETTING)
        for batch in batches(pictures, self.batch):
            yield from self._captions(batch, adaptive)

    def write_and_judge(self, pictures: Sequence[Pixels]) -> list[ModelCaption]:
        """Caption pictures, all at a time, and judge how like they are.

        It is the best caption, whether its facts can be read or not: one from further down the beams says what the
        narrator does not believe.
        """
        captions = caption_pictures(self.coca, pictures, self.length, beam_search(self.beams))
        cosines = self._cosines([(each, of.text) for each, of in zip(pictures, captions, strict=True)])
        return [replace(caption, similarity=cosine) for caption, cosine in zip(captions, cosines, strict=True)]

    def similarities(
        self, pictures: Sequence[Pixels], texts: Sequence[str], adaptive: AdaptiveBatch | None = None
    ) -> list[float]:
        """Return the cosine of each picture and its text by the CLIP, from -1 to 1.

        A text that CLIP's context does not hold is judged by its beginning, as open_clip itself would.
        """
        adaptive = adaptive or AdaptiveBatch(self.batch, SETTING)
        return adaptive.map(list(zip(pictures, texts, strict=True)), self._cosines)

    def _captions(self, pictures: Sequence[Pixels], adaptive: AdaptiveBatch) -> list[ModelCaption]:
        decoding = beam_search(self.beams)
        return adaptive.map(pictures, lambda part: caption_pictures(self.coca, part, self.length, decoding))

    def _cosines(self, pairs: Sequence[tuple[Pixels, str]]) -> list[float]:
        tokens = self.clip.tokenizer.encode([text for _, text in pairs], self.clip.context, cut=True)
        with torch.inference_mode():
            images = _input([picture for picture, _ in pairs], self.clip)
            outputs = forward(self.clip.network.eval(), images, tokens.to(self.clip.device))
            cosines = (outputs.image_features * outputs.text_features).sum(dim=1)
        return [round(value, DECIMALS) for value in cosines.double().cpu().tolist()]


def caption_pictures(
    model: Model, pictures: Sequence[Pixels], length: int, decoding: Decoding
) -> list[ModelCaption]:
    """Return the caption of each picture; a DecodingError where the model writes none of that length."""
    return [
        ModelCaption(
            model.tokenizer.decode(caption.ids).strip(),
            round(caption.mean_log_probability, DECIMALS) if caption.ids else 0.0,
            caption.finished,
        )
        for caption in generate(model, _input(pictures, model), length=length, **vars(decoding))
    ]


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of ``size``, the last one shorter."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def load_captioner(project: Project, writer: str) -> Captioner:
    """Load a project's checkpoint that writes (``coca-sar`` or ``coca-optical``), and ``clip-sar`` that judges.

    Raises:
        ArtefactError: a checkpoint is missing.
        ModelError: it cannot be loaded, or is of another kind.
    """
    parameters = project.parameters.narration
    torch.set_num_threads(project.parameters.training.threads)  # part of the arithmetic of a training
    device = device_of(project.parameters.training.device)
    folders = project.checkpoint(writer), project.checkpoint("clip-sar")
    for folder in folders:
        if not folder.is_dir():
            way_out = f"run `sartext train {folder.name}`"
            raise ArtefactError("the checkpoint is missing", where=folder, way_out=way_out)
    coca = load(folders[0], device=device, expected_kind="coca")
    clip = load(folders[1], device=device, expected_kind="clip")
    return Captioner(coca, clip, parameters.length, parameters.beams, parameters.batch)


def _input(pictures: Sequence[Pixels], model: Model) -> torch.Tensor:
    """Pictures as the network takes them, where its weights are."""
    squashed = np.stack([squash(picture, model.side) for picture in pictures])
    return normalise(torch.from_numpy(squashed).to(model.device), model)
