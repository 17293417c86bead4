"""How a model is asked what it reads in the pictures of a physics set."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sartext.evaluation.embedding import embed_images, embed_texts
from sartext.evaluation.physics.scenes import vocabulary
from sartext.models.decoding.captioning import generate
from sartext.models.model import Model
from sartext.models.preprocessing import normalise, squash
from sartext.narrator.statements import Statement, read_statements

Pixels = npt.NDArray[np.uint8]

BATCH = 128
"""Pictures at a time."""


class Reader(Protocol):
    """What is scored: it compares pictures with captions, and may write captions."""

    @property
    def writes(self) -> bool:
        """Whether it can write captions."""

    def see(self, pictures: Pixels) -> Tensor:
        """Return features of length 1, pictures x width, of uint8 pictures x height x width."""

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return features of length 1, captions x width."""

    def tell(self, pictures: Pixels) -> list[str]:
        """Return a caption per picture; an empty one states nothing."""


@dataclass(frozen=True, eq=False)
class ModelReader:
    """A CLIP or CoCa as a reader; it writes greedily, and a caption that the context does not hold is dropped."""

    model: Model

    @property
    def writes(self) -> bool:
        """Whether it is a CoCa."""
        return self.model.kind == "coca"

    def see(self, pictures: Pixels) -> Tensor:
        """Return features of length 1, pictures x width, on the CPU."""
        return embed_images(self.model, pictures, batch=BATCH)

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return features of length 1, captions x width, on the CPU; what the context does not hold is cut."""
        return embed_texts(self.model, captions, batch=BATCH)[0]

    def tell(self, pictures: Pixels) -> list[str]:
        """Return a caption per picture, empty where the model did not end it."""
        model, captions = self.model, []
        for start in range(0, len(pictures), BATCH):
            squashed = np.stack([squash(picture, model.side) for picture in pictures[start : start + BATCH]])
            images = normalise(torch.from_numpy(squashed).to(model.device), model)
            captions += generate(model, images, length=model.context)
        return [model.tokenizer.decode(caption.ids).strip() if caption.finished else "" for caption in captions]


@dataclass(frozen=True, eq=False)
class ConstantReader:
    """A reader that sees nothing: all pictures and captions are alike to it, and it has one caption for all."""

    caption: str

    @property
    def writes(self) -> bool:
        """It writes its one caption."""
        return True

    def see(self, pictures: Pixels) -> Tensor:
        """Return the same feature for every picture."""
        return torch.ones(len(pictures), 1)

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return the same feature for every caption."""
        return torch.ones(len(captions), 1)

    def tell(self, pictures: Pixels) -> list[str]:
        """Return the one caption."""
        return [self.caption] * len(pictures)


def constant_reader(captions: Sequence[str]) -> ConstantReader:
    """Return the reader that tells the most frequent caption of a set, the first in the alphabet of equal ones."""
    counted = Counter(captions)
    return ConstantReader(min(counted, key=lambda caption: (-counted[caption], caption)))


def reader_of(model: Model | Reader) -> Reader:
    """Return a model as a reader; a reader as it is."""
    return ModelReader(model) if isinstance(model, Model) else model


def stated(captions: Sequence[str]) -> list[frozenset[Statement]]:
    """Return what captions state, one set of statements per caption."""
    words = vocabulary()
    return [frozenset(read_statements(caption, words.nouns, words.scenes).statements) for caption in captions]
