"""The stages ``evaluation@<task>``: every model of the project on every benchmark."""

from typing import Literal

from sartext.config import Project


def evaluate_task(project: Project, task: Literal["retrieval", "captioning", "vqa"]) -> dict[str, object]:
    """Evaluate the models of a project in one task and write ``build/evaluation/<task>``.

    Raises:
        ArtefactError: a model is not trained, or no release is assembled.
        EvaluationError: there is nothing to evaluate on.
    """
    if task == "retrieval":
        from sartext.evaluation.stages.retrieval import evaluate
    elif task == "captioning":
        from sartext.evaluation.stages.captioning import evaluate
    else:
        from sartext.evaluation.stages.vqa import evaluate
    return evaluate(project)
