"""The figures of retrieval: recall of every model on a benchmark, by the scorings of `metrics.recall`, by group.

The variant ``perfect`` is a model that knows an image's facts and no more: its one-positive recall is the ceiling.
``chance`` is an order drawn at random, whose duplicate-aware recall is high where many captions have equal facts;
``constant-ranking`` is the strongest order that is the same for every query.
Queries of a subset (a corpus, a class) are ranked against the whole gallery, so that corpora add up to the whole.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from sartext.bootstrap import RESAMPLES, Floats, Sums, estimate, intervals, resample
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.details import CHANCE, CONSTANT_RANKING, PERFECT, Curve
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed, paired
from sartext.evaluation.metrics import recall
from sartext.evaluation.metrics.recall import (
    CUTS,
    DISTINCT_FACTS,
    DUPLICATE_AWARE,
    MEAN_RECALL,
    ONE_POSITIVE,
    SCORINGS,
    WAYS,
    Ranks,
    Scoring,
    chance_ranks,
    constant_ranks,
    distinct_chance_ranks,
    perfect_ranks,
    query_weights,
)
from sartext.evaluation.retrieval import check_features, ranks
from sartext.narrator.statements import COVER_CLASS, OBJECT_CLASS, statements_of
from sartext.narrator.vocabulary import bare

METRICS = tuple(metric.name for metric in recall.METRICS)

LONGEST_CURVE = 50

Features = tuple[torch.Tensor, torch.Tensor]
"""Features of the images and of the captions, in the order of a benchmark's examples."""


Ranked = Mapping[Scoring, tuple[Ranks, Ranks]]
"""Where the right answers of one model stand, by scoring: of images and of texts."""


def rank_variants(features: Mapping[str, Features], benchmark: Benchmark) -> dict[str, Ranked]:
    """Rank by every model's features, by variant; ``perfect``, ``chance`` and ``constant-ranking`` are among them.

    Raises:
        EvaluationError: a variant's features do not fit the benchmark or each other, or hold what is no number.
    """
    keys = facts_keys(benchmark)
    own = perfect_ranks(keys)
    known = Ranks(np.zeros(len(keys)), np.zeros(len(keys)), np.ones(len(keys)))
    rules: dict[str, dict[Scoring, Ranks]] = {
        PERFECT: {DISTINCT_FACTS: known, ONE_POSITIVE: own, DUPLICATE_AWARE: known},
        CHANCE: {
            DISTINCT_FACTS: distinct_chance_ranks(keys),
            ONE_POSITIVE: chance_ranks(np.arange(len(keys))),
            DUPLICATE_AWARE: chance_ranks(keys),
        },
        CONSTANT_RANKING: constant_ranks(keys),
    }
    ranked: dict[str, Ranked] = {
        rule: {scoring: (side, side) for scoring, side in of_rule.items()} for rule, of_rule in rules.items()
    }
    first = np.unique(keys, return_index=True)[1]  # of each set of facts: they are numbered in order
    sets = np.arange(len(first))
    for variant in sorted(features):
        images, texts = features[variant]
        check_fit(variant, images, texts, benchmark)
        ranked[variant] = {
            DISTINCT_FACTS: (
                ranks(images, texts[first], keys, sets)[0],
                ranks(images[first], texts, sets, keys)[1],
            ),
            ONE_POSITIVE: ranks(images, texts),
            DUPLICATE_AWARE: ranks(images, texts, keys),
        }
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
    """Return the figures of retrieval of every model by its features, and those of the rules beside them.

    Raises:
        EvaluationError: see `rank_variants`.
    """
    return retrieval_figures(rank_variants(features, benchmark), benchmark, resamples=resamples, seed=seed)


def retrieval_figures(
    ranked: Mapping[str, Ranked],
    benchmark: Benchmark,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of what `rank_variants` ranked, and the differences of ``pairs`` of variants.

    Every metric of ``METRICS`` for the whole benchmark and for each corpus; mean recall of distinct facts also for
    the images that show each class. Models are compared on the same draws of groups.
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
    keys = facts_keys(benchmark)
    weights = [query_weights(scoring, keys) for scoring in SCORINGS for _ in range(len(METRICS) // len(SCORINGS))]
    names, columns, counted = [], [], []
    values_of = {variant: _values(model) for variant, model in ranked.items()}
    for subset, inside in subsets_of(benchmark).items():
        for variant, values in values_of.items():
            for column, metric in enumerate(METRICS):
                if subset.startswith("class:") and metric != f"{DISTINCT_FACTS}.{MEAN_RECALL}":
                    continue
                names.append((metric, variant, subset, int(inside.sum())))
                counts = weights[column] * inside
                columns.append(np.bincount(group_of, values[:, column] * counts, len(groups)))
                counted.append(np.bincount(group_of, counts, len(groups)))
    sums = [Sums(np.stack(columns, axis=1), np.stack(counted, axis=1))]
    resampled = resample(sums, resamples, seed)
    figures = [
        Figure("retrieval", metric, variant, bounds.value, n=n, benchmark=benchmark.name, subset=subset).within(
            bounds
        )
        for (metric, variant, subset, n), bounds in zip(names, intervals(estimate(sums), resampled), strict=True)
    ]
    return [*figures, *paired(figures, resampled, pairs)]


def _values(ranked: Ranked) -> Floats:
    """What each example adds to each of ``METRICS``, times 100: examples x metrics."""
    parts = []
    for scoring in SCORINGS:
        recalls = np.hstack([side.recall_at(CUTS) for side in ranked[scoring]])
        parts += [recalls.mean(axis=1, keepdims=True), recalls]
    return 100 * np.hstack(parts)


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


def recall_curves(ranked: Mapping[str, Ranked], benchmark: Benchmark) -> list[Curve]:
    """Return recall at k = 1, 2, ... as far as ``LONGEST_CURVE`` or the gallery reaches, for plotting."""
    curves = []
    keys = facts_keys(benchmark)
    for scoring in SCORINGS:
        weights = query_weights(scoring, keys)
        for variant, model in ranked.items():
            cuts = range(1, min(LONGEST_CURVE, len(model[scoring][0].above)) + 1)
            i2t, t2i = (
                tuple(100 * np.average(side.recall_at(cuts), axis=0, weights=weights)) for side in model[scoring]
            )
            curves.append(Curve(variant, scoring, tuple(map(float, i2t)), tuple(map(float, t2i)), benchmark.name))
    return curves


def ranks_rows(ranked: Ranked, benchmark: Benchmark) -> list[dict[str, str | int]]:
    """Return where the right answers of one model stand, a row per example.

    The columns ``<scoring>.<way>.above``, ``.ties`` and ``.positives`` are `Ranks` of the query: with no ties the
    first right answer stands at rank above + 1. ``facts`` is the number of the set of facts: under
    ``distinct_facts`` recall is the mean over these numbers of the mean over their rows.
    """
    columns: dict[str, Floats] = {}
    for scoring in SCORINGS:
        for way, side in zip(WAYS, ranked[scoring], strict=True):
            numbers = {"above": side.above, "ties": side.ties, "positives": side.best}
            columns |= {f"{scoring}.{way}.{name}": values for name, values in numbers.items()}
    return [
        {
            "image_id": example.image_id,
            "facts": int(facts),
            **{name: int(values[row]) for name, values in columns.items()},
        }
        for row, (example, facts) in enumerate(zip(benchmark.examples, facts_keys(benchmark), strict=True))
    ]
