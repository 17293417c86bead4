"""The ground of a scene: coasts, rivers, fields, towns, roads and aprons, as functions of a random generator."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sartext.simulation.truth import (
    Cover,
    Field,
    Mask,
    Thing,
    cells,
    coordinates,
    rotated,
    smooth_noise,
    turned,
)

LAND = (Cover.FOREST, Cover.CROPS, Cover.BARE)

SPARSE = 0.45
"""Probability that a sparse scene lacks each cover of `LAND` but its main one."""


@dataclass
class Ground:
    """A scene in the making; see `truth.Scene` for the arrays.

    A tank may lie in the ``yard`` alone; ``land`` are the covers of `LAND` that fields and patches may have.
    """

    size: int
    cover: NDArray[np.uint8]
    height: Field
    plot: NDArray[np.int16]
    yard: Mask
    streets: float
    shortest_ship: float
    land: tuple[Cover, ...] = LAND
    water: str = "none"
    roads: list[float] = field(default_factory=list)
    bridges: list[Thing] = field(default_factory=list)


def bare_ground(
    size: int, rng: np.random.Generator, shortest_ship: float, land: tuple[Cover, ...] = LAND
) -> Ground:
    """Return a scene of bare soil with a direction of streets."""
    shape = (cells(size),) * 2
    cover, plot = np.full(shape, Cover.BARE, dtype=np.uint8), np.zeros(shape, dtype=np.int16)
    streets = float(rng.uniform(0, np.pi / 2))
    yard = np.zeros(shape, dtype=bool)
    return Ground(size, cover, np.zeros(shape), plot, yard, streets, shortest_ship, land)


def sparse_land(main: Cover | None, rng: np.random.Generator) -> tuple[Cover, ...]:
    """Draw the covers of `LAND` that a scene shows: its main one, or any, and some of the others."""
    main = LAND[int(rng.integers(len(LAND)))] if main is None else main
    return tuple(cover for cover in LAND if rng.uniform() >= SPARSE or cover == main)


def add_sea(ground: Ground, rng: np.random.Generator) -> None:
    """Flood all of the ground."""
    _flood(ground, np.ones(ground.cover.shape, dtype=bool), "sea")


def add_random_mosaic(ground: Ground, rng: np.random.Generator, spread: float) -> None:
    """Cover the ground with patches of its ``land``, whose biases have that standard deviation."""
    add_mosaic(ground, rng, {cover: float(rng.normal(0, spread)) for cover in ground.land})


def add_mosaic(ground: Ground, rng: np.random.Generator, bias: dict[Cover, float], scale: float = 9.0) -> None:
    """Cover the ground with patches: at each cell the class whose smooth random field plus bias is highest."""
    bias = {cover: level for cover, level in bias.items() if cover in ground.land}
    fields = np.stack([smooth_noise(rng, cells(ground.size), scale) + level for level in bias.values()])
    ground.cover[:] = np.array([*bias], dtype=np.uint8)[np.argmax(fields, axis=0)]


def add_plots(ground: Ground, rng: np.random.Generator, *shares: float) -> None:
    """Divide the ground into fields (a Voronoi diagram stretched along the streets), each of a cover of ``land``.

    ``shares`` are those of the fields, one for each cover of `LAND`.
    """
    number = max(6, round((ground.size / 17.0) ** 2))
    seeds = rng.uniform(-10, ground.size + 10, size=(number, 2))
    stretch = float(rng.uniform(1.0, 2.2))
    along, across = rotated(*coordinates(ground.size), ground.streets)
    seed_along, seed_across = rotated(seeds[:, 0], seeds[:, 1], ground.streets)
    best = np.full(along.shape, np.inf)
    chances = np.array([share * (cover in ground.land) for cover, share in zip(LAND, shares, strict=True)])
    kinds = rng.choice(np.array(LAND, dtype=np.uint8), size=number, p=chances / chances.sum())
    for index in range(number):
        distance = (along - seed_along[index]) ** 2 + (stretch * (across - seed_across[index])) ** 2
        nearer = distance < best
        best[nearer] = distance[nearer]
        ground.plot[nearer] = index + 1
        ground.cover[nearer] = kinds[index]


def add_coast(ground: Ground, rng: np.random.Generator) -> None:
    """Flood a third to three quarters of the ground from one side, with a winding shore."""
    share = rng.uniform(0.35, 0.75)
    x, y = coordinates(ground.size)
    angle = rng.uniform(0, 2 * np.pi)
    level = x * np.cos(angle) + y * np.sin(angle) + 3.5 * smooth_noise(rng, cells(ground.size), 10.0)
    _flood(ground, level > np.quantile(level, 1 - share), "sea")


def add_lake(ground: Ground, rng: np.random.Generator, least: float, most: float) -> None:
    """Flood about that share of the ground around one place."""
    share = rng.uniform(least, most)
    x, y = coordinates(ground.size)
    x0, y0 = rng.uniform(0.3, 0.7, size=2) * ground.size
    level = np.hypot(x - x0, y - y0) + 3.0 * smooth_noise(rng, cells(ground.size), 9.0)
    _flood(ground, level < np.quantile(level, share), "lake")


def add_river(ground: Ground, rng: np.random.Generator) -> None:
    """Lead a winding river through the ground, with up to three bridges and the roads that cross on them."""
    bridges, size = int(rng.integers(0, 4)), ground.size
    angle = float(rng.uniform(0, 2 * np.pi))
    centre = size / 2 + rng.uniform(-0.12, 0.12, size=2) * size
    width = float(rng.uniform(8.0, 15.0))
    reach, period = float(rng.uniform(1.0, 4.0)), float(rng.uniform(55, 110))
    phase = float(rng.uniform(0, 2 * np.pi))
    along, across = turned(size, angle, centre[0], centre[1])
    middle = reach * np.sin(2 * np.pi * along / period + phase)
    _flood(ground, np.abs(across - middle) < width / 2, "river")
    places = rng.permutation(np.array([-0.24, 0.0, 0.24]))[:bridges] * size
    for place in places:
        t = float(place + rng.uniform(-3, 3))
        s = reach * float(np.sin(2 * np.pi * t / period + phase))
        x = float(centre[0] + t * np.cos(angle) - s * np.sin(angle))
        y = float(centre[1] + t * np.sin(angle) + s * np.cos(angle))
        deck = float(rng.uniform(3.0, 4.2))
        bridge = Thing("bridge", x, y, width + 4.0, deck, angle + np.pi / 2, 0.6, int(rng.integers(4)))
        if _inside(bridge, size):
            add_road(ground, bridge.heading, (x, y), deck)
            ground.bridges.append(bridge)


def _flood(ground: Ground, water: Mask, kind: str) -> None:
    ground.cover[water] = Cover.WATER
    ground.plot[water] = 0
    ground.water = kind


def _inside(thing: Thing, size: int) -> bool:
    """Whether a rectangle lies inside the image with a pixel and a half to spare."""
    cos, sin = abs(np.cos(thing.heading)), abs(np.sin(thing.heading))
    reach_x = 0.5 * (thing.length * cos + thing.width * sin) + 1.5
    reach_y = 0.5 * (thing.length * sin + thing.width * cos) + 1.5
    return bool(reach_x <= thing.x <= size - reach_x and reach_y <= thing.y <= size - reach_y)


def add_road(ground: Ground, angle: float, through: tuple[float, float], width: float) -> None:
    """Lay a straight road over the land; water is crossed by bridges only."""
    _, across = turned(ground.size, angle, *through)
    road = (np.abs(across) <= width / 2) & (ground.cover != Cover.WATER)
    ground.roads.append(angle)
    ground.cover[road] = Cover.ROAD
    ground.plot[road] = len(ground.roads)
    ground.height[road] = 0.0


def add_roads(ground: Ground, rng: np.random.Generator, least: int, most: int) -> None:
    """Lay a number of roads: the first two along and across the streets, more at any angle."""
    for index in range(int(rng.integers(least, most, endpoint=True))):
        angle = ground.streets + index * np.pi / 2 if index < 2 else float(rng.uniform(0, np.pi))
        x, y = rng.uniform(0.2, 0.8, size=2) * ground.size
        add_road(ground, angle, (x, y), float(rng.uniform(3.2, 4.6)))


def add_town(
    ground: Ground, rng: np.random.Generator, scale: float, low: float, high: float | None = None
) -> None:
    """Build houses on lots along the streets, about every fifth of them left open, where a smooth field is high.

    The field is correlated over ``scale`` cells, and high above ``low`` or a threshold drawn up to ``high``.
    """
    noise = smooth_noise(rng, cells(ground.size), scale)
    where = (noise > (low if high is None else rng.uniform(low, high))) & (ground.cover != Cover.WATER)
    ground.cover[where] = Cover.BUILT
    along, across = turned(ground.size, ground.streets, 0.0, 0.0)
    pitch = rng.uniform(6.0, 10.0, size=2)
    street = float(rng.uniform(1.6, 2.6))
    lots = rng.permutation(1024).reshape(32, 32)
    column, row = np.floor(along / pitch[0]).astype(int), np.floor(across / pitch[1]).astype(int)
    lot = lots[column % 32, row % 32]
    heights = rng.uniform(0.9, 2.4, size=1024) * (rng.uniform(size=1024) < 0.82)
    built = where & (along - column * pitch[0] > street) & (across - row * pitch[1] > street)
    ground.height[where] = 0.0
    ground.height[built] = heights[lot[built]]
    ground.plot[where] = lot[where] + 1


def add_apron(ground: Ground, rng: np.random.Generator) -> None:
    """Pave an airfield: a runway along the streets, an apron beside it."""
    size = ground.size
    along, across = turned(size, ground.streets, *(rng.uniform(0.42, 0.58, size=2) * size))
    apron = (np.abs(along) < rng.uniform(0.36, 0.46) * size) & (np.abs(across) < rng.uniform(0.20, 0.30) * size)
    offset = float(rng.uniform(0.36, 0.44)) * size * (1 if rng.uniform() < 0.5 else -1)
    runway = np.abs(across - offset) < rng.uniform(2.6, 4.0)
    link = (np.abs(along - rng.uniform(-0.2, 0.2) * size) < 2.0) & (across * np.sign(offset) > 0)
    paved = apron | runway | (link & (np.abs(across) < abs(offset)))
    ground.cover[paved] = Cover.APRON
    ground.height[paved] = 0.0


def add_yard(ground: Ground, rng: np.random.Generator) -> None:
    """Clear a yard for storage tanks in a town."""
    along, across = turned(ground.size, ground.streets, *(rng.uniform(0.38, 0.62, size=2) * ground.size))
    half = rng.uniform(0.20, 0.32, size=2) * ground.size
    ground.yard = (np.abs(along) < half[0]) & (np.abs(across) < half[1]) & (ground.cover == Cover.BUILT)
    ground.height[ground.yard] = 0.0
