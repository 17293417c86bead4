"""What captions are worth that need no model, or look at no image: the floor and the ceiling of every metric."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sartext.errors import EvaluationError
from sartext.evaluation.baselines import GRAMMAR, MOST_FREQUENT
from sartext.evaluation.benchmarks import Benchmark, TrainCaption
from sartext.evaluation.captioning.texts import references_of
from sartext.narrator.methods import BY_MODEL

BLOCK = 1 << 22
"""Similarities held at a time."""

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.int64]


def most_frequent(benchmark: Benchmark) -> dict[str, str]:
    """Return for every image the most frequent caption of the train split that no model wrote; of equally frequent
    ones the first in alphabetical order.

    Raises:
        EvaluationError: the train split has none.
    """
    counts = Counter(row.caption for row in _train(benchmark) if row.method not in BY_MODEL)
    if not counts:
        raise EvaluationError(
            "models wrote all captions of the train split", where=benchmark.name, way_out="name a whole release"
        )
    caption = min(counts, key=lambda text: (-counts[text], text))
    return {example.image_id: caption for example in benchmark.examples}


def grammar(benchmark: Benchmark, seed: int) -> dict[str, str]:
    """Return the sixth wording of each image's facts, for the images that have one: the ceiling of a system that
    knows all facts and chooses its words blindly.

    Args:
        benchmark: the images.
        seed: that of the scoring, so that no reference is among them.
    """
    captions = {
        example.image_id: references_of(example.caption, example.facts, example.image_id, seed).sixth
        for example in benchmark.examples
    }
    return {image_id: caption for image_id, caption in captions.items() if caption is not None}


def nearest_train(benchmark: Benchmark, nearest: Sequence[int] | Indices) -> dict[str, str]:
    """Return for every image the caption of a training row.

    Args:
        benchmark: the images.
        nearest: for each example, the row of ``benchmark.train``.

    Raises:
        EvaluationError: there are more or fewer of them than examples, or a row is none of the train split.
    """
    train = _train(benchmark)
    if len(nearest) != len(benchmark):
        raise EvaluationError(f"{len(nearest)} nearest rows for {len(benchmark)} images", where=benchmark.name)
    outside = [int(row) for row in nearest if not 0 <= row < len(train)]
    if outside:
        raise EvaluationError(f"the train split has {len(train)} rows, no row {outside[0]}", where=benchmark.name)
    return {
        example.image_id: train[int(row)].caption for example, row in zip(benchmark.examples, nearest, strict=True)
    }


def nearest_rows(queries: Floats, gallery: Floats) -> Indices:
    """Return for each query the row of the gallery with the largest scalar product, the first of equal ones.

    The products are made a block of queries at a time: memory grows with the gallery only.

    Args:
        queries: features [n, d], normalised.
        gallery: features [m, d], normalised.

    Returns:
        [n].

    Raises:
        EvaluationError: the gallery is empty, the widths differ, or a feature is not a number.
    """
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1] or not len(gallery):
        raise EvaluationError(
            f"features of shape {queries.shape} cannot be compared with {gallery.shape}",
            way_out="encode both by the same model",
        )
    for name, features in (("queries", queries), ("gallery", gallery)):
        if not np.isfinite(features).all():
            row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
            raise EvaluationError("a feature is not a number", where=f"{name}: row {row}", way_out="train it anew")
    rows = max(1, BLOCK // len(gallery))
    blocks = [
        np.argmax(queries[start : start + rows] @ gallery.T, axis=1) for start in range(0, len(queries), rows)
    ]
    return np.concatenate(blocks).astype(np.int64) if blocks else np.empty(0, dtype=np.int64)


def baselines(benchmark: Benchmark, seed: int) -> dict[str, Mapping[str, str]]:
    """Return the captions of the baselines that need no features, by variant."""
    return {GRAMMAR: grammar(benchmark, seed), MOST_FREQUENT: most_frequent(benchmark)}


def _train(benchmark: Benchmark) -> tuple[TrainCaption, ...]:
    if not benchmark.train:
        raise EvaluationError("the train split is empty", where=benchmark.name, way_out="name a whole release")
    return benchmark.train
