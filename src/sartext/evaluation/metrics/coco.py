"""BLEU, METEOR and ROUGE-L, equal to those of pycocoevalcap.

- BLEU-1 to BLEU-4 (Papineni et al. 2002): a corpus sums matched n-grams and lengths over its captions first, so
  each caption is kept as its counts.
- METEOR 1.5 (Denkowski and Lavie 2014), English, normalised: the jar aligns a caption with each reference and
  prints what matched of the best one. The score of a caption, and of a corpus from the sums over its captions,
  follows from that by the formula below, as in the jar.
- ROUGE-L (Lin 2004): F of the longest common subsequence.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from sartext.bootstrap import Floats
from sartext.errors import EvaluationError
from sartext.evaluation.metrics import Metric
from sartext.evaluation.metrics.java import jar, run_java

ORDERS = 4
KEPT = 1 << 14
"""Captions whose n-grams are kept: every variant is compared with the same references."""

SMALL = 1e-9
TINY = 1e-15
"""As in pycocoevalcap: what keeps an empty denominator from dividing, and a missing match from being exactly 0."""

JAR = "meteor/meteor-1.5.jar"
ARGUMENTS = ("-", "-", "-stdio", "-l", "en", "-norm")
MEMORY = "-Xmx2G"
SEPARATOR = "|||"

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
"""Weight of recall, exponent and weight of the fragmentation penalty, weight of content words."""

WEIGHTS = (1.0, 0.6, 0.8, 0.6)
"""Of matches that are exact, by stem, by synonym and by paraphrase."""

LENGTHS = 4
NUMBERS = LENGTHS + 4 * len(WEIGHTS) + 3
"""How many numbers the jar prints for a caption."""

ROUGE_BETA = 1.2


def bleu_counts(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return the counts that BLEU is made of, of n tokenised captions and the references of each, at least one.

    Returns:
        [n, 10]: length, length of the reference that is closest in length (the shorter one where two are), n-grams
        of length 1 to 4, and those of them that a reference has.
    """
    return np.array(
        [_bleu_counts(caption, refs) for caption, refs in zip(captions, references, strict=True)], dtype=np.float64
    )


def bleu(counts: Floats) -> Floats:
    """Return BLEU-1 to BLEU-4, [..., 4], from 0 to 1, of counts [..., 10] of a caption or summed over a corpus."""
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


def _bleu_counts(caption: str, references: Sequence[str]) -> list[float]:
    length = len(caption.split())
    of_references = [ngrams(reference) for reference in references]
    right = [0] * ORDERS
    for ngram, count in ngrams(caption).items():
        right[len(ngram) - 1] += min(count, max(counts[ngram] for counts in of_references))
    _, closest = min((abs(len(reference.split()) - length), len(reference.split())) for reference in references)
    return [length, closest, *(max(0, length - order) for order in range(ORDERS)), *right]


