"""What is varied acts as stated, measured on the images; all else stays as it is."""

from dataclasses import replace

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.physics import CURVES, ORDINARY, SETTINGS, Setting
from sartext.evaluation.physics.rendering import intensity, reflect, reflect_without, without
from sartext.simulation import radar
from sartext.simulation.backscatter import PointTargets, decibel, linear
from sartext.simulation.composition import compose
from sartext.simulation.truth import MARGIN, Cover, cells
from tests.simulation.scenes import NO_POINTS, flat

ACQUISITION = radar.Acquisition(4, "left", 38.0)


def rng(seed=1):
    return np.random.default_rng(seed)


def sea_with_ships(seed=2, count=4):
    return compose("sea", 64, {"ship": count}, rng(seed))


def test_settings_vary_one_thing_at_a_time_around_the_ordinary_one():
    assert len(SETTINGS) == sum(len(values) - 1 for values in CURVES.values()) + 1
    for setting in SETTINGS:
        assert sum(getattr(setting, name) != getattr(ORDINARY, name) for name in CURVES) <= 1
    for name, values in CURVES.items():
        assert getattr(ORDINARY, name) in values


def test_the_variation_of_speckle_falls_as_one_over_looks():
    """Of many draws over one scene, so that the ground's own texture does not count."""
    reflection = reflect(flat(32, Cover.BARE), ACQUISITION, rng())
    for looks in CURVES["looks"]:
        draws = [intensity(replace(reflection, rng=rng(seed)), Setting(looks=int(looks))) for seed in range(32)]
        relative = np.var(draws, axis=0, ddof=1).mean() / (np.mean(draws, axis=0) ** 2).mean()
        assert relative == pytest.approx(1 / looks, rel=0.12)


def test_the_first_looks_of_many_are_those_of_few():
    reflection = reflect(sea_with_ships(), ACQUISITION, rng())
    one, two = (intensity(reflection, Setting(looks=looks)) for looks in (1, 2))
    four = intensity(reflection, Setting(looks=4))
    assert np.all(2 * two - one >= -1e-9), "what is left of two looks after the first is an intensity"
    assert np.all(4 * four - 2 * two >= -1e-9)


@pytest.mark.parametrize("resolution", CURVES["resolution"])
def test_a_k_fold_resolution_cell_is_k_times_as_wide_and_targets_fade_by_its_area(resolution):
    place = np.array([32.25])
    target = PointTargets(place, place, np.zeros(1), np.array([10.0]))
    bandwidth = radar.BANDWIDTH / resolution
    image = radar.detect(np.zeros((cells(64),) * 2), target, 1, rng(), bandwidth)
    assert 10 * np.log10(image.max()) == pytest.approx(10 - 20 * np.log10(resolution), abs=0.4)
    line = image[MARGIN + 32] / image.max()
    fine = np.interp(np.arange(0, 79, 0.01), np.arange(80), line)
    assert (fine > 0.5).sum() / 100 == pytest.approx(2.12 * resolution, rel=0.12), "half-power width"


@pytest.mark.parametrize("resolution", CURVES["resolution"])
def test_at_a_coarser_resolution_clutter_keeps_level_and_looks_and_correlates_further(resolution):
    power = np.full((cells(256),) * 2, float(linear(-10.0)))
    image = radar.detect(power, NO_POINTS, 4, rng(), radar.BANDWIDTH / resolution)
    assert 10 * np.log10(image.mean()) == pytest.approx(-10.0, abs=0.15)
    assert image.mean() ** 2 / image.var() == pytest.approx(4, rel=0.2)
    lag = round(2 * resolution)
    correlation = np.corrcoef(image[:, lag:].ravel(), image[:, :-lag].ravel())[0, 1]
    assert correlation == pytest.approx(0.17, abs=0.1), "one resolution cell apart"


def test_the_coarser_the_setting_the_further_neighbouring_pixels_correlate():
    reflection = reflect(flat(64, Cover.BARE), ACQUISITION, rng())
    correlations = []
    for resolution in CURVES["resolution"]:
        image = intensity(reflection, Setting(resolution=resolution))
        correlations.append(np.corrcoef(image[:, 2:].ravel(), image[:, :-2].ravel())[0, 1])
    assert correlations == sorted(correlations)
    assert correlations[-1] - correlations[0] > 0.4


