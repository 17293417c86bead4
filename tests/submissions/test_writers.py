"""Models of transformers that write: BLIP, GIT, encoder-decoders and LLaVA say what the library lets them say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    BlipForConditionalGeneration,
    GitForCausalLM,
    VisionEncoderDecoderModel,
    ViTImageProcessor,
)

from sartext.errors import ModelError, ParameterError
from sartext.models.gpt.checkpoint import save_gpt
from sartext.submissions.free_answers import CAPTION_PROMPT, short_answer, with_question
from sartext.submissions.kinds import KINDS, look, recognise
from sartext.submissions.kinds.kind import Settings
from tests.evaluation.generated import find
from tests.evaluation.released import CommandLine
from tests.models.gpt.making import tiny_gpt
from tests.models.making import pictures
from tests.submissions.making import (
    bert_folder,
    blip_folder,
    clip_folder,
    encoder_decoder_folder,
    git_folder,
    llava_folder,
)

Make = Callable[[Path], Path]
WRITING: dict[str, tuple[Make, Any]] = {
    "blip": (blip_folder, BlipForConditionalGeneration),
    "git": (git_folder, GitForCausalLM),
    "encoder-decoder": (encoder_decoder_folder, VisionEncoderDecoderModel),
}
LENGTH = 24


@pytest.fixture(scope="module")
def llava(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA; only to be read."""
    torch.set_num_threads(1)
    return llava_folder(tmp_path_factory.mktemp("llava") / "model")


@pytest.mark.parametrize("kind", WRITING)
def test_captions_are_those_of_transformers(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of random weights hardly a text ends; then it counts as empty, and is counted."""
    monkeypatch.setattr("sartext.submissions.kinds.generation.LENGTH", LENGTH)
    make, network_class = WRITING[kind]
    folder = make(tmp_path / "model")
    network = network_class.from_pretrained(folder).eval()
    if kind == "encoder-decoder":
        looking, tokenizer = ViTImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    else:
        whole = AutoProcessor.from_pretrained(folder)
        looking, tokenizer = whole.image_processor, whole.tokenizer
    shown = looking(images=[Image.fromarray(picture) for picture in pictures(3)], return_tensors="pt")
    expected = network.generate(**shown, max_new_tokens=LENGTH, do_sample=False)
    ended = [2 in row[1:] for row in expected.tolist()]
    texts = [" ".join(tokenizer.decode(row, skip_special_tokens=True).split()) for row in expected]
    assert len(set(texts)) > 1, "what is said depends on the picture"

    found, place = recognise(folder, "captioning")
    assert (found.name, found.caption is not None) == ("image-to-text", True)
    model = found.caption(place, Settings())  # type: ignore[misc]
    said = model.captions(pictures(3))
    assert said.texts == [text if end else "" for text, end in zip(texts, ended, strict=True)]
    assert model.side == 32
    count = ended.count(False)
    assert said.warnings == ((f"{count} captions were not ended by the model and count as empty",) * (count > 0))


def by_the_library(folder: Path, picture: Any, text: str) -> str:
    network, processor = AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    content = [{"type": "image", "image": Image.fromarray(picture)}, {"type": "text", "text": text}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    tokens = network.eval().generate(**inputs, max_new_tokens=128, do_sample=False)
    return str(processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


def test_a_llava_answers_what_transformers_lets_it_answer(llava: Path) -> None:
    found, place = recognise(llava, "vqa")
    assert found.name == "chat" and found.answer is not None
    prompt = "{question} In a word."
    model = found.answer(place, Settings(prompt=prompt))
    looked = dict(zip(("a", "b"), pictures(2), strict=True))
    questions = [("a", "Is there a ship?"), ("a", "How many <s> ships?"), ("b", "Is there a ship?")]
    said = model.answers(questions, looked.__getitem__).texts
    for (image_id, question), text in zip(questions, said, strict=True):
        assert text == short_answer(by_the_library(llava, looked[image_id], with_question(prompt, question)))
    assert len(set(said)) > 1
    assert model.asked == {"prompt": prompt}


def test_a_llava_is_scored_by_the_command(
    llava: Path, evaluate: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of random weights its answers are none, which is said."""
    monkeypatch.setattr("sartext.submissions.kinds.generation.LENGTH", 6)
    command = ("--task", "vqa", "--model", llava, "--name", "chatty", "--benchmark", "alpha-official")
    result, figures = evaluate.scores(tmp_path / "scores.json", *command)
    n = find(figures, "oa", "chatty").n
    assert f"of {n} answers are none that a question of their type has, such as " in result.err


def test_prompts_must_fit_the_task_and_the_context(llava: Path, tmp_path: Path, evaluate: CommandLine) -> None:
    command = ("--task", "vqa", "--model", llava, "--prompt", "Well?")
    assert "the prompt has no {question}; write {question} where" in evaluate.refused(*command)
    clip = clip_folder(tmp_path / "clip")
    command = ("--task", "retrieval", "--model", clip, "--prompt", "Look.")
    assert "nothing here follows an instruction" in evaluate.refused(*command)
    short = llava_folder(tmp_path / "short", context=24)
    kind, place = recognise(short, "captioning")
    with pytest.raises(ModelError, match=r"a prompt of \d+ tokens with the picture's, the context holds 24"):
        kind.caption(place, Settings()).captions(pictures(1))  # type: ignore[misc]
    with pytest.raises(ParameterError, match="a prompt of 5,000 letters"):
        kind.caption(place, Settings(prompt="a" * 5000))  # type: ignore[misc]
    assert len(CAPTION_PROMPT) < 500


def test_a_folder_is_of_one_kind_by_what_lies_in_it(tmp_path: Path, llava: Path) -> None:
    save_gpt(tiny_gpt(), tmp_path / "gpt")
    plain = llava_folder(tmp_path / "plain", template=None)
    for folder, expected in (
        (clip_folder(tmp_path / "clip"), ["dual-encoder"]),
        (blip_folder(tmp_path / "blip"), ["image-to-text"]),
        (llava, ["chat", "image-to-text"]),
        (tmp_path / "gpt", ["sar-gpt", "chat", "image-to-text"]),
        (plain, ["image-to-text"]),
        (bert_folder(tmp_path / "bert"), []),
    ):
        assert [kind.name for kind in KINDS if kind.recognises(look(folder))] == expected
    with pytest.raises(
        ModelError, match=r"it holds config.json, model_type 'bert', architectures \['BertModel'\]"
    ):
        recognise(tmp_path / "bert", "retrieval")
    kind, place = recognise(plain, "captioning")
    with pytest.raises(ModelError, match="a model of the LLaVA kind needs its chat template"):
        kind.caption(place, Settings()).captions(pictures(1))  # type: ignore[misc]


def test_a_writer_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = git_folder(tmp_path / "git")
    state = load_file(folder / "model.safetensors")
    name = sorted(state)[0]
    del state[name]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    kind, place = recognise(folder, "captioning")
    with pytest.raises(ModelError, match=f"the weights lack '{name}'"):
        kind.caption(place, Settings())  # type: ignore[misc]
