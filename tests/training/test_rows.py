"""A row of `checkpoints` gets the batches that it and the section `training` describe."""

from typing import Any

import pytest

from sartext.config import CheckpointParameters, Project, TrainingParameters
from sartext.models.checkpoint import start
from sartext.models.model import Model
from sartext.training.batches import Batches, validation_batches
from sartext.training.image_text import batches_of_row, validation_of_row
from sartext.training.shards.reading import Shards, open_shards
from tests.training.test_batches import equal

ROWS: list[dict[str, Any]] = [
    {},
    {"methods": ("sa2c",)},
    {"paraphrase": False},
    {"shuffle_captions": True},
]


@pytest.fixture(scope="module")
def shards(mini_project: Project) -> Shards:
    return open_shards(mini_project.build / "shards")


@pytest.fixture(scope="module")
def model(mini_project: Project, shards: Shards) -> Model:
    origin = next(iter(mini_project.parameters.checkpoints.values())).origin
    return start(origin, mini_project.root, mini_project.tokenizer, seed=1, side=shards.side)


@pytest.mark.parametrize("choices", ROWS, ids=lambda choices: next(iter(choices), "plain"))
@pytest.mark.parametrize("augment", [True, False])
def test_the_batches_are_those_of_the_row(
    shards: Shards, model: Model, choices: dict[str, Any], augment: bool
) -> None:
    row = CheckpointParameters(**{"from": "x.yaml"}, data="build/shards", samples=96, learning_rate=0.1, **choices)
    training = TrainingParameters.model_validate({"batch": 12, "seed": 5, "augment": augment})
    options: dict[str, Any] = {"fraction": 0.8, "rank": 1, "world": 2, "workers": 1}
    batches = batches_of_row(row, training, shards, model, **options)
    wanted = Batches(shards, model.tokenizer, batch=12, seed=5, augment=augment, **choices, **options)
    assert batches.pairs == wanted.pairs
    assert all(equal(batches.at(step), wanted.at(step)) for step in (0, 7))
    stored = validation_batches(shards, model.tokenizer, batch=12, seed=5, **choices)
    validated = validation_of_row(row, training, shards, model)
    assert all(equal(batch, other) for batch, other in zip(validated, stored, strict=True))
