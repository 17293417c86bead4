"""A SAR-GPT on disk, what plain transformers makes of the folder and what is refused; greedy answers of it."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from sartext.errors import DecodingError, ModelError
from sartext.files import sha256_file, sha256_tree
from sartext.models import checkpoint
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.model import Gpt, answer, answer_each, pixel_values, prompt
from tests.models.gpt.making import ANSWERS, QUESTIONS, SIDE, pictures, refused, talkative, tiny_gpt, tower


@pytest.fixture(scope="module")
def model() -> Gpt:
    return talkative(tiny_gpt())


@pytest.fixture(scope="module")
def folder(model: Gpt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gpt") / "model"
    save_gpt(model, place)
    return place


def plain(folder: Path, shown: list[np.ndarray], questions: list[str]) -> list[str]:
    """Answers by transformers alone, one question at a time."""
    network = LlavaForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    answers = []
    for picture, question in zip(shown, questions, strict=True):
        chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        text = processor.apply_chat_template(chat, add_generation_prompt=True)
        inputs = processor(images=Image.fromarray(picture), text=text, return_tensors="pt")
        written = network.generate(**inputs, max_new_tokens=6, do_sample=False)
        reply = written[:, inputs["input_ids"].shape[1] :]
        answers.append(processor.batch_decode(reply, skip_special_tokens=True)[0].strip())
    return answers


def test_plain_transformers_gives_the_same_answers(model: Gpt, folder: Path) -> None:
    shown = [picture for picture in pictures(4) for _ in QUESTIONS]
    questions = list(QUESTIONS) * 4
    ours = answer(model, shown, questions, length=6)
    # one at a time there, all together here
    assert plain(folder, shown, questions) == ours == answer(load_gpt(folder), shown, questions, length=6)
    assert ours == answer(model, shown, questions, length=6, batch=2)
    assert len(set(ours)) > len(QUESTIONS) and all(ours)


def test_the_processor_squashes_and_normalises_as_the_library_does(model: Gpt, folder: Path) -> None:
    shown = pictures(4)
    ours = pixel_values(model, shown)
    by_pil = AutoProcessor.from_pretrained(folder, backend="pil")
    for picture, expected in zip(shown, ours, strict=True):
        inputs = by_pil(images=Image.fromarray(picture), text="<image>", return_tensors="pt")
        torch.testing.assert_close(inputs["pixel_values"][0], expected, atol=1e-6, rtol=0)
    # whatever the backend, a picture of the model's size is not resized
    processor = LlavaProcessor.from_pretrained(folder)
    for picture in (larger[:SIDE, :SIDE] for larger in pictures(2, SIDE // 10 * 10 + 10, SIDE // 10 * 10 + 10)):
        inputs = processor(images=Image.fromarray(picture), text="<image>", return_tensors="pt")
        torch.testing.assert_close(inputs["pixel_values"], pixel_values(model, [picture]), atol=1e-6, rtol=0)
    # the tower's own figures, not CLIP's
    assert model.mean == (0.45, 0.45, 0.45) and model.std == (0.25, 0.25, 0.25) and model.side == SIDE


def test_the_chat_template_is_the_prompt_of_the_training(folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    seen = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is there a ship?"}]}
    assert processor.apply_chat_template([seen]) == prompt("Is there a ship?", image=True)
    blind = {"role": "user", "content": "Is there a ship?"}
    assert processor.apply_chat_template([blind]) == prompt("Is there a ship?", image=False)
    image, text = Image.fromarray(pictures(1)[0]), prompt("Water?", image=True)
    inputs = processor(images=image, text=text, return_tensors="pt")
    assert int((inputs["input_ids"] == 3).sum()) == (SIDE // 8) ** 2


def test_equal_models_are_equal_bytes_and_the_seed_decides(model: Gpt, folder: Path, tmp_path: Path) -> None:
    digest = save_gpt(talkative(tiny_gpt()), tmp_path / "again")
    assert sha256_tree(tmp_path / "again") == sha256_tree(folder)
    assert digest == sha256_file(folder / "model.safetensors") == load_gpt(folder).sha256
    assert save_gpt(tiny_gpt(seed=6), tmp_path / "other") != digest
    assert "/tmp" not in "".join(path.read_text() for path in folder.glob("*.json"))


def test_an_answer_of_the_training_is_few_tokens(model: Gpt) -> None:
    tokens = model.tokenizer([f" {text}" for text in ANSWERS], add_special_tokens=False)["input_ids"]
    assert max(map(len, tokens)) <= 3


def test_other_folders_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing", "no model's folder")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "no SAR-GPT")
    checkpoint.save(tower(), tmp_path / "clip")
    refused(tmp_path / "clip", "an open_clip checkpoint answers no questions")
    (tmp_path / "empty" / "config.json").write_text('{"model_type": "phi"}')
    refused(tmp_path / "empty", "a model of type 'phi'")


LAYERS = rb'("num_hidden_layers": )\d'


@pytest.fixture
def damaged(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be damaged."""
    return shutil.copytree(folder, tmp_path / "damaged")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.safetensors", lambda content: content[:-100], "cannot be read"),
        ("config.json", lambda content: re.sub(LAYERS, rb"\g<1>9", content), "do not fit its configuration"),
        ("tokenizer.json", lambda content: b"{", "its processor cannot be read"),
    ],
)
def test_damaged_folders_are_refused(damaged: Path, name: str, change: Any, message: str) -> None:
    (damaged / name).write_bytes(change((damaged / name).read_bytes()))
    refused(damaged, message)


