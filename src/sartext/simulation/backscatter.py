"""Backscatter: of the ground, mean dB per cover and polarisation and its texture; of objects, their point targets.

The means are typical of C band at 30 to 45 degrees of incidence (Ulaby and Dobson, Handbook of Radar Scattering
Statistics for Terrain, 1989), simplified. Intensity is the product of mean, texture and speckle; with a gamma
distributed texture of order nu the detected intensity is K-distributed, with normalised second moment
(1 + 1/L) (1 + 1/nu) for L looks (Jakeman and Pusey, 1976). Point targets are corners, decks, engines and rims that
outshine their surroundings.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import gammaincinv, ndtr

from sartext.simulation.truth import Cover, Field, Scene, Thing, cells, smooth_noise

NOISE_DB: Final = {"VV": -31.0, "VH": -34.0}
"""Noise-equivalent sigma nought: what a shadow shows."""

WALL_DB: Final = 5.0
"""A wall that faces the radar, with the ground before it: a dihedral."""

YARD_DB: Final = -8.0
"""Streets and yards between houses, against the roofs."""

BODY_DB: Final = {"ship": -4.0, "aircraft": -7.5, "vehicle": -6.0, "tank": -10.0, "bridge": -6.0}
"""The diffuse part of an object's return; its point targets come on top."""

CROSS_POLAR_DB: Final = {"VV": 0.0, "VH": -9.0}
"""Of walls and objects, against VV."""


@dataclass(frozen=True)
class Clutter:
    """Mean dB in VV and VH; order and correlation length (cells) of the texture; spread of the mean in dB.

    ``spread`` is the standard deviation between scenes, ``plots`` that between the fields of one scene.
    """

    vv: float
    vh: float
    order: float
    scale: float
    spread: float
    plots: float = 0.0


TABLE: Final[dict[Cover, Clutter]] = {
    Cover.WATER: Clutter(-19.0, -27.0, 4.0, 5.0, 0.7),
    Cover.FOREST: Clutter(-8.5, -14.0, 9.0, 2.0, 0.4),
    Cover.CROPS: Clutter(-11.5, -18.0, 20.0, 4.0, 0.3, 1.2),
    Cover.BARE: Clutter(-15.0, -23.0, 16.0, 6.0, 0.4, 0.5),
    Cover.BUILT: Clutter(-6.0, -13.5, 4.0, 2.0, 0.3),
    Cover.ROAD: Clutter(-18.5, -26.5, 30.0, 3.0, 0.3),
    Cover.APRON: Clutter(-19.5, -27.5, 30.0, 4.0, 0.3),
}
"""Of built-up land this is the roofs alone; with yards, shadows and walls its mean is `BUILT_MEAN_DB`."""

BUILT_MEAN_DB: Final = {"VV": -5.7, "VH": -13.9}
"""Mean backscatter of whole built-up areas, measured on rendered scenes."""

SEA_ORDERS: Final = (2.0, 3.0, 5.0, 9.0)
"""Texture orders of the sea, one per scene: a low one is a spiky sea."""

STEPS: Final = 100
"""Nodes per standard deviation in the table that maps a Gaussian field to a gamma one."""

REACH: Final = 5.0


@lru_cache(maxsize=32)
def _quantiles(order: float) -> Field:
    nodes = np.linspace(-REACH, REACH, round(2 * REACH * STEPS) + 1)
    return np.asarray(gammaincinv(order, ndtr(nodes)) / order)


def gamma_texture(rng: np.random.Generator, count: int, order: float, scale: float) -> Field:
    """Return a gamma field of mean 1 and variance 1/order, correlated over ``scale`` cells, shape (count, count).

    A Gaussian field is mapped through both distribution functions (a memoryless transform).
    """
    quantiles = _quantiles(order)
    place = np.clip((smooth_noise(rng, count, scale) + REACH) * STEPS, 0.0, quantiles.size - 1.001)
    below = place.astype(np.intp)
    share = place - below
    return np.asarray(quantiles[below] * (1.0 - share) + quantiles[below + 1] * share)


def decibel(power: Field) -> Field:
    """Ten times the common logarithm."""
    return np.asarray(10.0 * np.log10(power))


