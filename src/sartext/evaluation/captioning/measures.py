"""The measures of one variant on some images, from what was measured image by image."""

from collections.abc import Callable, Collection, Iterator

import numpy as np
import numpy.typing as npt

from sartext.evaluation.captioning.bleu import ORDERS, bleu
from sartext.evaluation.captioning.diversity import copied, lengths
from sartext.evaluation.captioning.faithfulness import GROUPS, RIGHT, STATED, TRUE, WRONG
from sartext.evaluation.captioning.intervals import NO_CAPTION, Floats, Measure, mean_of, percentage, ratio
from sartext.evaluation.captioning.meteor import meteor
from sartext.evaluation.captioning.variants import Scored

Indices = npt.NDArray[np.int64]

COMPARED = ("fact", "object", "cover")
"""Groups of statements whose precision and recall is told of parts of a benchmark; the others of all of it."""

NOT_JUDGED = "its facts quote optical captions, which statements cannot be held against"
NOT_STATED = "the captions state nothing of it that the annotation decides"
NOT_NAMED = "neither the captions nor the annotation name it"
NOT_TRUE = "the annotation holds nothing of it"


def text_measures(name: str, one: Scored, rows: Indices, train_captions: Collection[str]) -> Iterator[Measure]:
    """Yield BLEU-1 to 4, METEOR, ROUGE-L, the mean length in words, and the share of copied training captions.

    Args:
        name: of the variant.
        one: what was measured of it.
        rows: of the images.
        train_captions: tokenised.
    """
    counted = one.captions.covered[rows]
    tokens = [one.captions.tokens[row] for row in rows]
    for order in range(ORDERS):
        yield Measure(f"bleu_{order + 1}", name, _only(one.bleu[rows], counted), _bleu_of(order), counted)
    yield Measure("meteor", name, _only(one.meteor[rows], counted), meteor, counted)
    yield Measure("rouge_l", name, mean_of(one.rouge[rows], counted), ratio, counted)
    yield Measure("words", name, mean_of(np.array(lengths(tokens), dtype=np.float64), counted), ratio, counted)
    same = np.array(copied(tokens, train_captions), dtype=np.float64)
    yield Measure("copied_captions", name, mean_of(same, counted), percentage, counted)


def fact_measures(name: str, one: Scored, rows: Indices, *, whole: bool) -> Iterator[Measure]:
    """Yield precision and recall of the facts stated, what is invented or wrong, and what could not be read.

    Percentages, but ``invented_objects`` and ``undecided_statements``, which are per caption.

    Args:
        name: of the variant.
        one: what was measured of it.
        rows: of the images.
        whole: also of every kind of statement.
    """
    judgement = one.judgement
    covered = one.captions.covered[rows]
    counted = covered & judgement.judged[rows]
    without = NOT_JUDGED if covered.any() else NO_CAPTION
    for group in GROUPS if whole else COMPARED:
        counts = _only(judgement.of(group)[rows], counted)
        right = counts[:, RIGHT]
        for metric, of, why in (("precision", STATED, NOT_STATED), ("recall", TRUE, NOT_TRUE)):
            parts = np.stack([right, counts[:, of]], axis=1)
            yield Measure(f"{group}_{metric}", name, parts, percentage, counted, why, without)
    for metric in WRONG:
        parts = _only(judgement.wrong[metric][rows], counted)
        yield Measure(metric, name, parts, percentage, counted, NOT_STATED, without)
    for metric, values in (
        ("invented_objects", judgement.invented),
        ("undecided_statements", judgement.undecided),
    ):
        yield Measure(metric, name, mean_of(values[rows], counted), ratio, counted, uncounted=without)
    for metric, told in (("unreadable_captions", judgement.silent), ("odd_captions", judgement.odd)):
        parts = mean_of(told[rows].astype(np.float64), covered)
        yield Measure(metric, name, parts, percentage, covered)


def class_measures(name: str, one: Scored) -> Iterator[tuple[str, Measure]]:
    """Yield precision and recall of all statements on a class, with the class: presence, number or share, places.

    The images that count are those in which it is stated or true.
    """
    for label, counts in one.judgement.classes.items():
        parts = _only(counts, one.captions.covered)
        counted = (parts[:, STATED] > 0) | (parts[:, TRUE] > 0)
        for metric, of, why in (("fact_precision", STATED, NOT_STATED), ("fact_recall", TRUE, NOT_TRUE)):
            ratio_parts = np.stack([parts[:, RIGHT], parts[:, of]], axis=1)
            yield label, Measure(metric, name, ratio_parts, percentage, counted, why, NOT_NAMED)


def _only(parts: Floats, counted: npt.NDArray[np.bool_]) -> Floats:
    return np.where(counted[:, None], parts, 0.0)


def _bleu_of(order: int) -> Callable[[Floats], Floats]:
    def score(sums: Floats) -> Floats:
        return np.asarray(bleu(sums)[..., order])

    return score
