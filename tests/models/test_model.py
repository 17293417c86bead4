"""A model takes the whole picture, as plain open_clip does with the checkpoint's settings; its device is there."""

import numpy as np
import pytest
import torch
from PIL import Image

from sartext.errors import ModelError
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from sartext.models.model import device_of, fit, normalise, own_preprocess_cfg
from sartext.models.squashing import squash
from tests.models.making import pictures, small_model


@pytest.mark.parametrize("mode", ["own", "shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_model_sees_what_open_clip_would_show_it(tmp_path, mode, interpolation):
    """Our own are squashed bicubically; a foreign one as its configuration states it."""
    model = small_model(tmp_path, "clip")
    if mode != "own":
        stated = {"resize_mode": mode, "interpolation": interpolation, "fill_color": 9}
        model.config["preprocess_cfg"] = own_preprocess_cfg(64, stated, None)
    checkpoint.save(model, tmp_path / "model")
    _, _, transform = open_clip.create_model_and_transforms(f"local-dir:{tmp_path / 'model'}")
    for shape in [(90, 70), (64, 64), (30, 200), (20, 10)]:
        picture = pictures(1, *shape)[0]
        for shown in (picture, picture[:, :, 0]):
            ours = normalise(torch.from_numpy(fit(shown, model))[None], model)[0]
            assert ours.shape == (3, 64, 64)
            torch.testing.assert_close(ours, transform(Image.fromarray(shown)), rtol=0, atol=1e-6)


def test_a_checkpoint_of_ours_is_fitted_by_squashing_to_the_last_bit(tmp_path):
    checkpoint.save(small_model(tmp_path, "clip"), tmp_path / "model")
    model = checkpoint.load(tmp_path / "model")
    for picture in (pictures(1)[0], pictures(1, 30, 200)[0][:, :, 0]):
        assert np.array_equal(fit(picture, model), squash(picture, model.side))


def test_nothing_is_cut_off():
    picture = np.zeros((300, 100), np.uint8)
    picture[:12, :12] = picture[-12:, -12:] = 255
    small = squash(picture, 64)
    assert small.shape == (64, 64, 3)
    assert small[0, 0].min() > 200
    assert small[-1, -1].min() > 200


def test_both_layouts_give_the_same_input(tmp_path):
    model = small_model(tmp_path, "clip")
    batch = torch.from_numpy(np.stack([squash(picture, 64) for picture in pictures(3)]))
    before = batch.clone()
    assert torch.equal(normalise(batch, model), normalise(batch.permute(0, 3, 1, 2), model))
    assert torch.equal(batch, before), "the batch is not changed"


@pytest.mark.parametrize(("shape", "kind"), [((4, 4, 4), np.uint8), ((4, 4), np.float32), ((0, 4), np.uint8)])
@pytest.mark.parametrize("mode", ["squash", "shortest"])
def test_no_picture_is_no_picture(tmp_path, shape, kind, mode):
    model = small_model(tmp_path, "clip")
    model.config["preprocess_cfg"]["resize_mode"] = mode
    with pytest.raises(ModelError, match="no 8-bit grey or RGB picture"):
        fit(np.zeros(shape, kind), model)


def test_pictures_of_another_side_are_refused(tmp_path):
    with pytest.raises(ModelError, match="takes uint8 of 64 x 64"):
        normalise(torch.zeros(2, 32, 32, 3, dtype=torch.uint8), small_model(tmp_path, "clip"))


def test_the_cpu_is_always_there_and_auto_takes_what_there_is():
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["cuda", "cuda:1"])
def test_a_gpu_that_is_absent_is_told(name):
    with pytest.raises(ModelError, match=r"a GPU is asked for .*training\.device"):
        device_of(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:0", ""])
def test_unknown_names_are_told(name):
    with pytest.raises(ModelError, match="no device"):
        device_of(name)
