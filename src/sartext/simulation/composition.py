"""Scenes: which kinds of places each corpus shows, which grounds make one, where its objects lie, how it is seen.

Random numbers depend on the seed, the corpus and the image's number, and on nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sartext.config import SimulationParameters
from sartext.simulation.landscape import (
    LAND,
    Ground,
    add_apron,
    add_coast,
    add_lake,
    add_mosaic,
    add_plots,
    add_random_mosaic,
    add_river,
    add_roads,
    add_sea,
    add_town,
    add_yard,
    bare_ground,
    sparse_land,
)
from sartext.simulation.optical import Sky, draw_sky
from sartext.simulation.radar import Acquisition, draw_acquisition
from sartext.simulation.truth import Cover, Mask, Scene, Thing, footprint, image_window

CORPORA: Final = ("sim-ships", "sim-objects", "sim-landcover", "sim-pairs", "sim-optical", "sim-unlabelled")
"""The embedded corpora; a corpus's place in this tuple is part of its seeds, so it is only ever appended to."""

STREAMS: Final = ("truth", "acquisition", "radar", "sky", "optical", "captions", "writing")
"""Independent streams per image: a change of the optical rendering moves no ship."""


def generator(seed: int, corpus: str, number: int, stream: str, look: int = 0) -> np.random.Generator:
    """Return the generator of one stream of one image; ``look`` 0 is the image that the corpus holds."""
    key = (CORPORA.index(corpus), number, STREAMS.index(stream), *([look] if look else []))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


PATCHES: Final = 3
"""Pairs taken of the same place."""

PLACES: Final = 1_000_000
"""Numbers from here on seed what the patches of one place share."""

SHORTEST_SHIP: Final = 5.5
COUNTED_SHIP: Final = 9.0
"""Pixels from which on a ship in a mask surely has the ten pixels that count as one ship."""

EMPTY_SHIPS: Final = 0.07
"""Share of the images of `sim-ships` without a ship."""

MIXTURE: Final = {
    "sea": 0.14,
    "coast": 0.18,
    "river": 0.14,
    "farmland": 0.11,
    "woodland": 0.07,
    "barren": 0.06,
    "town": 0.10,
    "depot": 0.09,
    "airport": 0.11,
}

SHARES: Final[dict[str, dict[str, float]]] = {
    "sim-ships": {"sea": 0.6, "coast": 0.4},
    "sim-objects": {"coast": 0.2, "river": 0.2, "farmland": 0.1, "town": 0.1, "depot": 0.18, "airport": 0.22},
    "sim-landcover": {"sea": 0.06, "coast": 0.22, "river": 0.17}
    | {"farmland": 0.17, "woodland": 0.13, "barren": 0.12, "town": 0.13},
    "sim-pairs": MIXTURE,
    "sim-optical": MIXTURE,
    "sim-unlabelled": MIXTURE,
}
"""Share of each theme in each corpus."""

MAIN: Final = {"farmland": Cover.CROPS, "woodland": Cover.FOREST, "barren": Cover.BARE}
"""The cover of `LAND` that makes a theme what it is."""

NUMBERS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "sea": {"ship": (1, 7)},
    "coast": {"ship": (0, 6)},
    "river": {"bridge": (0, 3), "ship": (0, 2), "vehicle": (0, 2)},
    "farmland": {"vehicle": (0, 4)},
    "woodland": {"vehicle": (0, 2)},
    "barren": {"vehicle": (0, 3)},
    "town": {"vehicle": (0, 6)},
    "depot": {"tank": (1, 7), "vehicle": (0, 2)},
    "airport": {"aircraft": (1, 6)},
}
"""Least and greatest number of objects wanted per theme; fewer may fit, bridges follow the river."""

TREES: Final = 0.7
"""Height of a forest in pixels."""

ATTEMPTS: Final = 14
GAP: Final = 1.6
"""Pixels kept free around an object, so that two are never one blob."""

ALWAYS: Final = 1.0


def _add_banks(ground: Ground, rng: np.random.Generator) -> None:
    """Fields or patches, for a river to run through."""
    if rng.uniform() < 0.6:
        add_plots(ground, rng, 0.2, 0.55, 0.25)
    else:
        add_random_mosaic(ground, rng, 0.6)


THEMES: Final[dict[str, tuple[tuple[float, Callable[..., None], tuple[Any, ...]], ...]]] = {
    "sea": ((ALWAYS, add_sea, ()),),
    "coast": (
        (ALWAYS, add_random_mosaic, (0.7,)),
        (0.55, add_town, (10.0, -0.6, 0.8)),
        (0.4, add_roads, (1, 1)),
        (ALWAYS, add_coast, ()),
    ),
    "river": ((ALWAYS, _add_banks, ()), (0.45, add_town, (10.0, 0.0, 0.9)), (ALWAYS, add_river, ())),
    "farmland": (
        (ALWAYS, add_plots, (0.16, 0.62, 0.22)),
        (0.3, add_lake, (0.05, 0.15)),
        (ALWAYS, add_roads, (0, 2)),
    ),
    "woodland": (
        (ALWAYS, add_mosaic, ({Cover.FOREST: 0.9, Cover.BARE: 0.0, Cover.CROPS: -0.2},)),
        (0.6, add_lake, (0.08, 0.3)),
        (ALWAYS, add_roads, (0, 1)),
    ),
    "barren": (
        (ALWAYS, add_mosaic, ({Cover.BARE: 0.9, Cover.CROPS: -0.5, Cover.FOREST: -0.7}, 11.0)),
        (0.3, add_lake, (0.06, 0.2)),
        (ALWAYS, add_roads, (0, 2)),
    ),
    "town": (
        (ALWAYS, add_random_mosaic, (0.5,)),
        (ALWAYS, add_town, (14.0, -1.6, 0.0)),
        (0.25, add_lake, (0.06, 0.18)),
        (ALWAYS, add_roads, (1, 3)),
    ),
    "depot": (
        (ALWAYS, add_random_mosaic, (0.5,)),
        (ALWAYS, add_town, (16.0, -1.3)),
        (ALWAYS, add_yard, ()),
        (ALWAYS, add_roads, (0, 1)),
    ),
    "airport": (
        (ALWAYS, add_mosaic, ({Cover.CROPS: 0.3, Cover.BARE: 0.3, Cover.FOREST: -0.8}, 11.0)),
        (0.4, add_town, (10.0, 0.7)),
        (ALWAYS, add_apron, ()),
    ),
}
"""What makes each kind of place, in order: the share of the scenes that have it, how it is added, its numbers."""

