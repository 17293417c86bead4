"""Questions whose answers only the picture tells, and small models that learn them."""

from pathlib import Path
from typing import Any

import numpy as np

from sartext.config.training import LoraParameters, TrainingParameters
from sartext.models.gpt.language import LanguageFoundation
from sartext.models.gpt.model import Gpt
from sartext.training.gpt.curriculum import GptRecipe, build_untrained
from sartext.training.gpt.questions import Course, Question
from tests.models.gpt.making import SIDE, tower

NUMBERS = ("none", "one", "two", "three")
LORA = LoraParameters(rank=4, alpha=8.0, dropout=0.1, targets=("q_proj", "v_proj", "fc1"))


def picture(image_id: str) -> np.ndarray:
    """Draw as many bright squares as the number of the image says, left or right, on noise."""
    number = int(image_id.rpartition("/")[2])
    noise = np.random.default_rng(number).integers(0, 60, (SIDE, SIDE), dtype=np.uint8)
    for square in range(number % 4):
        left = 4 + (SIDE // 2 if number // 4 % 2 else 0)
        noise[4 + 9 * square : 9 + 9 * square, left : left + 8] = 250
    return noise


def questions(start: int, stop: int) -> list[Question]:
    """Two questions on each picture."""
    generated = []
    for number in range(start, stop):
        image = f"toy/{number}"
        count, side = NUMBERS[number % 4], "right" if number // 4 % 2 else "left"
        generated.append(Question(f"{image}:count", image, "How many ships are there?", count))
        where = "nowhere" if count == "none" else f"on the {side}"
        generated.append(Question(f"{image}:place", image, "Where are the ships in this image?", where))
    return generated


def course(name: str = "sar", *, train: int = 8, validation: int = 4) -> Course:
    """Questions on so many pictures, others for validation."""
    held = questions(100, 100 + validation)
    return Course(name, questions(0, train), held, picture)


def recipe(samples: int = 160, optical: int = 0, **options: Any) -> GptRecipe:
    """A recipe of a small training; what is no field of it is one of its training parameters."""
    own = {name: options.pop(name) for name in ("images", "freeze_tower", "lora") if name in options}
    small = {"batch": 16, "threads": 1, "validate_every": 80, "weight_decay": 0.0}
    training = TrainingParameters.model_validate({**small, **options})
    return GptRecipe(Path("tower"), Path("phi.yaml"), optical, samples, 0.01, training, **own)


def untrained(chosen: GptRecipe, *courses: Course, seed: int = 0) -> Gpt:
    """Build a model of some ten thousand weights on a tower with random weights."""
    foundation = LanguageFoundation(None, vocabulary=400, layers=2, width=32, heads=4)
    return build_untrained(chosen, tower(seed=seed), foundation, courses)