@pytest.mark.parametrize("contrast", CURVES["contrast"])
def test_contrast_moves_the_objects_level_and_leaves_the_ground(contrast):
    scene = sea_with_ships()
    reflection = reflect(scene, ACQUISITION, rng())
    ordinary, found = (
        np.mean([intensity(replace(reflection, rng=rng(seed)), setting) for seed in range(12)], axis=0)
        for setting in (ORDINARY, Setting(contrast=contrast))
    )
    bright = ordinary > 0.3 * ordinary.max()
    assert decibel(found[bright].mean()) - decibel(ordinary[bright].mean()) == pytest.approx(contrast, abs=0.3)
    far = _far_from_objects(scene, 8)
    change = decibel(found[far]) - decibel(ordinary[far])
    assert np.median(change) == pytest.approx(0, abs=0.1), "side lobes reach far, on the targets' rows and columns"


def test_contrast_changes_nothing_where_there_is_no_object():
    reflection = reflect(compose("farmland", 64, {}, rng()), ACQUISITION, rng())
    np.testing.assert_array_equal(intensity(reflection), intensity(reflection, Setting(contrast=-9)))


@pytest.mark.parametrize("label, theme", [("ship", "sea"), ("tank", "depot"), ("vehicle", "town")])
def test_a_removed_object_changes_its_neighbourhood_and_little_else(label, theme):
    scene = compose(theme, 64, {label: 4}, rng(8))
    index = next(number for number, thing in enumerate(scene.things) if thing.label == label)
    whole = reflect(scene, ACQUISITION, rng())
    before = radar.display(intensity(whole)).astype(int)
    after = radar.display(intensity(reflect_without(whole, index, rng()))).astype(int)
    near = _near(scene.things[index], 6)
    assert np.abs(before - after)[near].max() > 60
    # beyond are the side lobes of its point targets alone: half a decibel is five levels of the display
    assert np.mean(np.abs(before - after)[~near] <= 5) > 0.9
    redrawn = radar.display(intensity(replace(whole, rng=rng(9)))).astype(int)
    assert np.mean(np.abs(before - redrawn)[~near] <= 5) < 0.5, "other speckle changes all of it"
    assert (before - after)[near].mean() > 0, "an object is brighter than what is under it"


def test_without_an_object_the_others_keep_their_targets_and_the_ground_its_texture():
    scene = sea_with_ships()
    whole = reflect(scene, ACQUISITION, rng())
    for index in range(len(scene.things)):
        bare = reflect_without(whole, index, rng())
        gone = np.isneginf(bare.points.level)
        distance = np.hypot(whole.points.x - scene.things[index].x, whole.points.y - scene.things[index].y)
        assert gone.any()
        assert distance[gone].max() < scene.things[index].length / 2 + 1.5
        np.testing.assert_array_equal(bare.points.level[~gone], whole.points.level[~gone])
        body = scene.owner == index + 1
        np.testing.assert_array_equal(bare.power[~body], whole.power[~body])
        assert bare.power[body].mean() < whole.power[body].mean()
        assert bare.rng.bit_generator.state == whole.rng.bit_generator.state


def test_a_scene_without_an_object_is_the_scene_with_one_thing_less():
    scene = sea_with_ships()
    bare = without(scene, 1)
    assert bare.things == (scene.things[0], *scene.things[2:])
    for index, thing in enumerate(bare.things, start=1):
        before = scene.things.index(thing) + 1
        np.testing.assert_array_equal(bare.owner == index, scene.owner == before)
    assert bare.height[scene.owner == 2].max() == 0
    assert scene.height[scene.owner == 2].max() > 0, "the scene itself stays"
    np.testing.assert_array_equal(bare.cover, scene.cover)


def test_all_objects_stand_on_level_ground():
    """So that the ground below a removed one is known to be at height 0."""
    for seed in range(6):
        for theme, label in (("coast", "ship"), ("town", "vehicle"), ("depot", "tank"), ("airport", "aircraft")):
            placed = compose(theme, 64, {label: 5}, rng(seed))
            ground = compose(theme, 64, {}, rng(seed))
            assert not ground.height[placed.owner > 0].any()


def test_a_bridge_is_not_removed():
    scene = next(
        found
        for seed in range(20)
        if "bridge" in (found := compose("river", 64, {"bridge": 2}, rng(seed))).counts()
    )
    with pytest.raises(EvaluationError, match="bridge"):
        without(scene, 0)


def _near(thing, reach):
    y, x = np.indices((64, 64)) + 0.5
    return np.hypot(x - thing.x, y - thing.y) < thing.length / 2 + reach


def _far_from_objects(scene, reach):
    return ~np.logical_or.reduce([_near(thing, reach) for thing in scene.things])
