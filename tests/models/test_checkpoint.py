"""Checkpoints: what plain open_clip reads, and what is refused with the reason."""

import pickle

import pytest
import torch

from sartext.errors import ModelError
from sartext.files import read_json, sha256_file, write_json
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from sartext.models.construction import Foundation, build
from tests.models.making import CAPTIONS, saved, set_config, small_model, states_equal
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


def test_equal_weights_are_equal_bytes(tmp_path):
    model = small_model(tmp_path, "coca")
    first = checkpoint.save(model, tmp_path / "a")
    assert checkpoint.save(model, tmp_path / "b") == first
    with torch.no_grad():
        model.network.logit_scale.add_(1)
    assert checkpoint.save(model, tmp_path / "b") != first
    assert checkpoint.load(tmp_path / "a").sha256 == first


def test_a_foreign_checkpoint_keeps_its_own_resizing_until_it_is_trained_on(tmp_path):
    model = small_model(tmp_path, "clip")
    checkpoint.save(model, tmp_path / "model")
    stated = {"mean": 0.5, "std": [0.5, 0.5, 0.5], "interpolation": "bilinear"}
    write_json(tmp_path / "model" / "open_clip_config.json", {**model.config, "preprocess_cfg": stated})
    torch.save(model.network.state_dict(), tmp_path / "model" / "open_clip_pytorch_model.bin")
    (tmp_path / "model" / "model.safetensors").unlink()
    again = checkpoint.load(tmp_path / "model")
    assert states_equal(again, model)
    own = again.config["preprocess_cfg"]
    assert (own["resize_mode"], own["interpolation"]) == ("shortest", "bilinear"), "the default, and its own"
    assert again.mean == (0.5, 0.5, 0.5)
    trained = checkpoint.start("model", tmp_path, None, seed=7)
    assert trained.config["preprocess_cfg"]["resize_mode"] == "squash", "shards are squashed"
    assert trained.mean == (0.5, 0.5, 0.5)


def test_a_resizing_that_open_clip_does_not_know_is_refused(tmp_path):
    set_config(saved(tmp_path), "preprocess_cfg", resize_mode="shortes")
    _refused(tmp_path / "model", "resize_mode 'shortes' is unknown; did you mean 'shortest'")


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


def _tampered(content):
    return content[:-1] + bytes([content[-1] ^ 1])


DAMAGE = {"cut": lambda content: content[:-1000], "garbage": lambda _: b"\xff" * 4000, "empty": lambda _: b""}


def _damage(path, change):
    path.write_bytes(change(path.read_bytes()))


def _refused(folder, message, **options):
    with pytest.raises(ModelError, match=message) as raised:
        checkpoint.load(folder, **options)
    assert str(folder) in str(raised.value)
    assert raised.value.way_out


@pytest.fixture
def recorded(tmp_path):
    """The folder of a checkpoint with the record of its training, and its model."""
    folder, model = tmp_path / "model", small_model(tmp_path, "clip")
    record = {"model_sha256": checkpoint.save(model, folder), "model": model.config}
    write_json(folder / "training.json", {**record, "tokenizer_sha256": model.tokenizer.files_sha256()})
    checkpoint.load(folder)
    return folder, model


@pytest.mark.parametrize("change", [*DAMAGE.values(), _tampered], ids=[*DAMAGE, "tampered"])
def test_weights_that_the_training_did_not_write_are_refused(recorded, change):
    _damage(recorded[0] / "model.safetensors", change)
    _refused(recorded[0], "not the weights that the training wrote")


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_seen_without_a_record_too(tmp_path, change):
    folder = saved(tmp_path)
    _damage(folder / "model.safetensors", change)
    _refused(folder, r"model\.safetensors: the file is damaged or cut short")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    model = small_model(tmp_path, "clip")
    model.network.logit_scale.data.fill_(float("nan"))
    checkpoint.save(model, tmp_path / "model")
    _refused(tmp_path / "model", "'logit_scale' hold values that are not finite")


