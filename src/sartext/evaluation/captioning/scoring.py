"""The figures of captioning: the field's metrics, faithfulness and diversity, of every variant on every part."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.bootstrap import Interval
from sartext.evaluation.captioning.cider import Frequencies, cider_d, document_frequencies, informative
from sartext.evaluation.captioning.diversity import diversity
from sartext.evaluation.captioning.faithfulness import annotation_of
from sartext.evaluation.captioning.intervals import NO_CAPTION, Measure, mean_of, measured, ratio
from sartext.evaluation.captioning.measures import class_measures, fact_measures, text_measures
from sartext.evaluation.captioning.spice import ABSENT, spice_models
from sartext.evaluation.captioning.subsets import subsets
from sartext.evaluation.captioning.texts import PARTIAL, Texts, collect
from sartext.evaluation.captioning.variants import Scored, score_variants
from sartext.evaluation.differences import paired
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed

Indices = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TASK: Final = "captioning"
RESAMPLES = 2000

CLASS = "class:"
"""How the part of a benchmark is called that is a class of objects or land cover."""

MAIN = ("bleu_4", "cider_d", "cider_d_frozen", "fact_precision", "fact_recall")
"""Measures that are said to be not computed of a part without images."""

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
    spice: Path | None = None,
    partial: Collection[str] = PARTIAL,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return all figures of captioning, by part, variant and measure.

    Args:
        predictions: captions by image id, by variant.
        benchmark: the images.
        entries: the catalogue's corpora by name, those of the benchmark among them: what a caption is read for.
        side: of the model input in pixels, which objects are measured in.
        seed: chooses the wordings of the references and the resamples.
        resamples: of the bootstrap over groups.
        spice: folder of SPICE's models, else that of ``SARTEXT_SPICE``.
        partial: variants that need not caption every image.
        pairs: of variants whose differences, the first minus the second, are figures too.

    Raises:
        EvaluationError: captions are missing, or of unknown images; Java is absent; a corpus is not in the
            catalogue; the folder of SPICE's models does not hold them.
    """
    texts, scored = measure_captions(predictions, benchmark, entries, seed=seed, spice=spice, partial=partial)
    return figures_of(
        texts, scored, benchmark=benchmark.name, side=side, seed=seed, resamples=resamples, pairs=pairs
    )


def measure_captions(
    predictions: Mapping[str, Mapping[str, str]],
    benchmark: Benchmark,
    entries: Mapping[str, Entry],
    *,
    seed: int,
    spice: Path | None = None,
    partial: Collection[str] = PARTIAL,
) -> tuple[Texts, dict[str, Scored]]:
    """Return what `figures_of` makes its figures from; arguments and errors as in `score_captions`."""
    models = spice_models(spice)
    texts = collect(predictions, benchmark, seed=seed, partial=partial)
    return texts, score_variants(texts, annotation_of(entries), models)


