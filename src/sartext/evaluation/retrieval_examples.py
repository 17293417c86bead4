"""Examples of retrieval for the report: queries with their first answers, right and wrong ones.

They are not picked by hand. The queries of each way, by image id, are those whose first answer is right and those
whose first answer is wrong; from both, evenly spaced ones are taken, as many right as wrong where there are so
many. An answer is right if its facts equal those of the query's image. Equal captions are one answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.retrieval_figures import check_fit, facts_keys

SHOWN = 5
BLOCK = 256

Way = Literal["i2t", "t2i"]


@dataclass(frozen=True)
class Answer:
    """What a model ranked: the image or caption of ``image_id``, and whether it is right."""

    image_id: str
    caption: str
    right: bool


@dataclass(frozen=True)
class RetrievalExample:
    """A query with its first answers.

    Args:
        way: ``i2t``: the query is the image and captions were ranked; ``t2i``: the other way.
        image_id: of the query's image.
        caption: of the query's image.
        right: whether the first answer is.
        answers: the first five, the most similar first.
    """

    way: Way
    image_id: str
    caption: str
    right: bool
    answers: tuple[Answer, ...]


def examples(
    features: tuple[torch.Tensor, torch.Tensor], benchmark: Benchmark, count: int, variant: str = "the model"
) -> list[RetrievalExample]:
    """Return ``count`` examples of each way, fewer where the benchmark is smaller.

    Args:
        features: of the benchmark's pictures and captions, in its order.
        benchmark: what was tested on.
        count: of each way; half of them wrong, where there are so many.
        variant: whose features they are, for errors.

    Raises:
        EvaluationError: the features do not fit the benchmark.
    """
    images, texts = (one.float().cpu() for one in features)
    check_fit(variant, images, texts, benchmark)
    captions = [one.caption for one in benchmark.examples]
    distinct = sorted({caption: at for at, caption in reversed(list(enumerate(captions)))}.values())
    return [
        *_one_way(benchmark, count, "i2t", (images, texts), distinct),
        *_one_way(benchmark, count, "t2i", (texts, images), list(range(len(captions)))),
    ]


def _one_way(
    benchmark: Benchmark, count: int, way: Way, features: tuple[torch.Tensor, torch.Tensor], held: Sequence[int]
) -> Iterator[RetrievalExample]:
    """The examples of one way; ``features`` are of queries and gallery, ``held`` the places that are answers."""
    queries, gallery = features
    keys = torch.from_numpy(facts_keys(benchmark))
    places = torch.tensor(held)
    first = [_first(block @ gallery[places].T) for block in torch.split(queries, BLOCK)]
    answers = places[torch.cat(first)]
    right = keys[answers] == keys[:, None]
    for at in _chosen(right[:, 0].numpy(), count):
        ranked = [
            Answer(benchmark.examples[other].image_id, benchmark.examples[other].caption, good)
            for other, good in zip(answers[at].tolist(), right[at].tolist(), strict=True)
        ]
        own = benchmark.examples[at]
        yield RetrievalExample(way, own.image_id, own.caption, ranked[0].right, tuple(ranked))


def _first(similarity: torch.Tensor) -> torch.Tensor:
    """The places of the most similar of each row, of equal ones the one that stands first."""
    return similarity.sort(dim=1, descending=True, stable=True).indices[:, :SHOWN]


def _chosen(right: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Evenly spaced places among the right and among the wrong ones, in order."""
    good, bad = np.flatnonzero(right), np.flatnonzero(~right)
    wrong = min(len(bad), max(count // 2, count - len(good)))
    told = [*_spaced(good, min(len(good), count - wrong)), *_spaced(bad, wrong)]
    return sorted(int(one) for one in told)


def _spaced(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return places[(np.arange(count) * len(places)) // max(count, 1)]
