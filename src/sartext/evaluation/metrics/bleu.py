"""BLEU-1 to BLEU-4 (Papineni et al. 2002), equal to ``Bleu(4)`` of pycocoevalcap.

BLEU is of a corpus: matched n-grams and lengths are summed over its captions first. So each caption is kept as its
counts, from which the score of any set of captions follows.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metric import Metric

ORDERS = 4
KEPT = 1 << 14
"""Captions whose n-grams are kept: every variant is compared with the same references."""

SMALL = 1e-9
TINY = 1e-15
"""As in pycocoevalcap: what keeps an empty denominator from dividing, and a missing match from being exactly 0."""


def bleu_counts(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return the counts that BLEU is made of.

    Args:
        captions: n tokenised captions.
        references: those of each, tokenised, at least one.

    Returns:
        [n, 10]: length, length of the reference that is closest in length (the shorter one where two are), n-grams
        of length 1 to 4, and those of them that a reference has.
    """
    return np.array(
        [_counts(caption, refs) for caption, refs in zip(captions, references, strict=True)], dtype=np.float64
    )


def bleu(counts: Floats) -> Floats:
    """Return BLEU-1 to BLEU-4, from 0 to 1.

    Args:
        counts: [..., 10] of one caption, or summed over a corpus.

    Returns:
        [..., 4].
    """
    length, wanted = counts[..., 0], counts[..., 1]
    guessed, right = counts[..., 2 : 2 + ORDERS], counts[..., 2 + ORDERS :]
    products = np.cumprod((right + TINY) / (guessed + SMALL), axis=-1)
    scores = products ** (1 / np.arange(1, ORDERS + 1))
    ratio = (length + TINY) / (wanted + SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    return np.asarray(scores * brevity[..., None])


@lru_cache(maxsize=KEPT)
def ngrams(caption: str) -> Counter[tuple[str, ...]]:
    """Return how often a tokenised caption holds each n-gram of one to four words; not to be changed."""
    words = caption.split()
    return Counter(
        tuple(words[start : start + order])
        for order in range(1, ORDERS + 1)
        for start in range(len(words) - order + 1)
    )


def _counts(caption: str, references: Sequence[str]) -> list[float]:
    length = len(caption.split())
    of_references = [ngrams(reference) for reference in references]
    right = [0] * ORDERS
    for ngram, count in ngrams(caption).items():
        right[len(ngram) - 1] += min(count, max(counts[ngram] for counts in of_references))
    closest = min((abs(other - length), other) for other in (len(reference.split()) for reference in references))[
        1
    ]
    return [length, closest, *(max(0, length - order) for order in range(ORDERS)), *right]


def _score_of(order: int) -> Callable[[Floats], Floats]:
    return lambda counts: np.asarray(bleu(counts)[..., order - 1])


METRICS = tuple(
    Metric(
        "captioning",
        f"bleu_{order}",
        f"BLEU-{order}",
        3,
        "0 to 1",
        meaning=f"Precision of n-grams of one to {order} words, with a penalty for short captions. Of captions "
        "made by a grammar it rewards the wording as much as the content: the baselines show how much.",
        section="scores",
        headline=order == ORDERS,
        per_caption=order == ORDERS,
        compute=bleu_counts,
        score=_score_of(order),
    )
    for order in range(1, ORDERS + 1)
)
