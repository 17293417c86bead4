"""Recall at k of retrieval, from the ranks of the right answers; ties count by chance, whatever their order.

``one_positive`` counts an image's own caption only, ``duplicate_aware`` every caption with equal facts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metrics import Metric

CUTS = (1, 5, 10)
"""The ranks at which recall is reported."""

Scoring = Literal["one_positive", "duplicate_aware"]
ONE_POSITIVE: Final = "one_positive"
DUPLICATE_AWARE: Final = "duplicate_aware"
SCORINGS: dict[Scoring, str] = {ONE_POSITIVE: "one positive", DUPLICATE_AWARE: "duplicate-aware"}
WAYS = {"i2t": "image to text", "t2i": "text to image"}
MEAN_RECALL = "mean_recall"

Labels = Sequence[int] | npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranks:
    """For every query what decides at which rank its first positive stands.

    Args:
        above: how many of the gallery are more similar than the best positive.
        ties: how many negatives are exactly as similar.
        best: how many positives are; 0 for a query without a positive.
    """

    above: Floats
    ties: Floats
    best: Floats

    def recall_at(self, cuts: Sequence[int]) -> Floats:
        """Return the chance that a positive is among the first k, for each of the cuts: queries x cuts.

        All orders of ties are equally likely: the first k miss all of the best positives if their k - above free
        places go to negatives (hypergeometric). A query without a positive finds none.
        """
        most = max(cuts)
        missed = np.ones((len(self.above), most + 1))
        for place in range(most):
            left = self.ties - place
            missed[:, place + 1] = missed[:, place] * np.maximum(left, 0) / np.maximum(left + self.best, 1)
        places = np.clip(np.asarray(cuts)[None, :] - self.above[:, None], 0, most).astype(np.int64)
        found = 1.0 - np.take_along_axis(missed, places, axis=1)
        return np.where(self.best[:, None] > 0, found, 0.0)


def ceiling(labels: Labels) -> float:
    """Return the one-positive mean recall, times 100, of a model that knows an image's facts and no more.

    It ranks the captions with equal facts first and cannot tell them apart: of ``m`` equal ones it finds the
    image's own among the first ``k`` with chance ``min(1, k / m)``.
    """
    return 100 * float(perfect_ranks(labels).recall_at(CUTS).mean())


def perfect_ranks(labels: Labels) -> Ranks:
    """Return the one-positive ranks, the same both ways, of a model that knows an image's facts and no more."""
    others = _group_sizes(labels) - 1
    return Ranks(np.zeros_like(others), others, np.ones_like(others))


def chance_ranks(labels: Labels) -> Ranks:
    """Return the ranks, the same both ways, of a random order: all are as similar as a positive."""
    positives = _group_sizes(labels)
    return Ranks(np.zeros_like(positives), len(positives) - positives, positives)


def _group_sizes(labels: Labels) -> Floats:
    """How many items have the label of each."""
    _, where, sizes = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True, return_counts=True)
    return sizes[where].astype(np.float64)


def _chance(scoring: Scoring, cuts: Sequence[int], labels: Sequence[int]) -> float:
    own = labels if scoring == DUPLICATE_AWARE else range(len(labels))
    return 100 * float(chance_ranks(own).recall_at(cuts).mean())


_MEANING = {
    ONE_POSITIVE: "only an image's own caption counts. It has a ceiling, as nobody can tell equal captions apart, "
    "and depends on the number of images: figures on test sets of other sizes are not comparable.",
    DUPLICATE_AWARE: "every caption with equal facts counts, so a random order finds the more, the more captions "
    "have equal facts.",
}


def _metric(scoring: Scoring, name: str, title: str, cuts: Sequence[int], meaning: str) -> Metric:
    main = name == MEAN_RECALL
    return Metric(
        "retrieval",
        f"{scoring}.{name}",
        title,
        meaning=f"{meaning}; {_MEANING[scoring]}",
        section="recall" if main else "cuts",
        headline=main,
        chance=lambda labels: _chance(scoring, cuts, labels),
    )


def _metrics(scoring: Scoring) -> Iterator[Metric]:
    mean = "The mean of R@1, R@5 and R@10 both ways"
    yield _metric(scoring, MEAN_RECALL, f"mean recall, {SCORINGS[scoring]}", CUTS, mean)
    for way, title in WAYS.items():
        for cut in CUTS:
            share = f"The share of queries with a right answer among the first {cut}"
            yield _metric(scoring, f"{way}_r{cut}", f"{title} R@{cut}", [cut], share)


METRICS = (*_metrics(ONE_POSITIVE), *_metrics(DUPLICATE_AWARE))
