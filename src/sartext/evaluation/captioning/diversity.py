"""How much captions vary: their length, how many are distinct, and how many equal a training caption."""

from collections.abc import Collection, Sequence
from itertools import pairwise


def diversity(captions: Sequence[str]) -> dict[str, float]:
    """Return what is counted over a whole set of captions, which no interval is drawn for: a resample repeats
    captions and so has fewer distinct ones.

    Args:
        captions: tokenised, at least one.

    Returns:
        ``distinct_captions``, ``distinct_unigrams`` and ``distinct_bigrams`` in percent of all of them;
        ``vocabulary``, the number of distinct words; ``empty_captions``, the number without a word. A percentage
        of nothing is left out.
    """
    words = [one.split() for one in captions]
    unigrams = [word for one in words for word in one]
    bigrams = [pair for one in words for pair in pairwise(one)]
    shares = {"captions": captions, "unigrams": unigrams, "bigrams": bigrams}
    return {
        **{f"distinct_{name}": 100 * len(set(some)) / len(some) for name, some in shares.items() if some},
        "vocabulary": float(len(set(unigrams))),
        "empty_captions": float(sum(not one for one in words)),
    }


def lengths(captions: Sequence[str]) -> list[int]:
    """Return the words of each tokenised caption."""
    return [len(one.split()) for one in captions]


def copied(captions: Sequence[str], train: Collection[str]) -> list[bool]:
    """Return which tokenised captions equal a training caption."""
    known = frozenset(train)
    return [one in known for one in captions]
