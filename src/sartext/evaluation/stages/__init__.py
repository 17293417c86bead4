"""The stages ``evaluation@<task>``: every model of the project on every benchmark, written whole or not at all."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from sartext.config import Project
from sartext.evaluation.benchmarks import Benchmark, Pixels
from sartext.evaluation.details import BenchmarkRow, Details, picture_path, shown_pictures, write_details
from sartext.evaluation.figures import EVERYTHING, MINUS, Figure, write_figures
from sartext.evaluation.physics.rendering import PhysicsSet
from sartext.files import atomic_folder

MAIN = {"distinct_facts.mean_recall", "cider_d", "aa", "average_precision", "exact_counts", "mean_iou"}
"""The main metrics of the tasks."""

LARGEST = 256
"""Pixels of a picture's longer side in the report; larger ones are shrunk."""


def evaluate_task(
    project: Project, task: Literal["retrieval", "captioning", "vqa", "grounding"]
) -> dict[str, object]:
    """Evaluate the models of a project in one task and write ``build/evaluation/<task>``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on.
    """
    if task == "retrieval":
        from sartext.evaluation.stages.retrieval import evaluate
    elif task == "captioning":
        from sartext.evaluation.stages.captioning import evaluate
    elif task == "vqa":
        from sartext.evaluation.stages.vqa import evaluate
    else:
        from sartext.evaluation.stages.grounding import evaluate
    return evaluate(project)


def write_evaluation(
    project: Project,
    task: str,
    figures: Sequence[Figure],
    details: Details,
    read: Callable[[str], Pixels],
    *,
    tables: Mapping[str, Sequence[Mapping[str, object]]],
) -> dict[str, object]:
    """Write ``build/evaluation/<task>``; byte-identical for identical figures, details and pictures.

    Args:
        project: the checkout.
        task: of the stage.
        figures: of the task, and of those that are evaluated with it.
        details: what is shown beside them.
        read: returns the picture of an id that the details name.
        tables: what the figures were made from, image by image or question by question, by name: written as CSV,
            numbers with six decimals, booleans in small letters, empty where there is nothing.

    Returns:
        The counts, and the main figure of every variant, by ``<metric> of <variant>``.
    """
    with atomic_folder(project.evaluation(task)) as folder:
        write_figures(folder / "figures.json", figures)
        write_details(folder / "details.json", details)
        for image_id in sorted(shown_pictures(details)):
            _write_picture(picture_path(folder, image_id), read(image_id))
        for name, rows in tables.items():
            _write_table(folder / f"{name}.csv", rows)
    return {
        "figures": len(figures),
        "not_computed": sum(figure.value is None for figure in figures),
        "variants": len(details.variants),
        "benchmarks": len(details.benchmarks),
        "headlines": {
            f"{figure.metric} of {figure.variant}": round(figure.value, 4)
            for figure in figures
            if figure.metric in MAIN and figure.subset == EVERYTHING
            if figure.value is not None and MINUS not in figure.variant
        },
    }


def rows_of(benchmarks: Iterable[Benchmark | PhysicsSet]) -> tuple[BenchmarkRow, ...]:
    """Return what the report says of benchmarks."""
    return tuple(BenchmarkRow(**benchmark.describe()) for benchmark in benchmarks)


def spaced(items: Sequence[Any], count: int) -> list[Any]:
    """Return ``count`` items of a sequence, evenly spaced: examples that nobody chose."""
    count = min(count, len(items))
    return [items[(2 * at + 1) * len(items) // (2 * count)] for at in range(count)]


def _write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6f}" if isinstance(value, float) else value


def _write_picture(path: Path, picture: Pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = picture.ndim == 3 and bool((picture[..., :1] == picture).all())
    shown = Image.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    if (longer := max(shown.size)) > LARGEST:
        size = [max(1, round(length * LARGEST / longer)) for length in shown.size]
        shown = shown.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    # stored, not deflated: the bytes of a zlib build would make them another evaluation
    shown.save(path, "PNG", compress_level=0)
