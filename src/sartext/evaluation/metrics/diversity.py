"""How much captions vary: their length, how many are distinct, and how many equal a training caption."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metrics import Metric


def diversity(captions: Sequence[str]) -> dict[str, float]:
    """Return what is counted over a whole set of tokenised captions, and so has no interval.

    Distinct captions, unigrams and bigrams in percent of all of them, the number of distinct words, and that of
    captions without a word; a percentage of nothing is left out.
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


_ROWS: tuple[tuple[str, str, int, str, bool | None, str], ...] = (
    ("empty_captions", "empty captions", 0, "", False, "Captions without a word."),
    (
        "images_without_caption",
        "images without a caption",
        0,
        "",
        False,
        "They are left out of the other figures.",
    ),
    ("words", "words", 1, "per caption", None, "The mean length."),
    ("distinct_captions", "distinct captions", 1, "%", None, "Different captions, of all."),
    ("distinct_unigrams", "distinct words", 1, "%", None, "Different words, of all."),
    (
        "distinct_bigrams",
        "distinct pairs of words",
        1,
        "%",
        None,
        "Different pairs of neighbouring words, of all.",
    ),
    ("vocabulary", "vocabulary", 0, "words", None, "Different words."),
    ("copied_captions", "equal to a training caption", 1, "%", None, "Of all captions, word by word."),
)
METRICS = tuple(
    Metric("captioning", *row, section="captions", compute=lengths if row[0] == "words" else None) for row in _ROWS
)
