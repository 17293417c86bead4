"""The stage ``evaluation@captioning``: what every CoCa writes of the test images, and the physics curves."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark, Pixels
from sartext.evaluation.captioning.baselines import (
    MOST_FREQUENT,
    NEAREST_TRAIN,
    baselines,
    nearest_rows,
    nearest_train,
)
from sartext.evaluation.captioning.measurements import Row, captions_rows
from sartext.evaluation.captioning.scoring import figures_of, measure_captions
from sartext.evaluation.captioning.texts import GRAMMAR, references_rows
from sartext.evaluation.details import CaptionExample, Details, Variant
from sartext.evaluation.embedding import embed_images, embed_texts
from sartext.evaluation.figures import Figure
from sartext.evaluation.metrics.faithfulness import annotation_of
from sartext.evaluation.stages.judging import written
from sartext.evaluation.stages.material import project_benchmarks
from sartext.evaluation.stages.opened import opened
from sartext.evaluation.stages.physics import Physics
from sartext.evaluation.stages.writing import rows_of, spaced, write_evaluation
from sartext.models.decoding.captioning import generate
from sartext.models.model import Model
from sartext.models.preprocessing import fit, normalise

BATCH = 64
EXAMPLES = 12
"""Images shown of each benchmark."""

RETRIEVER = "sar-rs-clip"
"""The model that finds the nearest training caption."""

SHOWN = ("foundation", "direct-total", "progressive", "narrator", "sar-rs-coca", NEAREST_TRAIN)
"""The variants whose captions stand beside the images."""

PRESENT = {
    GRAMMAR: Variant(GRAMMAR, "the facts themselves, in a sixth wording", "ceiling", "rule"),
    MOST_FREQUENT: Variant(
        MOST_FREQUENT, "the most frequent training caption, of every image", "baseline", "rule"
    ),
    NEAREST_TRAIN: Variant(
        NEAREST_TRAIN, f"the training caption that {RETRIEVER} finds nearest", "baseline", "rule"
    ),
}


@dataclass
class _Found:
    """What was found on the way: captions by benchmark and variant, and how many were not ended."""

    captions: dict[str, dict[str, Mapping[str, str]]]
    variants: list[Variant] = field(default_factory=list)
    unfinished: dict[str, int] = field(default_factory=dict)


def evaluate(project: Project) -> dict[str, object]:
    """Caption every benchmark by every CoCa, score the captions, and write ``build/evaluation/captioning``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on, or Java is absent.
    """
    told = project.parameters.evaluation
    benchmarks = project_benchmarks(project)
    entries = {name: find_entry(project, name) for name in _corpora(project, benchmarks)}
    found = _Found({name: dict(baselines(one, told.seed)) for name, one in benchmarks.items()})
    physics = Physics(project.parameters)
    for one, variant, model in opened(project):
        found.variants.append(variant)
        _ask(one.name, model, benchmarks, found)
        physics.ask(one.name, model)
    figures: list[Figure] = []
    tables: dict[str, Sequence[Row]] = {}
    for name, benchmark in benchmarks.items():
        tables[f"references/{name}"] = references_rows(benchmark.examples, told.seed)
        texts, scored = measure_captions(found.captions[name], benchmark, entries, seed=told.seed)
        figures += figures_of(
            texts,
            scored,
            benchmark=name,
            side=project.parameters.shards.side,
            seed=told.seed,
            resamples=told.resamples,
            pairs=told.pairs(found.captions[name]),
        )
        tables |= {f"captions/{name}/{one}": rows for one, rows in captions_rows(texts, scored).items()}
    figures += physics.figures
    pictures = {one.image_id: benchmark for benchmark in benchmarks.values() for one in benchmark.examples}

    def read(image_id: str) -> Pixels:
        return pictures[image_id].read(image_id) if image_id in pictures else physics.pictures[image_id]

    details = Details(
        variants=(*_of_figures(found.variants, figures), *_present(found), *physics.baselines),
        benchmarks=(*rows_of(benchmarks.values()), *physics.benchmarks),
        captions=tuple(_examples(benchmarks, found, entries)),
        strips=tuple(physics.strips),
        chosen={
            "captions": f"{EXAMPLES} images of each benchmark, evenly spaced in the order of their ids.",
            "strips": "The first scenes that an object can be removed from, each of another corpus.",
        },
        notes=tuple(
            f"{name}: {count} captions had no end within the model's context and count as empty."
            for name, count in found.unfinished.items()
            if count
        ),
    )
    return write_evaluation(project, "captioning", figures, details, read, tables=tables)


def captions_of(model: Model, pictures: Iterable[Pixels]) -> tuple[list[str], int]:
    """Return a greedy caption of each picture, and how many the model did not end: those are empty.

    Raises:
        DecodingError: the model writes no captions.
    """
    texts: list[str] = []
    unfinished = 0
    waiting = iter(pictures)
    while some := list(islice(waiting, BATCH)):
        inputs = torch.from_numpy(np.stack([fit(one, model) for one in some])).to(model.device)
        for one in generate(model, normalise(inputs, model), length=model.context):
            unfinished += not one.finished
            texts.append(model.tokenizer.decode(one.ids).strip() if one.finished else "")
    return texts, unfinished


def nearest_captions(model: Model, benchmark: Benchmark) -> dict[str, str]:
    """Return for every image the training caption that a model finds nearest to the picture."""
    captions = [one.caption for one in benchmark.train]
    images = embed_images(model, benchmark.pictures())
    texts, _ = embed_texts(model, captions)
    return nearest_train(benchmark, nearest_rows(images.numpy(), texts.numpy()))


def _corpora(project: Project, benchmarks: Mapping[str, Benchmark]) -> list[str]:
    """The corpora whose nouns a caption may name: those of the captions and of the benchmarks."""
    of_benchmarks = {name for one in benchmarks.values() for name in one.corpora}
    return sorted({*project.parameters.captions, *of_benchmarks})


def _ask(name: str, model: Model, benchmarks: Mapping[str, Benchmark], found: _Found) -> None:
    for benchmark in benchmarks.values():
        if name == RETRIEVER:
            found.captions[benchmark.name][NEAREST_TRAIN] = nearest_captions(model, benchmark)
        if model.kind == "coca":
            texts, unfinished = captions_of(model, benchmark.pictures())
            ids = [one.image_id for one in benchmark.examples]
            found.captions[benchmark.name][name] = dict(zip(ids, texts, strict=True))
            found.unfinished[name] = found.unfinished.get(name, 0) + unfinished


def _of_figures(variants: Iterable[Variant], figures: Iterable[Figure]) -> Iterator[Variant]:
    """The variants that some figure is of."""
    named = {one.variant for one in figures}
    return (one for one in variants if one.name in named)


def _present(found: _Found) -> Iterator[Variant]:
    named = {name for captions in found.captions.values() for name in captions}
    return (one for name, one in PRESENT.items() if name in named)


def _examples(
    benchmarks: Mapping[str, Benchmark], found: _Found, entries: Mapping[str, Entry]
) -> Iterator[CaptionExample]:
    annotation = annotation_of(entries)
    shown: set[str] = set()
    for name, benchmark in benchmarks.items():
        captions = found.captions[name]
        for one in spaced(benchmark.examples, EXAMPLES):
            if one.image_id in shown:
                continue
            shown.add(one.image_id)
            told = {
                variant: written(captions[variant][one.image_id], one, annotation)
                for variant in SHOWN
                if variant in captions
            }
            yield CaptionExample(one.image_id, one.corpus, one.caption, told)
