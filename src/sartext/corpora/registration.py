"""How far the halves of a SAR-optical pair are shifted against each other, as far as that can be told.

Edges are compared, not values: what is bright in one need not be in the other. The strength of smoothed gradients
of either half is correlated over all shifts at once by Fourier transforms; the shift is where that is highest. It
is told only where the peak stands out of all others: speckle, fields and seasons leave many pairs without one, and
that is no evidence of a shift.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SMOOTHING = 2.0
"""Pixels of the Gaussian that goes before the gradients, against speckle."""

REACH = 0.25
"""Share of the shorter side that a shift may have to be looked for."""

ASIDE = 6
"""Pixels about the highest peak in which no other one is looked for."""

CERTAIN = 1.8
"""How many times the highest peak must be as high as the next for its shift to be told."""

SMALLEST = 64
"""Pixels of the shorter side below which nothing is told."""


@dataclass(frozen=True)
class Shift:
    """The shift of the optical half against the SAR half in pixels, right and down; ``confidence`` is the ratio of
    the highest peak of their correlation to the next, and the shift is told from `CERTAIN` on."""

    right: int
    down: int
    confidence: float

    @property
    def certain(self) -> bool:
        """Whether the shift can be told."""
        return self.confidence >= CERTAIN

    @property
    def length(self) -> float:
        """Pixels."""
        return float(np.hypot(self.right, self.down))


def shift_between(sar: npt.NDArray[Any], optical: npt.NDArray[Any]) -> Shift | None:
    """Return the shift between two pictures of one size, (H, W) or (H, W, 3); None for small or unlike ones."""
    if sar.shape[:2] != optical.shape[:2] or min(sar.shape[:2]) < SMALLEST:
        return None
    first, second = _edges(sar), _edges(optical)
    correlation = np.fft.irfft2(np.conj(np.fft.rfft2(first)) * np.fft.rfft2(second), first.shape)
    height, width = first.shape
    reach = int(REACH * min(height, width))
    near = np.roll(correlation, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    peak = float(near[row, column])
    others = near.copy()
    others[max(0, row - ASIDE) : row + ASIDE + 1, max(0, column - ASIDE) : column + ASIDE + 1] = -np.inf
    following = float(others.max())
    ratio = peak / following if following > 0 else np.inf
    return Shift(int(column) - reach, int(row) - reach, round(min(ratio, 99.0), 3) if peak > 0 else 0.0)


def _edges(picture: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The strength of gradients against their mean, faded out towards the border."""
    from scipy import ndimage  # it takes long to load

    values = picture.astype(np.float64)
    grey = values if values.ndim == 2 else values.mean(axis=2)
    edges = np.sqrt(ndimage.gaussian_gradient_magnitude(grey, SMOOTHING))
    fade = np.hanning(grey.shape[0])[:, None] * np.hanning(grey.shape[1])[None]
    return np.asarray((edges - np.average(edges, weights=fade)) * fade)
