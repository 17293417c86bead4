"""The stage ``evaluation@retrieval``: how every model ranks captions and images, and foils."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from sartext.bootstrap import Floats
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.details import (
    BASELINES,
    CHANCE,
    CONSTANT_RANKING,
    PERFECT,
    TEXT_PRIOR,
    Curve,
    Details,
    Ranked,
    RetrievalExample,
    Variant,
)
from sartext.evaluation.embedding import embed, margins
from sartext.evaluation.figures import Figure
from sartext.evaluation.foil_scoring import foil_examples, score_foils
from sartext.evaluation.foils import make_foils
from sartext.evaluation.retrieval_figures import (
    Features,
    check_fit,
    facts_keys,
    rank_variants,
    ranks_rows,
    recall_curves,
    retrieval_figures,
)
from sartext.evaluation.stages import rows_of, write_evaluation
from sartext.evaluation.stages.models import open_models, project_benchmarks

SHOWN = ("sar-rs-clip", "sar-rs-coca", "clip-progressive", "progressive")
"""The variants of which examples are shown: the first one that is there."""

FOILED = ("foundation", "progressive", "sar-rs-clip", "sar-rs-coca")
"""The variants whose preferences stand beside foils."""

EXAMPLES = 6
"""Queries shown of each way."""

FOIL_EXAMPLES = 3
"""Foils shown of each kind."""

SHOWN_ANSWERS = 5
"""Answers shown of each query."""

BLOCK = 256
"""Queries that are ranked at a time."""

Way = Literal["i2t", "t2i"]


def evaluate(project: Project) -> dict[str, object]:
    """Rank every benchmark by every model, and write ``build/evaluation/retrieval``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on.
    """
    evaluation = project.parameters.evaluation
    benchmarks = project_benchmarks(project)
    variants: list[Variant] = []
    features: dict[str, dict[str, Features]] = {name: {} for name in benchmarks}
    foils = {}
    for name, benchmark in benchmarks.items():
        entries = {corpus: find_entry(project, corpus) for corpus in benchmark.corpora}
        foils[name] = make_foils(benchmark, entries, evaluation.seed)
    preferred: dict[str, dict[str, Floats]] = {name: {} for name in benchmarks}
    cut: dict[str, int] = {}
    for model_name, variant, model in open_models(project):
        variants.append(variant)
        for name, benchmark in benchmarks.items():
            seen = embed(model, benchmark)
            features[name][model_name] = seen.pair
            cut[model_name] = cut.get(model_name, 0) + seen.cut
            if foils[name]:
                preferred[name][model_name] = margins(model, foils[name], benchmark, images=seen.images)
    figures: list[Figure] = []
    curves: list[Curve] = []
    tables: dict[str, list[dict[str, str | int]]] = {}
    for name, benchmark in benchmarks.items():
        ranked = rank_variants(features[name], benchmark)
        resamples, seed, pairs = evaluation.resamples, evaluation.seed, evaluation.pairs
        figures += retrieval_figures(ranked, benchmark, resamples=resamples, seed=seed, pairs=pairs(ranked))
        preferences = preferred[name]
        figures += score_foils(
            preferences, foils[name], benchmark, resamples=resamples, seed=seed, pairs=pairs(preferences)
        )
        curves += recall_curves(ranked, benchmark)
        tables |= {
            f"ranks/{name}/{variant}": ranks_rows(of_variant, benchmark) for variant, of_variant in ranked.items()
        }
    main = next(iter(benchmarks.values()))
    shown = next(name for name in (*SHOWN, *features[main.name]) if name in features[main.name])
    preferences = preferred[main.name]
    beside_foils = {name: preferences[name] for name in FOILED if name in preferences} or preferences
    details = Details(
        variants=(
            *variants,
            *(BASELINES[rule] for rule in (PERFECT, CHANCE, CONSTANT_RANKING)),
            *((BASELINES[TEXT_PRIOR],) if any(figure.variant == TEXT_PRIOR for figure in figures) else ()),
        ),
        benchmarks=rows_of(benchmarks.values()),
        curves=tuple(curves),
        retrieval=tuple(retrieval_examples(features[main.name][shown], main, EXAMPLES, shown)),
        foils=tuple(foil_examples(beside_foils, foils[main.name], FOIL_EXAMPLES)),
        chosen={
            "retrieval": f"{EXAMPLES} queries each way of {shown}, evenly spaced in the order of their ids, half "
            "of them with a wrong first answer where there are so many.",
            "foils": f"{FOIL_EXAMPLES} of each kind, evenly spaced in the order of the images' ids.",
        },
        notes=tuple(
            f"{name}: {count} captions were longer than its context and were cut."
            for name, count in cut.items()
            if count
        ),
    )
    return write_evaluation(project, "retrieval", figures, details, main.read, tables=tables)


def retrieval_examples(
    features: Features, benchmark: Benchmark, count: int, variant: str
) -> list[RetrievalExample]:
    """Return ``count`` examples of each way, fewer where the benchmark is smaller, by a variant's features.

    They are not picked by hand: of the queries of each way, by image id, evenly spaced ones are taken from those
    whose first answer is right and from those whose first answer is wrong, as many right as wrong where there are
    so many. An answer is right if its facts equal those of the query's image. Equal captions are one answer.

    Raises:
        EvaluationError: the features do not fit the benchmark.
    """
    images, texts = (side.float().cpu() for side in features)
    check_fit(variant, images, texts, benchmark)
    captions = [example.caption for example in benchmark.examples]
    distinct = sorted({caption: at for at, caption in reversed(list(enumerate(captions)))}.values())
    return [
        *_one_way(variant, benchmark, "i2t", (images, texts), distinct, count=count),
        *_one_way(variant, benchmark, "t2i", (texts, images), list(range(len(captions))), count=count),
    ]


def _one_way(
    variant: str, benchmark: Benchmark, way: Way, features: Features, candidates: Sequence[int], *, count: int
) -> Iterator[RetrievalExample]:
    """The examples of one way; ``features`` are of queries and gallery, ``candidates`` the answers."""
    queries, gallery = features
    keys = torch.from_numpy(facts_keys(benchmark))
    places = torch.tensor(candidates)
    # the most similar of each row, of equal ones the one that stands first
    ranked_first = [
        (block @ gallery[places].T).sort(dim=1, descending=True, stable=True).indices[:, :SHOWN_ANSWERS]
        for block in torch.split(queries, BLOCK)
    ]
    answers = places[torch.cat(ranked_first)]
    right = keys[answers] == keys[:, None]
    for at in _chosen(right[:, 0].numpy(), count):
        ranked = [
            Ranked(benchmark.examples[other].image_id, benchmark.examples[other].caption, good)
            for other, good in zip(answers[at].tolist(), right[at].tolist(), strict=True)
        ]
        own = benchmark.examples[at]
        yield RetrievalExample(way, variant, own.image_id, own.caption, tuple(ranked))


def _chosen(right: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Evenly spaced places among the right and among the wrong ones, in order."""
    good, bad = np.flatnonzero(right), np.flatnonzero(~right)
    wrong = min(len(bad), max(count // 2, count - len(good)))
    places = [*_spaced(good, min(len(good), count - wrong)), *_spaced(bad, wrong)]
    return sorted(int(place) for place in places)


def _spaced(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return places[(np.arange(count) * len(places)) // max(count, 1)]