def test_weights_that_the_training_did_not_write_are_refused(damaged: Path) -> None:
    (damaged / "training.json").write_text(json.dumps({"model_sha256": "0" * 64}))
    refused(damaged, "not the weights that the training wrote")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = tiny_gpt()
    with torch.no_grad():
        model.network.lm_head.weight[0, 0] = float("nan")
    save_gpt(model, tmp_path / "model")
    refused(tmp_path / "model", "not finite")


@pytest.mark.parametrize("name", ["processor_config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named_and_a_stage_is_to_be_run_again(damaged: Path, name: str) -> None:
    (damaged / name).unlink()
    refused(damaged, f"^{damaged}: there is no {name}; copy it from where the model was saved$")
    (damaged / "training.json").write_text("{}")
    refused(damaged, "run the training that makes it")


def test_a_folder_may_be_named_as_open_clip_names_it(model: Gpt, folder: Path) -> None:
    assert load_gpt(f"local-dir:{folder}").sha256 == sha256_file(folder / "model.safetensors")


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


def test_a_blind_model_needs_no_picture_and_ignores_one() -> None:
    blind = talkative(tiny_gpt(images=False))
    said = answer(blind, [], QUESTIONS, length=6)
    for shown in (pictures(4), pictures(4, seed=9), pictures(1)):
        assert said == answer(blind, shown, QUESTIONS, length=6), "however many there are"
    assert len(set(said)) > 1


def test_grey_pictures_are_seen_as_colour_pictures_of_equal_channels(model: Gpt) -> None:
    grey = pictures(1)[0]
    colour = np.repeat(grey[:, :, None], 3, axis=2)
    assert answer(model, [grey], QUESTIONS[:1], length=6) == answer(model, [colour], QUESTIONS[:1], length=6)
    assert pixel_values(model, [grey, colour]).shape == (2, 3, SIDE, SIDE)


def test_pictures_are_read_when_they_are_needed_and_once(model: Gpt) -> None:
    shown = {f"a/{number}": picture for number, picture in enumerate(pictures(5))}
    questions = [(f"{image}:{number}", image, text) for number, text in enumerate(QUESTIONS) for image in shown]
    read: list[str] = []

    def reading(image: str) -> np.ndarray:
        read.append(image)
        return shown[image]

    said = answer_each(model, questions, reading, length=6)
    names, images, texts = zip(*questions, strict=True)
    assert tuple(said) == names and sorted(read) == sorted(shown)
    assert list(said.values()) == answer(model, [shown[image] for image in images], texts, length=6)
    blind = tiny_gpt(images=False)
    read.clear()
    assert len(answer_each(blind, questions, reading, length=2)) == len(questions) and not read


def test_the_model_is_left_as_it_was(model: Gpt) -> None:
    model.network.train()
    said = answer(model, pictures(1), QUESTIONS[:1], length=6)
    assert model.network.training
    model.network.eval()
    assert said == answer(model, pictures(1), QUESTIONS[:1], length=6)
    assert answer(model, [], []) == [] == list(answer_each(model, [], lambda image: pictures(1)[0]))


def test_bad_input(model: Gpt) -> None:
    for shown, questions, length, message in (
        (pictures(1), QUESTIONS[:2], 6, "1 pictures for 2 questions"),
        (pictures(2), ["Is there a ship?", " "], 6, "question 1: an empty question"),
        (pictures(1), QUESTIONS[:1], 0, "answers of 0 tokens"),
    ):
        with pytest.raises(DecodingError, match=message):
            answer(model, shown, questions, length=length)
    with pytest.raises(ModelError, match="no 8-bit grey or RGB picture"):
        answer(model, [np.zeros((4, 4, 2), dtype=np.uint8)], QUESTIONS[:1])
