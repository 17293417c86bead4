"""``training.json``: what a checkpoint was made from, and how its training went. No times, no places."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from sartext.config import Project
from sartext.files import sha256_file, sha256_tree
from sartext.models.model import Model
from sartext.training.loop import Fit

CURVE_POINTS = 1000
"""Steps that the record keeps at most; of a longer training every n-th, and the last."""


def data_hashes(project: Project, folders: Iterable[Path]) -> dict[str, str]:
    """Return the hash of every file of folders that a training reads."""
    return {
        f"{project.relative(folder)}/{path}": digest
        for folder in folders
        for path, digest in sha256_tree(folder).items()
        if path != "metrics.json"
    }


def image_text_origins(project: Project, name: str, data: dict[str, str], model: Model) -> dict[str, Any]:
    """Return what decides the weights of a training: equal origins on one type of CPU give equal weights."""
    from sartext.models.compatibility import open_clip

    parameters = project.parameters
    row = parameters.trainings[name]
    origin = project.root / row.origin
    built = origin.is_file()
    return {
        "checkpoint": row.model_dump(mode="json", by_alias=True),
        "data": data,
        "foundation_sha256": sha256_file(origin) if built else None,
        "foundation_weights_sha256": model.sha256 if built else None,
        "model": model.config,
        "parent": {"checkpoint": row.parent, "model_sha256": None if built else model.sha256},
        "seed": parameters.training.seed,
        "tokenizer_sha256": model.tokenizer.files_sha256(),
        "training": parameters.training.model_dump(mode="json"),
        "versions": {"open_clip": str(open_clip.__version__), "torch": torch.__version__},
    }


def fit_record(fitted: Fit, chosen_by: str) -> dict[str, Any]:
    """Return how a training went: its length, its curves, and by what its best weights were chosen."""
    return {
        "steps": fitted.steps,
        "samples": fitted.samples,
        "stopped": fitted.stopped,
        "best_step": fitted.best_step,
        "best": fitted.best_figures,
        "chosen_by": chosen_by,
        "curves": {
            "steps": thinned(fitted.curves["steps"]),
            "validations": fitted.curves["validations"],
        },
    }


def thinned(rows: Sequence[dict[str, float]], most: int = CURVE_POINTS) -> list[dict[str, float]]:
    """Return every n-th row and the last, at most about ``most``."""
    every = -(-len(rows) // most) if rows else 1
    kept = list(rows[::every])
    return kept if not rows or kept[-1] is rows[-1] else [*kept, rows[-1]]