def figures_of(
    texts: Texts,
    scored: Mapping[str, Scored],
    *,
    benchmark: str,
    side: int,
    seed: int,
    resamples: int = RESAMPLES,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of measured variants; arguments as in `score_captions`.

    On the whole benchmark every measure is told, on its parts those that are compared, and of every class
    (``class:<noun>``) precision and recall of the statements on it.
    """
    found = [one for name, variant in scored.items() for one in _counted(name, variant)]
    for subset, mask in subsets(texts.examples, side).items():
        rows = np.flatnonzero(mask)
        if len(rows):
            told = list(_measures(texts, scored, rows, whole=subset == EVERYTHING))
        else:
            why = f"no image of the benchmark is in {subset}"
            told = [(metric, name, why) for name in scored for metric in MAIN]
        measures = [(subset, one) for one in told if isinstance(one, Measure)]
        compared = pairs if subset == EVERYTHING else ()
        found += _figures(measures, _groups(texts, rows), resamples, seed, compared)
        found += [not_computed(TASK, *one, subset=subset) for one in told if not isinstance(one, Measure)]
    classes = [(f"{CLASS}{label}", one) for name in scored for label, one in class_measures(name, scored[name])]
    found += _figures(classes, _groups(texts, np.arange(len(texts.examples))), resamples, seed)
    return [replace(one, benchmark=benchmark) for one in found]


def _groups(texts: Texts, rows: Indices) -> list[str]:
    return [texts.examples[row].group_id for row in rows]


def _figures(
    measures: Sequence[tuple[str, Measure]],
    groups: Sequence[str],
    resamples: int,
    seed: int,
    pairs: Sequence[tuple[str, str]] = (),
) -> Iterator[Figure]:
    """The figures of measures, each with its part of the benchmark, that are all of the images of ``groups``."""
    if not measures:
        return
    intervals, drawn = measured([one for _, one in measures], groups, resamples=resamples, seed=seed)
    found = [_figure(one, subset, interval) for (subset, one), interval in zip(measures, intervals, strict=True)]
    yield from found
    yield from paired(found, drawn, pairs)


def _figure(one: Measure, subset: str, interval: Interval) -> Figure:
    n = int(one.counted.sum())
    if interval.value is None:
        return not_computed(TASK, one.metric, one.variant, one.undefined if n else one.uncounted, subset=subset)
    return Figure(TASK, one.metric, one.variant, interval.value, n=n, subset=subset).within(interval)


def _measures(
    texts: Texts, scored: Mapping[str, Scored], rows: Indices, *, whole: bool
) -> Iterator[Measure | tuple[str, str, str]]:
    """The measures of all variants on some images; for those that cannot be taken metric, variant and why."""
    weights: dict[bytes, Frequencies] = {}
    for name, one in scored.items():
        yield from text_measures(name, one, rows, texts.train_captions)
        yield from fact_measures(name, one, rows, whole=whole)
        yield from _cider(texts, name, one, rows, weights)
        if one.spice is not None:
            values = one.spice[rows]
            counted = one.captions.covered[rows] & np.isfinite(values)
            yield Measure("spice", name, mean_of(np.nan_to_num(values), counted), ratio, counted)
        elif whole:
            yield "spice", name, ABSENT


def _cider(
    texts: Texts, name: str, one: Scored, rows: Indices, weights: dict[bytes, Frequencies]
) -> Iterator[Measure | tuple[str, str, str]]:
    """CIDEr-D with the document frequencies of the train split, and with those of the images that are scored, as
    pycocoevalcap has it for these images alone; a resample leaves the frequencies as they are.

    ``weights`` keeps the latter by the images that count.
    """
    counted = one.captions.covered[rows]
    if one.frozen is not None:
        yield Measure("cider_d_frozen", name, mean_of(one.frozen[rows], counted), ratio, counted)
    else:
        yield "cider_d_frozen", name, NO_TRAIN
    references = [texts.references[row] for row in rows[counted]]
    key = counted.tobytes()
    frequencies = weights[key] = weights.get(key) or document_frequencies(references)
    if informative(references, frequencies):
        values = cider_d(one.pairs, frequencies)[rows]
        yield Measure("cider_d", name, mean_of(values, counted), ratio, counted)
    else:
        yield "cider_d", name, _without_weights(len(references))


def _counted(name: str, one: Scored) -> Iterator[Figure]:
    """What is counted over all captions at once, and so has no interval."""
    covered = one.captions.covered
    told = [tokens for tokens, is_covered in zip(one.captions.tokens, covered, strict=True) if is_covered]
    for metric, value in diversity(told).items() if told else ():
        yield Figure(TASK, metric, name, value, n=len(told))
    yield Figure(TASK, "images_without_caption", name, float((~covered).sum()), n=len(covered))


def _without_weights(images: int) -> str:
    if not images:
        return NO_CAPTION
    return ONE_IMAGE if images == 1 else EQUAL_REFERENCES
