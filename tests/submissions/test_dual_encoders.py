"""CLIP, SigLIP and SigLIP 2 of transformers: what is scored are the features that the library itself gives."""

import shutil
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, AutoProcessor

from sartext.errors import EvaluationError, ModelError
from sartext.evaluation.benchmarks import open_benchmarks
from sartext.evaluation.retrieval_figures import score_retrieval
from sartext.files import read_json, sha256_file, write_json
from sartext.submissions.kinds import recognise
from sartext.submissions.kinds.dual_encoder import KIND
from sartext.submissions.kinds.kind import Encoder, Settings
from tests.evaluation.generated import find
from tests.evaluation.released import CommandLine, Published
from tests.models.making import CAPTIONS, pictures
from tests.submissions.making import clip_folder, siglip2_folder, siglip_folder

Make = Callable[[Path], Path]
MAKING: dict[str, Make] = {"clip": clip_folder, "siglip": siglip_folder, "siglip2": siglip2_folder}


@pytest.fixture(scope="module", params=MAKING)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny dual encoder; only to be read."""
    torch.set_num_threads(1)
    return MAKING[request.param](tmp_path_factory.mktemp(request.param) / "model")


def opened(folder: Path) -> Encoder:
    assert KIND.embed is not None
    return KIND.embed(folder, Settings())


def by_the_library(folder: Path, looked: Any, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Features as the documentation of transformers has them, of every picture and text alone."""
    network, processor = AutoModel.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)
    padding: Any = True if network.config.model_type == "clip" else "max_length"
    with torch.no_grad():
        images = [
            network.get_image_features(**processor(images=[Image.fromarray(picture)], return_tensors="pt"))
            for picture in looked
        ]
        words = [
            network.get_text_features(
                **processor(text=[text], padding=padding, truncation=True, max_length=64, return_tensors="pt")
            )
            for text in texts
        ]
    found = (torch.cat([each.pooler_output for each in part]) for part in (images, words))
    first, second = (torch.nn.functional.normalize(part, dim=-1) for part in found)
    return first, second


def test_cosines_are_those_of_transformers(folder: Path) -> None:
    looked, texts = pictures(5), [*CAPTIONS[:6], CAPTIONS[0], " ".join(CAPTIONS[:40])]
    images, words = by_the_library(folder, looked, texts)
    model = opened(folder)
    found, (features, cut) = model.images(looked), model.texts(texts)
    torch.testing.assert_close(found @ features.T, images @ words.T, atol=1e-5, rtol=1e-4)
    assert float((images @ words.T).std()) > 0.01, "they tell texts apart"
    assert torch.equal(features[0], features[6]), "equal texts to the last bit"
    assert cut == 1
    assert model.sha256 == sha256_file(folder / "model.safetensors")


def test_grey_pictures_and_a_shape_of_any_kind_are_taken(folder: Path) -> None:
    grey = pictures(2, 90, 50)[..., 0]
    colour = np.repeat(grey[..., None], 3, axis=3)
    torch.testing.assert_close(opened(folder).images(grey), opened(folder).images(colour))


def test_a_folder_is_scored_by_the_command_as_its_features_are_by_the_library(
    small: Published, folder: Path, evaluate: CommandLine, tmp_path: Path
) -> None:
    benchmark = open_benchmarks(small.release)["release-test"]
    captions = [example.caption for example in benchmark.examples]
    images, texts = by_the_library(folder, list(map(np.asarray, _rgb(benchmark.pictures()))), captions)
    expected = score_retrieval({"mine": (images, texts)}, benchmark, resamples=100, seed=7)
    command = ("--task", "retrieval", "--model", folder, "--name", "mine")
    _, figures = evaluate.scores(tmp_path / "scores.json", *command)
    for metric in ("one_positive.mean_recall", "distinct_facts.mean_recall"):
        assert find(figures, metric, "mine").value == pytest.approx(find(expected, metric, "mine").value)
    _, foils = evaluate.scores(tmp_path / "foils.json", "--task", "foils", "--model", folder, "--name", "mine")
    assert find(foils, "accuracy", "mine", subset="kind:count").n > 0


def _rgb(every: Any) -> list[Image.Image]:
    return [Image.fromarray(picture).convert("RGB") for picture in every]


def test_texts_longer_than_a_short_context_are_cut_and_counted(tmp_path: Path) -> None:
    model = opened(clip_folder(tmp_path / "short", context=6))
    features, cut = model.texts(CAPTIONS[:8])
    assert cut == 8 and features.shape == (8, 16)
    whole, none = opened(clip_folder(tmp_path / "long", context=64)).texts(CAPTIONS[:8])
    assert none == 0 and not torch.equal(features, whole)


def test_a_model_of_another_size_of_picture_gets_that_size(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "large", side=48)
    looked = pictures(3)
    torch.testing.assert_close(opened(folder).images(looked), by_the_library(folder, looked, ["a"])[0])


