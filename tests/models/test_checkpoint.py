"""Checkpoints: what plain open_clip reads, and what is refused with the reason."""

import json
import pickle

import pytest
import torch

from sartext.errors import ModelError
from sartext.files import sha256_file, write_json
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from sartext.models.construction import Foundation, build
from tests.models.making import CAPTIONS, small_model, states_equal
from tests.models.test_tokenizer import STRANGE


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_plain_open_clip_reads_the_same_model(tmp_path, kind):
    model = small_model(tmp_path, kind)
    folder = tmp_path / "model"
    digest = checkpoint.save(model, folder)
    ours = checkpoint.load(folder)
    assert (ours.kind, ours.sha256, ours.side, ours.context) == (kind, digest, model.side, model.context)
    assert digest == sha256_file(folder / "model.safetensors")
    theirs, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    theirs.eval()
    state = theirs.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in ours.network.state_dict().items())
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    texts = [*CAPTIONS[::5], *STRANGE, " ".join(CAPTIONS[:4])]
    ids = ours.tokenizer.encode(texts, full=True, cut=True)
    assert torch.equal(ids, tokenizer(texts))
    images = torch.randn(2, 3, model.side, model.side)
    with torch.no_grad():
        assert torch.equal(ours.network.encode_image(images), theirs.encode_image(images))
        assert torch.equal(ours.network.encode_text(ids[:5]), theirs.encode_text(ids[:5]))


def test_clips_tokenizer_needs_no_files(tmp_path):
    model = build(Foundation("coca-tiny", None, "clip"), None, seed=1)
    checkpoint.save(model, tmp_path)
    assert not list(tmp_path.glob("tokenizer*"))
    again = checkpoint.load(tmp_path)
    assert states_equal(model, again)
    texts = [*CAPTIONS[:20], *STRANGE]
    theirs = open_clip.get_tokenizer(f"local-dir:{tmp_path}")(texts)
    assert torch.equal(again.tokenizer.encode(texts, full=True), theirs)


def test_equal_weights_are_equal_bytes_and_last_stands_beside_best(tmp_path):
    model = small_model(tmp_path, "coca")
    first = checkpoint.save(model, tmp_path / "a")
    second = checkpoint.save(model, tmp_path / "b")
    assert first == second
    with torch.no_grad():
        model.network.logit_scale.add_(1)
    last = checkpoint.save(model, tmp_path / "a", name="last.safetensors")
    assert last != first
    assert checkpoint.load(tmp_path / "a").sha256 == first
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [
        "last.safetensors",
        "model.safetensors",
        "open_clip_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def _configured(folder, part, **fields):
    config = folder / "open_clip_config.json"
    whole = json.loads(config.read_text())
    whole[part] = whole[part] | fields
    config.write_text(json.dumps(whole))


def test_a_foreign_checkpoint_keeps_its_own_resizing_until_it_is_trained_on(tmp_path):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "model")
    config = tmp_path / "model" / "open_clip_config.json"
    content = json.loads(config.read_text())
    content["preprocess_cfg"] = {"mean": 0.5, "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"}
    config.write_text(json.dumps(content))
    torch.save(model.network.state_dict(), tmp_path / "model" / "open_clip_pytorch_model.bin")
    (tmp_path / "model" / "model.safetensors").unlink()
    again = checkpoint.load(tmp_path / "model")
    assert states_equal(again, model)
    own = again.config["preprocess_cfg"]
    assert (own["resize_mode"], own["interpolation"]) == ("shortest", "bilinear"), (
        "open_clip's default, and its own"
    )
    assert again.mean == (0.5, 0.5, 0.5)
    trained = checkpoint.start("model", tmp_path, None, seed=7)
    assert trained.config["preprocess_cfg"]["resize_mode"] == "squash", "shards are squashed"
    assert trained.mean == (0.5, 0.5, 0.5)


