"""The stages ``evaluation@<task>``: every model of the project on every benchmark."""

from importlib import import_module
from typing import Any, Literal

from sartext.config import Project


def evaluate_task(project: Project, task: Literal["retrieval", "captioning", "vqa"]) -> dict[str, object]:
    """Evaluate the models of a project in one task and write ``build/evaluation/<task>``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on.
    """
    module: Any = import_module(f"sartext.evaluation.stages.{task}")
    found: dict[str, object] = module.evaluate(project)
    return found