def linear(level: float | Field) -> Field:
    """The power of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(level, dtype=np.float64) / 10.0))


def ground_power(scene: Scene, polarisations: tuple[str, ...], rng: np.random.Generator) -> Field:
    """Return the power that each cell of the ground scatters back, before shadow and layover.

    Texture and the differences between scenes and fields are the same in every polarisation.

    Returns:
        Linear sigma nought, shape (polarisations, cells, cells).
    """
    count = cells(scene.size)
    power = np.ones((len(polarisations), count, count))
    offsets = np.clip(rng.standard_normal(64), -1.5, 1.5)
    sea_order = SEA_ORDERS[int(rng.integers(len(SEA_ORDERS)))]
    changes = np.clip(rng.standard_normal(len(Cover)), -1.5, 1.5)
    for cover, clutter in TABLE.items():
        where = scene.cover == cover
        if not where.any():
            continue
        order = sea_order if cover is Cover.WATER else clutter.order
        texture = gamma_texture(rng, count, order, clutter.scale)[where]
        level = clutter.spread * changes[cover] + clutter.plots * offsets[scene.plot[where] % 64]
        if cover is Cover.BUILT:
            level = level + np.where(scene.height[where] > 0, 0.0, YARD_DB)
        for band, polarisation in enumerate(polarisations):
            mean = clutter.vv if polarisation == "VV" else clutter.vh
            power[band][where] = linear(mean + level) * texture
    for index, thing in enumerate(scene.things, start=1):
        for band, polarisation in enumerate(polarisations):
            power[band][scene.owner == index] = linear(BODY_DB[thing.label] + CROSS_POLAR_DB[polarisation])
    return power


@dataclass(frozen=True)
class PointTargets:
    """Point targets in pixels of the image: place, height above the ground and peak power in dB; shape (n,)."""

    x: Field
    y: Field
    height: Field
    level: Field


def point_targets(scene: Scene, towards_radar: tuple[float, float], rng: np.random.Generator) -> PointTargets:
    """Return the point targets of all objects of a scene.

    Args:
        scene: the ground truth.
        towards_radar: unit vector in the image that points to the radar.
        rng: places and levels vary within each object.
    """
    # rows of x, y, height, level
    parts = [
        _tank(thing, towards_radar, rng) if thing.label == "tank" else _TARGETS[thing.label](thing, rng)
        for thing in scene.things
    ]
    return PointTargets(*np.concatenate([np.zeros((0, 4)), *parts]).T)


def _at(thing: Thing, along: Field, across: Field, height: float, level: Field) -> Field:
    """Place targets given in lengths and widths of the object."""
    u, v = along * thing.length, across * thing.width
    x = thing.x + u * np.cos(thing.heading) - v * np.sin(thing.heading)
    y = thing.y + u * np.sin(thing.heading) + v * np.cos(thing.heading)
    return np.stack([x, y, np.full(x.shape, height), level], axis=1)


def _ship(thing: Thing, rng: np.random.Generator) -> Field:
    """Targets along the deck, and the superstructure at the stern or amidships."""
    count = max(3, round(thing.length / 1.8))
    along = np.linspace(-0.44, 0.40, count) + rng.normal(0, 0.02, count)
    deck = _at(thing, along, rng.uniform(-0.25, 0.25, count), 0.4 * thing.height, rng.normal(-1.5, 2.5, count))
    bridge = np.array([-0.34 if thing.variant < 3 else 0.05])
    tower = _at(thing, bridge, np.zeros(1), thing.height, rng.uniform(3.0, 9.0, 1))
    return np.concatenate([deck, tower])


def _vehicle(thing: Thing, rng: np.random.Generator) -> Field:
    return _at(thing, rng.uniform(-0.3, 0.3, 2), np.zeros(2), thing.height, rng.normal(-1.0, 1.2, 2))


def _aircraft(thing: Thing, rng: np.random.Generator) -> Field:
    """Nose, wing roots, engines, wing tips, rear fuselage and tail."""
    along = np.array([0.42, 0.15, 0.05, 0.03, 0.03, -0.10, -0.10, -0.22, -0.42])
    across = np.array([0.0, 0.0, 0.0, 0.22, -0.22, 0.43, -0.43, 0.0, 0.0])
    level = np.array([-2.0, -1.5, -1.5, 0.5, 0.5, -4.0, -4.0, -3.0, 0.5]) + rng.normal(0, 1.2, 9)
    return _at(thing, along, across, thing.height, level)


def _tank(thing: Thing, towards_radar: tuple[float, float], rng: np.random.Generator) -> Field:
    """Two arcs on the side of the radar: the upper rim, and the wall with the ground before it."""
    centre = np.arctan2(towards_radar[1], towards_radar[0])
    angles = centre + np.linspace(-0.9, 0.9, 7)
    radius = thing.length / 2 - 0.4
    x, y = thing.x + radius * np.cos(angles), thing.y + radius * np.sin(angles)
    fall = -6.0 * (np.linspace(-1, 1, 7)) ** 2
    foot = np.stack([x, y, np.zeros(7), -0.5 + fall + rng.normal(0, 0.7, 7)], axis=1)
    rim = np.stack([x, y, np.full(7, thing.height), 1.0 + fall + rng.normal(0, 0.7, 7)], axis=1)
    return np.concatenate([foot, rim])


def _bridge(thing: Thing, rng: np.random.Generator) -> Field:
    """A railing on either side and lamps between: a bright line across the water."""
    count = max(4, round(thing.length / 1.6))
    along = np.linspace(-0.46, 0.46, count)
    sides = (
        _at(thing, along, np.full(count, across), thing.height, rng.normal(level, 1.5, count))
        for across, level in ((-0.3, -2.0), (0.3, -4.0))
    )
    return np.concatenate([*sides])


_TARGETS: Final = {"ship": _ship, "aircraft": _aircraft, "vehicle": _vehicle, "bridge": _bridge}
