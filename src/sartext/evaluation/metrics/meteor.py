"""METEOR 1.5 (Denkowski and Lavie 2014), English, normalised, equal to ``Meteor`` of pycocoevalcap.

The jar aligns a caption with each reference and tells what matched of the best one. The score of a caption, and of
a corpus from the sums over its captions, follows from that by the formula below, as in the jar.
"""

from collections.abc import Sequence

import numpy as np

from sartext.errors import EvaluationError
from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.metric import Metric
from sartext.evaluation.metrics.java import jar, run_java

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


def meteor_counts(captions: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """Return what METEOR is made of, from one Java process; loading its paraphrases takes it some ten seconds.

    Args:
        captions: n tokenised captions; equal ones with equal references are asked for once.
        references: those of each, tokenised, at least one.

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
    """Return METEOR, from 0 to 1.

    Args:
        counts: [..., 7] of one caption, or summed over a corpus.

    Returns:
        [...].
    """
    matched, length, ref_matched, ref_length, chunks, words, ref_words = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = matched / length, ref_matched / ref_length
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        penalty = GAMMA * (chunks / ((words + ref_words) / 2)) ** BETA
    score = mean * (1 - penalty)
    return np.asarray(np.where(np.isfinite(score), np.maximum(score, 0.0), 0.0))


def read_counts(line: str) -> list[float]:
    """Return the counts of one caption from what the jar tells of it: lengths, function words, four numbers of
    matches per stage (content and function words of both), chunks, and matched words.

    Returns:
        Seven numbers, see `meteor_counts`.

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


METRICS = (
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
)
