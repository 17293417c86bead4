"""Composition of scenes: which grounds make a kind of place, and where its objects lie."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sartext.errors import SimulationError
from sartext.simulation import landscape
from sartext.simulation.grid import Mask, cells, image_window, smooth_noise
from sartext.simulation.landscape import Ground
from sartext.simulation.truth import Cover, Scene, Thing, footprint

TREES: Final = 0.7
"""Height of a forest in pixels."""

ATTEMPTS: Final = 14
GAP: Final = 1.6
"""Pixels kept free around an object, so that two are never one blob."""

Shape = tuple[float, float, float]


def _sea(ground: Ground, rng: np.random.Generator) -> None:
    ground.cover[:] = Cover.WATER
    ground.water = "sea"


def _coast(ground: Ground, rng: np.random.Generator) -> None:
    bias = {cover: float(rng.normal(0, 0.7)) for cover in landscape.LAND}
    landscape.add_mosaic(ground, rng, bias)
    if rng.uniform() < 0.55:
        landscape.add_town(ground, rng, smooth_noise(rng, cells(ground.size), 10.0) > rng.uniform(-0.6, 0.8))
    if rng.uniform() < 0.4:
        landscape.add_roads(ground, rng, 1)
    landscape.add_coast(ground, rng, float(rng.uniform(0.35, 0.75)))


def _river(ground: Ground, rng: np.random.Generator) -> None:
    if rng.uniform() < 0.6:
        landscape.add_plots(ground, rng, landscape.LAND, [0.2, 0.55, 0.25])
    else:
        landscape.add_mosaic(ground, rng, {cover: float(rng.normal(0, 0.6)) for cover in landscape.LAND})
    if rng.uniform() < 0.45:
        landscape.add_town(ground, rng, smooth_noise(rng, cells(ground.size), 10.0) > rng.uniform(0.0, 0.9))
    landscape.add_river(ground, rng, int(rng.integers(0, 4)))


def _farmland(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_plots(ground, rng, landscape.LAND, [0.16, 0.62, 0.22])
    if rng.uniform() < 0.3:
        landscape.add_lake(ground, rng, float(rng.uniform(0.05, 0.15)))
    landscape.add_roads(ground, rng, int(rng.integers(0, 3)))


def _woodland(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_mosaic(ground, rng, {Cover.FOREST: 0.9, Cover.BARE: 0.0, Cover.CROPS: -0.2})
    if rng.uniform() < 0.6:
        landscape.add_lake(ground, rng, float(rng.uniform(0.08, 0.3)))
    landscape.add_roads(ground, rng, int(rng.integers(0, 2)))


def _barren(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_mosaic(ground, rng, {Cover.BARE: 0.9, Cover.CROPS: -0.5, Cover.FOREST: -0.7}, scale=11.0)
    if rng.uniform() < 0.3:
        landscape.add_lake(ground, rng, float(rng.uniform(0.06, 0.2)))
    landscape.add_roads(ground, rng, int(rng.integers(0, 3)))


def _town(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_mosaic(ground, rng, {cover: float(rng.normal(0, 0.5)) for cover in landscape.LAND})
    landscape.add_town(ground, rng, smooth_noise(rng, cells(ground.size), 14.0) > rng.uniform(-1.6, 0.0))
    if rng.uniform() < 0.25:
        landscape.add_lake(ground, rng, float(rng.uniform(0.06, 0.18)))
    landscape.add_roads(ground, rng, int(rng.integers(1, 4)))


def _depot(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_mosaic(ground, rng, {cover: float(rng.normal(0, 0.5)) for cover in landscape.LAND})
    landscape.add_town(ground, rng, smooth_noise(rng, cells(ground.size), 16.0) > -1.3)
    landscape.add_yard(ground, rng)
    landscape.add_roads(ground, rng, int(rng.integers(0, 2)))


def _airport(ground: Ground, rng: np.random.Generator) -> None:
    landscape.add_mosaic(ground, rng, {Cover.CROPS: 0.3, Cover.BARE: 0.3, Cover.FOREST: -0.8}, scale=11.0)
    if rng.uniform() < 0.4:
        landscape.add_town(ground, rng, smooth_noise(rng, cells(ground.size), 10.0) > 0.7)
    landscape.add_apron(ground, rng)


THEMES: Final[dict[str, Callable[[Ground, np.random.Generator], None]]] = {
    "sea": _sea,
    "coast": _coast,
    "river": _river,
    "farmland": _farmland,
    "woodland": _woodland,
    "barren": _barren,
    "town": _town,
    "depot": _depot,
    "airport": _airport,
}


def compose(
    theme: str, size: int, wanted: dict[str, int], rng: np.random.Generator, shortest_ship: float = 5.5
) -> Scene:
    """Compose a scene of a theme with up to the wanted number of objects per label.

    Bridges belong to the river itself and are left out only where ``wanted`` does not hold "bridge". No ship is
    shorter than ``shortest_ship`` pixels.

    Raises:
        SimulationError: the theme is unknown.
    """
    if theme not in THEMES:
        raise SimulationError(f"unknown theme '{theme}'", way_out=f"known: {', '.join(THEMES)}")
    ground = landscape.bare_ground(size, rng)
    THEMES[theme](ground, rng)
    forest = ground.cover == Cover.FOREST
    ground.height[forest] = TREES
    ground.height[ground.cover == Cover.WATER] = 0.0
    if "bridge" not in wanted:
        ground.bridges.clear()
    landscape.keep_bridges(ground)
    things, owner = _place(ground, wanted, rng, shortest_ship)
    return Scene(
        size=size,
        theme=theme,
        water=ground.water,
        cover=ground.cover,
        height=ground.height,
        plot=ground.plot,
        streets=ground.streets,
        things=things,
        owner=owner,
    )


def _place(
    ground: Ground, wanted: dict[str, int], rng: np.random.Generator, shortest_ship: float
) -> tuple[tuple[Thing, ...], NDArray[np.int16]]:
    owner = np.zeros(ground.cover.shape, dtype=np.int16)
    things: list[Thing] = []
    for bridge in ground.bridges:
        things.append(bridge)
        owner[footprint(bridge, ground.size)] = len(things)
    for label in ("tank", "aircraft", "ship", "vehicle"):
        allowed = _allowed(ground, label)
        for _ in range(wanted.get(label, 0)):
            thing = _find_place(ground, label, allowed, owner, rng, shortest_ship=shortest_ship)
            if thing is not None:
                things.append(thing)
                body = footprint(thing, ground.size)
                owner[body] = len(things)
                ground.height[body] = thing.height
    return tuple(things), owner


def _allowed(ground: Ground, label: str) -> Mask:
    """The cells that an object of the label may lie on."""
    if label == "ship":
        return np.asarray(ground.cover == Cover.WATER)
    if label == "aircraft":
        return np.asarray(ground.cover == Cover.APRON)
    if label == "vehicle":
        return np.asarray(ground.cover == Cover.ROAD)
    if ground.yard is not None:
        return np.asarray(ground.yard & (ground.cover == Cover.BUILT))
    return np.zeros(ground.cover.shape, dtype=bool)


def _find_place(
    ground: Ground,
    label: str,
    allowed: Mask,
    owner: NDArray[np.int16],
    rng: np.random.Generator,
    *,
    shortest_ship: float,
) -> Thing | None:
    """Try places at random until an object fits on allowed ground, wholly inside the image, away from others."""
    window = image_window(ground.size)
    rows, columns = np.nonzero(allowed[window])
    if rows.size == 0:
        return None
    outside = np.ones(allowed.shape, dtype=bool)
    outside[window] = False
    blocked = ~allowed | outside
    for _ in range(ATTEMPTS):
        chosen = int(rng.integers(rows.size))
        row, column = int(rows[chosen]), int(columns[chosen])
        x, y = column / 2 + 0.25, row / 2 + 0.25
        heading = _heading(ground, label, int(ground.plot[window][row, column]), rng)
        length, width, height = _dimensions(label, rng, shortest_ship)
        thing = Thing(label, x, y, length, width, heading, height, int(rng.integers(4)))
        body = footprint(thing, ground.size)
        if (blocked & body).any() or (owner[footprint(thing, ground.size, GAP)] > 0).any():
            continue
        return thing
    return None


def _heading(ground: Ground, label: str, plot: int, rng: np.random.Generator) -> float:
    if label == "vehicle" and 0 < plot <= len(ground.roads):
        return ground.roads[plot - 1]
    if label == "aircraft":
        quarter = np.pi / 2 * int(rng.integers(4))
        return ground.streets + quarter + float(rng.normal(0, 0.12))
    return float(rng.uniform(0, 2 * np.pi))


def _dimensions(label: str, rng: np.random.Generator, shortest_ship: float) -> Shape:
    """Length, width and height in pixels."""
    if label == "ship":
        length = float(rng.uniform(shortest_ship, 16.0))
        return length, max(2.0, length * float(rng.uniform(0.2, 0.3))), float(rng.uniform(0.4, 0.8))
    if label == "aircraft":
        length = float(rng.uniform(8.0, 13.0))
        return length, length * float(rng.uniform(0.85, 1.05)), 0.4
    if label == "vehicle":
        return float(rng.uniform(3.4, 5.5)), float(rng.uniform(1.8, 2.3)), 0.35
    diameter = float(rng.uniform(5.0, 9.0))
    return diameter, diameter, float(rng.uniform(1.0, 1.8))
