"""Recall at k of retrieval, from the ranks of the right answers; ties count by chance, whatever their order.

``distinct_facts`` ranks one caption and one image of each set of facts, and every set counts alike;
``one_positive`` counts an image's own caption only, ``duplicate_aware`` every caption with equal facts.

A ranking that never looks at the query puts exactly k of G sets of facts among its first k, so its mean over the
sets is k / G whatever the order: under ``distinct_facts`` nobody is above chance blind. Under ``duplicate_aware``
the commonest facts first are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sartext.bootstrap import Floats
from sartext.evaluation.metrics import Metric

CUTS = (1, 5, 10)
"""The ranks at which recall is reported."""

Scoring = Literal["distinct_facts", "one_positive", "duplicate_aware"]
DISTINCT_FACTS: Final = "distinct_facts"
ONE_POSITIVE: Final = "one_positive"
DUPLICATE_AWARE: Final = "duplicate_aware"
SCORINGS: dict[Scoring, str] = {
    DISTINCT_FACTS: "distinct facts",
    ONE_POSITIVE: "one positive",
    DUPLICATE_AWARE: "duplicate-aware",
}
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


def distinct_chance_ranks(labels: Labels) -> Ranks:
    """Return the same as `chance_ranks` where the gallery has one item of each label."""
    ones = np.ones(len(labels))
    return Ranks(0 * ones, (len(np.unique(labels)) - 1) * ones, ones)


def constant_ranks(labels: Labels) -> dict[Scoring, Ranks]:
    """Return the ranks, by scoring and the same both ways, of the strongest order that is equal for all queries.

    One item of each label stands first, the commonest labels before the others (as frequent ones in their order),
    and then all further items: no constant order puts a positive among the first k of more queries.
    """
    _, first, where, sizes = np.unique(
        np.asarray(labels, dtype=np.int64), return_index=True, return_inverse=True, return_counts=True
    )
    place_of_label = np.empty(len(sizes))
    place_of_label[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    further = np.ones(len(where), dtype=np.bool_)
    further[first] = False
    place = np.where(further, len(sizes) - 1 + np.cumsum(further), place_of_label[where])
    of_label, alone = place_of_label[where], np.ones(len(where))
    places: dict[Scoring, Floats] = {DISTINCT_FACTS: of_label, ONE_POSITIVE: place, DUPLICATE_AWARE: of_label}
    return {scoring: Ranks(above, 0 * alone, alone) for scoring, above in places.items()}


def query_weights(scoring: Scoring, labels: Labels) -> Floats:
    """Return what each query counts: under ``distinct_facts`` those of a label together 1, else 1 each."""
    return 1 / _group_sizes(labels) if scoring == DISTINCT_FACTS else np.ones(len(labels))


def _group_sizes(labels: Labels) -> Floats:
    """How many items have the label of each."""
    _, where, sizes = np.unique(np.asarray(labels, dtype=np.int64), return_inverse=True, return_counts=True)
    return sizes[where].astype(np.float64)


def _chance(scoring: Scoring, cuts: Sequence[int], labels: Sequence[int]) -> float:
    if scoring == DISTINCT_FACTS:
        return 100 * float(distinct_chance_ranks(labels).recall_at(cuts).mean())
    own = labels if scoring == DUPLICATE_AWARE else range(len(labels))
    return 100 * float(chance_ranks(own).recall_at(cuts).mean())


_MEANING = {
    DISTINCT_FACTS: "one caption and one image, the first by id, stand for each set of facts; all images and "
    "captions ask, and every set counts alike, however many images share it. So an order that never looks at the "
    "query, such as the commonest facts first, is at chance, and who knows the facts reaches 100. It depends on "
    "the number of sets: figures on other test sets are not comparable.",
    ONE_POSITIVE: "only an image's own caption counts. It has a ceiling, as nobody can tell equal captions apart, "
    "and depends on the number of images: figures on test sets of other sizes are not comparable.",
    DUPLICATE_AWARE: "every caption with equal facts counts, so a random order finds the more, the more captions "
    "have equal facts, and the same order for every query, the commonest facts first, yet more: only what is "
    "above that was seen.",
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


METRICS = tuple(metric for scoring in SCORINGS for metric in _metrics(scoring))
