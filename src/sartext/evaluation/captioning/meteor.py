"""METEOR 1.5 (Denkowski and Lavie 2014), English, normalised, equal to ``Meteor`` of pycocoevalcap.

The jar aligns a caption with each reference and tells what matched of the best one. The score of a caption, and of
a corpus from the sums over its captions, follows from that by the formula below, as in the jar.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sartext.errors import EvaluationError
from sartext.evaluation.captioning.java import jar, run_java

Floats = npt.NDArray[np.float64]

JAR = "meteor/meteor-1.5.jar"
ARGUMENTS = ("-", "-", "-stdio", "-l", "en", "-norm")
MEMORY = "-Xmx2G"
SEPARATOR = "|||"

ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
"""Weight of recall, exponent and weight of the fragmentation penalty, weight of content words."""

WEIGHTS = (1.0, 0.6, 0.8, 0.6)
"""Of matches that are exact, by stem, by synonym and by paraphrase."""

LENGTHS = 4
TOLD = LENGTHS + 4 * len(WEIGHTS) + 3
"""Numbers that the jar tells of a caption."""


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
    lines = [_line(one, some) for one, some in zip(captions, references, strict=True)]
    distinct = list(dict.fromkeys(lines))
    told = run_java("METEOR", [MEMORY, "-jar", str(jar(JAR)), *ARGUMENTS], distinct) if distinct else []
    if len(told) != len(distinct):
        raise _wrong(f"answered {len(distinct)} captions with {len(told)} lines")
    found = dict(zip(distinct, map(read_counts, told), strict=True))
    return np.array([found[line] for line in lines], dtype=np.float64).reshape(-1, 7)


def meteor(counts: Floats) -> Floats:
    """Return METEOR, from 0 to 1.

    Args:
        counts: [..., 7] of one caption, or summed over a corpus.

    Returns:
        [...].
    """
    said, length, held, wanted, chunks, words, told = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = said / length, held / wanted
        mean = 1 / ((1 - ALPHA) / precision + ALPHA / recall)
        penalty = GAMMA * (chunks / ((words + told) / 2)) ** BETA
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
        told = np.array(line.split(), dtype=np.float64)
    except ValueError as error:
        raise _wrong(f"said '{line[:80]}'") from error
    if told.shape != (TOLD,):
        raise _wrong(f"said '{line[:80]}'")
    length, wanted, function, function_wanted = told[:LENGTHS]
    stages = told[LENGTHS:-3].reshape(len(WEIGHTS), 4)
    chunks, words, words_told = told[-3:]
    content, content_told, small, small_told = stages.T @ np.array(WEIGHTS)
    matched, matched_told = stages[:, [0, 2]].sum(), stages[:, [1, 3]].sum()
    whole = matched == length and matched_told == wanted and chunks == 1
    return [
        float(one)
        for one in (
            DELTA * content + (1 - DELTA) * small,
            DELTA * (length - function) + (1 - DELTA) * function,
            DELTA * content_told + (1 - DELTA) * small_told,
            DELTA * (wanted - function_wanted) + (1 - DELTA) * function_wanted,
            0.0 if whole else chunks,
            words,
            words_told,
        )
    ]


def _line(caption: str, references: Sequence[str]) -> str:
    parts = [*references, caption]
    clean = (one.replace(SEPARATOR, "").replace("  ", " ") for one in parts)
    return f" {SEPARATOR} ".join(("SCORE", *clean))


def _wrong(what: str) -> EvaluationError:
    return EvaluationError(f"METEOR {what}", where=JAR, way_out="install it anew: pip install pycocoevalcap==1.2")