def test_a_resizing_that_open_clip_does_not_know_is_refused(tmp_path):
    checkpoint.save(small_model(tmp_path, "clip"), tmp_path / "model")
    _configured(tmp_path / "model", "preprocess_cfg", resize_mode="shortes")
    with pytest.raises(ModelError, match="resize_mode 'shortes' is unknown; did you mean 'shortest'"):
        checkpoint.load(tmp_path / "model")


def test_a_training_starts_from_a_foundation_or_a_checkpoint(tmp_path):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "build" / "checkpoint" / "first")
    (tmp_path / "mine.yaml").write_text("architecture: clip-tiny\npretrained: null\ntokenizer: trained\n")
    fresh = checkpoint.start("mine.yaml", tmp_path, tmp_path / "tokenizer", seed=7, side=64)
    assert states_equal(fresh, model)
    after = checkpoint.start("build/checkpoint/first", tmp_path, None, seed=7, side=64)
    assert states_equal(after, model)
    with pytest.raises(ModelError, match="takes pictures of 64 pixels, the shards hold 128"):
        checkpoint.start("build/checkpoint/first", tmp_path, None, seed=7, side=128)


class Harmful:
    def __reduce__(self):
        return print, ("code of a stranger ran",)


def _break(folder, how, other):
    weights = folder / "model.safetensors"
    if how == "cut":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif how == "garbage":
        weights.write_bytes(b"\xff" * 4000)
    elif how == "empty":
        weights.write_bytes(b"")
    elif how == "tampered":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    elif how == "not-finite":
        other.network.logit_scale.data.fill_(float("nan"))
        checkpoint.save(other, folder)
        (folder / "training.json").unlink()
    elif how in {"pickle", "torch-pickle", "torch-cut"}:
        weights.unlink()
        (folder / "training.json").unlink()
        if how == "pickle":
            (folder / "model.pth").write_bytes(pickle.dumps({"x": Harmful()}))
        elif how == "torch-pickle":
            torch.save({"state_dict": other.network.state_dict(), "args": Harmful()}, folder / "model.pth")
        else:
            torch.save(other.network.state_dict(), folder / "model.pth")
            (folder / "model.pth").write_bytes((folder / "model.pth").read_bytes()[:5000])
    elif how == "no-weights":
        weights.unlink()
    elif how == "no-config":
        (folder / "open_clip_config.json").unlink()
    elif how == "bad-config":
        (folder / "open_clip_config.json").write_text("{")
    elif how == "no-tower":
        (folder / "open_clip_config.json").write_text('{"model_cfg": {"embed_dim": 3}}')
    elif how == "no-tokenizer":
        (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", "not the weights that the training wrote"),
        ("tampered", "not the weights that the training wrote"),
        ("garbage", "not the weights that the training wrote"),
        ("empty", "not the weights that the training wrote"),
        ("not-finite", "'logit_scale' hold values that are not finite"),
        ("pickle", "would unpickle.*safetensors"),
        ("torch-pickle", "would unpickle.*safetensors"),
        ("torch-cut", "damaged or cut short"),
        ("no-weights", "holds no weights"),
        ("no-config", "no open_clip_config.json"),
        ("bad-config", "not valid JSON"),
        ("no-tower", "no model_cfg with both towers"),
        ("no-tokenizer", "tokenizer's file is missing"),
    ],
)
def test_a_bad_checkpoint_is_one_line_with_place_and_way_out(tmp_path, capfd, how, message):
    folder = tmp_path / "model"
    model = small_model(tmp_path, "clip")
    write_json(folder / "training.json", {"model_sha256": checkpoint.save(model, folder)})
    checkpoint.load(folder)
    _break(folder, how, model)
    with pytest.raises(ModelError, match=message) as raised:
        checkpoint.load(folder)
    assert str(folder) in str(raised.value)
    assert raised.value.way_out
    assert "\n" not in str(raised.value)
    assert "stranger" not in capfd.readouterr().out


