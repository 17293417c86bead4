"""Coherent formation of a SAR image: geometry, point-target response, speckle and looks.

Each look is a sum over cells of complex reflectivity (circular Gaussian clutter and point targets of random
phase), band-limited by a weighted window, sampled at the pixels and detected; looks are averaged in intensity.
Speckle correlation and side lobes follow from the window and are not drawn on top.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sartext.simulation.backscatter import (
    CROSS_POLAR_DB,
    NOISE_DB,
    WALL_DB,
    PointTargets,
    decibel,
    ground_power,
    linear,
    point_targets,
)
from sartext.simulation.truth import (
    MARGIN,
    OVERSAMPLING,
    Box,
    Field,
    Mask,
    Scene,
    cells,
    extent,
    footprint,
)

BANDWIDTH: Final = 0.49
"""Bandwidth against the sampling rate: neighbouring pixels of the sea correlate by 0.6, as in SSDD."""

WINDOW: Final = 0.75
"""Generalised Hamming weight, as in Sentinel-1 products: peak side lobe near -21 dB."""

LOOKS: Final = (1, 2, 4, 10)
DIRECTIONS: Final = ("left", "top", "right", "bottom")
"""Where the radar is; the index is also the number of quarter turns that bring it to the left."""

TOWARDS: Final = {"left": (-1.0, 0.0), "top": (0.0, -1.0), "right": (1.0, 0.0), "bottom": (0.0, 1.0)}

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Acquisition:
    """How one image was taken.

    Args:
        looks: number of looks averaged.
        direction: the side of the image on which the radar is; one of `DIRECTIONS`.
        incidence: degrees from the vertical.
    """

    looks: int
    direction: str
    incidence: float


def draw_acquisition(rng: np.random.Generator) -> Acquisition:
    """Draw looks, look direction and incidence of one image."""
    looks = LOOKS[int(rng.integers(len(LOOKS)))]
    direction = DIRECTIONS[int(rng.integers(len(DIRECTIONS)))]
    return Acquisition(looks, direction, float(rng.uniform(32.0, 44.0)))


def shadow(height: Field, direction: str, incidence: float) -> Mask:
    """Return the cells that the radar cannot see: those below the ray over higher ground before them."""
    turns = DIRECTIONS.index(direction)
    seen_from_left = np.rot90(height, turns)
    distance = np.arange(height.shape[1]) / OVERSAMPLING / np.tan(np.radians(incidence))
    line = seen_from_left + distance
    highest = np.maximum.accumulate(line, axis=1)
    return np.ascontiguousarray(np.rot90(line < highest - 1e-6, -turns))


def layover(power: Field, height: Field, direction: str, incidence: float) -> Field:
    """Move the power of each cell by height / tan(incidence) towards the radar; what falls together adds up."""
    turns = DIRECTIONS.index(direction)
    seen = np.rot90(power, turns)
    shift = np.rint(np.rot90(height, turns) * OVERSAMPLING / np.tan(np.radians(incidence))).astype(np.int64)
    rows, columns = np.indices(seen.shape)
    target = np.maximum(columns - shift, 0)
    flat = np.bincount((rows * seen.shape[1] + target).ravel(), weights=seen.ravel(), minlength=seen.size)
    return np.ascontiguousarray(np.rot90(flat.reshape(seen.shape), -turns))


def walls(scene: Scene, direction: str) -> Mask:
    """Return the cells at the foot of walls that face the radar."""
    turns = DIRECTIONS.index(direction)
    height = np.rot90(np.where(scene.owner == 0, scene.height, 0.0), turns)
    foot = np.zeros(height.shape, dtype=bool)
    foot[:, :-1] = height[:, 1:] - height[:, :-1] > 0.85  # houses, not the edge of a forest
    return np.ascontiguousarray(np.rot90(foot, -turns))


@lru_cache(maxsize=8)
def _response(count: int, bandwidth: float) -> tuple[NDArray[np.int64], Complex, float, float]:
    """Frequencies kept, their weights, and the scales for clutter and points, for one axis of ``count`` cells.

    The phase moves the sampling points from the cells' centres to the pixels' centres.
    """
    frequency = np.fft.fftfreq(count, d=1.0 / OVERSAMPLING)
    kept = np.flatnonzero(np.abs(frequency) <= bandwidth / 2)
    inside = frequency[kept]
    window = WINDOW + (1 - WINDOW) * np.cos(2 * np.pi * inside / bandwidth)
    weights = window * np.exp(2j * np.pi * inside * (0.5 - 0.5 / OVERSAMPLING))
    pixels = count // OVERSAMPLING
    clutter = pixels / np.sqrt(count * float(np.sum(window**2)))
    point = pixels / float(np.sum(window)) * float(np.sqrt(bandwidth / BANDWIDTH))
    return kept, weights, clutter, point


def _focus(reflectivity: Complex, bandwidth: float) -> Complex:
    """Band-limit reflectivity of shape (n, n) and sample it at the n / 2 pixels of each axis."""
    count = reflectivity.shape[0]
    kept, weights, _, _ = _response(count, bandwidth)
    pixels = count // OVERSAMPLING
    places = np.where(kept < count // 2, kept, kept - count + pixels)
    along_rows = np.fft.fft(reflectivity, axis=1)[:, kept] * weights
    both = np.fft.fft(along_rows, axis=0)[kept] * weights[:, None]
    spectrum = np.zeros((pixels, pixels), dtype=np.complex128)
    spectrum[np.ix_(places, places)] = both
    return np.asarray(np.fft.ifft2(spectrum))


def detect(
    power: Field, points: PointTargets, looks: int, rng: np.random.Generator, bandwidth: float = BANDWIDTH
) -> Field:
    """Form ``looks`` complex images and average their intensity.

    Args:
        power: sigma nought as the radar sees it (after shadow and layover), shape (cells, cells).
        points: point targets as the radar sees them; the levels are the peaks of their responses.
        looks: number of looks.
        rng: speckle and phases.
        bandwidth: against the sampling rate, the same along both axes. With a k-th of `BANDWIDTH` the resolution
            cell is k times as long and wide: clutter keeps its level, and the peak of a point target, whose
            cross-section is compared with the cell's area, falls by 20 log10(k) dB.

    Returns:
        Intensity in units of sigma nought, margin included, shape (cells / 2, cells / 2).
    """
    count = power.shape[0]
    _, _, clutter_scale, point_scale = _response(count, bandwidth)
    amplitude = np.sqrt(power / 2.0) * clutter_scale**2
    row, column = (np.floor((axis + MARGIN) * OVERSAMPLING).astype(np.int64) for axis in (points.y, points.x))
    inside = (row >= 0) & (row < count) & (column >= 0) & (column < count)
    row, column = row[inside], column[inside]
    strength = np.sqrt(linear(points.level[inside])) * point_scale**2
    total = np.zeros((count // OVERSAMPLING,) * 2)
    for _ in range(looks):
        noise = rng.standard_normal((2, count, count))
        reflectivity = amplitude * (noise[0] + 1j * noise[1])
        phases = np.exp(2j * np.pi * rng.uniform(size=strength.shape))
        np.add.at(reflectivity, (row, column), strength * phases)
        image = _focus(reflectivity, bandwidth)
        total += image.real**2 + image.imag**2
    return total / looks


def form_image(
    scene: Scene, acquisition: Acquisition, polarisations: tuple[str, ...], rng: np.random.Generator
) -> Field:
    """Form the SAR image of a scene.

    Returns:
        Calibrated intensity (linear sigma nought), shape (polarisations, size, size).
    """
    power = ground_power(scene, polarisations, rng)
    points = imaged_points(scene, acquisition, rng)
    keep = slice(MARGIN, MARGIN + scene.size)
    bands = []
    for band, polarisation in enumerate(polarisations):
        seen = received(scene, acquisition, power[band], polarisation)
        targets = replace(points, level=points.level + CROSS_POLAR_DB[polarisation])
        bands.append(detect(seen, targets, acquisition.looks, rng)[keep, keep])
    return np.stack(bands)


def received(scene: Scene, acquisition: Acquisition, power: Field, polarisation: str) -> Field:
    """Return the ground's power as the radar sees it: shadow taken off, laid over, walls and noise added.

    ``power`` is what each cell scatters back in VV or VH (see `ground_power`), shape (cells, cells).
    """
    direction, incidence = acquisition.direction, acquisition.incidence
    hidden = shadow(scene.height, direction, incidence)
    seen = layover(np.where(hidden, 0.0, power), scene.height, direction, incidence)
    seen[walls(scene, direction) & ~hidden] += linear(WALL_DB + CROSS_POLAR_DB[polarisation])
    seen += linear(NOISE_DB[polarisation])
    return seen


def imaged_points(scene: Scene, acquisition: Acquisition, rng: np.random.Generator) -> PointTargets:
    """Return the point targets at the places where the radar images them: moved towards it by their height.

    What stands on an object is above its shadow; a foot in another object's shadow is not seen.
    """
    hidden = shadow(scene.height, acquisition.direction, acquisition.incidence)
    towards = TOWARDS[acquisition.direction]
    points = point_targets(scene, towards, rng)
    row, column = (
        np.clip(((axis + MARGIN) * OVERSAMPLING).astype(np.int64), 0, cells(scene.size) - 1)
        for axis in (points.y, points.x)
    )
    seen = (points.height > 0) | ~hidden[row, column]
    shift = points.height / np.tan(np.radians(acquisition.incidence))
    x, y = points.x + shift * towards[0], points.y + shift * towards[1]
    return PointTargets(x[seen], y[seen], points.height[seen], points.level[seen])


def radar_box(scene: Scene, index: int, acquisition: Acquisition) -> Box:
    """Return the box of ``scene.things[index]`` as the radar shows it: its footprint and its top, laid over.

    It is xmin, ymin, xmax, ymax in whole pixels inside the image, upper bounds exclusive.
    """
    thing = scene.things[index]
    xmin, ymin, xmax, ymax = extent(footprint(thing, scene.size), scene.size)
    shift = round(thing.height / np.tan(np.radians(acquisition.incidence)))
    left, up = TOWARDS[acquisition.direction]
    xmin, xmax = xmin - shift * int(left < 0), xmax + shift * int(left > 0)
    ymin, ymax = ymin - shift * int(up < 0), ymax + shift * int(up > 0)
    return max(xmin, 0), max(ymin, 0), min(xmax, scene.size), min(ymax, scene.size)


def display(intensity: Field) -> NDArray[np.uint8]:
    """Map calibrated intensity to 8 bits: dB linearly from -25..0 to 0..255.

    Values are rounded to 1e-6 first, so that no last bit of a machine's logarithm decides a tie.
    """
    level = (decibel(np.maximum(intensity, 1e-9)) + 25.0) / 25.0
    return np.rint(np.round(255.0 * np.clip(level, 0.0, 1.0), 6)).astype(np.uint8)
