"""CIDEr-D (Vedantam et al. 2015), equal to ``Cider`` of pycocoevalcap, with document frequencies of one's choice.

pycocoevalcap takes them from the references of the images that are scored: a score then changes with the set, is 0
for a single image, and 0 for perfect captions where all references are equal. Frozen ones, of the train split's
references, make sets comparable.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import sparse

from sartext.bootstrap import Floats
from sartext.evaluation.metrics import Metric
from sartext.evaluation.metrics.coco import ORDERS, ngrams

Ngram = tuple[str, ...]

SIGMA = 6.0
"""Of the Gaussian penalty on a difference in length."""


@dataclass(frozen=True)
class Frequencies:
    """In how many of ``documents`` images a reference holds an n-gram."""

    documents: int
    counts: Mapping[Ngram, int]


@dataclass(frozen=True, eq=False)
class ReferencePairs:
    """What CIDEr-D needs of captions and references, whatever the weights of the n-grams.

    With weights ``w`` and counts ``c`` and ``r``, a caption and a reference have in every order the similarity
    ``sum w^2 min(c, r) r / sqrt(sum w^2 c^2 sum w^2 r^2)``: the weights can be put in later, by matrix products.

    Args:
        overlap: [pairs, n-grams], ``min(c, r) r``.
        captions: [n, n-grams], ``c^2``.
        references: [pairs, n-grams], ``r^2``.
        caption: of each pair, its number.
        penalty: of each pair, for the difference in length.
        ngrams: the columns.
    """

    overlap: sparse.csr_matrix
    captions: sparse.csr_matrix
    references: sparse.csr_matrix
    caption: npt.NDArray[np.int64]
    penalty: Floats
    ngrams: Mapping[Ngram, int]


def document_frequencies(references: Iterable[Sequence[str]]) -> Frequencies:
    """Count the images in whose references, tokenised, each n-gram stands."""
    counts: Counter[Ngram] = Counter()
    documents = 0
    for of_image in references:
        documents += 1
        counts.update({ngram for reference in of_image for ngram in ngrams(reference)})
    return Frequencies(documents, counts)


def informative(references: Iterable[Sequence[str]], frequencies: Frequencies) -> bool:
    """Whether an n-gram of the references has any weight: else CIDEr-D is 0 whatever the captions say."""
    if frequencies.documents < 2:
        return False
    distinct = {reference for of_image in references for reference in of_image}
    known = {ngram for reference in distinct for ngram in ngrams(reference)}
    return any(frequencies.counts.get(ngram, 0) < frequencies.documents for ngram in known)


def pair_up(captions: Sequence[str], references: Sequence[Sequence[str]]) -> ReferencePairs:
    """Return what CIDEr-D needs of n captions and the references of each, all tokenised, at least one each."""
    numbers: dict[Ngram, int] = {}
    pairs = [
        (place, caption, reference)
        for place, (caption, of_image) in enumerate(zip(captions, references, strict=True))
        for reference in of_image
    ]
    overlap = _matrix([_shared(ngrams(caption), ngrams(reference)) for _, caption, reference in pairs], numbers)
    of_references = _matrix([_squared(ngrams(reference)) for _, _, reference in pairs], numbers)
    of_captions = _matrix([_squared(ngrams(caption)) for caption in captions], numbers)
    for matrix in (overlap, of_references, of_captions):
        matrix.resize((matrix.shape[0], len(numbers)))
    delta = np.array([_length(caption) - _length(reference) for _, caption, reference in pairs], dtype=np.float64)
    places = np.array([place for place, _, _ in pairs], dtype=np.int64)
    penalty = np.exp(-(delta**2) / (2 * SIGMA**2))
    return ReferencePairs(overlap, of_captions, of_references, places, penalty, numbers)


def cider_d(pairs: ReferencePairs, frequencies: Frequencies) -> Floats:
    """Return CIDEr-D of each caption, [n], from 0 to 10; a corpus has their mean."""
    squared = _squared_weights(pairs.ngrams, frequencies)
    shared = pairs.overlap @ squared
    norms = np.sqrt((pairs.captions @ squared)[pairs.caption] * (pairs.references @ squared))
    similar = np.divide(shared, norms, out=np.zeros_like(shared), where=norms > 0)
    of_pair = 10 * similar.mean(axis=1) * pairs.penalty
    count = pairs.captions.shape[0]
    references = np.bincount(pairs.caption, minlength=count)
    return np.asarray(np.bincount(pairs.caption, weights=of_pair, minlength=count) / references)


def _squared_weights(numbers: Mapping[Ngram, int], frequencies: Frequencies) -> Floats:
    """The squared inverse document frequencies, [n-grams, orders]: each n-gram has one, in its order's column."""
    seen = np.array([frequencies.counts.get(ngram, 0) for ngram in numbers], dtype=np.float64)
    weights = np.zeros((len(numbers), ORDERS))
    order = np.array([len(ngram) - 1 for ngram in numbers], dtype=np.int64)
    idf = np.log(float(frequencies.documents)) - np.log(np.maximum(1.0, seen))
    weights[np.arange(len(numbers)), order] = idf**2
    return weights


def _matrix(rows: Sequence[Mapping[Ngram, float]], numbers: dict[Ngram, int]) -> sparse.csr_matrix:
    """The rows as a matrix; an n-gram without a column gets the next one."""
    ends = np.cumsum([0, *map(len, rows)])
    columns = [numbers.setdefault(ngram, len(numbers)) for row in rows for ngram in row]
    values = np.array([value for row in rows for value in row.values()], dtype=np.float64)
    return sparse.csr_matrix((values, np.array(columns, dtype=np.int64), ends), shape=(len(rows), len(numbers)))


def _squared(counts: Mapping[Ngram, int]) -> dict[Ngram, float]:
    return {ngram: float(count**2) for ngram, count in counts.items()}


def _shared(caption: Mapping[Ngram, int], reference: Mapping[Ngram, int]) -> dict[Ngram, float]:
    return {n: float(min(count, reference[n]) * reference[n]) for n, count in caption.items() if n in reference}


def _length(caption: str) -> int:
    """The length of a caption as pycocoevalcap takes it: its bigrams."""
    return max(0, len(caption.split()) - 1)


_metric = partial(Metric, "captioning", digits=2, unit="0 to 10", section="scores")
_SCORED = (
    "Similarity of weighted n-grams, rare ones weighing more by the references of the images that are "
    "scored, as the field does: it changes with the test set."
)
_TRAIN = "CIDEr-D with the weights of the train split, so that it does not change with the test set."
METRICS = (
    _metric("cider_d", "CIDEr-D", meaning=_SCORED, headline=True),
    _metric("cider_d_frozen", "CIDEr-D, frozen idf", meaning=_TRAIN, per_caption=True),
)
