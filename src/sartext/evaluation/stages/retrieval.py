"""The stage ``evaluation@retrieval``: how every model ranks captions and images, and foils."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.evaluation.baselines import BASELINES, CHANCE, PERFECT, TEXT_PRIOR
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.details import (
    Curve,
    Details,
    FoilExample,
    Ranked,
    RetrievalExample,
    Variant,
)
from sartext.evaluation.embedding import embed
from sartext.evaluation.figures import Figure
from sartext.evaluation.foils.making import Foils, make_foils
from sartext.evaluation.foils.margins import margins
from sartext.evaluation.foils.scoring import foil_examples, score_foils
from sartext.evaluation.retrieval_figures import (
    Features,
    RankedVariant,
    check_fit,
    facts_keys,
    rank_variants,
    ranks_rows,
    recall_curves,
    retrieval_figures,
)
from sartext.evaluation.stages.models import open_models, project_benchmarks
from sartext.evaluation.stages.writing import rows_of, write_evaluation

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
    foils = {name: _foils(project, benchmark) for name, benchmark in benchmarks.items()}
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
        figures += retrieval_figures(
            ranked, benchmark, resamples=evaluation.resamples, seed=evaluation.seed, pairs=evaluation.pairs(ranked)
        )
        figures += score_foils(
            preferred[name],
            foils[name],
            benchmark,
            resamples=evaluation.resamples,
            seed=evaluation.seed,
            pairs=evaluation.pairs(preferred[name]),
        )
        curves += _curves(ranked, benchmark)
        tables |= {
            f"ranks/{name}/{variant}": ranks_rows(of_variant, benchmark) for variant, of_variant in ranked.items()
        }
    main = next(iter(benchmarks.values()))
    shown = next(name for name in (*SHOWN, *features[main.name]) if name in features[main.name])
    details = Details(
        variants=(
            *variants,
            BASELINES[PERFECT],
            BASELINES[CHANCE],
            *((BASELINES[TEXT_PRIOR],) if any(figure.variant == TEXT_PRIOR for figure in figures) else ()),
        ),
        benchmarks=rows_of(benchmarks.values()),
        curves=tuple(curves),
        retrieval=tuple(retrieval_examples(features[main.name][shown], main, EXAMPLES, shown)),
        foils=tuple(_shown_foils(preferred[main.name], foils[main.name])),
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


def _foils(project: Project, benchmark: Benchmark) -> Foils:
    entries = {name: find_entry(project, name) for name in benchmark.corpora}
    return make_foils(benchmark, entries, project.parameters.evaluation.seed)


def _shown_foils(preferred: Mapping[str, Floats], foils: Foils) -> list[FoilExample]:
    some = {name: values for name, values in preferred.items() if name in FOILED} or preferred
    return foil_examples(some, foils, FOIL_EXAMPLES)


def _curves(ranked: Mapping[str, RankedVariant], benchmark: Benchmark) -> Iterator[Curve]:
    for scoring, variants in recall_curves(ranked).items():
        for variant, ways in variants.items():
            both = tuple(ways["i2t"]), tuple(ways["t2i"])
            yield Curve(variant, scoring, *both, benchmark.name)


def retrieval_examples(
    features: Features, benchmark: Benchmark, count: int, variant: str
) -> list[RetrievalExample]:
    """Return ``count`` examples of each way, fewer where the benchmark is smaller.

    They are not picked by hand. The queries of each way, by image id, are those whose first answer is right and
    those whose first answer is wrong; from both, evenly spaced ones are taken, as many right as wrong where there
    are so many. An answer is right if its facts equal those of the query's image. Equal captions are one answer.

    Args:
        features: of the benchmark's pictures and captions, in its order.
        benchmark: what was tested on.
        count: of each way; half of them wrong, where there are so many.
        variant: whose features they are.

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
    variant: str,
    benchmark: Benchmark,
    way: Way,
    features: Features,
    candidates: Sequence[int],
    *,
    count: int,
) -> Iterator[RetrievalExample]:
    """The examples of one way; ``features`` are of queries and gallery, ``candidates`` the answers."""
    queries, gallery = features
    keys = torch.from_numpy(facts_keys(benchmark))
    places = torch.tensor(candidates)
    first = [_first(block @ gallery[places].T) for block in torch.split(queries, BLOCK)]
    answers = places[torch.cat(first)]
    right = keys[answers] == keys[:, None]
    for at in _chosen(right[:, 0].numpy(), count):
        ranked = [
            Ranked(benchmark.examples[other].image_id, benchmark.examples[other].caption, good)
            for other, good in zip(answers[at].tolist(), right[at].tolist(), strict=True)
        ]
        own = benchmark.examples[at]
        yield RetrievalExample(way, variant, own.image_id, own.caption, tuple(ranked))


def _first(similarity: torch.Tensor) -> torch.Tensor:
    """The places of the most similar of each row, of equal ones the one that stands first."""
    return similarity.sort(dim=1, descending=True, stable=True).indices[:, :SHOWN_ANSWERS]


def _chosen(right: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Evenly spaced places among the right and among the wrong ones, in order."""
    good, bad = np.flatnonzero(right), np.flatnonzero(~right)
    wrong = min(len(bad), max(count // 2, count - len(good)))
    places = [*_spaced(good, min(len(good), count - wrong)), *_spaced(bad, wrong)]
    return sorted(int(place) for place in places)


def _spaced(places: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    return places[(np.arange(count) * len(places)) // max(count, 1)]
