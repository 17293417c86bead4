"""SAR is formed as SAR is: speckle, looks, point response, geometry."""

import numpy as np
import pytest

from sartext.simulation.backscatter import BUILT_MEAN_DB, NOISE_DB, TABLE, decibel, gamma_texture, linear
from sartext.simulation.composition import compose
from sartext.simulation.radar import (
    BANDWIDTH,
    DIRECTIONS,
    LOOKS,
    TOWARDS,
    WINDOW,
    Acquisition,
    detect,
    display,
    form_image,
    layover,
    shadow,
)
from sartext.simulation.truth import MARGIN, Cover, cells, on_pixels, smooth_noise
from tests.simulation.scenes import NO_POINTS, flat, homogeneous, point_response, with_block

CLASSES = [cover for cover in Cover if cover is not Cover.BUILT]


@pytest.mark.parametrize("looks", LOOKS)
def test_the_equivalent_number_of_looks_is_the_number_of_looks(looks):
    """Mean squared over variance of the intensity; speckle over 1024 x 1024 pixels in several cells each."""
    image = homogeneous(256, looks, -10.0, seed=looks)
    assert image.mean() ** 2 / image.var() == pytest.approx(looks, rel=0.06)


def test_single_look_intensity_of_plain_ground_is_exponential():
    image = homogeneous(256, 1, -8.0, seed=3)
    relative = image / image.mean()
    assert np.mean(relative > 1.0) == pytest.approx(np.exp(-1.0), abs=0.01)
    assert np.mean(relative > 3.0) == pytest.approx(np.exp(-3.0), abs=0.005)


def test_clutter_keeps_its_calibration():
    for level in (-19.0, -5.0):
        assert 10 * np.log10(homogeneous(256, 4, level, seed=1).mean()) == pytest.approx(level, abs=0.1)


def test_neighbouring_pixels_of_speckle_correlate_as_in_ssdd():
    image = homogeneous(256, 1, -15.0, seed=5)
    for rows in (image, image.T):
        first, second = rows[0::2], rows[1::2]
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(0.6, abs=0.04)
        amplitude = np.corrcoef(np.sqrt(first).ravel(), np.sqrt(second).ravel())[0, 1]
        assert amplitude == pytest.approx(0.6, abs=0.06)


def test_a_point_target_peaks_at_its_level_and_has_the_window_s_side_lobes():
    response = point_response(64, level=20.0)
    centre = response.shape[0] // 2
    cut = decibel(response[centre] + 1e-12)
    assert 19.5 < cut.max() <= 20.0, "cells lie a quarter of a pixel beside the pixel's centre"
    assert int(np.argmax(cut)) == centre
    relative = cut - cut.max()
    falling = np.flatnonzero(np.diff(relative[centre:]) > 0)[0]
    side_lobe = relative[centre + falling :].max()
    assert -25.0 < side_lobe < -18.0, "generalised Hamming 0.75 has its first side lobe near -21 dB"


def test_the_point_response_is_the_windowed_sinc():
    """The transform of a cosine on a pedestal: a sinc and its two neighbours, half power about 2.1 pixels wide."""
    response = point_response(64, level=0.0)
    centre = response.shape[0] // 2
    offset = np.arange(-12, 13) + 0.25

    def windowed_sinc(x):
        sides = np.sinc(BANDWIDTH * x - 1) + np.sinc(BANDWIDTH * x + 1)
        return WINDOW * np.sinc(BANDWIDTH * x) + (1 - WINDOW) / 2 * sides

    expected = (windowed_sinc(offset) * windowed_sinc(0.25) / WINDOW**2) ** 2
    assert response[centre, centre - 12 : centre + 13] == pytest.approx(expected, abs=0.02)
    fine = np.arange(0.0, 6.0, 0.001)
    half = fine[np.flatnonzero((windowed_sinc(fine) / WINDOW) ** 2 < 0.5)[0]]
    assert 1.9 < 2 * half < 2.4


@pytest.mark.parametrize("cover", CLASSES, ids=lambda cover: cover.name.lower())
def test_mean_backscatter_of_each_cover_is_that_of_the_table(cover):
    scene, acquisition = flat(64, cover), Acquisition(10, "left", 38.0)
    images = [form_image(scene, acquisition, ("VV", "VH"), np.random.default_rng(seed)) for seed in range(16)]
    means = decibel(np.mean(images, axis=(0, 2, 3)))
    clutter = TABLE[cover]
    expected = linear(np.array([clutter.vv, clutter.vh])) + linear(np.array([NOISE_DB["VV"], NOISE_DB["VH"]]))
    assert means == pytest.approx(decibel(expected), abs=0.9)


