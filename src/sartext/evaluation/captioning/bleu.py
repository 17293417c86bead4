"""BLEU-1 to BLEU-4 (Papineni et al. 2002), equal to ``Bleu(4)`` of pycocoevalcap.

BLEU is of a corpus: matched n-grams and lengths are summed over its captions first. So each caption is kept as its
counts, from which the score of any set of captions follows.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

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
    return np.array([_counts(one, refs) for one, refs in zip(captions, references, strict=True)], dtype=np.float64)


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
    told = [ngrams(one) for one in references]
    right = [0] * ORDERS
    for ngram, count in ngrams(caption).items():
        right[len(ngram) - 1] += min(count, max(one[ngram] for one in told))
    closest = min((abs(held - length), held) for held in (len(one.split()) for one in references))[1]
    return [length, closest, *(max(0, length - order) for order in range(ORDERS)), *right]
