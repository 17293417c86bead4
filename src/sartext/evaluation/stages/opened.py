"""The models of a project, opened one after the other: only one of them is in memory at a time."""

from collections.abc import Iterator

import torch

from sartext.config import Project
from sartext.evaluation.details import Variant
from sartext.evaluation.stages.variants import Compared, compared, described
from sartext.models.model import Model
from sartext.progress import track


def opened(project: Project) -> Iterator[tuple[Compared, Variant, Model]]:
    """Yield every model to compare, with what the report says of it, in the order of the tables.

    Raises:
        ArtefactError: one is not trained.
        ModelError: one cannot be loaded.
    """
    torch.set_num_threads(project.parameters.training.threads)  # it is part of the arithmetic
    models = compared(project)
    for one in track(iter(models), "models", len(models)):
        model = one.open(project)
        yield one, described(project, one, model), model
