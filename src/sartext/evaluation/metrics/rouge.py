"""ROUGE-L (Lin 2004), equal to ``Rouge`` of pycocoevalcap: F of the longest common subsequence, beta 1.2."""

from collections.abc import Sequence

import numpy as np

from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metric import Metric

BETA = 1.2


def rouge_l(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return ROUGE-L of each caption, from 0 to 1; a corpus has their mean.

    Precision and recall are each the best over the references, as in pycocoevalcap.

    Args:
        captions: n tokenised captions.
        references: those of each, tokenised, at least one.

    Returns:
        [n].
    """
    return np.array(
        [_score(caption, refs) for caption, refs in zip(captions, references, strict=True)], dtype=np.float64
    )


def common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Return the length of the longest common subsequence (bit-parallel, Hyyrö 2004)."""
    where: dict[str, int] = {}
    for place, word in enumerate(left):
        where[word] = where.get(word, 0) | 1 << place
    everything = (1 << len(left)) - 1
    rows = everything
    for word in right:
        matches = rows & where.get(word, 0)
        rows = (rows + matches) | (rows - matches)
    return len(left) - (rows & everything).bit_count()


def _score(caption: str, references: Sequence[str]) -> float:
    words = caption.split(" ")
    split = [reference.split(" ") for reference in references]
    lengths = [(common_subsequence(words, reference), len(reference)) for reference in split]
    precision = max(common for common, _ in lengths) / len(words)
    recall = max(common / length for common, length in lengths)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


METRICS = (
    Metric(
        "captioning",
        "rouge_l",
        "ROUGE-L",
        3,
        "0 to 1",
        meaning="F of the longest common subsequence of words.",
        section="scores",
        per_caption=True,
        compute=rouge_l,
    ),
)
