"""The ground truth of one scene: what covers the ground, how high it stands, what lies on it, on which grid.

SAR and optical images are rendered from this record alone, so both show the same place. Its cells are half a pixel
wide, with a margin around the image: shadows, layover and side lobes of what lies just outside reach in, and the
wrap-around of the Fourier transform stays out.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

OVERSAMPLING: Final = 2
"""Cells per pixel."""

MARGIN: Final = 8
"""Pixels around the image."""

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]


def cells(size: int) -> int:
    """Cells along one side of the scene of an image of ``size`` pixels."""
    return (size + 2 * MARGIN) * OVERSAMPLING


@lru_cache(maxsize=4)
def coordinates(size: int) -> tuple[Field, Field]:
    """Return x and y of every cell's centre in pixels of the image, shape (cells, cells), read-only."""
    line = (np.arange(cells(size)) + 0.5) / OVERSAMPLING - MARGIN
    x, y = np.meshgrid(line, line)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def image_window(size: int) -> tuple[slice, slice]:
    """The cells that lie inside the image."""
    inside = slice(MARGIN * OVERSAMPLING, (MARGIN + size) * OVERSAMPLING)
    return inside, inside


def on_pixels(field: NDArray[np.generic], size: int) -> NDArray[np.generic]:
    """Sample a scene's field at the image's pixels: the cell just after each pixel's centre."""
    return np.ascontiguousarray(field[image_window(size)][1::OVERSAMPLING, 1::OVERSAMPLING])


def turned(size: int, angle: float, x0: float, y0: float) -> tuple[Field, Field]:
    """Return the cells' coordinates along and across a direction through (x0, y0), in pixels."""
    x, y = coordinates(size)
    return rotated(x - x0, y - y0, angle)


def rotated(x: Field, y: Field, angle: float) -> tuple[Field, Field]:
    """Return coordinates along and across a direction through the origin."""
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


