"""How much captions vary: their length, how many are distinct, and how many equal a training caption."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metric import Metric


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
    words = [caption.split() for caption in captions]
    unigrams = [word for caption in words for word in caption]
    bigrams = [pair for caption in words for pair in pairwise(caption)]
    counted = {"captions": captions, "unigrams": unigrams, "bigrams": bigrams}
    return {
        **{f"distinct_{name}": 100 * len(set(items)) / len(items) for name, items in counted.items() if items},
        "vocabulary": float(len(set(unigrams))),
        "empty_captions": float(sum(not caption for caption in words)),
    }


def lengths(captions: Sequence[str], references: Sequence[Sequence[str]] = ()) -> Floats:
    """Return the words of each tokenised caption, [n]; the references do not matter."""
    return np.array([len(caption.split()) for caption in captions], dtype=np.float64)


def copied(captions: Sequence[str], train: Collection[str]) -> Floats:
    """Return 1 for each tokenised caption that equals a training caption, else 0, [n]."""
    known = frozenset(train)
    return np.array([caption in known for caption in captions], dtype=np.float64)


def _metric(name: str, title: str, unit: str, meaning: str, digits: int = 1, *, fault: bool = False) -> Metric:
    return Metric(
        "captioning", name, title, digits, unit, False if fault else None, meaning=meaning, section="captions"
    )


METRICS = (
    _metric("empty_captions", "empty captions", "", "Captions without a word.", 0, fault=True),
    _metric(
        "images_without_caption",
        "images without a caption",
        "",
        "They are left out of the other figures.",
        0,
        fault=True,
    ),
    Metric(
        "captioning",
        "words",
        "words",
        1,
        "per caption",
        None,
        meaning="The mean length.",
        section="captions",
        compute=lengths,
    ),
    _metric("distinct_captions", "distinct captions", "%", "Different captions, of all."),
    _metric("distinct_unigrams", "distinct words", "%", "Different words, of all."),
    _metric("distinct_bigrams", "distinct pairs of words", "%", "Different pairs of neighbouring words, of all."),
    _metric("vocabulary", "vocabulary", "words", "Different words.", 0),
    _metric("copied_captions", "equal to a training caption", "%", "Of all captions, word by word."),
)
