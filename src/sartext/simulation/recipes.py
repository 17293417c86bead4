"""Which scenes each embedded corpus shows and how their images were taken, by seeds of their own.

Random numbers depend on the seed, the corpus and the image's number, and on nothing else.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sartext.config import SimulationParameters
from sartext.simulation.composition import compose
from sartext.simulation.optical import Sky, draw_sky
from sartext.simulation.radar import Acquisition, draw_acquisition
from sartext.simulation.truth import Scene

CORPORA: Final = ("sim-ships", "sim-objects", "sim-landcover", "sim-pairs", "sim-optical", "sim-unlabelled")
"""The embedded corpora; a corpus's place in this tuple is part of its seeds, so it is only ever appended to."""

STREAMS: Final = ("truth", "acquisition", "radar", "sky", "optical", "captions", "writing")
"""Independent streams per image: a change of the optical rendering moves no ship."""


def generator(seed: int, corpus: str, number: int, stream: str, look: int = 0) -> np.random.Generator:
    """Return the generator of one stream of one image; ``look`` 0 is the image that the corpus holds."""
    key = (CORPORA.index(corpus), number, STREAMS.index(stream), *([look] if look else []))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


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

THEMES: Final[dict[str, dict[str, float]]] = {
    "sim-ships": {"sea": 0.6, "coast": 0.4},
    "sim-objects": {"coast": 0.2, "river": 0.2, "farmland": 0.1, "town": 0.1, "depot": 0.18, "airport": 0.22},
    "sim-landcover": {
        "coast": 0.25,
        "river": 0.2,
        "farmland": 0.17,
        "woodland": 0.13,
        "barren": 0.12,
        "town": 0.13,
    },
    "sim-pairs": MIXTURE,
    "sim-optical": MIXTURE,
    "sim-unlabelled": MIXTURE,
}
"""Share of each theme in each corpus."""

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

PATCHES: Final = 3
"""Pairs taken of the same place."""

PLACES: Final = 1_000_000
"""Numbers from here on seed what the patches of one place share."""

SHORTEST_SHIP: Final = 5.5
COUNTED_SHIP: Final = 9.0
"""Pixels from which on a ship in a mask surely has the ten pixels that count as one ship."""

EMPTY_SHIPS: Final = 0.07
"""Share of the images of `sim-ships` without a ship."""


@dataclass(frozen=True)
class Shot:
    """A scene and how it was seen, by radar and by eye."""

    scene: Scene
    acquisition: Acquisition
    sky: Sky


def shoot(corpus: str, number: int, parameters: SimulationParameters) -> Shot:
    """Compose the scene of one image and draw how it is taken; the patches of one place share sun and radar."""
    rng = generator(parameters.seed, corpus, number, "truth")
    shares = THEMES[corpus]
    theme = str(rng.choice(list(shares), p=list(shares.values())))
    wanted = wanted_objects(corpus, theme, rng)
    shortest = COUNTED_SHIP if corpus == "sim-landcover" else SHORTEST_SHIP
    scene = compose(theme, parameters.size, wanted, rng, shortest)
    seen = PLACES + number // PATCHES if corpus == "sim-pairs" else number
    acquisition = draw_acquisition(generator(parameters.seed, corpus, seen, "acquisition"))
    sky = draw_sky(generator(parameters.seed, corpus, seen, "sky"))
    return Shot(scene, acquisition, sky)


def wanted_objects(corpus: str, theme: str, rng: np.random.Generator) -> dict[str, int]:
    """Draw how many objects of each label a scene should hold."""
    if corpus == "sim-ships":
        return {"ship": 0 if rng.uniform() < EMPTY_SHIPS else min(9, int(rng.geometric(0.36)))}
    if corpus == "sim-landcover":
        return {"ship": int(rng.integers(0, 4))} if theme == "coast" else {}
    least = 1 if corpus == "sim-objects" else 0
    return {
        label: int(rng.integers(max(low, least if high > 2 else 0), high + 1))
        for label, (low, high) in NUMBERS[theme].items()
    }