@lru_cache(maxsize=64)
def _low_pass(count: int, scale: float) -> Field:
    """Response of a Gaussian kernel of ``scale`` cells at the frequencies where it matters.

    Rows are the frequencies 0, 1 … k, -k … -1, columns 0 … k; scaled so that a field of complex white noise at
    them has variance 1.
    """
    reach = min(count // 2 - 1, int(np.ceil(0.85 * count / scale)))
    columns = np.arange(reach + 1) / count
    rows = np.concatenate([columns, -columns[:0:-1]])
    response = np.exp(-2.0 * (np.pi * scale) ** 2 * (rows[:, None] ** 2 + columns[None, :] ** 2))
    weight = np.full(response.shape, 2.0)
    weight[:, 0] = 1.0
    response *= count**2 / np.sqrt(2.0 * float(np.sum(weight * response**2)))
    response[:, 0] *= np.sqrt(2.0)  # the inverse transform drops the imaginary half of this column
    response.setflags(write=False)
    return np.asarray(response)


def smooth_noise(rng: np.random.Generator, count: int, scale: float) -> Field:
    """Return a Gaussian field of mean 0 and variance 1, correlated over ``scale`` cells, shape (count, count).

    It is drawn in the frequency domain, where a smooth field has few values.
    """
    response = _low_pass(count, float(scale))
    noise = rng.standard_normal((*response.shape, 2)).view(np.complex128)[..., 0] * response
    reach = response.shape[1] - 1
    columns = np.zeros((count, reach + 1), dtype=np.complex128)
    columns[: reach + 1] = noise[: reach + 1]
    columns[count - reach :] = noise[reach + 1 :]
    return np.asarray(np.fft.irfft(np.fft.ifft(columns, axis=0), n=count, axis=1))


class Cover(IntEnum):
    """What a cell of the ground is. A bridge is ``ROAD`` above water; an apron is paved ground for aircraft."""

    WATER = 0
    FOREST = 1
    CROPS = 2
    BARE = 3
    BUILT = 4
    ROAD = 5
    APRON = 6


THING_LABELS: Final = ("ship", "aircraft", "vehicle", "tank", "bridge")


@dataclass(frozen=True)
class Thing:
    """One object.

    Args:
        label: one of `THING_LABELS`.
        x: centre in pixels of the image, from its left edge.
        y: centre in pixels, from its upper edge.
        length: pixels along the heading.
        width: pixels across the heading.
        heading: radians from the x axis, clockwise as seen in the image.
        height: pixels above the ground.
        variant: which of its kind (colour, fitting); 0 to 3.
    """

    label: str
    x: float
    y: float
    length: float
    width: float
    heading: float
    height: float
    variant: int


@dataclass(frozen=True)
class Scene:
    """The ground truth of one image; arrays have shape (cells, cells).

    Args:
        size: pixels along a side of the image.
        theme: what kind of place it is.
        water: sea, river, lake or none.
        cover: a `Cover` per cell.
        height: pixels above the ground.
        plot: number of the field, building or road that the cell belongs to.
        streets: direction of streets and of crop rows, in radians.
        things: the objects, all of them wholly inside the image.
        owner: 1 + the index of the object that the cell belongs to, 0 for none.
    """

    size: int
    theme: str
    water: str
    cover: NDArray[np.uint8]
    height: Field
    plot: NDArray[np.int16]
    streets: float
    things: tuple[Thing, ...]
    owner: NDArray[np.int16]

    def shares(self) -> dict[Cover, float]:
        """Share of the image that each cover holds; an apron counts as road."""
        inside = self.cover[image_window(self.size)]
        counts = np.bincount(inside.ravel(), minlength=len(Cover))
        counts[Cover.ROAD] += counts[Cover.APRON]
        return {cover: float(counts[cover]) / inside.size for cover in Cover if cover is not Cover.APRON}

    def counts(self) -> dict[str, int]:
        """Number of objects by label."""
        labels = [thing.label for thing in self.things]
        return {label: labels.count(label) for label in sorted(set(labels))}

    def land_cover(self) -> NDArray[np.uint8]:
        """The cover at each pixel of the image, an apron as road, shape (size, size)."""
        sampled = np.asarray(on_pixels(self.cover, self.size), dtype=np.uint8)
        return np.where(sampled == Cover.APRON, np.uint8(Cover.ROAD), sampled)


def footprint(thing: Thing, size: int, grow: float = 0.0) -> Mask:
    """Return the cells that an object covers, its outline moved outwards by ``grow`` pixels."""
    window = _around(thing, size, grow)
    mask = np.zeros((cells(size),) * 2, dtype=bool)
    x, y = (axis[window] for axis in coordinates(size))
    along, across = rotated(x - thing.x, y - thing.y, thing.heading)
    mask[window] = _outline(thing, along, across, grow)
    return mask


def _around(thing: Thing, size: int, grow: float) -> tuple[slice, slice]:
    """The cells within an object's greatest reach."""
    reach = 0.5 * float(np.hypot(thing.length, thing.width)) + grow + 1.0
    lows = [max(0, int((centre - reach + MARGIN) * OVERSAMPLING)) for centre in (thing.y, thing.x)]
    highs = [min(cells(size), int((centre + reach + MARGIN) * OVERSAMPLING) + 1) for centre in (thing.y, thing.x)]
    return slice(lows[0], max(lows[0], highs[0])), slice(lows[1], max(lows[1], highs[1]))


def _outline(thing: Thing, along: Field, across: Field, grow: float) -> Mask:
    half_length = thing.length / 2 + grow
    half_width = thing.width / 2 + grow
    if thing.label == "tank":
        return np.asarray((along / half_length) ** 2 + (across / half_width) ** 2 <= 1.0)
    inside = (np.abs(along) <= half_length) & (np.abs(across) <= half_width)
    if thing.label == "ship":
        bow = np.clip((half_length - along) / (0.3 * thing.length), 0.0, 1.0)
        inside &= np.abs(across) <= half_width * np.maximum(bow, 0.35)
    elif thing.label == "aircraft" and grow == 0.0:
        inside &= _plane_outline(thing, along, across)
    return np.asarray(inside)


def _plane_outline(thing: Thing, along: Field, across: Field) -> Mask:
    """Fuselage, swept wings and tailplane inside the rectangle of length and span."""
    side = np.abs(across)
    fuselage = side <= max(0.07 * thing.length, 0.45)
    wings = np.abs(along - (0.10 * thing.length - 0.45 * side)) <= 0.10 * thing.length
    tail = (np.abs(along + 0.42 * thing.length) <= 0.07 * thing.length) & (side <= 0.2 * thing.width)
    return np.asarray(fuselage | wings | tail)


def extent(mask: Mask, size: int) -> Box:
    """Return the box (xmin, ymin, xmax, ymax) of a mask in whole pixels, upper bounds exclusive, in the image."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    edges = (columns[0], rows[0], columns[-1] + OVERSAMPLING, rows[-1] + OVERSAMPLING)
    xmin, ymin, xmax, ymax = (int(edge) // OVERSAMPLING - MARGIN for edge in edges)
    return max(xmin, 0), max(ymin, 0), min(xmax, size), min(ymax, size)
