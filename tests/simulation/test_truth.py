"""Scenes: objects lie where such objects lie, apart from each other, inside the image; boxes hold them."""

import numpy as np
import pytest

from sartext.config import SimulationParameters
from sartext.simulation.composition import THEMES, compose, shoot
from sartext.simulation.radar import Acquisition, display, form_image, radar_box
from sartext.simulation.truth import THING_LABELS, Cover, Scene, extent, footprint, image_window
from tests.simulation.scenes import a_thing, flat

GROUND = {"ship": {Cover.WATER}, "aircraft": {Cover.APRON}, "vehicle": {Cover.ROAD}, "tank": {Cover.BUILT}}
WANTED = {"ship": 5, "aircraft": 4, "vehicle": 4, "tank": 4, "bridge": 2}


def scenes(count: int = 8) -> list[Scene]:
    return [
        compose(theme, 64, WANTED, np.random.default_rng([index, number]))
        for index, theme in enumerate(THEMES)
        for number in range(count)
    ]


def test_objects_lie_on_the_ground_they_belong_on():
    seen = set()
    for scene in scenes():
        for index, thing in enumerate(scene.things, start=1):
            seen.add(thing.label)
            if thing.label in GROUND:
                under = {Cover(code) for code in np.unique(scene.cover[scene.owner == index])}
                assert under <= GROUND[thing.label], thing
    assert seen == set(THING_LABELS)


def test_a_bridge_crosses_water():
    bridges = 0
    for number in range(24):
        scene = compose("river", 64, WANTED, np.random.default_rng(number))
        for thing in scene.things:
            if thing.label == "bridge":
                bridges += 1
                beside = footprint(thing, 64, grow=2.0) & ~footprint(thing, 64)
                assert (scene.cover[beside] == Cover.WATER).any(), "there is water beside the deck"
    assert bridges > 8


def test_objects_are_wholly_inside_the_image_and_apart():
    for scene in scenes():
        inside = np.zeros(scene.owner.shape, dtype=bool)
        inside[image_window(64)] = True
        for index, thing in enumerate(scene.things, start=1):
            body = footprint(thing, 64)
            xmin, ymin, xmax, ymax = extent(body, 64)
            assert max(xmax - xmin, ymax - ymin) >= 3, "large enough to be learnt"
            assert (xmax - xmin) * (ymax - ymin) >= 6
            assert not (body & ~inside).any(), thing
            near = footprint(thing, 64, grow=1.0)
            if thing.label != "bridge":
                assert set(np.unique(scene.owner[near])) <= {0, index}, "another object is too near"


def test_an_extent_is_the_smallest_box_of_whole_pixels():
    thing = a_thing("vehicle", heading=0.0, x=20.0, y=10.0, length=4.0, width=2.0)
    assert extent(footprint(thing, 64), 64) == (18, 9, 22, 11)


@pytest.mark.parametrize("label", THING_LABELS)
@pytest.mark.parametrize("direction", ["left", "top", "right", "bottom"])
def test_the_box_of_an_object_holds_its_bright_pixels(label, direction):
    """Its response is at most a pixel wider than the box: the width of the point response."""
    thing = a_thing(label)
    scene = flat(64, Cover.WATER)
    body = footprint(thing, 64)
    scene.height[body] = thing.height
    scene.owner[body] = 1
    scene = Scene(**{**scene.__dict__, "things": (thing,)})
    acquisition = Acquisition(10, direction, 36.0)
    image = form_image(scene, acquisition, ("VV",), np.random.default_rng(6))[0]
    xmin, ymin, xmax, ymax = radar_box(scene, 0, acquisition)
    rows, columns = np.nonzero(image > 0.25 * image.max())
    assert columns.min() >= xmin - 1 and columns.max() <= xmax
    assert rows.min() >= ymin - 1 and rows.max() <= ymax
    if label != "tank":  # whose far side is dark
        assert columns.min() <= xmin + 3 and columns.max() >= xmax - 4, "the box is no larger than it need be"


def test_ships_outshine_the_sea_in_their_boxes():
    parameters = SimulationParameters(seed=3)
    found = 0
    for number in range(45):
        shot = shoot("sim-ships", number, parameters)
        if shot.scene.theme != "sea":
            continue
        rng = np.random.default_rng(number)
        picture = display(form_image(shot.scene, shot.acquisition, ("VV",), rng)[0])
        for index in range(len(shot.scene.things)):
            xmin, ymin, xmax, ymax = radar_box(shot.scene, index, shot.acquisition)
            assert picture[ymin:ymax, xmin:xmax].max() > 200
            found += 1
        if not shot.scene.things:
            assert picture.max() < 255
    assert found > 20


def test_scenes_of_other_sizes_are_composed():
    for size in (32, 128):
        for theme in THEMES:
            scene = compose(theme, size, WANTED, np.random.default_rng(size))
            assert scene.land_cover().shape == (size, size)
            assert sum(scene.shares().values()) == pytest.approx(1.0)


def test_ships_in_masks_have_the_ten_pixels_that_count():
    parameters = SimulationParameters(seed=8)
    sizes = []
    for number in range(60):
        scene = shoot("sim-landcover", number, parameters).scene
        owner = scene.owner[image_window(64)][1::2, 1::2]
        sizes += [(owner == index).sum() for index in range(1, len(scene.things) + 1)]
    assert len(sizes) > 8
    assert min(sizes) >= 10
