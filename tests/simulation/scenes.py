"""Plain scenes to measure the simulation on."""

import numpy as np

from sartext.simulation.backscatter import PointTargets, linear
from sartext.simulation.radar import detect
from sartext.simulation.truth import MARGIN, OVERSAMPLING, Cover, Field, Scene, Thing, cells

NO_POINTS = PointTargets(*(np.zeros(0) for _ in range(4)))


def flat(size: int, cover: Cover) -> Scene:
    """One cover everywhere, nothing on it."""
    shape = (cells(size),) * 2
    height = np.full(shape, 0.7 if cover is Cover.FOREST else 0.0)
    return Scene(
        size=size,
        theme="flat",
        water="sea" if cover is Cover.WATER else "none",
        cover=np.full(shape, cover, dtype=np.uint8),
        height=height,
        plot=np.zeros(shape, dtype=np.int16),
        streets=0.3,
        things=(),
        owner=np.zeros(shape, dtype=np.int16),
    )


def with_block(size: int, height: float) -> Scene:
    """Bare soil with one tall block of 8 x 8 pixels in the middle."""
    scene = flat(size, Cover.BARE)
    half = cells(size) // 2
    block = slice(half - 4 * OVERSAMPLING, half + 4 * OVERSAMPLING)
    scene.height[block, block] = height
    return scene


def homogeneous(size: int, looks: int, level: float, seed: int) -> Field:
    """Speckle over ground of one level in dB without texture, margin cut off."""
    power = np.full((cells(size),) * 2, float(linear(level)))
    image = detect(power, NO_POINTS, looks, np.random.default_rng(seed))
    return image[MARGIN:-MARGIN, MARGIN:-MARGIN]


def point_response(size: int, level: float) -> Field:
    """The image of one point target in the middle of nothing, margin included."""
    middle = np.array([size / 2 + 0.25])
    points = PointTargets(middle, middle, np.zeros(1), np.array([level]))
    return detect(np.zeros((cells(size),) * 2), points, 1, np.random.default_rng(0))


def a_thing(label: str, **changes: float) -> Thing:
    """An object in the middle of an image of 64 pixels."""
    sizes = {
        "ship": (12.0, 3.0, 0.6),
        "aircraft": (11.0, 10.5, 0.4),
        "vehicle": (4.5, 2.0, 0.35),
        "tank": (7.0, 7.0, 1.4),
        "bridge": (16.0, 3.6, 0.6),
    }
    length, width, height = sizes[label]
    values = {"x": 32.0, "y": 32.0, "length": length, "width": width, "heading": 0.5, "height": height, **changes}
    return Thing(label=label, variant=0, **values)
