"""Training a small SAR-GPT: it learns what only the picture tells, repeats to the bit, and goes on when killed."""

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sartext.errors import DivergenceError, TrainingError
from sartext.files import sha256_tree
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.model import Gpt, answer
from sartext.training.callbacks import Callback
from sartext.training.checkpointing import Resume
from sartext.training.gpt.curriculum import GptRecipe, fit_curriculum
from sartext.training.gpt.questions import Course
from sartext.training.loop import Fit
from tests.training.gpt.courses import LORA, course, picture, recipe, untrained


def trained(chosen: GptRecipe, *courses: Course, **options: Any) -> tuple[Gpt, dict[str, Fit]]:
    model = untrained(chosen, *(courses or (course(),)))
    return model, fit_curriculum(model, chosen, courses or (course(),), **options)


def weights(model: Gpt) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def equal(first: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return first.keys() == other.keys() and all(torch.equal(first[name], other[name]) for name in first)


def right(model: Gpt, asked: Course) -> int:
    shown = [picture(question.image_id) for question in asked.train]
    said = answer(model, shown, [question.question for question in asked.train], length=8)
    return sum(text == question.answer for text, question in zip(said, asked.train, strict=True))


def test_sixteen_questions_are_learned_by_heart(tmp_path: Path) -> None:
    asked = course(validation=0)
    model, fits = trained(recipe(16 * 160), asked)
    assert right(model, asked) == len(asked.train) == 16
    assert fits["sar"].curves["steps"][-1]["loss"] < 0.02 and fits["sar"].best_step == 160
    save_gpt(model, tmp_path / "model")
    assert right(load_gpt(tmp_path / "model"), asked) == 16


def test_without_pictures_they_cannot_be() -> None:
    asked = course(validation=0)
    model, _ = trained(recipe(16 * 160, images=False), asked)
    assert right(model, asked) <= 2 + 3  # one of four counts, and a place that is right for three of eight


def test_the_same_seed_gives_the_same_weights() -> None:
    chosen = recipe(optical=48)
    courses = course("optical"), course()
    (first, fits), (other, again) = trained(chosen, *courses), trained(chosen, *courses)
    assert equal(weights(first), weights(other)) and fits["sar"].curves == again["sar"].curves
    third, _ = trained(replace(chosen, training=chosen.training.model_copy(update={"seed": 8})), *courses)
    assert not equal(weights(first), weights(third))


def test_accumulated_parts_give_the_same_gradients() -> None:
    (first, whole), (other, parts) = trained(recipe(32)), trained(recipe(32, accumulate=4))
    losses = [[step["loss"] for step in fits["sar"].curves["steps"]] for fits in (whole, parts)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for name, tensor in weights(first).items():
        torch.testing.assert_close(weights(other)[name], tensor, atol=2e-3, rtol=0)


def changed(before: Mapping[str, Tensor], model: Gpt) -> set[str]:
    """The parts of a model whose weights differ."""
    after = weights(model)
    return {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({}, {"multi_modal_projector", "language_model", "weight"}),
        ({"freeze_tower": False}, {"vision_tower", "multi_modal_projector", "language_model", "weight"}),
        ({"images": False}, {"language_model", "weight"}),
        ({"lora": LORA}, {"multi_modal_projector", "language_model"}),
        ({"lora": LORA, "images": False}, {"language_model"}),
    ],
)
def test_what_learns(options: dict[str, Any], parts: set[str]) -> None:
    chosen = recipe(32, **options)
    before = weights(untrained(recipe() if "lora" in options else chosen, course()))
    model, _ = trained(chosen)
    assert changed(before, model) == parts
    if "lora" in options:  # the layers without adapters stay
        after = weights(model)
        assert after.keys() == before.keys()
        stayed = {name for name in after if "language_model" in name and torch.equal(after[name], before[name])}
        assert "model.language_model.embed_tokens.weight" in stayed
        assert all(
            f"model.language_model.layers.0.{name}.weight" in stayed for name in ("mlp.fc2", "self_attn.dense")
        )


def test_the_best_weights_by_validation_are_kept() -> None:
    asked = course(train=16, validation=8)
    model, fits = trained(recipe(16 * 40, validate_every=16), asked)
    validations = fits["sar"].curves["validations"]
    assert [figures["step"] for figures in validations] == list(range(1, 41))
    best = max(validations, key=lambda figures: (figures["accuracy"], -figures["loss"]))
    assert fits["sar"].best_step == best["step"]
    held = replace(asked, train=asked.validation)
    assert right(model, held) == pytest.approx(best["accuracy"] * len(held.train) / 100)


class Recorder(Callback):
    """Writes down the steps; ends its process at a step, or the training by an interrupt."""

    def __init__(self, kill: int = 0, stop: int = 0) -> None:
        self.steps: list[tuple[int, int]] = []
        self.validations: list[int] = []
        self._kill, self._stop = kill, stop

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self.steps.append((step, samples))
        if step == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self._stop:
            raise KeyboardInterrupt

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        assert metrics.keys() == {"loss", "accuracy"}
        self.validations.append(step)


def test_steps_count_through_both_lessons() -> None:
    recorder = Recorder()
    trained(recipe(48, optical=32, validate_every=32), course("optical"), course(), callback=recorder)
    assert recorder.steps == [(step, 16 * step) for step in range(1, 6)]
    assert recorder.validations == [2, 4, 5]
    recorder = Recorder()
    _, fits = trained(recipe(48), course("optical"), course(), callback=recorder)
    assert len(recorder.steps) == 3 and fits.keys() == {"sar"}


RESUMED = recipe(16 * 6, optical=16 * 6, validate_every=32, lora=LORA)


def resumed(folder: Path, kill: int = 0, stop: int = 0) -> tuple[Gpt, dict[str, Fit]]:
    """Train both courses with adapters and dropout, keeping the state after every step."""
    torch.set_num_threads(1)
    resumes = {name: Resume(folder / name, {"course": name}, share=1.0) for name in ("optical", "sar")}
    courses: Sequence[Course] = (course("optical"), course())
    return trained(RESUMED, *courses, callback=Recorder(kill, stop), resumes=resumes)


def run(folder: Path, kill: int, result: Path) -> None:
    model, _ = resumed(folder, kill)
    save_gpt(model, result)


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    kill = 9  # in the second course
    arguments = (tmp_path / "state", kill, tmp_path / "no")
    child = multiprocessing.get_context("spawn").Process(target=run, args=arguments)
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL and not (tmp_path / "no").exists()
    model, fits = resumed(tmp_path / "state")
    assert sum(fitted.resumed_after for fitted in fits.values()) in {kill - 1, kill}
    straight, whole = trained(RESUMED, course("optical"), course())
    for trained_model, name in ((model, "resumed"), (straight, "straight")):
        save_gpt(trained_model, tmp_path / name)
    assert sha256_tree(tmp_path / "resumed") == sha256_tree(tmp_path / "straight")
    assert [fitted.curves for fitted in fits.values()] == [fitted.curves for fitted in whole.values()]


def test_an_interrupted_training_keeps_its_state(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        resumed(tmp_path, stop=8)
    model, fits = resumed(tmp_path)
    assert fits["optical"].resumed_after == 6 and fits["sar"].resumed_after == 2
    assert equal(weights(model), weights(trained(RESUMED, course("optical"), course())[0]))


def test_a_state_holds_what_learns_and_no_more(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        resumed(tmp_path, stop=3)
    held = torch.load(tmp_path / "optical" / "state.pt", weights_only=True)["state"]["weights"]
    assert held and all("lora_" in name or "projector" in name for name in held)


def test_numbers_that_are_none_end_the_training_and_name_the_images() -> None:
    chosen = recipe(64)
    model = untrained(chosen, course())
    with torch.no_grad():
        model.network.lm_head.weight[5] = float("nan")
    with pytest.raises(DivergenceError, match=r"sar questions: the loss is nan at step 1, with the images .*toy/"):
        fit_curriculum(model, chosen, [course()])


def test_bad_questions_are_refused() -> None:
    asked = course()
    question = asked.train[0]
    for train, what in (
        ([], "there are no questions to learn from"),
        (asked.train[:5], "a batch of 16 cannot be drawn from 5 questions"),
        ([*asked.train, question], f"question '{question.id}' stands twice"),
        ([*asked.train[1:], replace(question, answer=" ")], f"{question.id}: an empty answer"),
        ([*asked.train[1:], replace(question, question="")], f"{question.id}: an empty question"),
    ):
        with pytest.raises(TrainingError, match=what):
            fit_curriculum(untrained(recipe(), asked), recipe(), [replace(asked, train=train)])
    with pytest.raises(TrainingError, match="8 samples do not fill one batch of 16"):
        trained(recipe(8))


@pytest.mark.parametrize(("samples", "train"), [(8, 8), (16, 2)])
def test_a_lesson_that_fills_no_batch_is_refused_before_the_one_before_it_is_trained(
    samples: int, train: int
) -> None:
    recorder = Recorder()
    with pytest.raises(TrainingError, match="batch of 16"):
        trained(recipe(samples, optical=32), course("optical"), course(train=train), callback=recorder)
    assert not recorder.steps
