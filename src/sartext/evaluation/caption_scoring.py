"""The figures of captioning: the field's metrics, faithfulness and diversity, of every variant on every part."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sartext.bootstrap import RESAMPLES, Bools, Measurement, mean_of, mean_score, measure
from sartext.catalogue.entry import Entry
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.caption_measurements import (
    FROZEN,
    NO_CAPTION,
    Indices,
    NotComputed,
    ScoredCaptions,
    class_measurements,
    fact_measurements,
    score_variants,
    text_measurements,
)
from sartext.evaluation.caption_texts import PARTIAL, CaptionTexts, collect
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed, paired
from sartext.evaluation.metrics.cider import Frequencies, cider_d, document_frequencies, informative
from sartext.evaluation.metrics.reference_free import checkable_classes, diversity
from sartext.evaluation.registry import headlines

TASK: Final = "captioning"

SIZES = (
    ("objects:under-2px", 0.0, 2.0),
    ("objects:2-4px", 2.0, 4.0),
    ("objects:4-8px", 4.0, 8.0),
    ("objects:from-8px", 8.0, np.inf),
)
"""Bounds, the lower one inclusive, of the shorter side of an image's smallest object in pixels of model input."""

OF_EMPTY_PARTS = (*headlines(TASK), FROZEN)
"""Metrics that are said to be not computed of a part without images."""

ONE_IMAGE = "CIDEr-D weighs words by how few images they describe; of a single image it is 0 whatever is said"
EQUAL_REFERENCES = "all images have the same references: CIDEr-D weighs every word 0"
NO_TRAIN = "the train split has no two images with different references to take document frequencies from"


def score_captions(
    predictions: Mapping[str, Mapping[str, str]],
    benchmark: Benchmark,
    entries: Mapping[str, Entry],
    *,
    side: int,
    seed: int,
    resamples: int = RESAMPLES,
    partial: Collection[str] = PARTIAL,
) -> list[Figure]:
    """Return all figures of captioning, by part, variant and measure.

    Args:
        predictions: captions by image id, by variant.
        benchmark: the images.
        entries: the catalogue's corpora by name, those of the benchmark among them: what a caption is read for.
        side: of the model input in pixels, which objects are measured in.
        seed: chooses the wordings of the references and the resamples.
        resamples: of the bootstrap over groups.
        partial: variants that need not caption every image.

    Raises:
        EvaluationError: captions are missing, or of unknown images; Java is absent; a corpus is not in the
            catalogue; the folder of SPICE's models does not hold them.
    """
    texts = collect(predictions, benchmark, seed=seed, partial=partial)
    scored = score_variants(texts, checkable_classes(entries))
    return figures_of(texts, scored, benchmark=benchmark.name, side=side, seed=seed, resamples=resamples)


