"""``training.json`` of a SAR-GPT: what it was made from, and how its lessons went. No times, no places."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from sartext.config import Project
from sartext.files import sha256_file, sha256_tree
from sartext.models.model import Model
from sartext.training.gpt.lessons import Subject
from sartext.training.gpt.recipe import GptRecipe
from sartext.training.loop import Fit
from sartext.training.record import thinned


def origins(project: Project, recipe: GptRecipe, release: Path, tower: Model) -> dict[str, Any]:
    """Return what decides the weights of a training: equal origins on one type of CPU give equal weights."""
    folders = [release / "data", release / "vqa"]
    if recipe.optical_samples:
        folders.append(project.shards("optical"))
    told = recipe.told(project.root)
    return {
        "data": {
            f"{project.relative(folder)}/{path}": digest
            for folder in folders
            for path, digest in sha256_tree(folder).items()
            if path != "metrics.json"
        },
        "language_sha256": sha256_file(recipe.language),
        "parent": {"checkpoint": told["tower"].removeprefix("build/"), "model_sha256": tower.sha256},
        "recipe": told,
        "seed": recipe.training.seed,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def record_of(
    name: str,
    told: Mapping[str, Any],
    fits: Mapping[str, Fit],
    subjects: Mapping[str, Subject],
    left_out: int,
    *,
    model_sha256: str,
) -> dict[str, Any]:
    """Return the content of ``training.json``.

    Args:
        name: of the model.
        told: its `origins`.
        fits: how each lesson went, by name; the figures of ``sar`` stand at the top.
        subjects: the questions of each.
        left_out: SAR questions whose picture is not at hand.
        model_sha256: of ``model.safetensors``.
    """
    lessons = {key: _lesson(one, subjects[key]) for key, one in fits.items()}
    return {
        **told,
        **lessons["sar"],
        "name": name,
        "optical": lessons.get("optical"),
        "left_out": left_out,
        "model_sha256": model_sha256,
    }


def best_of(fit: Fit) -> dict[str, float] | None:
    """Return the figures of the validation that a lesson ended with; None where nothing was validated."""
    return next((one for one in fit.curves["validations"] if one["step"] == fit.best_step), None)


def _lesson(fit: Fit, subject: Subject) -> dict[str, Any]:
    validations = fit.curves["validations"]
    return {
        "questions": {"train": len(subject.train), "validation": len(subject.validation)},
        "images": len(subject.images),
        "steps": fit.steps,
        "samples": fit.samples,
        "stopped": fit.stopped,
        "best_step": fit.best_step,
        "best": best_of(fit),
        "chosen_by": "validation accuracy, then loss" if validations else "the last step: no validation questions",
        "curves": {"steps": thinned(fit.curves["steps"]), "validations": validations},
    }
