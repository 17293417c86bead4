"""Construction: deterministic, finite, and an error where weights were promised and cannot be had."""

import subprocess
import sys

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from sartext.errors import ModelError
from sartext.files import sha256_file
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from sartext.models.construction import FOLDER, Foundation, architecture, build, instantiate, read_foundation
from sartext.models.model import normalise
from sartext.models.pretrained import PRETRAINED
from tests.models import making
from tests.models.making import foundation, pictures, saved, small_model, small_tokenizer, states_equal

BUILD = """
import sys, torch
from pathlib import Path
torch.full((3000, 3000), float(sys.argv[2]))  # leaves memory that is not zero
from sartext.models.checkpoint import save
from tests.models.making import small_model
print(save(small_model(Path(sys.argv[1]), "coca"), Path(sys.argv[1]) / "model"))
"""


def test_two_processes_build_equal_finite_weights(tmp_path):
    command = [sys.executable, "-c", BUILD, str(tmp_path / "there"), "7e4"]
    there = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout.strip()
    torch.full((3000, 3000), float("nan"))
    assert checkpoint.save(small_model(tmp_path / "here", "coca"), tmp_path / "here" / "model") == there
    model = checkpoint.load(tmp_path / "there" / "model")
    head = model.network.state_dict()["text_decoder.text_projection"]
    assert head.std().item() == pytest.approx(head.shape[0] ** -0.5, rel=0.05)
    assert all(torch.isfinite(parameter).all() for parameter in model.network.parameters())


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_the_seed_decides_the_weights_and_nothing_else_is_drawn(tmp_path, kind):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (small_model(tmp_path, kind, seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected), "the caller's random state is its own"
    assert states_equal(first, again)
    assert not states_equal(first, other)


def test_coca_trains_on_the_whole_context_and_knows_the_padding(tmp_path):
    model = small_model(tmp_path, "coca")
    config = model.config["model_cfg"]
    assert config["pad_id"] == config["text_cfg"]["pad_id"] == model.tokenizer.pad == model.network.text.pad_id
    assert config["multimodal_cfg"]["vocab_size"] == config["text_cfg"]["vocab_size"] == model.tokenizer.size
    tokens = model.tokenizer.encode(making.CAPTIONS[:2], full=True)
    assert tokens.shape[1] == model.context == 32
    images = torch.zeros(2, 3, model.side, model.side)
    out = model.network(images, tokens)
    assert out["logits"].shape == (2, model.context - 1, model.tokenizer.size)
    out["logits"].sum().backward()
    assert model.network(images, tokens, output_labels=False)["logits"].shape[1] == model.context


@pytest.mark.parametrize("path", sorted(FOLDER.glob("c*-*.yaml")), ids=lambda path: path.stem)
def test_every_foundation_of_the_package_names_an_architecture(path):
    stated = read_foundation(path)
    config = architecture(stated.architecture)
    assert ("multimodal_cfg" in config) == path.stem.startswith("coca")
    knows_text = stated.pretrained is not None and stated.pretrained not in PRETRAINED
    assert knows_text == (stated.tokenizer == "clip")


def test_a_foundation_may_set_the_size_of_input_and_patches(tmp_path):
    small_tokenizer(tmp_path)
    model = build(read_foundation(FOLDER / "clip-tiny-160.yaml"), tmp_path, seed=1, side=160)
    assert model.network.visual.patch_size == (20, 20)
    assert model.side == 160 == model.config["preprocess_cfg"]["size"]
    assert model.network.encode_image(torch.zeros(1, 3, 160, 160)).shape == (1, 128)


def test_pretrained_weights_from_a_file_folder_or_torch_file_are_all_read(tmp_path):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "model")
    state = {f"module.{name}": tensor for name, tensor in model.network.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "w.pt")
    for place in (tmp_path / "model", tmp_path / "model" / "model.safetensors", tmp_path / "w.pt"):
        built = build(foundation(place), tmp_path / "tokenizer", seed=99)
        assert states_equal(built, model), place
        file = place / "model.safetensors" if place.is_dir() else place
        assert built.sha256 == sha256_file(file)
    assert model.sha256 is None


def test_weights_in_a_folder_bring_their_own_tokenizer_and_normalisation(tmp_path):
    folder = saved(tmp_path)
    making.set_config(folder, "preprocess_cfg", mean=[0.5, 0.4, 0.3], std=0.25)
    built = build(foundation(folder), None, seed=1)
    assert (built.mean, built.std) == ((0.5, 0.4, 0.3), (0.25, 0.25, 0.25))
    assert built.tokenizer.size == small_tokenizer(tmp_path).size


