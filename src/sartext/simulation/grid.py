"""The sampling grid of a scene, and smooth random fields on it.

A scene is described on cells of half a pixel, with a margin around the image: shadows, layover and side lobes of
what lies just outside reach in, and the wrap-around of the Fourier transform stays out.
"""

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
    along = (x - x0) * np.cos(angle) + (y - y0) * np.sin(angle)
    across = (y - y0) * np.cos(angle) - (x - x0) * np.sin(angle)
    return along, across


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