@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "last.safetensors"])
def test_where_a_training_left_its_record_no_other_weights_are_read(tmp_path, name):
    folder = tmp_path / "model"
    digest = checkpoint.save(small_model(tmp_path, "clip"), folder)
    write_json(folder / "training.json", {"model_sha256": digest})
    checkpoint.save(small_model(tmp_path, "clip", 8), folder, name=name)
    assert checkpoint.load(folder).sha256 == digest
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"there is no model\.safetensors"):
        checkpoint.load(folder)
    with pytest.raises(ModelError, match=r"there is no model\.safetensors"):
        build(Foundation("clip-tiny", str(folder)), None, seed=1)
    (folder / name).replace(folder / "model.safetensors")
    with pytest.raises(ModelError, match="not the weights that the training wrote"):
        build(Foundation("clip-tiny", str(folder)), None, seed=1)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("open_clip_config.json", "configuration"),
        ("tokenizer.json", "tokenizer"),
        ("tokenizer_config.json", "tokenizer"),
    ],
)
def test_another_configuration_or_tokenizer_than_the_trainings_is_refused(tmp_path, name, what):
    folder, model = tmp_path / "model", small_model(tmp_path, "clip")
    record = {"model_sha256": checkpoint.save(model, folder), "model": model.config}
    write_json(folder / "training.json", {**record, "tokenizer_sha256": model.tokenizer.files_sha256()})
    checkpoint.load(folder)
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, "added": 1}))
    with pytest.raises(ModelError, match=f"not the {what} that the training wrote"):
        checkpoint.load(folder)


@pytest.mark.parametrize("how", ["cut", "garbage", "empty"])
def test_damage_is_seen_without_a_record_too(tmp_path, how):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "model")
    _break(tmp_path / "model", how, model)
    with pytest.raises(ModelError, match=r"model\.safetensors: the file is damaged or cut short"):
        checkpoint.load(tmp_path / "model")


def test_weights_of_another_architecture_are_told_by_what_differs(tmp_path):
    clip, coca = small_model(tmp_path, "clip"), small_model(tmp_path, "coca")
    checkpoint.save(clip, tmp_path / "clip")
    checkpoint.save(coca, tmp_path / "coca")
    (tmp_path / "clip" / "model.safetensors").replace(tmp_path / "coca" / "model.safetensors")
    with pytest.raises(ModelError, match=r"another architecture: it lacks '.*' and \d+ more, it has no place for"):
        checkpoint.load(tmp_path / "coca")


def test_weights_of_another_width_are_told_by_their_shape(tmp_path):
    checkpoint.save(small_model(tmp_path, "clip"), tmp_path / "clip")
    config = tmp_path / "clip" / "open_clip_config.json"
    content = json.loads(config.read_text())
    content["model_cfg"]["text_cfg"]["width"] = 64
    config.write_text(json.dumps(content))
    with pytest.raises(
        ModelError, match=r"another architecture: .* is .*128.* in the file and .*64.* in the config"
    ):
        checkpoint.load(tmp_path / "clip")


def test_a_clip_is_no_captioner(tmp_path):
    checkpoint.save(small_model(tmp_path, "clip"), tmp_path / "clip")
    with pytest.raises(ModelError, match="the checkpoint is a CLIP, a CoCa is needed"):
        checkpoint.load(tmp_path / "clip", expected_kind="coca")


def test_no_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ModelError, match="no checkpoint's folder"):
        checkpoint.load(tmp_path / "none")


def test_a_failed_save_leaves_the_good_checkpoint(tmp_path, monkeypatch):
    model = small_model(tmp_path, "clip")
    digest = checkpoint.save(model, tmp_path / "model")
    monkeypatch.setattr(checkpoint, "save_file", _no_space)
    with pytest.raises(OSError, match="broken pipe"):
        checkpoint.save(model, tmp_path / "model")
    assert checkpoint.load(tmp_path / "model").sha256 == digest
    assert not [path for path in (tmp_path / "model").iterdir() if path.name.startswith(".partial")]


def _no_space(state, path, metadata):
    path.write_bytes(b"half")
    raise OSError("broken pipe")
