"""Features of pictures and texts by any model that open_clip reads, a CLIP or a CoCa.

Pictures are resized and normalised as the model's own configuration says: ours squash them whole, as a crop would
hide what the caption tells; a model of somebody else is given what plain open_clip would give it. A text longer
than the model's context is cut as open_clip cuts it, keeping the end token, and counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.models.model import Model
from sartext.models.preprocessing import Pixels, fit, normalise

BATCH = 128

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Features:
    """What a model makes of the pictures and captions of a benchmark, in the order of its examples.

    Args:
        images: float32, n x width, of length 1, in main memory.
        texts: float32, n x width, likewise.
        cut: how many of the captions were longer than the model's context, and cut.
    """

    images: Tensor
    texts: Tensor
    cut: int

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """The features of images and of texts."""
        return self.images, self.texts


def embed(model: Model, benchmark: Benchmark, *, batch: int = BATCH) -> Features:
    """Return the features of a benchmark's pictures and captions.

    Args:
        model: on its device.
        benchmark: its pictures are read one after the other.
        batch: pictures, or texts, that the network sees at a time.

    Raises:
        EvaluationError: a feature is no number.
    """
    captions = [example.caption for example in benchmark.examples]
    texts, cut = embed_texts(model, captions, batch=batch)
    return Features(embed_images(model, benchmark.pictures(), batch=batch), texts, cut)


def embed_images(model: Model, pictures: Iterable[Pixels], *, batch: int = BATCH) -> Tensor:
    """Return the features of pictures: float32, n x width, of length 1, in main memory.

    Args:
        model: on its device.
        pictures: uint8, height x width or height x width x 3, of any size; at least one.
        batch: pictures that the network sees at a time.

    Raises:
        EvaluationError: there is no picture, or a feature is no number.
        ModelError: one is no 8-bit grey or RGB picture.
    """
    fitted = (fit(picture, model) for picture in pictures)
    inputs = (torch.from_numpy(np.stack(batch_of)) for batch_of in _batches(fitted, batch))
    return _features(
        model,
        (normalise(inputs_of.to(model.device), model) for inputs_of in inputs),
        "encode_image",
        "pictures",
    )


def embed_texts(model: Model, texts: Sequence[str], *, batch: int = BATCH) -> tuple[Tensor, int]:
    """Return the features of texts, and how many were longer than the context, and cut.

    Equal texts are embedded once, so that they have equal features to the last bit.

    Args:
        model: on its device.
        texts: at least one, none of them empty.
        batch: texts that the network sees at a time.

    Returns:
        float32, n x width, of length 1, in main memory; the number of texts that were cut.

    Raises:
        EvaluationError: there is no text, one is empty, or a feature is no number.
    """
    if empty := [at for at, text in enumerate(texts) if not text.strip()]:
        raise EvaluationError(
            f"{len(empty)} of {len(texts)} texts are empty", where=f"text {empty[0]}", way_out="leave them out"
        )
    places: dict[str, int] = {}
    at = torch.tensor([places.setdefault(text, len(places)) for text in texts], dtype=torch.int64)
    tokenizer, context = model.tokenizer, model.context
    tokens = (
        tokenizer.encode(batch_of, context, cut=True, full=True).to(model.device)
        for batch_of in _batches(places, batch)
    )
    features = _features(model, tokens, "encode_text", "texts")
    return features[at], len(tokenizer.too_long(texts, context))


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _features(model: Model, inputs: Iterable[Tensor], method: str, what: str) -> Tensor:
    network: Any = model.network
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            parts = [getattr(network, method)(batch, normalize=True).float().cpu() for batch in inputs]
    finally:
        network.train(was_training)
    if not parts:
        raise EvaluationError(f"no {what} to embed", way_out="name a benchmark that has some")
    features = torch.cat(parts)
    wrong = (~torch.isfinite(features).all(dim=1)).nonzero()
    if len(wrong):
        raise EvaluationError(
            f"the model's features of {len(wrong)} of {len(features)} {what} are no numbers",
            where=f"{what} {int(wrong[0])}",
            way_out="its weights diverged: name another checkpoint",
        )
    return features.clone()  # of inference mode, a tensor could not be used in a graph
