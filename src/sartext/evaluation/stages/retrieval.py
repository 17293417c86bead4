"""The stage ``evaluation@retrieval``: how every model ranks captions and images, and foils."""

from collections.abc import Iterator, Mapping

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.bootstrap import Floats
from sartext.evaluation.details import Curve, Details, FoilExample, RetrievalExample, Variant
from sartext.evaluation.details import Ranked as Place
from sartext.evaluation.embedding import embed
from sartext.evaluation.figures import Figure
from sartext.evaluation.foils.making import Foils, make_foils
from sartext.evaluation.foils.margins import margins
from sartext.evaluation.foils.scoring import TEXT_PRIOR, foil_examples, score_foils
from sartext.evaluation.metrics.recall import ONE_POSITIVE
from sartext.evaluation.retrieval_examples import examples
from sartext.evaluation.retrieval_figures import (
    CHANCE,
    PERFECT,
    Features,
    Ranked,
    rank_variants,
    ranks_rows,
    recall_curves,
    retrieval_figures,
)
from sartext.evaluation.stages.material import project_benchmarks
from sartext.evaluation.stages.opened import opened
from sartext.evaluation.stages.writing import rows_of, write_evaluation

SHOWN = ("sar-rs-clip", "sar-rs-coca", "clip-progressive", "progressive")
"""The variants of which examples are shown: the first one that is there."""

FOILED = ("foundation", "progressive", "sar-rs-clip", "sar-rs-coca")
"""The variants whose preferences stand beside foils."""

EXAMPLES = 6
"""Queries shown of each way."""

FOIL_EXAMPLES = 3
"""Foils shown of each kind."""

PRIOR = Variant(TEXT_PRIOR, "the likelier text by the words of the training captions", "baseline", "rule")
RANDOM = Variant(CHANCE, "an order drawn at random", "baseline", "rule")
CEILING = Variant(PERFECT, "knows the facts of every image, and no more", "ceiling", "rule")


def evaluate(project: Project) -> dict[str, object]:
    """Rank every benchmark by every model, and write ``build/evaluation/retrieval``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on.
    """
    told = project.parameters.evaluation
    benchmarks = project_benchmarks(project)
    variants: list[Variant] = []
    features: dict[str, dict[str, Features]] = {name: {} for name in benchmarks}
    foils = {name: _foils(project, benchmark) for name, benchmark in benchmarks.items()}
    preferred: dict[str, dict[str, Floats]] = {name: {} for name in benchmarks}
    cut: dict[str, int] = {}
    for one, variant, model in opened(project):
        variants.append(variant)
        for name, benchmark in benchmarks.items():
            seen = embed(model, benchmark)
            features[name][one.name] = seen.pair
            cut[one.name] = cut.get(one.name, 0) + seen.cut
            if foils[name]:
                preferred[name][one.name] = margins(model, foils[name], benchmark, images=seen.images)
    figures: list[Figure] = []
    curves: list[Curve] = []
    tables: dict[str, list[dict[str, str | int]]] = {}
    for name, benchmark in benchmarks.items():
        ranked = rank_variants(features[name], benchmark)
        figures += retrieval_figures(
            ranked, benchmark, resamples=told.resamples, seed=told.seed, pairs=told.pairs(ranked)
        )
        figures += score_foils(
            preferred[name],
            foils[name],
            benchmark,
            resamples=told.resamples,
            seed=told.seed,
            pairs=told.pairs(preferred[name]),
        )
        curves += _curves(ranked, benchmark)
        tables |= {f"ranks/{name}/{one}": ranks_rows(told_of, benchmark) for one, told_of in ranked.items()}
    main = next(iter(benchmarks.values()))
    shown = next(name for name in (*SHOWN, *features[main.name]) if name in features[main.name])
    details = Details(
        variants=(
            *variants,
            CEILING,
            RANDOM,
            *((PRIOR,) if any(one.variant == TEXT_PRIOR for one in figures) else ()),
        ),
        benchmarks=rows_of(benchmarks.values()),
        curves=tuple(curves),
        retrieval=tuple(_examples(shown, features[main.name][shown], main)),
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


def _curves(ranked: Mapping[str, Ranked], benchmark: Benchmark) -> Iterator[Curve]:
    for scoring, variants in recall_curves(ranked).items():
        for variant, ways in variants.items():
            both = tuple(ways["i2t"]), tuple(ways["t2i"])
            yield Curve(
                variant, "one_positive" if scoring == ONE_POSITIVE else "duplicate_aware", *both, benchmark.name
            )


def _examples(variant: str, features: Features, benchmark: Benchmark) -> Iterator[RetrievalExample]:
    for one in examples(features, benchmark, EXAMPLES, variant):
        places = tuple(Place(place.image_id, place.caption, place.right) for place in one.answers)
        yield RetrievalExample(one.way, variant, one.image_id, one.caption, places)