def meteor_counts(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return what METEOR is made of, from one Java process; loading its paraphrases takes it some ten seconds.

    Of n tokenised captions and the references of each, at least one; equal ones are scored once.

    Returns:
        [n, 7]: weighted matches and weighted length of the caption, the same of its reference, chunks, matched
        words of the caption and of the reference. A caption that matches its reference whole, in one chunk, has no
        chunk: so the jar sums them.

    Raises:
        EvaluationError: Java or the jar is absent, or the jar does not answer as it should.
    """
    lines = [_line(caption, refs) for caption, refs in zip(captions, references, strict=True)]
    distinct = list(dict.fromkeys(lines))
    answers = run_java("METEOR", [MEMORY, "-jar", str(jar(JAR)), *ARGUMENTS], distinct) if distinct else []
    if len(answers) != len(distinct):
        raise _wrong(f"answered {len(distinct)} captions with {len(answers)} lines")
    counts = dict(zip(distinct, map(read_counts, answers), strict=True))
    return np.array([counts[line] for line in lines], dtype=np.float64).reshape(-1, 7)


def meteor(counts: Floats) -> Floats:
    """Return METEOR, [...], from 0 to 1, of counts [..., 7] of one caption, or summed over a corpus."""
    matched, length, ref_matched, ref_length, chunks, words, ref_words = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = matched / length, ref_matched / ref_length
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        penalty = GAMMA * (chunks / ((words + ref_words) / 2)) ** BETA
    score = mean * (1 - penalty)
    return np.asarray(np.where(np.isfinite(score), np.maximum(score, 0.0), 0.0))


def read_counts(line: str) -> list[float]:
    """Return the seven counts of a caption, see `meteor_counts`, from the line that the jar prints of it: lengths,
    function words, four numbers of matches per stage (content and function words of both), chunks, matched words.

    Raises:
        EvaluationError: the line is something else.
    """
    try:
        numbers = np.array(line.split(), dtype=np.float64)
    except ValueError as error:
        raise _wrong(f"said '{line[:80]}'") from error
    if numbers.shape != (NUMBERS,):
        raise _wrong(f"said '{line[:80]}'")
    length, ref_length, function, ref_function = numbers[:LENGTHS]
    stages = numbers[LENGTHS:-3].reshape(len(WEIGHTS), 4)
    chunks, words, ref_words = numbers[-3:]
    content, ref_content, small, ref_small = stages.T @ np.array(WEIGHTS)
    matched, ref_matched = stages[:, [0, 2]].sum(), stages[:, [1, 3]].sum()
    whole = matched == length and ref_matched == ref_length and chunks == 1
    counts = (
        DELTA * content + (1 - DELTA) * small,
        DELTA * (length - function) + (1 - DELTA) * function,
        DELTA * ref_content + (1 - DELTA) * ref_small,
        DELTA * (ref_length - ref_function) + (1 - DELTA) * ref_function,
        0.0 if whole else chunks,
        words,
        ref_words,
    )
    return [float(count) for count in counts]


def _line(caption: str, references: Sequence[str]) -> str:
    parts = [*references, caption]
    clean = (text.replace(SEPARATOR, "").replace("  ", " ") for text in parts)
    return f" {SEPARATOR} ".join(("SCORE", *clean))


def _wrong(what: str) -> EvaluationError:
    return EvaluationError(f"METEOR {what}", where=JAR, way_out="install it anew: pip install pycocoevalcap==1.2")


def rouge_l(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return ROUGE-L of n tokenised captions, [n], from 0 to 1; a corpus has their mean.

    Precision and recall are each the best over a caption's references, at least one, as in pycocoevalcap.
    """
    return np.array(
        [_rouge_l(caption, refs) for caption, refs in zip(captions, references, strict=True)], dtype=np.float64
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


def _rouge_l(caption: str, references: Sequence[str]) -> float:
    words = caption.split(" ")
    split = [reference.split(" ") for reference in references]
    lengths = [(common_subsequence(words, reference), len(reference)) for reference in split]
    precision = max(common for common, _ in lengths) / len(words)
    recall = max(common / length for common, length in lengths)
    if not precision or not recall:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


METRICS = (
    *(
        Metric(
            "captioning",
            f"bleu_{order}",
            f"BLEU-{order}",
            3,
            "0 to 1",
            meaning=f"Precision of n-grams of one to {order} words, with a penalty for short captions. Of "
            "captions made by a grammar it rewards the wording as much as the content: the baselines show how "
            "much.",
            section="scores",
            headline=order == ORDERS,
            per_caption=order == ORDERS,
            compute=bleu_counts,
            score=lambda counts, order=order: np.asarray(bleu(counts)[..., order - 1]),  # type: ignore[misc]
        )
        for order in range(1, ORDERS + 1)
    ),
    Metric(
        "captioning",
        "meteor",
        "METEOR",
        3,
        "0 to 1",
        meaning="Matched words, also by stem, synonym and paraphrase, with a penalty for another order of words.",
        section="scores",
        per_caption=True,
        compute=meteor_counts,
        score=meteor,
    ),
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