ALLOWED: Final = {"tank": Cover.BUILT, "aircraft": Cover.APRON, "ship": Cover.WATER, "vehicle": Cover.ROAD}
"""What objects lie on, in the order in which they are placed."""


def compose(
    theme: str,
    size: int,
    wanted: dict[str, int],
    rng: np.random.Generator,
    shortest_ship: float = 5.5,
    *,
    land: tuple[Cover, ...] = LAND,
) -> Scene:
    """Compose a scene of a theme with up to the wanted number of objects per label.

    Bridges belong to the river itself and are left out only where ``wanted`` does not hold "bridge". No ship is
    shorter than ``shortest_ship`` pixels. Fields and patches are of the covers ``land``.
    """
    ground = bare_ground(size, rng, shortest_ship, land)
    for share, add, numbers in THEMES[theme]:
        if share == ALWAYS or rng.uniform() < share:
            add(ground, rng, *numbers)
    ground.height[ground.cover == Cover.FOREST] = TREES
    ground.height[ground.cover == Cover.WATER] = 0.0
    things, owner = _place(ground, wanted, rng)
    return Scene(
        size, theme, ground.water, ground.cover, ground.height, ground.plot, ground.streets, things, owner
    )


def _place(
    ground: Ground, wanted: dict[str, int], rng: np.random.Generator
) -> tuple[tuple[Thing, ...], NDArray[np.int16]]:
    """Place the objects on the ground; return them, and whose each cell is."""
    owner = np.zeros(ground.cover.shape, dtype=np.int16)
    things: list[Thing] = []

    def add(thing: Thing) -> Mask:
        things.append(thing)
        body = footprint(thing, ground.size)
        owner[body] = len(things)
        ground.height[body] = thing.height
        return body

    for bridge in ground.bridges if "bridge" in wanted else ():
        ground.cover[add(bridge)] = Cover.ROAD
    for label, cover in ALLOWED.items():
        allowed = ground.cover == cover
        if label == "tank":
            allowed &= ground.yard
        for _ in range(wanted.get(label, 0)):
            if (thing := _find_place(ground, label, allowed, owner, rng)) is not None:
                add(thing)
    return tuple(things), owner


def _find_place(
    ground: Ground, label: str, allowed: Mask, owner: NDArray[np.int16], rng: np.random.Generator
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
        length, width, height = _dimensions(label, rng, ground.shortest_ship)
        thing = Thing(label, x, y, length, width, heading, height, int(rng.integers(4)))
        body = footprint(thing, ground.size)
        if not (blocked & body).any() and not owner[footprint(thing, ground.size, GAP)].any():
            return thing
    return None


def _heading(ground: Ground, label: str, plot: int, rng: np.random.Generator) -> float:
    if label == "vehicle" and 0 < plot <= len(ground.roads):
        return ground.roads[plot - 1]
    if label == "aircraft":
        quarter = np.pi / 2 * int(rng.integers(4))
        return ground.streets + quarter + float(rng.normal(0, 0.12))
    return float(rng.uniform(0, 2 * np.pi))


def _dimensions(label: str, rng: np.random.Generator, shortest_ship: float) -> tuple[float, float, float]:
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


@dataclass(frozen=True)
class Shot:
    """A scene and how it was seen, by radar and by eye."""

    scene: Scene
    acquisition: Acquisition
    sky: Sky


def shoot(corpus: str, number: int, parameters: SimulationParameters) -> Shot:
    """Compose the scene of one image and draw how it is taken; the patches of one place share sun and radar."""
    rng = generator(parameters.seed, corpus, number, "truth")
    shares = SHARES[corpus]
    theme = str(rng.choice(list(shares), p=list(shares.values())))
    wanted = wanted_objects(corpus, theme, rng)
    shortest = COUNTED_SHIP if corpus == "sim-landcover" else SHORTEST_SHIP
    land = sparse_land(MAIN.get(theme), rng) if corpus == "sim-landcover" else LAND
    scene = compose(theme, parameters.size, wanted, rng, shortest, land=land)
    seen = PLACES + number // PATCHES if corpus == "sim-pairs" else number
    acquisition = draw_acquisition(generator(parameters.seed, corpus, seen, "acquisition"))
    sky = draw_sky(generator(parameters.seed, corpus, seen, "sky"))
    return Shot(scene, acquisition, sky)


def wanted_objects(corpus: str, theme: str, rng: np.random.Generator) -> dict[str, int]:
    """Draw how many objects of each label a scene should hold."""
    if corpus == "sim-ships":
        return {"ship": 0 if rng.uniform() < EMPTY_SHIPS else min(9, int(rng.geometric(0.36)))}
    if corpus == "sim-landcover":
        return {"ship": int(rng.integers(0, 4))} if theme in ("sea", "coast") else {}
    least = 1 if corpus == "sim-objects" else 0
    return {
        label: int(rng.integers(max(low, least if high > 2 else 0), high + 1))
        for label, (low, high) in NUMBERS[theme].items()
    }
