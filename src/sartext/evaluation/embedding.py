"""Features of pictures and texts by any model that open_clip reads, a CLIP or a CoCa, and its margins on foils.

Pictures are resized and normalised as the model's own configuration says: ours squash them whole, as a crop would
hide what the caption says; a model of somebody else is given what plain open_clip would give it. A text longer
than the model's context is cut as open_clip cuts it, keeping the end token, and counted.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from sartext.bootstrap import Floats, Integers
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.foils import Foils
from sartext.evaluation.retrieval import check_features
from sartext.models.model import Model, fit, normalise
from sartext.models.squashing import Pixels

BATCH = 128

SIMILARITIES = 1 << 22
"""Held at a time."""

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Features:
    """Features of a benchmark's pictures and captions, see `embed_images`, and how many captions were cut."""

    images: Tensor
    texts: Tensor
    cut: int

    @property
    def pair(self) -> tuple[Tensor, Tensor]:
        """The features of images and of texts."""
        return self.images, self.texts


def embed(model: Model, benchmark: Benchmark) -> Features:
    """Return the features of a benchmark's pictures and captions.

    Raises:
        EvaluationError: a feature is no number.
    """
    captions = [example.caption for example in benchmark.examples]
    texts, cut = embed_texts(model, captions)
    return Features(embed_images(model, benchmark.pictures()), texts, cut)


def embed_images(model: Model, pictures: Iterable[Pixels], *, batch: int = BATCH) -> Tensor:
    """Return the features of pictures: float32, n x width, of length 1, in main memory.

    At least one picture, uint8, height x width or height x width x 3, of any size; the network sees a batch at a
    time.

    Raises:
        EvaluationError: there is no picture, or a feature is no number.
        ModelError: one is no 8-bit grey or RGB picture.
    """
    fitted = (fit(picture, model) for picture in pictures)
    inputs = (torch.from_numpy(np.stack(batch_of)) for batch_of in batches(fitted, batch))
    normalised = (normalise(inputs_of.to(model.device), model) for inputs_of in inputs)
    return _features(model, normalised, "encode_image", "pictures")


def embed_texts(model: Model, texts: Sequence[str], *, batch: int = BATCH) -> tuple[Tensor, int]:
    """Return the features of texts, as `embed_images`, and how many were longer than the context, and cut.

    Equal texts are embedded once, so that they have equal features to the last bit.

    Raises:
        EvaluationError: there is no text, one is empty, or a feature is no number.
    """
    unique, at = distinct(texts)
    encode, context = model.tokenizer.encode, model.context
    tokens = (
        encode(batch_of, context, cut=True, full=True).to(model.device) for batch_of in batches(unique, batch)
    )
    features = _features(model, tokens, "encode_text", "texts")
    return features[at], len(model.tokenizer.too_long(texts, context))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield items in lists of a size, the last one shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def distinct(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """Return texts without repetition, in the order of their first places, and which of them each text is.

    Raises:
        EvaluationError: a text is empty.
    """
    if empty := [at for at, text in enumerate(texts) if not text.strip()]:
        raise EvaluationError(
            f"{len(empty)} of {len(texts)} texts are empty", where=f"text {empty[0]}", way_out="leave them out"
        )
    places: dict[str, int] = {}
    at = torch.tensor([places.setdefault(text, len(places)) for text in texts], dtype=torch.int64)
    return list(places), at


def whole(parts: Iterable[Tensor], what: str) -> Tensor:
    """Return the features of batches as one tensor; ``what`` they are of, for errors.

    Raises:
        EvaluationError: there is none, or one is no number.
    """
    rows = list(parts)
    if not rows:
        raise EvaluationError(f"no {what} to embed", way_out="name a benchmark that has some")
    features = torch.cat(rows)
    wrong = (~torch.isfinite(features).all(dim=1)).nonzero()
    if len(wrong):
        raise EvaluationError(
            f"the model's features of {len(wrong)} of {len(features)} {what} are no numbers",
            where=f"{what} {int(wrong[0])}",
            way_out="its weights diverged: name another checkpoint",
        )
    return features.clone()  # of inference mode, a tensor could not be used in a graph


def _features(model: Model, inputs: Iterable[Tensor], method: str, what: str) -> Tensor:
    network: Any = model.network
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            parts = [getattr(network, method)(batch, normalize=True).float().cpu() for batch in inputs]
    finally:
        network.train(was_training)
    return whole(parts, what)


def margins(model: Model, foils: Foils, benchmark: Benchmark, *, images: Tensor | None = None) -> Floats:
    """Return by how much a model finds each true caption more similar to its image than the foil: a difference of
    cosines per foil, 0 where the model cannot tell the two apart. ``images``, features of the benchmark's
    pictures, are made anew where the model has not seen them.

    Raises:
        EvaluationError: there is no foil, or features do not fit or are no numbers.
    """
    known = images
    look = partial(embed_images, model) if known is None else lambda pictures: known
    return margins_by(look, partial(embed_texts, model), foils, benchmark)


def margins_by(
    look: Callable[[Iterable[Pixels]], Tensor],
    read: Callable[[Sequence[str]], tuple[Tensor, int]],
    foils: Foils,
    benchmark: Benchmark,
) -> Floats:
    """Return `margins` of any model, from how it embeds pictures and texts, see `embed_images` and `embed_texts`.

    Raises:
        EvaluationError: there is no foil, or features do not fit or are no numbers.
    """
    if not foils:
        raise EvaluationError("there is no foil to compare with", where=foils.benchmark, way_out=foils.why_none())
    images = look(benchmark.pictures())
    texts, _ = read([*(foil.caption for foil in foils.items), *(foil.foil for foil in foils.items)])
    return margins_of(images, texts[: len(foils)], texts[len(foils) :], foils, benchmark)


def margins_of(images: Tensor, captions: Tensor, false: Tensor, foils: Foils, benchmark: Benchmark) -> Floats:
    """Return `margins` from features of the pictures, and of the foils' true and false captions, in their orders.

    Raises:
        EvaluationError: their numbers differ, or they cannot be compared.
    """
    if len(images) != len(benchmark) or len(captions) != len(foils) or len(false) != len(foils):
        raise EvaluationError(
            f"features of {len(images)} images, {len(captions)} captions and {len(false)} foils, for "
            f"{len(benchmark)} images and {len(foils)} foils",
            where=foils.benchmark,
            way_out="embed the pictures of this benchmark and its foils, in their order",
        )
    for texts in (captions, false):
        check_features(images, texts)
    seen = images.double()[[foil.place for foil in foils.items]]
    # the products of a row are summed in one order, so that equal texts give a margin of exactly 0
    difference = (seen * captions.double()).sum(dim=1) - (seen * false.double()).sum(dim=1)
    return difference.cpu().numpy()


def nearest_rows(queries: Floats, gallery: Floats) -> Integers:
    """Return for each query, [n], the row of the gallery with the largest scalar product, the first of equal ones.

    Both are normalised features, [n, d] and [m, d]. Memory grows with the gallery only: queries go a block at a
    time.
    """
    rows = max(1, SIMILARITIES // len(gallery))
    blocks = [
        np.argmax(queries[start : start + rows] @ gallery.T, axis=1) for start in range(0, len(queries), rows)
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *blocks])