def test_a_perfect_model_reaches_the_ceiling(small: Published, evaluate: CommandLine, tmp_path: Path) -> None:
    """Taught the images of the test split by heart."""
    folder = clip_folder(tmp_path / "perfect")
    benchmark = open_benchmarks(small.release)["release-test"]
    captions, keys = zip(*((example.caption, example.key) for example in benchmark.examples), strict=True)
    by_heart(folder, _rgb(benchmark.pictures()), captions, keys)
    _, figures = evaluate.scores(tmp_path / "scores.json", "--task", "retrieval", "--model", folder)
    metric = "distinct_facts.mean_recall"
    assert find(figures, metric, "model").value == find(figures, metric, "perfect").value == 100


def by_heart(folder: Path, images: list[Image.Image], captions: Sequence[str], keys: Sequence[str]) -> None:
    """Train a CLIP until every image is nearest to the captions of its facts, and the other way round."""
    network, processor = AutoModel.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    inputs = processor(
        images=images, text=list(captions), padding="max_length", truncation=True, return_tensors="pt"
    )
    same = torch.tensor([[one == other for one in keys] for other in keys])
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    network.train()
    for _ in range(1500):
        logits = network(**inputs).logits_per_image
        target = same / same.sum(dim=1, keepdim=True)
        loss = sum(torch.nn.functional.cross_entropy(each, target) for each in (logits, logits.T))
        if loss < 2 * _least(target) + 0.005:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.save_pretrained(folder)


def _least(target: torch.Tensor) -> float:
    return float(torch.special.entr(target).sum(dim=1).mean())


def without_a_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    del state["text_projection.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def as_a_pickle(folder: Path) -> None:
    state = {"weights": Path("anything but tensors")}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def of_nan(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    state["visual_projection.weight"].fill_(torch.nan)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


def change(folder: Path, name: str, **fields: object) -> None:
    write_json(folder / name, {**read_json(folder / name), **fields})


def longer_words(folder: Path) -> None:
    """The tokenizer gets more tokens than the network has."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<more{number}>" for number in range(50)])
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_a_tensor, "the weights lack 'text_projection.weight', which would be random"),
        (of_nan, "hold values that are not finite"),
        (as_a_pickle, "cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x00" * 99), "cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "the folder holds no weights"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "model.pkl"), "is a pickle"),
        (lambda folder: change(folder, "config.json", projection_dim=24), "cannot be read|lack"),
        (lambda folder: change(folder, "config.json", model_type="novel"), "no model of type 'novel'"),
        (
            lambda folder: change(folder, "config.json", model_type="novel", auto_map={"AutoModel": "theirs.py"}),
            "it brings code of its own, which is never run",
        ),
        (lambda folder: change(folder, "config.json", architectures=["CLIPVisionModel"]), "of a known kind"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "an adapter"),
        (lambda folder: (folder / "config.json").write_text("{"), "not valid JSON"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "its processor cannot be read|has no"),
        (longer_words, "the tokenizer knows 412 tokens, the network 400"),
    ],
)
def test_a_folder_that_cannot_be_scored_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    folder = clip_folder(tmp_path / "model")
    spoil(folder)
    with pytest.raises(ModelError, match=said):
        opened(recognise(folder, "retrieval")[1])


def test_weights_in_shards_and_of_torch_are_taken_and_hashed(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "model")
    expected = opened(folder).texts(CAPTIONS[:3])[0]
    network = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder, max_shard_size="40KB")
    index = read_json(folder / "model.safetensors.index.json")
    assert len(set(index["weight_map"].values())) > 1
    sharded = opened(folder)
    torch.testing.assert_close(sharded.texts(CAPTIONS[:3])[0], expected)
    assert len(sharded.sha256 or "") == 64
    shutil.copy(folder / "config.json", tmp_path / "config.json")
    index["weight_map"] = dict.fromkeys(index["weight_map"], "../config.json")
    write_json(folder / "model.safetensors.index.json", index)
    with pytest.raises(ModelError, match=r"its index names '../config.json'"):
        opened(folder)
    (folder / "model.safetensors.index.json").unlink()
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    torch.testing.assert_close(opened(folder).texts(CAPTIONS[:3])[0], expected)


def test_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even for a folder that lacks its tokenizer, and names where it came from."""
    folder = clip_folder(tmp_path / "model")
    change(folder, "config.json", _name_or_path="openai/clip-vit-base-patch32")

    def connected(*address: object) -> None:
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", connected)
    assert len(opened(folder).images(pictures(1))) == 1
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="processor"):
        opened(folder)


def test_a_processor_that_does_not_fit_the_network_is_named(tmp_path: Path) -> None:
    folder = clip_folder(tmp_path / "model")
    settings = read_json(folder / "processor_config.json")
    settings["image_processor"]["crop_size"] = {"height": 40, "width": 40}
    write_json(folder / "processor_config.json", settings)
    with pytest.raises(ModelError, match=r"get_image_features fails.*processor and its network must fit"):
        opened(folder).images(pictures(2))
    with pytest.raises(EvaluationError, match="no pictures"):
        opened(folder).images([])
