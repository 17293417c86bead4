"""The stage ``evaluation@captioning``: what every CoCa writes of the test images, and the physics curves."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark, Example, Pixels
from sartext.evaluation.caption_measurements import Row, captions_rows, score_variants
from sartext.evaluation.caption_scoring import figures_of
from sartext.evaluation.caption_texts import baselines, collect, references_rows
from sartext.evaluation.details import (
    BASELINES,
    NEAREST_TRAIN,
    RETRIEVER,
    CaptionExample,
    Details,
    Variant,
    Written,
)
from sartext.evaluation.embedding import embed_images, embed_texts, nearest_rows
from sartext.evaluation.figures import Figure
from sartext.evaluation.metrics.reference_free import CheckableClasses, checkable_classes
from sartext.evaluation.stages import rows_of, spaced, write_evaluation
from sartext.evaluation.stages.models import open_models, project_benchmarks
from sartext.evaluation.stages.physics import Physics
from sartext.models.decoding.captioning import generate
from sartext.models.model import Model, fit, normalise
from sartext.narrator.statements import in_words, statements_of

BATCH = 64
EXAMPLES = 12
"""Images shown of each benchmark."""

SHOWN = ("foundation", "direct-total", "progressive", "narrator", "sar-rs-coca", NEAREST_TRAIN)
"""The variants whose captions stand beside the images."""

Captions = Mapping[str, Mapping[str, Mapping[str, str]]]
"""By benchmark, variant and image id."""


def evaluate(project: Project) -> dict[str, object]:
    """Caption every benchmark by every CoCa, score the captions, and write ``build/evaluation/captioning``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on, or Java is absent.
    """
    evaluation = project.parameters.evaluation
    benchmarks = project_benchmarks(project)
    corpora = {name for benchmark in benchmarks.values() for name in benchmark.corpora}
    entries = {name: find_entry(project, name) for name in sorted({*project.parameters.captions, *corpora})}
    checkable = checkable_classes(entries)
    captions = {name: baselines(benchmark, evaluation.seed, checkable) for name, benchmark in benchmarks.items()}
    unfinished: Counter[str] = Counter()
    variants: list[Variant] = []
    physics = Physics(project.parameters)
    for model_name, variant, model in open_models(project):
        variants.append(variant)
        for name, benchmark in benchmarks.items():
            if model_name == RETRIEVER:
                captions[name][NEAREST_TRAIN] = nearest_captions(model, benchmark)
            if model.kind == "coca":
                written, dropped = captions_of(model, benchmark.pictures())
                ids = [example.image_id for example in benchmark.examples]
                captions[name][model_name] = dict(zip(ids, written, strict=True))
                unfinished[model_name] += dropped
        physics.score(model_name, model)
    figures: list[Figure] = []
    tables: dict[str, Sequence[Row]] = {}
    for name, benchmark in benchmarks.items():
        tables[f"references/{name}"] = references_rows(benchmark.examples, evaluation.seed)
        texts = collect(captions[name], benchmark, seed=evaluation.seed)
        scored = score_variants(texts, checkable)
        figures += figures_of(
            texts,
            scored,
            benchmark=name,
            side=project.parameters.shards.side,
            seed=evaluation.seed,
            resamples=evaluation.resamples,
            pairs=evaluation.pairs(captions[name]),
        )
        for written_by, of_variant in scored.items():
            tables[f"captions/{name}/{written_by}"] = list(captions_rows(texts, of_variant))
    figures += physics.figures
    owners = {example.image_id: benchmark for benchmark in benchmarks.values() for example in benchmark.examples}

    def read(image_id: str) -> Pixels:
        return owners[image_id].read(image_id) if image_id in owners else physics.pictures[image_id]

    scored_names = {figure.variant for figure in figures}
    captioned = {name for of_benchmark in captions.values() for name in of_benchmark}
    details = Details(
        variants=(
            *(variant for variant in variants if variant.name in scored_names),
            *(variant for variant in BASELINES if variant.name in captioned),
            *physics.baselines,
        ),
        benchmarks=rows_of([*benchmarks.values(), *physics.sets]),
        captions=tuple(_examples(benchmarks, captions, checkable)),
        strips=tuple(physics.strips),
        chosen={
            "captions": f"{EXAMPLES} images of each benchmark, evenly spaced in the order of their ids.",
            "strips": "The first scenes that an object can be removed from, each of another corpus.",
        },
        notes=tuple(
            f"{name}: {count} captions had no end within the model's context and count as empty."
            for name, count in unfinished.items()
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
    while batch := list(islice(waiting, BATCH)):
        inputs = torch.from_numpy(np.stack([fit(picture, model) for picture in batch])).to(model.device)
        for caption in generate(model, normalise(inputs, model), length=model.context):
            unfinished += not caption.finished
            texts.append(model.tokenizer.decode(caption.ids).strip() if caption.finished else "")
    return texts, unfinished


def nearest_captions(model: Model, benchmark: Benchmark) -> dict[str, str]:
    """Return for every image the training caption that a model finds nearest to the picture."""
    captions = [row.caption for row in benchmark.train]
    images = embed_images(model, benchmark.pictures())
    texts, _ = embed_texts(model, captions)
    nearest = nearest_rows(images.numpy(), texts.numpy())
    return {example.image_id: captions[row] for example, row in zip(benchmark.examples, nearest, strict=True)}


def _examples(
    benchmarks: Mapping[str, Benchmark], captions: Captions, checkable: CheckableClasses
) -> Iterator[CaptionExample]:
    shown: set[str] = set()
    for name, benchmark in benchmarks.items():
        for example in spaced(benchmark.examples, EXAMPLES):
            if example.image_id in shown:
                continue
            shown.add(example.image_id)
            written = {
                variant: judge_caption(captions[name][variant][example.image_id], example, checkable)
                for variant in SHOWN
                if variant in captions[name]
            }
            yield CaptionExample(example.image_id, example.corpus, example.caption, written)


def judge_caption(caption: str, example: Example, checkable: CheckableClasses) -> Written:
    """Return a caption with the statements that the annotation contradicts, and those that it lacks.

    A class that is not there is wrong as such: its count and its place are not given again.
    """
    read = checkable.read(caption)
    if not caption or not read.statements or example.facts.statements:
        return Written(caption, judged=False)
    true, stated = set(statements_of(example.facts)), set(read.statements)
    known = {statement.label for statement in true}
    decided = {*checkable.decided[example.corpus], *known}
    judged = {statement for statement in stated if statement.label in decided}
    named = {statement.label for statement in stated}
    return Written(caption, in_words(judged - true, known), in_words(true - stated, named))
