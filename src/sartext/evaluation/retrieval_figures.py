"""The figures of retrieval: recall of every model on a benchmark, three ways, with intervals by group.

``one_positive`` counts an image's own caption only, ``duplicate_aware`` every caption with equal facts. The
variant ``perfect`` is a model that knows an image's facts and no more: its one-positive recall is the ceiling.
``chance`` is an order drawn at random, whose duplicate-aware recall is high where many captions have equal facts.
Queries of a subset (a corpus, a class) are ranked against the whole gallery, so that corpora add up to the whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from sartext.errors import EvaluationError
from sartext.evaluation.baselines import CHANCE, PERFECT
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.bootstrap import Floats, Sums, estimate, intervals, resample
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed, paired
from sartext.evaluation.metrics import recall
from sartext.evaluation.metrics.recall import (
    CUTS,
    DUPLICATE_AWARE,
    MEAN_RECALL,
    ONE_POSITIVE,
    SCORINGS,
    WAYS,
    Ranks,
    Scoring,
    chance_ranks,
    perfect_ranks,
)
from sartext.evaluation.retrieval import check_features, ranks
from sartext.narrator.nouns import bare
from sartext.narrator.statements import COVER_CLASS, OBJECT_CLASS, statements_of

METRICS = tuple(metric.name for metric in recall.METRICS)

LONGEST_CURVE = 50
RESAMPLES = 2000

Features = tuple[torch.Tensor, torch.Tensor]
"""Features of the images and of the captions, in the order of a benchmark's examples."""

Curves = dict[Scoring, dict[str, dict[str, list[float]]]]
"""By scoring, variant and way (``i2t``, ``t2i``): recalls, times 100, at k = 1, 2, ..."""


@dataclass(frozen=True, eq=False)
class RankedVariant:
    """Where the right answers of one model stand: of images and of texts, by scoring."""

    one_positive: tuple[Ranks, Ranks]
    duplicate_aware: tuple[Ranks, Ranks]

    def of(self, scoring: str) -> tuple[Ranks, Ranks]:
        """Return the ranks of a scoring, of images and of texts."""
        return self.one_positive if scoring == ONE_POSITIVE else self.duplicate_aware

    @cached_property
    def values(self) -> Floats:
        """What each example adds to each of ``METRICS``, times 100: examples x metrics."""
        parts = []
        for scoring in SCORINGS:
            recalls = np.hstack([ranks.recall_at(CUTS) for ranks in self.of(scoring)])
            parts.append(np.hstack([recalls.mean(axis=1, keepdims=True), recalls]))
        return 100 * np.hstack(parts)


def rank_variants(features: Mapping[str, Features], benchmark: Benchmark) -> dict[str, RankedVariant]:
    """Rank by every model's features; ``perfect`` and ``chance`` are among the results.

    Args:
        features: by variant, of the benchmark's pictures and captions in its order.
        benchmark: says which captions have equal facts.

    Raises:
        EvaluationError: a variant's features do not fit the benchmark or each other, or hold what is no number.
    """
    keys = facts_keys(benchmark)
    own = perfect_ranks(keys)
    known = Ranks(np.zeros(len(keys)), np.zeros(len(keys)), np.ones(len(keys)))
    drawn, drawn_aware = chance_ranks(np.arange(len(keys))), chance_ranks(keys)
    ranked = {
        PERFECT: RankedVariant((own, own), (known, known)),
        CHANCE: RankedVariant((drawn, drawn), (drawn_aware, drawn_aware)),
    }
    for variant in sorted(features):
        images, texts = features[variant]
        check_fit(variant, images, texts, benchmark)
        ranked[variant] = RankedVariant(ranks(images, texts), ranks(images, texts, keys))
    return ranked


def check_fit(variant: str, images: torch.Tensor, texts: torch.Tensor, benchmark: Benchmark) -> None:
    """Refuse features that are not of this benchmark.

    Raises:
        EvaluationError: their numbers differ from the benchmark's, or they cannot be compared.
    """
    if not len(images) == len(texts) == len(benchmark):
        raise EvaluationError(
            f"features of {len(images)} images and {len(texts)} texts, the benchmark has {len(benchmark)}",
            where=f"{variant} on {benchmark.name}",
            way_out="embed the pictures and captions of this benchmark, in its order",
        )
    try:
        check_features(images, texts)
    except EvaluationError as error:
        place = f"{variant} on {benchmark.name}, {error.where}".rstrip(", ")
        raise EvaluationError(error.what, where=place, way_out=error.way_out) from error


def facts_keys(benchmark: Benchmark) -> npt.NDArray[np.int64]:
    """Return a number per example; those of equal facts are equal."""
    _, keys = np.unique([example.key for example in benchmark.examples], return_inverse=True)
    return keys.astype(np.int64)


