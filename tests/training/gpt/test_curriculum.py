"""Training a small SAR-GPT: it learns what only the picture tells, repeats to the bit, and goes on when killed."""

import multiprocessing
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
from sartext.training.checkpointing import Resume
from sartext.training.fit import Fit
from sartext.training.gpt.curriculum import GptRecipe, fit_curriculum
from sartext.training.gpt.questions import Course, Question
from tests.models.making import same
from tests.training.gpt.courses import LORA, course, picture, recipe, untrained
from tests.training.toy import Ending


def trained(chosen: GptRecipe, *courses: Course, **options: Any) -> tuple[Gpt, dict[str, Fit]]:
    model = untrained(chosen, *(courses or (course(),)))
    return model, fit_curriculum(model, chosen, courses or (course(),), **options)


def weights(model: Gpt) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def right(model: Gpt, questions: Sequence[Question]) -> int:
    """How many questions a model answers as it should."""
    shown = [picture(question.image_id) for question in questions]
    answers = answer(model, shown, [question.question for question in questions], length=8)
    return sum(text == question.answer for text, question in zip(answers, questions, strict=True))


def test_sixteen_questions_are_learned_by_heart(tmp_path: Path) -> None:
    lesson = course(validation=0)
    model, fits = trained(recipe(16 * 160), lesson)
    assert right(model, lesson.train) == len(lesson.train) == 16
    assert fits["sar"].curves["steps"][-1]["loss"] < 0.02 and fits["sar"].best_step == 160
    save_gpt(model, tmp_path / "model")
    assert right(load_gpt(tmp_path / "model"), lesson.train) == 16


def test_without_pictures_they_cannot_be() -> None:
    lesson = course(validation=0)
    model, _ = trained(recipe(16 * 160, images=False), lesson)
    assert right(model, lesson.train) <= 2 + 3  # one of four counts, and a place that is right for three of eight


def test_the_same_seed_gives_the_same_weights() -> None:
    chosen = recipe(optical=48)
    courses = course("optical"), course()
    (first, fits), (other, again) = trained(chosen, *courses), trained(chosen, *courses)
    assert same(weights(first), weights(other)) and fits["sar"].curves == again["sar"].curves
    third, _ = trained(recipe(optical=48, seed=8), *courses)
    assert not same(weights(first), weights(third))


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
        for layer in ("embed_tokens", "layers.0.mlp.fc2", "layers.0.self_attn.dense"):
            name = f"model.language_model.{layer}.weight"
            assert torch.equal(after[name], before[name])


def test_the_best_weights_by_validation_are_kept() -> None:
    lesson = course(train=16, validation=8)
    model, fits = trained(recipe(16 * 40, validate_every=16), lesson)
    validations = fits["sar"].curves["validations"]
    assert [figures["step"] for figures in validations] == list(range(1, 41))
    best = max(validations, key=lambda figures: (figures["accuracy"], -figures["loss"]))
    assert fits["sar"].best_step == best["step"]
    assert right(model, lesson.validation) == pytest.approx(best["accuracy"] * len(lesson.validation) / 100)


def test_steps_count_through_both_lessons() -> None:
    recorder = Ending()
    trained(recipe(48, optical=32, validate_every=32), course("optical"), course(), callback=recorder)
    assert recorder.steps == [(step, 16 * step) for step in range(1, 6)]
    assert recorder.validations == [2, 4, 5]
    recorder = Ending()
    _, fits = trained(recipe(48), course("optical"), course(), callback=recorder)
    assert len(recorder.steps) == 3 and fits.keys() == {"sar"}


RESUMED = recipe(16 * 6, optical=16 * 6, validate_every=32, lora=LORA)


def resumed(folder: Path, *ending: Any) -> tuple[Gpt, dict[str, Fit]]:
    """Train both courses with adapters and dropout, keeping the state after every step, until an `Ending`."""
    torch.set_num_threads(1)
    resumes = {name: Resume(folder / name, {"course": name}, share=1.0) for name in ("optical", "sar")}
    return trained(RESUMED, course("optical"), course(), callback=Ending(*ending), resumes=resumes)


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    kill = 9  # in the second course
    child = multiprocessing.get_context("spawn").Process(target=resumed, args=(tmp_path / "state", kill))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    model, fits = resumed(tmp_path / "state")
    assert sum(fitted.resumed_after for fitted in fits.values()) in {kill - 1, kill}
    straight, whole = trained(RESUMED, course("optical"), course())
    for trained_model, name in ((model, "resumed"), (straight, "straight")):
        save_gpt(trained_model, tmp_path / name)
    assert sha256_tree(tmp_path / "resumed") == sha256_tree(tmp_path / "straight")
    assert [fitted.curves for fitted in fits.values()] == [fitted.curves for fitted in whole.values()]


def test_an_interrupted_training_keeps_what_learns_and_no_more(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        resumed(tmp_path, 8, KeyboardInterrupt)
    kept = torch.load(tmp_path / "sar" / "state.pt", weights_only=True)["state"]["weights"]
    assert kept and all("lora_" in name or "projector" in name for name in kept)
    model, fits = resumed(tmp_path)
    assert fits["optical"].resumed_after == 6 and fits["sar"].resumed_after == 2
    assert same(weights(model), weights(trained(RESUMED, course("optical"), course())[0]))


def test_numbers_that_are_none_end_the_training_and_name_the_images() -> None:
    chosen = recipe(64)
    model = untrained(chosen, course())
    with torch.no_grad():
        model.network.lm_head.weight[5] = float("nan")
    with pytest.raises(DivergenceError, match=r"sar questions: the loss is nan at step 1, with the images .*toy/"):
        fit_curriculum(model, chosen, [course()])


def test_bad_questions_are_refused() -> None:
    lesson = course()
    question, *others = lesson.train
    for train, reason in (
        ([], "there are no questions to learn from"),
        (others[:5], "a batch of 16 cannot be drawn from 5 questions"),
        ([question, *others, question], f"question '{question.id}' stands twice"),
        ([*others, replace(question, answer=" ")], f"{question.id}: an empty answer"),
        ([*others, replace(question, question="")], f"{question.id}: an empty question"),
    ):
        with pytest.raises(TrainingError, match=reason):
            fit_curriculum(untrained(recipe(), lesson), recipe(), [replace(lesson, train=train)])
    with pytest.raises(TrainingError, match="8 samples do not fill one batch of 16"):
        trained(recipe(8))


@pytest.mark.parametrize(("samples", "train"), [(8, 8), (16, 2)])
def test_a_lesson_that_fills_no_batch_is_refused_before_any_training(samples: int, train: int) -> None:
    recorder = Ending()
    with pytest.raises(TrainingError, match="batch of 16"):
        trained(recipe(samples, optical=32), course("optical"), course(train=train), callback=recorder)
    assert not recorder.steps