@pytest.mark.parametrize("how", ["pickle", "torch-pickle", "torch-cut"])
def test_a_torch_file_is_read_without_unpickling_or_not_at_all(tmp_path, capfd, how):
    folder = saved(tmp_path)
    state, weights = checkpoint.load(folder).network.state_dict(), folder / "model.pth"
    (folder / "model.safetensors").unlink()
    if how == "pickle":
        weights.write_bytes(pickle.dumps({"x": Harmful()}))
    else:
        torch.save({"state_dict": state, "args": Harmful()} if how == "torch-pickle" else state, weights)
    if how == "torch-cut":
        _damage(weights, lambda content: content[:5000])
    _refused(folder, "damaged or cut short" if how == "torch-cut" else "would unpickle.*safetensors")
    assert "stranger" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", None, "holds no weights"),
        ("open_clip_config.json", None, "no open_clip_config.json"),
        ("open_clip_config.json", "{", "not valid JSON"),
        ("open_clip_config.json", '{"model_cfg": {"embed_dim": 3}}', "no model_cfg with both towers"),
        ("tokenizer.json", None, "tokenizer's file is missing"),
    ],
)
def test_a_file_that_lacks_or_says_something_else_is_named(recorded, name, content, message):
    (recorded[0] / name).unlink()
    if content is not None:
        (recorded[0] / name).write_text(content)
    _refused(recorded[0], message)


@pytest.mark.parametrize("name", ["open_clip_model.safetensors", "other.safetensors"])
def test_where_a_training_left_its_record_no_other_weights_are_read(recorded, tmp_path, name):
    folder, _ = recorded
    digest = sha256_file(folder / "model.safetensors")
    checkpoint.save(small_model(tmp_path, "clip", 8), tmp_path / "other")
    (tmp_path / "other" / "model.safetensors").rename(folder / name)
    assert checkpoint.load(folder).sha256 == digest
    (folder / "model.safetensors").unlink()
    _refused(folder, r"there is no model\.safetensors")
    with pytest.raises(ModelError, match=r"there is no model\.safetensors"):
        build(Foundation("clip-tiny", str(folder)), None, seed=1)
    (folder / name).replace(folder / "model.safetensors")
    with pytest.raises(ModelError, match="not the weights that the training wrote"):
        build(Foundation("clip-tiny", str(folder)), None, seed=1)


@pytest.mark.parametrize("name", ["open_clip_config.json", "tokenizer.json", "tokenizer_config.json"])
def test_another_configuration_or_tokenizer_than_the_trainings_is_refused(recorded, name):
    path = recorded[0] / name
    write_json(path, {**read_json(path), "added": 1})
    part = "tokenizer" if name.startswith("tokenizer") else "configuration"
    _refused(recorded[0], f"not the {part} that the training wrote")


def test_weights_of_another_architecture_are_told_by_what_differs(tmp_path):
    clip, coca = (saved(tmp_path / kind, kind) for kind in ("clip", "coca"))
    (clip / "model.safetensors").replace(coca / "model.safetensors")
    _refused(coca, r"another architecture: it lacks '.*' and \d+ more, it has no place for")


def test_weights_of_another_width_are_told_by_their_shape(tmp_path):
    folder = saved(tmp_path)
    set_config(folder, "model_cfg", "text_cfg", width=64)
    _refused(folder, r"another architecture: .* is .*128.* in the file and .*64.* in the config")


def test_a_clip_is_no_captioner(tmp_path):
    _refused(saved(tmp_path), "the checkpoint is a CLIP, a CoCa is needed", expected_kind="coca")


def test_a_failed_save_leaves_the_good_checkpoint(tmp_path, monkeypatch):
    model = small_model(tmp_path, "clip")
    digest = checkpoint.save(model, tmp_path / "model")

    def no_space(state, path, metadata):
        path.write_bytes(b"half")
        raise OSError("broken pipe")

    monkeypatch.setattr(checkpoint, "save_file", no_space)
    with pytest.raises(OSError, match="broken pipe"):
        checkpoint.save(model, tmp_path / "model")
    assert checkpoint.load(tmp_path / "model").sha256 == digest
    assert not [path for path in (tmp_path / "model").iterdir() if path.name.startswith(".partial")]
