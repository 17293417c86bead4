"""Folders of models as strangers hand them over: what is accepted, and what is said of what lacks."""

import json
from pathlib import Path

import pytest
import torch
from transformers import BertTokenizerFast

from sartext.errors import ModelError
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from tests.models.making import CAPTIONS, saved, set_config

OWN_PIPELINE = ("sartext tokenizer", "make release", "build or copy", "run the training")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return saved(tmp_path)


def refusal(folder: Path | str) -> str:
    with pytest.raises(ModelError) as raised:
        checkpoint.load(folder)
    message = str(raised.value)
    return message


def foreign(folder: Path | str) -> str:
    """A refusal that sends nobody to this project's own pipeline."""
    message = refusal(folder)
    assert not [advice for advice in OWN_PIPELINE if advice in message]
    return message


def test_a_folder_may_be_named_as_open_clip_names_it(folder: Path) -> None:
    assert checkpoint.load(f"local-dir:{folder}").sha256 == checkpoint.load(Path(f"local-dir:{folder}")).sha256


@pytest.mark.parametrize("name", ["nowhere", "ViT-B-32"])
def test_a_name_is_no_folder(name: str) -> None:
    message = foreign(name)
    assert "a folder is needed" in message and "hf download REPOSITORY --local-dir FOLDER" in message


def test_a_stage_that_has_not_run_is_to_be_run(tmp_path: Path) -> None:
    assert "run the training that makes it" in refusal(tmp_path / "build" / "checkpoint" / "mine")
    (tmp_path / "build" / "model" / "mine").mkdir(parents=True)
    assert "build or copy the checkpoint again" in refusal(tmp_path / "build" / "model" / "mine")


def test_an_empty_folder_is_told_what_it_must_hold(tmp_path: Path) -> None:
    message = foreign(tmp_path)
    for name in ("open_clip_config.json", ".safetensors", "open_clip_pytorch_model.bin", "tokenizer.json"):
        assert name in message


def test_a_sar_gpt_is_sent_to_its_task(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    message = foreign(tmp_path)
    assert "SAR-GPT" in message and "--task vqa" in message


def test_a_bare_architecture_is_told_how_to_wrap_it(folder: Path) -> None:
    config = folder / "open_clip_config.json"
    config.write_text(json.dumps(json.loads(config.read_text())["model_cfg"]))
    assert 'wrap it as {"model_cfg": ...}' in foreign(folder)


def test_pictures_that_are_not_square_are_refused(folder: Path) -> None:
    set_config(folder, "model_cfg", "vision_cfg", image_size=[64, 96])
    assert "image_size is [64, 96]" in foreign(folder)
    set_config(folder, "model_cfg", "vision_cfg", image_size=[64, 64])
    assert checkpoint.load(folder).side == 64


def test_of_several_weights_only_a_name_that_open_clip_looks_for_is_taken(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / f"{name}.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    checkpoint.load(folder)
    (folder / "model.safetensors").unlink()
    assert "several weights: a.safetensors, b.safetensors" in foreign(folder)
    (folder / "b.safetensors").unlink()
    checkpoint.load(folder)


def test_a_tokenizer_that_is_only_named_must_be_saved_into_the_folder(folder: Path) -> None:
    set_config(folder, "model_cfg", "text_cfg", hf_tokenizer_name="bert-base-uncased")
    (folder / "tokenizer.json").unlink()
    assert "AutoTokenizer.from_pretrained('bert-base-uncased').save_pretrained(" in foreign(folder)
    set_config(folder, "model_cfg", "text_cfg", hf_tokenizer_name="tokenizer")
    assert "holds open_clip_config.json" in foreign(folder)
    (folder / "training.json").write_text("{}")
    assert "build or copy the checkpoint again" in refusal(folder)


def test_berts_tokenizer_gives_the_ids_that_open_clip_gives(folder: Path) -> None:
    words = sorted({word.strip(".").lower() for caption in CAPTIONS for word in caption.split()})
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *words]))
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    set_config(folder, "model_cfg", "text_cfg", hf_tokenizer_name="bert-base-uncased")
    texts = [*CAPTIONS[:9], "a crane", " ".join(CAPTIONS[:5])]
    theirs = open_clip.get_tokenizer(f"local-dir:{folder}")(texts)
    assert torch.equal(checkpoint.load(folder).tokenizer.encode(texts, full=True, cut=True), theirs)


def test_a_tokenizer_that_puts_nothing_around_a_text_is_refused(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**content, "post_processor": None}))
    assert "does not put '<start_of_text>' and '<end_of_text>' around a text" in foreign(folder)