def score_retrieval(
    features: Mapping[str, Features], benchmark: Benchmark, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Figure]:
    """Return the figures of retrieval of every model, and those of ``perfect`` and ``chance``.

    Every metric of ``METRICS`` for the whole benchmark and for each corpus; duplicate-aware mean recall also for
    the images that show each class. Models are compared on the same draws of groups.

    Args:
        features: by variant, of the benchmark's pictures and captions in its order.
        benchmark: what they were tested on.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        EvaluationError: see `rank_variants`.
    """
    return retrieval_figures(rank_variants(features, benchmark), benchmark, resamples=resamples, seed=seed)


def retrieval_figures(
    ranked: Mapping[str, RankedVariant],
    benchmark: Benchmark,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of what `rank_variants` ranked, see `score_retrieval`.

    Args:
        ranked: by variant.
        benchmark: that they were ranked on.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        pairs: of variants whose differences, the first minus the second, are figures too.
    """
    if len(benchmark) < 2:
        reason = "a single image: whatever is ranked first is right; test on more images"
        name = benchmark.name
        return [
            not_computed("retrieval", metric, variant, reason, benchmark=name)
            for variant in ranked
            for metric in METRICS
        ]
    groups, group_of = np.unique(benchmark.groups, return_inverse=True)
    names, columns, counted = [], [], []
    for subset, inside in subsets_of(benchmark).items():
        for variant, model in ranked.items():
            for column, metric in enumerate(METRICS):
                if subset.startswith("class:") and metric != f"{DUPLICATE_AWARE}.{MEAN_RECALL}":
                    continue
                names.append((metric, variant, subset, int(inside.sum())))
                columns.append(np.bincount(group_of, model.values[:, column] * inside, len(groups)))
                counted.append(np.bincount(group_of, inside, len(groups)))
    sums = [Sums(np.stack(columns, axis=1), np.stack(counted, axis=1).astype(np.float64))]
    resampled = resample(sums, resamples, seed)
    figures = [
        Figure("retrieval", metric, variant, bounds.value, n=n, benchmark=benchmark.name, subset=subset).within(
            bounds
        )
        for (metric, variant, subset, n), bounds in zip(names, intervals(estimate(sums), resampled), strict=True)
    ]
    return [*figures, *paired(figures, resampled, pairs)]


def subsets_of(benchmark: Benchmark) -> dict[str, npt.NDArray[np.bool_]]:
    """Return which examples are in the whole, in each corpus, and show each class, by the subset's name."""
    examples = benchmark.examples
    shown = [set(classes_of(example)) for example in examples]
    subsets = {EVERYTHING: np.ones(len(examples), dtype=bool)}
    for name in benchmark.corpora:
        subsets[f"corpus:{name}"] = np.array([example.corpus == name for example in examples])
    for noun in sorted(set().union(*shown)):
        subsets[f"class:{noun}"] = np.array([noun in example for example in shown])
    return subsets


def classes_of(example: Example) -> Iterator[str]:
    """Yield the classes that an example's facts hold, as captions call one of them, in lower case."""
    for statement in statements_of(example.facts):
        if statement.kind in {OBJECT_CLASS, COVER_CLASS}:
            yield statement.label
    for present in example.facts.present:
        yield bare(present.noun)


def recall_curves(ranked: Mapping[str, RankedVariant]) -> Curves:
    """Return recall at k = 1, 2, ... as far as ``LONGEST_CURVE`` or the gallery reaches, for plotting."""
    curves: Curves = {}
    for scoring in SCORINGS:
        for variant, model in ranked.items():
            recalls = {}
            for way, side in zip(WAYS, model.of(scoring), strict=True):
                cuts = range(1, min(LONGEST_CURVE, len(side.above)) + 1)
                recalls[way] = [100 * float(recall) for recall in side.recall_at(cuts).mean(axis=0)]
            curves.setdefault(scoring, {})[variant] = recalls
    return curves


def ranks_rows(ranked: RankedVariant, benchmark: Benchmark) -> list[dict[str, str | int]]:
    """Return where the right answers of one model stand, a row per example.

    The columns ``<scoring>.<way>.above``, ``.ties`` and ``.positives`` are `Ranks` of the query: with no ties the
    first right answer stands at rank above + 1.
    """
    columns: dict[str, Floats] = {}
    for scoring in SCORINGS:
        for way, side in zip(WAYS, ranked.of(scoring), strict=True):
            numbers = {"above": side.above, "ties": side.ties, "positives": side.best}
            columns |= {f"{scoring}.{way}.{name}": values for name, values in numbers.items()}
    return [
        {"image_id": example.image_id, **{name: int(values[row]) for name, values in columns.items()}}
        for row, example in enumerate(benchmark.examples)
    ]