def figures_of(
    texts: CaptionTexts,
    scored: Mapping[str, ScoredCaptions],
    *,
    benchmark: str,
    side: int,
    seed: int,
    resamples: int,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of measured variants, and the differences of ``pairs`` of them; arguments as in
    `score_captions`.

    On the whole benchmark every measure is a figure, on its parts those that are compared, and of every class
    (``class:<noun>``) precision and recall of the statements on it.
    """
    figures = [figure for name, variant in scored.items() for figure in _counted(name, variant)]
    for subset, mask in subsets(texts.examples, side).items():
        rows = np.flatnonzero(mask)
        whole = subset == EVERYTHING
        if len(rows):
            results = list(_measurements(texts, scored, rows, whole=whole))
        else:
            reason = f"no image of the benchmark is in {subset}"
            results = [(metric, name, reason) for name in scored for metric in OF_EMPTY_PARTS]
        measured = [(subset, result) for result in results if isinstance(result, Measurement)]
        figures += _figures(measured, [texts.groups[row] for row in rows], resamples, seed, pairs if whole else ())
        figures += [not_computed(TASK, *result, subset=subset) for result in results if isinstance(result, tuple)]
    classes = [
        (f"class:{label}", measurement)
        for name, variant in scored.items()
        for label, measurement in class_measurements(name, variant)
    ]
    figures += _figures(classes, texts.groups, resamples, seed)
    return [replace(figure, benchmark=benchmark) for figure in figures]


def subsets(examples: Sequence[Example], side: int) -> dict[str, Bools]:
    """Return which examples are in each part: ``all``, ``corpus:<name>`` and, with boxes, ``objects:<size>``."""
    corpora = sorted({example.corpus for example in examples})
    smallest = np.array([smallest_side(example, side) for example in examples], dtype=np.float64)
    sizes = SIZES if any(example.boxes is not None for example in examples) else ()
    return {
        EVERYTHING: np.ones(len(examples), dtype=np.bool_),
        **{f"corpus:{name}": np.array([example.corpus == name for example in examples]) for name in corpora},
        **{name: (smallest >= low) & (smallest < high) for name, low, high in sizes},
    }


def smallest_side(example: Example, side: int) -> float:
    """Return the shorter side of the smallest object, clipped, in pixels of the squashed image; nan where none is
    known.
    """
    sides = []
    for box in example.boxes or ():
        across = ((box["xmin"], box["xmax"], example.width), (box["ymin"], box["ymax"], example.height))
        lengths = [(min(float(high), whole) - max(float(low), 0.0)) / whole * side for low, high, whole in across]
        if min(lengths) > 0:
            sides.append(min(lengths))
    return min(sides, default=np.nan)


def _figures(
    measurements: Sequence[tuple[str, Measurement]],
    groups: Sequence[str],
    resamples: int,
    seed: int,
    pairs: Sequence[tuple[str, str]] = (),
) -> Iterator[Figure]:
    """The figures of measurements, each with its part of the benchmark; all are of the images of ``groups``."""
    if not measurements:
        return
    bounds, drawn = measure([item for _, item in measurements], groups, resamples=resamples, seed=seed)
    figures = []
    for (subset, item), interval in zip(measurements, bounds, strict=True):
        n = int(item.counted.sum())
        if interval.value is None:
            reason = item.undefined if n else item.uncounted
            figures.append(not_computed(TASK, item.metric, item.variant, reason, subset=subset))
        else:
            figure = Figure(TASK, item.metric, item.variant, interval.value, n=n, subset=subset)
            figures.append(figure.within(interval))
    yield from figures
    yield from paired(figures, drawn, pairs)


def _measurements(
    texts: CaptionTexts, scored: Mapping[str, ScoredCaptions], rows: Indices, *, whole: bool
) -> Iterator[Measurement | NotComputed]:
    """The metrics of all variants on some images."""
    weights: dict[bytes, Frequencies] = {}
    for name, variant in scored.items():
        yield from text_measurements(name, variant, rows, texts.train_captions, whole=whole)
        yield from fact_measurements(name, variant, rows, whole=whole)
        yield from _cider(texts, name, variant, rows, weights)


def _cider(
    texts: CaptionTexts, name: str, variant: ScoredCaptions, rows: Indices, weights: dict[bytes, Frequencies]
) -> Iterator[Measurement | NotComputed]:
    """CIDEr-D with the document frequencies of the train split, and with those of the images that are scored, as
    pycocoevalcap has it; a resample leaves them as they are, and ``weights`` keeps them by the images that count.
    """
    counted = variant.captions.covered[rows]
    if FROZEN in variant.parts:
        parts = mean_of(variant.parts[FROZEN][rows], counted)
        yield Measurement(FROZEN, name, parts, mean_score, counted, uncounted=NO_CAPTION)
    else:
        yield FROZEN, name, NO_TRAIN
    references = [texts.references[row] for row in rows[counted]]
    key = counted.tobytes()
    frequencies = weights[key] = weights.get(key) or document_frequencies(references)
    if informative(references, frequencies):
        parts = mean_of(cider_d(variant.pairs, frequencies)[rows], counted)
        yield Measurement("cider_d", name, parts, mean_score, counted, uncounted=NO_CAPTION)
    elif references:
        yield "cider_d", name, ONE_IMAGE if len(references) == 1 else EQUAL_REFERENCES
    else:
        yield "cider_d", name, NO_CAPTION


def _counted(name: str, variant: ScoredCaptions) -> Iterator[Figure]:
    """What is counted over all captions at once, and so has no interval."""
    covered = variant.captions.covered
    captions = [tokens for tokens, counts in zip(variant.captions.tokens, covered, strict=True) if counts]
    for metric, value in diversity(captions).items() if captions else ():
        yield Figure(TASK, metric, name, value, n=len(captions))
    yield Figure(TASK, "images_without_caption", name, float((~covered).sum()), n=len(covered))
