"""How a SAR-GPT is trained, as data; with the hashes of what it reads, all that decides its weights."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from sartext.config import Project
from sartext.config.training import GptParameters, TrainingParameters
from sartext.files import sha256_file
from sartext.models.model import Model


@dataclass(frozen=True)
class LoraRecipe:
    """Low-rank adapters on the language model, see `models.gpt.construction.add_adapters`."""

    rank: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]


@dataclass(frozen=True)
class GptRecipe:
    """All that decides a training beside its data.

    Args:
        tower: the folder of a CLIP.
        language: the foundation file of the language model.
        optical_samples: questions of the first course, repetitions counted; 0 leaves it out.
        samples: those of the second course.
        learning_rate: the highest one, in both courses.
        training: seed, batch (questions per step), threads, device, precision, optimiser, warm-up, questions
            between two validations. What it says of CLIP's and CoCa's losses and of augmentation is not read.
        images: False for the control that sees none.
        freeze_tower: the image tower does not learn, and looks at every picture once.
        lora: None where all weights of the language model learn.
        cache_bytes: of a frozen tower's states that are held at most; what does not fit is computed again.
    """

    tower: Path
    language: Path
    optical_samples: int
    samples: int
    learning_rate: float
    training: TrainingParameters
    images: bool = True
    freeze_tower: bool = True
    lora: LoraRecipe | None = None
    cache_bytes: int = 2_000_000_000

    def as_json(self, root: Path) -> dict[str, Any]:
        """Return it as JSON has it, paths relative to a folder."""
        content = asdict(self) | {"training": self.training.model_dump(mode="json")}
        content.pop("cache_bytes")
        for name in ("tower", "language"):
            path = getattr(self, name)
            content[name] = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        return content


def recipe_of(project: Project, row: GptParameters) -> GptRecipe:
    """Return the recipe of a row of ``models`` in ``params.yaml``."""
    own = {"batch": row.batch, "validate_every": row.validate_every}
    return GptRecipe(
        tower=project.root / row.origin,
        language=project.root / row.language,
        optical_samples=row.optical_samples,
        samples=row.samples,
        learning_rate=row.learning_rate,
        training=project.parameters.training.model_copy(update=own),
        images=row.images,
        freeze_tower=row.freeze_tower,
        lora=None if row.lora is None else LoraRecipe(**row.lora.model_dump()),
    )


def origins(project: Project, recipe: GptRecipe, data: dict[str, str], tower: Model) -> dict[str, Any]:
    """Return what decides the weights of a training: equal origins on one type of CPU give equal weights."""
    content = recipe.as_json(project.root)
    return {
        "data": data,
        "language_sha256": sha256_file(recipe.language),
        "parent": {"checkpoint": content["tower"].removeprefix("build/"), "model_sha256": tower.sha256},
        "recipe": content,
        "seed": recipe.training.seed,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }
