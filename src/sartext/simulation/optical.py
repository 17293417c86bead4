"""Optical rendering of a scene: colours, sun and shadows, haze and noise."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sartext.simulation.truth import (
    OVERSAMPLING,
    Cover,
    Field,
    Mask,
    Scene,
    cells,
    coordinates,
    image_window,
    rotated,
    smooth_noise,
    turned,
)

Colour = tuple[float, float, float]

PALETTES: Final[dict[Cover, tuple[tuple[str, Colour], ...]]] = {
    Cover.WATER: (
        ("blue", (0.10, 0.25, 0.50)),
        ("dark", (0.04, 0.09, 0.14)),
        ("green", (0.12, 0.33, 0.28)),
        ("turquoise", (0.14, 0.50, 0.54)),
    ),
    Cover.FOREST: (
        ("dark green", (0.07, 0.20, 0.08)),
        ("green", (0.13, 0.31, 0.11)),
        ("olive", (0.24, 0.27, 0.10)),
    ),
    Cover.CROPS: (
        ("light green", (0.45, 0.62, 0.28)),
        ("yellow", (0.75, 0.68, 0.30)),
        ("golden", (0.70, 0.55, 0.25)),
        ("green", (0.33, 0.52, 0.20)),
    ),
    Cover.BARE: (
        ("brown", (0.48, 0.36, 0.25)),
        ("reddish", (0.58, 0.37, 0.26)),
        ("pale", (0.72, 0.64, 0.50)),
    ),
    Cover.BUILT: (("grey", (0.52, 0.52, 0.54)), ("red", (0.60, 0.30, 0.24)), ("white", (0.78, 0.77, 0.74))),
    Cover.ROAD: (("grey", (0.44, 0.44, 0.46)), ("brown", (0.66, 0.60, 0.50))),
    Cover.APRON: (("grey", (0.56, 0.56, 0.57)), ("pale", (0.68, 0.67, 0.63))),
}
"""Colour words and their red, green and blue (0 to 1), per cover."""

PAINTS: Final[dict[str, tuple[tuple[str, Colour], ...]]] = {
    "ship": (
        ("white", (0.93, 0.93, 0.92)),
        ("red", (0.72, 0.18, 0.15)),
        ("grey", (0.62, 0.64, 0.66)),
        ("white", (0.93, 0.93, 0.92)),
    ),
    "aircraft": (("white", (0.95, 0.95, 0.95)),) * 3 + (("silver", (0.80, 0.82, 0.84)),),
    "vehicle": (
        ("red", (0.75, 0.15, 0.12)),
        ("white", (0.93, 0.93, 0.93)),
        ("blue", (0.15, 0.25, 0.65)),
        ("yellow", (0.85, 0.72, 0.15)),
    ),
    "tank": (("white", (0.92, 0.92, 0.90)),) * 3 + (("brown", (0.55, 0.33, 0.22)),),
    "bridge": (("grey", (0.60, 0.60, 0.60)),) * 3 + (("pale", (0.78, 0.75, 0.68)),),
}
"""Colour words and colours of objects by label and variant."""

ROUGHNESS: Final = {
    Cover.WATER: (0.05, 3.0),
    Cover.FOREST: (0.26, 1.6),
    Cover.CROPS: (0.08, 3.0),
    Cover.BARE: (0.11, 4.0),
    Cover.BUILT: (0.07, 1.2),
    Cover.ROAD: (0.05, 2.0),
    Cover.APRON: (0.04, 3.0),
}
"""Standard deviation of brightness and its scale in cells."""


@dataclass(frozen=True)
class Sky:
    """Sun and air of one image, and which colour each cover has.

    Args:
        azimuth: where the sun is, radians from the x axis.
        elevation: degrees above the horizon.
        haze: share of the light that the air scatters; 0 to 0.3.
        colours: index into `PALETTES` per cover.
        wakes: whether ships are under way.
    """

    azimuth: float
    elevation: float
    haze: float
    colours: dict[Cover, int]
    wakes: bool

    def word(self, cover: Cover) -> str:
        """The colour word of a cover."""
        return PALETTES[cover][self.colours[cover]][0]

    def colour(self, cover: Cover) -> Colour:
        """The colour of a cover."""
        return PALETTES[cover][self.colours[cover]][1]


def draw_sky(rng: np.random.Generator) -> Sky:
    """Draw sun, haze and colours of one image."""
    colours = {cover: int(rng.integers(len(PALETTES[cover]))) for cover in Cover}
    haze = float(rng.uniform(0.14, 0.28)) if rng.uniform() < 0.2 else float(rng.uniform(0.0, 0.07))
    azimuth, elevation = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(32, 62))
    return Sky(azimuth, elevation, haze, colours, bool(rng.uniform() < 0.5))


def sun_shadow(height: Field, azimuth: float, elevation: float) -> Mask:
    """Return the cells that higher ground in the direction of the sun keeps in shadow."""
    fall = np.tan(np.radians(elevation)) / OVERSAMPLING
    steps = int(np.ceil(float(height.max(initial=0.0)) / fall))
    dark = np.zeros(height.shape, dtype=bool)
    for step in range(1, steps + 1):
        dx, dy = round(step * np.cos(azimuth)), round(step * np.sin(azimuth))
        towards_sun = np.roll(height, (-dy, -dx), axis=(0, 1))
        dark |= towards_sun - step * fall > height + 1e-6
    return dark


def render(scene: Scene, sky: Sky, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Render a scene in colour, shape (size, size, 3)."""
    image = _ground_colours(scene, sky, rng)
    if sky.wakes:
        _paint_wakes(image, scene)
    for index, thing in enumerate(scene.things, start=1):
        image[scene.owner == index] = PAINTS[thing.label][thing.variant][1]
    _paint_decks(image, scene)
    dark = sun_shadow(scene.height, sky.azimuth, sky.elevation)
    image[dark] *= 0.48
    image = image * (1 - sky.haze) + 0.78 * sky.haze
    fine = image[image_window(scene.size)]
    pixels = fine.reshape(scene.size, OVERSAMPLING, scene.size, OVERSAMPLING, 3).mean(axis=(1, 3))
    pixels = pixels + rng.normal(0.0, 0.012, pixels.shape)
    return np.asarray(np.rint(np.round(255.0 * np.clip(pixels, 0.02, 0.98), 6)), dtype=np.uint8)


def _ground_colours(scene: Scene, sky: Sky, rng: np.random.Generator) -> Field:
    """Colour per cell: the cover's colour, changed per field and roof, times texture."""
    count = cells(scene.size)
    tints = np.clip(1.0 + 0.13 * rng.standard_normal((64, 1)) + 0.04 * rng.standard_normal((64, 3)), 0.7, 1.3)
    brightness = 1.0 + 0.07 * smooth_noise(rng, count, 14.0) + _slope(scene.size, rng)
    for cover in Cover:
        where = scene.cover == cover
        if where.any():
            strength, scale = ROUGHNESS[cover]
            brightness[where] += strength * smooth_noise(rng, count, scale)[where]
    colours = np.array([sky.colour(cover) for cover in Cover])
    image = colours[scene.cover] * tints[scene.plot % 64] * brightness[..., None]
    _paint_yards(image, scene, tints)
    _plough(image, scene)
    return image


def _slope(size: int, rng: np.random.Generator) -> Field:
    """A change of brightness across the image, as of glint on water or falling ground."""
    x, y = coordinates(size)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.14)
    return np.asarray(strength * ((x / size - 0.5) * np.cos(angle) + (y / size - 0.5) * np.sin(angle)))


def _paint_yards(image: Field, scene: Scene, tints: Field) -> None:
    """Streets and yards between the roofs are asphalt and some green."""
    open_ground = (scene.cover == Cover.BUILT) & (scene.height == 0)
    green = (scene.plot % 5 == 0)[open_ground]
    colour = np.where(green[:, None], np.array([0.34, 0.42, 0.26]), np.array([0.40, 0.40, 0.41]))
    image[open_ground] = colour * np.clip(tints[scene.plot[open_ground] % 64], 0.9, 1.1)


def _plough(image: Field, scene: Scene) -> None:
    """Rows in the fields, along or across the streets by field."""
    x, y = coordinates(scene.size)
    fields = scene.cover == Cover.CROPS
    direction = scene.streets + np.pi / 2 * (scene.plot[fields] % 2)
    across, _ = rotated(x[fields], y[fields], direction)
    image[fields] *= (1.0 + 0.06 * np.sin(2 * np.pi * across / 2.6))[:, None]


def _paint_wakes(image: Field, scene: Scene) -> None:
    """Foam behind each ship, as far as the water goes."""
    for thing in scene.things:
        if thing.label == "ship":
            along, across = turned(scene.size, thing.heading, thing.x, thing.y)
            behind = -along - thing.length / 2
            foam = (behind > 0) & (behind < 0.9 * thing.length) & (np.abs(across) < 0.7 + 0.12 * behind)
            foam &= (scene.cover == Cover.WATER) & (scene.owner == 0)
            fade = 0.75 * (1.0 - behind[foam] / (0.9 * thing.length))
            image[foam] += (0.9 - image[foam]) * fade[:, None]


def _paint_decks(image: Field, scene: Scene) -> None:
    """A darker hatch on each ship, and a roof on each vehicle, so that they are no flat shapes."""
    for index, thing in enumerate(scene.things, start=1):
        if thing.label in ("ship", "vehicle"):
            along, _ = turned(scene.size, thing.heading, thing.x, thing.y)
            hatch = (scene.owner == index) & (np.abs(along - 0.1 * thing.length) < 0.16 * thing.length)
            image[hatch] *= 0.72
