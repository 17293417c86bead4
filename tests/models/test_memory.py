"""Where memory does not suffice, an error says on one line what fits and what to set."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sartext.errors import TrainingError
from sartext.models.memory import explained
from sartext.models.model import Model
from sartext.training.gradients import Objective
from sartext.training.image_text import score
from tests.training.toy import Narrow, toy_model, toy_parameters, toy_validation, trained


def narrow_model(room: int, kind: str = "clip") -> Model:
    model = toy_model(kind)
    model.network.visual = Narrow(model.network.visual, room)
    return model


def test_out_of_memory_says_what_fits() -> None:
    model = narrow_model(3)
    with pytest.raises(TrainingError, match=r"out of memory with 8 pairs at a time; 2 fit") as caught:
        trained(model, validation=[])
    assert "training.accumulate: 4" in str(caught.value) and "gradient_checkpointing" in str(caught.value)
    trained(model, steps=2, validation=[], accumulate=4)


def test_out_of_memory_of_one_pair_says_so() -> None:
    with pytest.raises(TrainingError, match="not even one pair fits"):
        trained(narrow_model(0), validation=[])


def test_validation_is_in_parts_too_and_a_shortage_there_is_explained() -> None:
    model = toy_model()
    objective = Objective(1.0, 2.0, True, model.tokenizer.pad)
    whole, parts = (score(model, toy_validation(model), objective, parts=count) for count in (1, 4))
    assert parts == pytest.approx(whole, rel=1e-5)
    with pytest.raises(TrainingError, match="out of memory with 4 pairs at a time"):
        trained(narrow_model(4, "coca"), steps=1, batch=4, validate_every=4)


def short(*_: object, **__: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def test_a_shortage_in_the_optimisers_step_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim.AdamW, "step", short)
    with pytest.raises(TrainingError, match="out of memory with 8 pairs"):
        trained(toy_model("clip"), steps=1)


def test_a_model_that_does_not_fit_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    model = toy_model("clip")
    monkeypatch.setattr(model.network, "to", short)
    with pytest.raises(TrainingError, match=r"^cpu: .* the model does not fit.* smaller model"):
        trained(model, steps=1)


def test_what_is_said_to_fit_fits_beside_the_optimisers_state(monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = narrow_model(4), []
    plain = torch.empty_like

    def counted(tensor: Tensor, *args: Any, **named: Any) -> Tensor:
        made.append(tensor.shape)
        return plain(tensor, *args, **named)

    model.network.visual.register_forward_pre_hook(
        lambda *_: monkeypatch.setattr(torch, "empty_like", counted), prepend=True
    )
    with pytest.raises(TrainingError, match="8 pairs at a time; 4 fit"):
        trained(model, steps=1, validation=[])
    shapes = [parameter.shape for parameter in model.network.parameters() for _ in range(2)]
    assert made[: len(shapes)] == shapes


def test_one_of_several_processes_does_not_try_what_fits() -> None:
    def attempt(count: int) -> None:
        pytest.fail(f"{count} pairs were tried")

    message = "out of memory with 4 pairs at a time; set `training.accumulate: 2`.*`training.batch: 4`"
    with pytest.raises(TrainingError, match=message), explained(toy_parameters(), 2, attempt):
        raise MemoryError
    with pytest.raises(TrainingError, match="not even one pair fits"), explained(toy_parameters(), 8, attempt):
        raise MemoryError


def test_other_errors_are_not_taken_for_a_shortage() -> None:
    model = toy_model("clip")
    model.network.visual = nn.Linear(3, 3)
    with pytest.raises(RuntimeError, match="shapes"):
        trained(model, validation=[])
