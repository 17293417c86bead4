"""Asking a SAR-GPT: greedy answers that depend on picture and question alone."""

import numpy as np
import pytest
import torch

from sartext.errors import DecodingError, ModelError
from sartext.models.gpt.model import Gpt, answer, answer_each, pixel_values, prompt
from tests.models.gpt.making import QUESTIONS, SIDE, pictures, talkative, tiny_gpt


@pytest.fixture(scope="module")
def model() -> Gpt:
    return talkative(tiny_gpt())


def test_answers_are_the_likeliest_tokens_of_the_whole_network(model: Gpt) -> None:
    """Token by token through the network's own forward pass, without a cache or our embedding of pictures."""
    picture, question = pictures(2)[1], QUESTIONS[1]
    ids = model.tokenizer(prompt(question, image=True))["input_ids"]
    at = ids.index(model.image_token)
    ids = [*ids[:at], *[model.image_token] * model.patches, *ids[at + 1 :]]
    pixels = pixel_values(model, [picture])
    said: list[int] = []
    for _ in range(5):
        with torch.no_grad():
            logits = model.network(input_ids=torch.tensor([ids + said]), pixel_values=pixels).logits
        said.append(int(logits[0, -1].argmax()))
        if said[-1] == model.tokenizer.eos_token_id:
            break
    expected = model.tokenizer.decode(said, skip_special_tokens=True).strip()
    assert answer(model, [picture], [question], length=5) == [expected]


def test_the_picture_decides(model: Gpt) -> None:
    said = [answer(model, [picture], QUESTIONS[:1], length=6)[0] for picture in pictures(6)]
    assert len(set(said)) > 1


def test_a_blind_model_needs_no_picture_and_ignores_one() -> None:
    blind = talkative(tiny_gpt(images=False))
    asked = list(QUESTIONS)
    said = answer(blind, [], asked, length=6)
    for shown in (pictures(4), pictures(4, seed=9), pictures(1)):
        assert said == answer(blind, shown, asked, length=6), "however many there are"
    assert len(set(said)) > 1


def test_grey_pictures_are_seen_as_colour_pictures_of_equal_channels(model: Gpt) -> None:
    grey = pictures(1)[0]
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert answer(model, [grey], QUESTIONS[:1], length=6) == answer(model, [colour], QUESTIONS[:1], length=6)
    assert pixel_values(model, [grey, colour]).shape == (2, 3, SIDE, SIDE)


def test_pictures_are_read_when_they_are_needed_and_once(model: Gpt) -> None:
    shown = {f"a/{number}": picture for number, picture in enumerate(pictures(5))}
    asked = [(f"{image}:{number}", image, text) for number, text in enumerate(QUESTIONS) for image in shown]
    read: list[str] = []

    def reading(image: str) -> np.ndarray:
        read.append(image)
        return shown[image]

    said = answer_each(model, asked, reading, length=6)
    assert list(said) == [question[0] for question in asked] and sorted(read) == sorted(shown)
    assert list(said.values()) == answer(
        model, [shown[question[1]] for question in asked], [question[2] for question in asked], length=6
    )
    blind = tiny_gpt(images=False)
    read.clear()
    assert len(answer_each(blind, asked, reading, length=2)) == len(asked) and not read


def test_the_model_is_left_as_it_was(model: Gpt) -> None:
    model.network.train()
    said = answer(model, pictures(1), QUESTIONS[:1], length=6)
    assert model.network.training
    model.network.eval()
    assert said == answer(model, pictures(1), QUESTIONS[:1], length=6)
    assert answer(model, [], []) == [] == list(answer_each(model, [], lambda image: pictures(1)[0]))


def test_bad_input(model: Gpt) -> None:
    with pytest.raises(DecodingError, match="1 pictures for 2 questions"):
        answer(model, pictures(1), QUESTIONS[:2])
    with pytest.raises(DecodingError, match="question 1: an empty question"):
        answer(model, pictures(2), ["Is there a ship?", " "])
    with pytest.raises(DecodingError, match="answers of 0 tokens"):
        answer(model, pictures(1), QUESTIONS[:1], length=0)
    with pytest.raises(ModelError, match="no 8-bit grey or RGB picture"):
        answer(model, [np.zeros((4, 4, 2), dtype=np.uint8)], QUESTIONS[:1])