def test_mean_backscatter_of_built_up_land_is_the_measured_one():
    total, pixels = np.zeros(2), 0
    for seed in range(16):
        rng = np.random.default_rng(seed)
        scene = compose("town", 64, {}, rng)
        image = form_image(scene, Acquisition(4, DIRECTIONS[seed % 4], 38.0), ("VV", "VH"), rng)
        town = on_pixels(scene.cover, 64) == Cover.BUILT
        total += image[:, town].sum(axis=1)
        pixels += int(town.sum())
    assert decibel(total / pixels) == pytest.approx([BUILT_MEAN_DB["VV"], BUILT_MEAN_DB["VH"]], abs=1.0)


@pytest.mark.parametrize("order", [2.0, 5.0])
def test_a_textured_sea_is_k_distributed(order):
    """Normalised second moment of single-look intensity: 2 (1 + 1/nu), against 2 of plain speckle."""
    moments = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        texture = gamma_texture(rng, cells(256), order, 5.0)
        image = detect(0.01 * texture, NO_POINTS, 1, rng)[MARGIN:-MARGIN, MARGIN:-MARGIN]
        moments.append(np.mean(image**2) / np.mean(image) ** 2)
    expected = 2.0 * (1.0 + 1.0 / order)
    assert np.mean(moments) > 2.1
    assert np.mean(moments) == pytest.approx(expected, rel=0.12)


def test_texture_has_mean_one_and_the_variance_of_its_order():
    rng = np.random.default_rng(4)
    fields = np.stack([gamma_texture(rng, 160, 4.0, 5.0) for _ in range(40)])
    assert fields.mean() == pytest.approx(1.0, abs=0.02)
    assert fields.var() == pytest.approx(0.25, rel=0.08)
    assert fields.min() >= 0


@pytest.mark.parametrize("scale", [1.5, 4.0, 10.0])
def test_smooth_noise_is_isotropic_with_the_correlation_of_its_scale(scale):
    rng = np.random.default_rng(9)
    fields = np.stack([smooth_noise(rng, 160, scale) for _ in range(60)])
    assert fields.var() == pytest.approx(1.0, rel=0.12)
    lag = round(scale)
    along_x = np.mean(fields[:, :, :-lag] * fields[:, :, lag:]) / fields.var()
    along_y = np.mean(fields[:, :-lag] * fields[:, lag:]) / fields.var()
    assert [along_x, along_y] == pytest.approx([np.exp(-(lag**2) / (4 * scale**2))] * 2, abs=0.05)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_shadow_lies_away_from_the_radar_and_layover_towards_it(direction):
    size, height, incidence = 64, 4.0, 40.0
    scene = with_block(size, height)
    block = scene.height > 0
    hidden = shadow(scene.height, direction, incidence)
    moved = layover(np.where(block, 1.0, 0.0), scene.height, direction, incidence)
    towards = np.array(TOWARDS[direction])
    middle = _centre(block)
    assert (_centre(hidden & ~block) - middle) @ towards < -4.0
    shift = (_centre(moved > 0) - middle) @ towards
    assert shift == pytest.approx(height / np.tan(np.radians(incidence)), abs=0.3)
    assert moved.sum() == pytest.approx(block.sum()), "layover moves power and loses none"
    length = (hidden & ~block).sum() / 4 / 8
    assert length == pytest.approx(height * np.tan(np.radians(incidence)), abs=0.6)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_tall_block_is_bright_before_and_dark_behind_in_the_image(direction):
    scene = with_block(64, 4.0)
    acquisition = Acquisition(10, direction, 40.0)
    image = form_image(scene, acquisition, ("VV",), np.random.default_rng(2))[0]
    x, y = np.array(TOWARDS[direction]) * 6.0
    before = _patch(image, 32 + x, 32 + y)
    behind = _patch(image, 32 - x, 32 - y)
    assert 10 * np.log10(before / behind) > 10.0


def test_looks_average_the_same_scene_and_do_not_move_it():
    scene = with_block(64, 3.0)
    acquisitions = (Acquisition(looks, "left", 38.0) for looks in (1, 10))
    single, multilook = (form_image(scene, item, ("VV",), np.random.default_rng(1))[0] for item in acquisitions)
    assert single.shape == multilook.shape == (64, 64)
    assert multilook[:16].std() < 0.6 * single[:16].std()


def test_the_display_maps_a_fixed_window_of_decibels():
    levels = linear(np.array([[-60.0, -25.0, -12.5, 0.0, 20.0]]))
    assert display(levels).tolist() == [[0, 0, 128, 255, 255]]
    assert display(np.zeros((1, 1))).tolist() == [[0]]


def _centre(mask):
    rows, columns = np.nonzero(mask)
    return np.array([columns.mean(), rows.mean()]) / 2


def _patch(image, x, y):
    return image[round(y) - 2 : round(y) + 2, round(x) - 2 : round(x) + 2].mean()
