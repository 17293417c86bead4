"""Pixels without data are black and decide nothing; an image without anything to see is skipped."""

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from sartext.captioner.user_files.display import Display, stretch
from sartext.corpora.quarantine import Unusable

from .tiny_models import write_png, write_tiff

pytestmark = pytest.mark.filterwarnings("ignore", category=NotGeoreferencedWarning)


def amplitudes(kind=np.float32):
    """From 0 to 1, with -9999 in the upper half."""
    values = np.random.default_rng(3).rayleigh(0.2, (64, 64)).clip(0.01, 1).astype(kind)
    values[:32] = -9999
    return values


def test_a_files_own_tag_says_what_is_no_data(tmp_path):
    tagged = write_tiff(tmp_path / "tagged.tif", amplitudes(), nodata=-9999)
    whole = write_tiff(tmp_path / "whole.tif", amplitudes()[32:])
    window = stretch(Display(), [tagged])
    assert window == stretch(Display(), [whole]) == stretch(Display(nodata=-9999), [tagged])
    shown = Display(stretched=window).picture(tagged)
    assert (shown[:32] == 0).all()
    assert (shown[32:] == Display(stretched=window).picture(whole)).all()
    assert len(np.unique(shown)) > 100  # amplitudes, not taken for dB


def test_what_is_told_stands_above_the_tag(tmp_path):
    values = np.linspace(-30, 5, 64 * 64, dtype=np.float32).reshape(64, 64)
    values[0] = 7
    path = write_tiff(tmp_path / "a.tif", values, nodata=-1)
    assert (Display().picture(path)[0] == 255).all()
    assert (Display(nodata=7).picture(path)[0] == 0).all()


def test_a_tag_of_nan_and_the_lowest_float_are_understood(tmp_path):
    for name, mark in (("nan.tif", np.nan), ("lowest.tif", float(np.finfo(np.float32).min))):
        values = amplitudes()
        values[:32] = mark
        shown = Display().picture(write_tiff(tmp_path / name, values, nodata=mark))
        assert (shown[:32] == 0).all() and len(np.unique(shown)) > 100


def test_an_8_bit_file_with_a_tag_is_black_there_and_a_palette_keeps_its_colours(tmp_path):
    pixels = np.arange(64, dtype=np.uint8).repeat(64).reshape(64, 64)
    shown = Display().picture(write_tiff(tmp_path / "a.tif", pixels, nodata=63))
    assert (shown[63] == 0).all() and (shown[:63] == pixels[:63]).all()
    path = write_tiff(tmp_path / "b.tif", pixels, nodata=63)
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {level: (level, 63, 63) for level in range(64)})
    assert (Display().picture(path)[63] == 63).all()


def test_values_too_low_for_db_are_not_guessed_to_be(tmp_path):
    path = write_tiff(tmp_path / "a.tif", amplitudes())
    with pytest.raises(Unusable, match=r"quantity-unknown.*-9999 are no dB; name --nodata"):
        Display().picture(path)
    assert len(np.unique(Display(nodata=-9999).picture(path))) > 100


EMPTY = {
    "nan.tif": (np.full((16, 16), np.nan, dtype=np.float32), None, "no-valid-pixels"),
    "zero.tif": (np.zeros((16, 16), dtype=np.float32), None, "no-valid-pixels"),
    "tagged.tif": (np.full((16, 16), -9999, dtype=np.float32), -9999, "no-valid-pixels"),
    "below.tif": (np.linspace(-90, -80, 256, dtype=np.float32).reshape(16, 16), None, "constant-image"),
    "black.png": (np.zeros((16, 16), dtype=np.uint8), None, "constant-image"),
    "white.png": (np.full((16, 16, 3), 255, dtype=np.uint8), None, "constant-image"),
    "eight.tif": (np.full((16, 16), 255, dtype=np.uint8), 255, "no-valid-pixels"),
}


def test_images_with_nothing_to_see_are_skipped_with_the_reason_and_counted(folder, captioned):
    for name, (pixels, nodata, _) in EMPTY.items():
        if name.endswith(".png"):
            write_png(folder / name, pixels)
        else:
            write_tiff(folder / name, pixels, nodata=nodata)
    done, _ = captioned()
    reasons = {name.split("/")[-1]: reason.split(":")[0] for name, reason in done.unreadable}
    assert reasons == {name: reason for name, (_, _, reason) in EMPTY.items()}
    assert done.captioned == 6
