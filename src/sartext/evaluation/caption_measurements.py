"""The captions of variants, scored image by image, and the metrics of any part of the images."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartext.bootstrap import Floats, Measurement, mean_of, mean_score, percentage
from sartext.evaluation.caption_texts import CaptionTexts, TokenisedCaptions
from sartext.evaluation.metrics import Compute
from sartext.evaluation.metrics.cider import ReferencePairs, cider_d, informative, pair_up
from sartext.evaluation.metrics.reference_free import (
    GROUPS,
    RIGHT,
    STATED,
    TRUE,
    WRONG,
    CheckableClasses,
    Judgement,
    copied,
    judge,
)
from sartext.evaluation.registry import CAPTIONING
from sartext.progress import track

Indices = npt.NDArray[np.int64]
Row = Mapping[str, str | int | float | None]
"""A row of a table, by the names of its columns."""

NotComputed = tuple[str, str, str]
"""A metric, a variant, and why it has no value."""

FROZEN = "cider_d_frozen"

NO_CAPTION = "it has no caption of any of these images"
NOT_JUDGED = "its facts quote optical captions, which statements cannot be held against"
NOT_STATED = "the captions state nothing of it that the annotation decides"
NOT_NAMED = "neither the captions nor the annotation name it"
NOT_TRUE = "the annotation holds nothing of it"

COMPARED = ("fact", "object", "cover")
"""Groups of statements whose precision and recall is given of parts of a benchmark; the others of all of it."""


@dataclass(frozen=True, eq=False)
class ScoredCaptions:
    """The captions of one variant, scored image by image, with what CIDEr-D needs for weights of one's choice.

    ``parts`` holds by metric that can be computed what each image adds to it, [images] or [images, k]; nan where
    it has no score.
    """

    captions: TokenisedCaptions
    parts: Mapping[str, Floats]
    pairs: ReferencePairs
    judgement: Judgement


def score_variants(texts: CaptionTexts, checkable: CheckableClasses) -> dict[str, ScoredCaptions]:
    """Score the captions of all variants; a metric sees all of them at once.

    Raises:
        EvaluationError: Java is absent, or a corpus is not in the catalogue.
    """
    parts = _computed(texts)
    weighted = informative(texts.references, texts.train)
    scored = {}
    variants = track(texts.variants.items(), "captions scored", len(texts.variants))
    for place, (name, captions) in enumerate(variants):
        pairs = pair_up(captions.tokens, texts.references)
        of_variant = {metric: values[place] for metric, values in parts.items()}
        if weighted:
            of_variant[FROZEN] = cider_d(pairs, texts.train)
        judgement = judge(captions.written, texts.examples, checkable)
        scored[name] = ScoredCaptions(captions, of_variant, pairs, judgement)
    return scored


def _computed(texts: CaptionTexts) -> dict[str, list[Floats]]:
    """What each image adds to the metrics that follow from captions and references, by metric and variant."""
    pairs = [
        (captions.tokens[row], texts.references[row])
        for captions in texts.variants.values()
        for row in np.flatnonzero(captions.covered)
    ]
    if not pairs:
        return {}
    captions, references = zip(*pairs, strict=True)
    computed: dict[Compute, list[Floats]] = {}
    parts: dict[str, list[Floats]] = {}
    for metric in CAPTIONING:
        if metric.compute is not None and not metric.unavailable():
            if metric.compute not in computed:
                computed[metric.compute] = _by_variant(metric.compute(captions, references), texts)
            parts[metric.name] = computed[metric.compute]
    return parts


def _by_variant(values: Floats, texts: CaptionTexts) -> list[Floats]:
    """The values of the captions of all variants, by variant and image; nan where an image has no caption."""
    parts = []
    for captions in texts.variants.values():
        placed = np.full((len(texts.examples), *values.shape[1:]), np.nan)
        count = int(captions.covered.sum())
        placed[captions.covered], values = values[:count], values[count:]
        parts.append(placed)
    return parts


def text_measurements(
    name: str, variant: ScoredCaptions, rows: Indices, train_captions: Collection[str], *, whole: bool
) -> Iterator[Measurement | NotComputed]:
    """Yield the metrics of some rows that follow from captions and references; of the whole also why some are
    missing.
    """
    covered = variant.captions.covered[rows]
    for metric in CAPTIONING:
        if metric.compute is None:
            continue
        if metric.name not in variant.parts:
            reason = metric.unavailable()
            if whole or not reason:
                yield metric.name, name, reason or NO_CAPTION
            continue
        values = variant.parts[metric.name][rows]
        counted = covered & np.isfinite(values).reshape(len(rows), -1).all(axis=1)
        parts = mean_of(values, counted) if metric.score is None else _only(values, counted)
        yield Measurement(metric.name, name, parts, metric.score or mean_score, counted, uncounted=NO_CAPTION)
    same = copied([variant.captions.tokens[row] for row in rows], train_captions)
    yield Measurement("copied_captions", name, mean_of(same, covered), percentage, covered, uncounted=NO_CAPTION)


def fact_measurements(name: str, variant: ScoredCaptions, rows: Indices, *, whole: bool) -> Iterator[Measurement]:
    """Yield precision and recall of the facts stated on some rows, what is invented, wrong or could not be read.

    Percentages, but ``invented_objects`` and ``undecided_statements``, which are per caption.
    """
    judgement = variant.judgement
    covered = variant.captions.covered[rows]
    counted = covered & judgement.judged[rows]
    reason = NOT_JUDGED if covered.any() else NO_CAPTION
    for group in GROUPS if whole else COMPARED:
        yield from _ratios(group, name, _only(judgement.of(group)[rows], counted), counted, reason)
    for metric in WRONG:
        parts = _only(judgement.wrong[metric][rows], counted)
        yield Measurement(metric, name, parts, percentage, counted, NOT_STATED, reason)
    per_caption = {"invented_objects": judgement.invented, "undecided_statements": judgement.undecided}
    for metric, values in per_caption.items():
        yield Measurement(metric, name, mean_of(values[rows], counted), mean_score, counted, uncounted=reason)
    for metric, flags in (("unreadable_captions", judgement.silent), ("odd_captions", judgement.odd)):
        parts = mean_of(flags[rows].astype(np.float64), covered)
        yield Measurement(metric, name, parts, percentage, covered, uncounted=NO_CAPTION)


def class_measurements(name: str, variant: ScoredCaptions) -> Iterator[tuple[str, Measurement]]:
    """Yield each class with precision and recall of all statements on it, of the images where one is stated or
    true.
    """
    for label, of_class in variant.judgement.classes.items():
        counts = _only(of_class, variant.captions.covered)
        counted = (counts[:, STATED] > 0) | (counts[:, TRUE] > 0)
        for measurement in _ratios("fact", name, counts, counted, NOT_NAMED):
            yield label, measurement


def _ratios(
    group: str, name: str, counts: Floats, counted: npt.NDArray[np.bool_], uncounted: str
) -> Iterator[Measurement]:
    """Precision and recall, of all facts F1 too, from right, stated and true statements, [images, 3]."""
    for end, of, reason in (("precision", STATED, NOT_STATED), ("recall", TRUE, NOT_TRUE)):
        parts = np.stack([counts[:, RIGHT], counts[:, of]], axis=1)
        yield Measurement(f"{group}_{end}", name, parts, percentage, counted, reason, uncounted)
    if group == "fact":
        parts = np.stack([2 * counts[:, RIGHT], counts[:, STATED] + counts[:, TRUE]], axis=1)
        yield Measurement("fact_f1", name, parts, percentage, counted, NOT_NAMED, uncounted)


def _only(parts: Floats, counted: npt.NDArray[np.bool_]) -> Floats:
    return np.where(counted[:, None], parts, 0.0)


def captions_rows(texts: CaptionTexts, variant: ScoredCaptions) -> Iterator[Row]:
    """Yield every caption of a variant with its own scores, in the order of the examples; None is not defined or
    judged.

    ``sartext evaluate`` takes the rows as they are. BLEU of a single caption is rough, as it is made for a corpus.
    """
    counts = variant.judgement.of("fact")
    columns: dict[str, Floats | None] = {}
    for metric in CAPTIONING:
        if metric.per_caption:
            values = variant.parts.get(metric.name)
            columns[metric.name] = values if values is None or metric.score is None else metric.score(values)
    facts = {"facts_right": RIGHT, "facts_stated": STATED, "facts_true": TRUE}
    for row in np.flatnonzero(variant.captions.covered):
        judged = bool(variant.judgement.judged[row])
        scores = {name: None if values is None else float(values[row]) for name, values in columns.items()}
        yield {
            "image_id": texts.examples[row].image_id,
            "caption": variant.captions.written[row],
            **{name: value if value is None or np.isfinite(value) else None for name, value in scores.items()},
            **{name: int(counts[row, place]) if judged else None for name, place in facts.items()},
        }
