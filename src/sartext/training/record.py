"""``training.json``: what a checkpoint was made from, and how its training went. No times, no places."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sartext.config import Project
from sartext.files import sha256_file, sha256_tree
from sartext.models.compatibility import open_clip
from sartext.models.model import Model
from sartext.training.loop import Fit
from sartext.training.shards.reading import Shards

CURVE_POINTS = 1000
"""Steps that the record keeps at most; of a longer training every n-th, and the last."""


def origins(project: Project, name: str, shards: Shards, model: Model) -> dict[str, Any]:
    """Return what decides the weights of a training: equal origins on one type of CPU give equal weights."""
    parameters = project.parameters
    row = parameters.trainings[name]
    origin = project.root / row.origin
    built = origin.is_file()
    return {
        "checkpoint": row.model_dump(mode="json", by_alias=True),
        "data": {
            f"{project.relative(folder)}/{path}": digest
            for folder in shards.folders
            for path, digest in sha256_tree(folder).items()
            if path != "metrics.json"
        },
        "foundation_sha256": sha256_file(origin) if built else None,
        "foundation_weights_sha256": model.sha256 if built else None,
        "model": model.config,
        "parent": {"checkpoint": row.parent, "model_sha256": None if built else model.sha256},
        "seed": parameters.training.seed,
        "tokenizer_sha256": model.tokenizer.files_sha256(),
        "training": parameters.training.model_dump(mode="json"),
        "versions": {"open_clip": str(open_clip.__version__), "torch": torch.__version__},
    }


def record_of(
    name: str,
    told: Mapping[str, Any],
    fitted: Fit,
    pairs: Mapping[str, int],
    *,
    model_sha256: str,
    last_sha256: str,
) -> dict[str, Any]:
    """Return the content of ``training.json``.

    Args:
        name: of the checkpoint.
        told: its `origins`.
        fitted: how the training went.
        pairs: numbers of pairs in training and validation, and of those left out.
        model_sha256: of ``model.safetensors``, the best weights.
        last_sha256: of ``last.safetensors``.
    """
    validations = fitted.curves["validations"]
    return {
        **told,
        "name": name,
        "pairs": dict(pairs),
        "steps": fitted.steps,
        "samples": fitted.samples,
        "stopped": fitted.stopped,
        "best_step": fitted.best_step,
        "best": next((one for one in validations if one["step"] == fitted.best_step), None),
        "chosen_by": "validation loss" if validations else "the last step: fewer than two validation pairs",
        "curves": {"steps": thinned(fitted.curves["steps"]), "validations": validations},
        "model_sha256": model_sha256,
        "last_sha256": last_sha256,
    }


def thinned(rows: Sequence[dict[str, float]], most: int = CURVE_POINTS) -> list[dict[str, float]]:
    """Return every n-th row and the last, at most about ``most``."""
    every = -(-len(rows) // most) if rows else 1
    kept = list(rows[::every])
    return kept if not rows or kept[-1] is rows[-1] else [*kept, rows[-1]]
