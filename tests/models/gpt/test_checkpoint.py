"""A SAR-GPT on disk: what plain transformers makes of the folder, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from sartext.errors import ModelError
from sartext.files import sha256_file, sha256_tree
from sartext.models import checkpoint
from sartext.models.gpt.checkpoint import load_gpt, save_gpt
from sartext.models.gpt.model import Gpt, answer, pixel_values, prompt
from tests.models.gpt.making import ANSWERS, QUESTIONS, SIDE, pictures, talkative, tiny_gpt, tower


@pytest.fixture(scope="module")
def model() -> Gpt:
    return talkative(tiny_gpt())


@pytest.fixture(scope="module")
def folder(model: Gpt, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("gpt") / "model"
    save_gpt(model, place)
    return place


def plain(folder: Path, shown: list[np.ndarray], asked: list[str]) -> list[str]:
    """Answers by transformers alone, one question at a time."""
    network = LlavaForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    found = []
    for picture, question in zip(shown, asked, strict=True):
        chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
        text = processor.apply_chat_template(chat, add_generation_prompt=True)
        inputs = processor(images=Image.fromarray(picture), text=text, return_tensors="pt")
        said = network.generate(**inputs, max_new_tokens=6, do_sample=False)
        rest = said[:, inputs["input_ids"].shape[1] :]
        found.append(processor.batch_decode(rest, skip_special_tokens=True)[0].strip())
    return found


def test_plain_transformers_gives_the_same_answers(model: Gpt, folder: Path) -> None:
    shown = [picture for picture in pictures(4) for _ in QUESTIONS]
    asked = list(QUESTIONS) * 4
    ours = answer(model, shown, asked, length=6)
    assert plain(folder, shown, asked) == ours == answer(load_gpt(folder), shown, asked, length=6)
    assert len(set(ours)) > len(QUESTIONS) and all(ours)


def test_a_question_alone_gets_the_answer_it_gets_among_others(model: Gpt) -> None:
    shown = [picture for picture in pictures(3) for _ in QUESTIONS]
    asked = list(QUESTIONS) * 3
    alone = [
        answer(model, [picture], [question], length=6)[0] for picture, question in zip(shown, asked, strict=True)
    ]
    assert answer(model, shown, asked, length=6) == alone == answer(model, shown, asked, length=6, batch=2)


def test_the_processor_squashes_and_normalises_as_the_library_does(model: Gpt, folder: Path) -> None:
    shown = pictures(4)
    ours = pixel_values(model, shown)
    by_pil = AutoProcessor.from_pretrained(folder, backend="pil")
    for picture, expected in zip(shown, ours, strict=True):
        found = by_pil(images=Image.fromarray(picture), text="<image>", return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    # whatever the backend, a picture of the model's size is not resized
    fitting = pictures(2, SIDE // 10 * 10 + 10, SIDE // 10 * 10 + 10)
    for picture in (whole[:SIDE, :SIDE] for whole in fitting):
        found = LlavaProcessor.from_pretrained(folder)(
            images=Image.fromarray(picture), text="<image>", return_tensors="pt"
        )
        torch.testing.assert_close(found["pixel_values"], pixel_values(model, [picture]), atol=1e-6, rtol=0)
    # the tower's own figures, not CLIP's
    assert model.mean == (0.45, 0.45, 0.45) and model.std == (0.25, 0.25, 0.25) and model.side == SIDE


def test_the_chat_template_is_the_prompt_of_the_training(folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    seen = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is there a ship?"}]}
    assert processor.apply_chat_template([seen]) == prompt("Is there a ship?", image=True)
    blind = {"role": "user", "content": "Is there a ship?"}
    assert processor.apply_chat_template([blind]) == prompt("Is there a ship?", image=False)
    inputs = processor(
        images=Image.fromarray(pictures(1)[0]), text=prompt("Water?", image=True), return_tensors="pt"
    )
    assert int((inputs["input_ids"] == 3).sum()) == (SIDE // 8) ** 2


def test_equal_models_are_equal_bytes_and_the_seed_decides(model: Gpt, folder: Path, tmp_path: Path) -> None:
    digest = save_gpt(talkative(tiny_gpt()), tmp_path / "again")
    assert sha256_tree(tmp_path / "again") == sha256_tree(folder)
    assert digest == sha256_file(folder / "model.safetensors") == load_gpt(folder).sha256
    assert save_gpt(tiny_gpt(seed=6), tmp_path / "other") != digest
    assert "/tmp" not in "".join(path.read_text() for path in folder.glob("*.json"))


def test_an_answer_of_the_training_is_few_tokens(model: Gpt) -> None:
    for word in ANSWERS:
        assert len(model.tokenizer(" " + word, add_special_tokens=False)["input_ids"]) <= 3


def test_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model's folder"):
        load_gpt(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no SAR-GPT"):
        load_gpt(tmp_path / "empty")
    checkpoint.save(tower(), tmp_path / "clip")
    with pytest.raises(ModelError, match="an open_clip checkpoint answers no questions"):
        load_gpt(tmp_path / "clip")
    (tmp_path / "empty" / "config.json").write_text('{"model_type": "phi"}')
    with pytest.raises(ModelError, match="a model of type 'phi'"):
        load_gpt(tmp_path / "empty")


def copied(folder: Path, place: Path) -> Path:
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


def test_damaged_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    cut = copied(folder, tmp_path / "cut")
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be read"):
        load_gpt(cut)
    weights.unlink()
    with pytest.raises(ModelError, match=r"no model\.safetensors"):
        load_gpt(cut)
    other = copied(folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 3
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="do not fit its configuration"):
        load_gpt(other)
    wordless = copied(folder, tmp_path / "wordless")
    (wordless / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match="its processor cannot be read"):
        load_gpt(wordless)
    foreign = copied(folder, tmp_path / "foreign")
    (foreign / "training.json").write_text(json.dumps({"model_sha256": "0" * 64}))
    with pytest.raises(ModelError, match="not the weights that the training wrote"):
        load_gpt(foreign)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = tiny_gpt()
    with torch.no_grad():
        model.network.lm_head.weight[0, 0] = float("nan")
    save_gpt(model, tmp_path / "model")
    with pytest.raises(ModelError, match="not finite"):
        load_gpt(tmp_path / "model")


@pytest.mark.parametrize("name", ["processor_config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named_and_a_stage_is_to_be_run_again(folder: Path, tmp_path: Path, name: str) -> None:
    lacking = copied(folder, tmp_path / "lacking")
    (lacking / name).unlink()
    with pytest.raises(ModelError) as raised:
        load_gpt(lacking)
    assert str(raised.value) == f"{lacking}: there is no {name}; copy it from where the model was saved"
    (lacking / "training.json").write_text("{}")
    with pytest.raises(ModelError, match="run the training that makes it"):
        load_gpt(lacking)


def test_a_folder_may_be_named_as_open_clip_names_it(model: Gpt, folder: Path) -> None:
    assert load_gpt(f"local-dir:{folder}").sha256 == sha256_file(folder / "model.safetensors")