PAPER, SIDE_160 = "ViT-L-14", read_foundation(FOLDER / "clip-tiny-160.yaml")
UNBUILDABLE = [
    (Foundation("clip-tinny"), "no architecture 'clip-tinny'.*clip-tiny"),
    (Foundation("clip-tiny", "laion2b"), "no pretrained weights 'laion2b' of 'clip-tiny'.*it has none"),
    (Foundation(PAPER, "laion2b_s32b", "clip"), "no pretrained weights 'laion2b_s32b'.*laion2b_s32b_b82k"),
    (Foundation(PAPER, "openai", "clip"), "with QuickGELU.*set `architecture: ViT-L-14-quickgelu`"),
    (Foundation("clip-tiny", "weights/none.pt"), "no pretrained weights at .*none.pt"),
    (Foundation("clip-tiny", None, "trained", 60), "60 pixels do not divide into patches of 8.*to 64"),
    (Foundation("roberta-ViT-B-32", None, "clip"), "has a tokenizer of its own"),
    (Foundation("RN50", None, patch_size=16), "image tower of 'RN50' has no patches.*take `patch_size` out"),
    (SIDE_160, r"pictures of 64 pixels for a foundation of 160.*shards\.side"),
]


@pytest.mark.parametrize(("built_from", "message"), UNBUILDABLE)
def test_what_cannot_be_built_is_told(tmp_path, built_from, message):
    small_tokenizer(tmp_path)
    with pytest.raises(ModelError, match=message):
        build(built_from, tmp_path, seed=1, side=64 if built_from is SIDE_160 else None)


@pytest.mark.parametrize("name", ["w.ckpt", "w.pkl", "w.pickle", "W.CKPT"])
def test_a_pickle_by_its_name_is_not_opened_and_the_reason_is_told(tmp_path, monkeypatch, name):
    small_tokenizer(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    for place in (tmp_path / name, folder / name):
        torch.save(small_model(tmp_path, "clip").network.state_dict(), place)
    for place_name in (tmp_path / name, name, folder):
        with pytest.raises(ModelError, match="is a pickle: reading it would unpickle, and that runs") as raised:
            build(foundation(place_name), tmp_path, seed=1)
        assert name in str(raised.value)
        assert "save the tensors alone as safetensors" in raised.value.way_out


def test_a_pickle_beside_weights_is_passed_over(tmp_path):
    folder = saved(tmp_path)
    (folder / "last.ckpt").write_bytes(b"not read")
    assert states_equal(build(foundation(folder), None, seed=99), small_model(tmp_path, "clip"))


def test_a_tag_without_network_names_the_way_out(tmp_path, monkeypatch):
    repositories = []

    def offline(**arguments):
        repositories.append(arguments["repo_id"])
        raise LocalEntryNotFoundError("Cannot find the requested files in the disk cache")

    monkeypatch.setattr(open_clip.pretrained, "hf_hub_download", offline)
    path = tmp_path / "paper.yaml"
    path.write_text((FOLDER / "coca-vit-l-14.yaml").read_text())
    with pytest.raises(ModelError) as raised:
        build(read_foundation(path), None, seed=1)
    assert set(repositories) == {"laion/CoCa-ViT-L-14-laion2B-s13B-b90k"}
    assert "cannot be fetched" in str(raised.value)
    assert "download 'laion/CoCa-ViT-L-14-laion2B-s13B-b90k' elsewhere and name its folder" in raised.value.way_out
    assert raised.value.where == str(path)


MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)


def test_a_tag_brings_its_weights_and_the_normalisation_that_they_know(tmp_path, monkeypatch):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "model")
    hub = {("somebody/tiny", "open_clip_model.safetensors"): str(tmp_path / "model" / "model.safetensors")}
    tags = {"made": {"hf_hub": "somebody/tiny/", "mean": MEAN, "std": STD}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "clip-tiny", tags)

    def download(repo_id, filename, **_):
        return hub[repo_id, filename]

    monkeypatch.setattr(open_clip.pretrained, "hf_hub_download", download)
    built = build(Foundation("clip-tiny", "made"), tmp_path / "tokenizer", seed=99)
    assert states_equal(built, model)
    assert built.sha256 == sha256_file(tmp_path / "model" / "model.safetensors")
    shown = torch.from_numpy(pictures(1, 90, 70)[:, :64, :64].copy())
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    expected = (shown.permute(0, 3, 1, 2) / 255 - mean) / std
    torch.testing.assert_close(normalise(shown, built), expected)
    assert not torch.allclose(normalise(shown, model), expected, atol=0.1)
    checkpoint.save(built, tmp_path / "again")
    again = checkpoint.load(tmp_path / "again")
    assert (again.mean, again.std) == (MEAN, STD)


RANDOM = "architecture: clip-tiny\npretrained: null\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("architecture: clip-tiny\ntokenizer: clip\n", "pretrained: Field required"),
        (f"{RANDOM}tokenizer: clap\n", "tokenizer"),
        (f"{RANDOM}tokenizer: clip\nimage_sise: 64\n", "unknown name.*image_size"),
        ("architecture: [\n", "not a readable YAML"),
        ("- clip\n", "valid dictionary"),
    ],
)
def test_a_wrong_foundation_file_is_told(tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ModelError, match=message):
        read_foundation(path)


def test_an_absent_foundation_file_lists_those_of_the_package(tmp_path):
    with pytest.raises(ModelError, match=r"no such foundation file.*coca-tiny\.yaml"):
        read_foundation(tmp_path / "none.yaml")


def test_a_configuration_that_open_clip_does_not_know_is_told():
    config = architecture("clip-tiny")
    config["vision_cfg"]["colour"] = "red"
    with pytest.raises(ModelError, match="open_clip cannot build this model_cfg"):
        instantiate(config, "x.json")
