"""Normalised cross-correlation of aligned thumbnails: what decides that two images are near-duplicates.

The correlation of every whole-pixel shift follows J. P. Lewis, "Fast normalized cross-correlation", 1995 (one
product of spectra, energies from running sums). A shift of the full image is rarely a whole number of thumbnail
pixels, and speckle decorrelates within half a pixel, so the best shift is then refined to 1/16 pixel by
evaluating the Fourier sum there (M. Guizar-Sicairos et al., Optics Letters 33, 2008).
"""

import numpy as np
import numpy.typing as npt

Thumbnails = npt.NDArray[np.uint8]
Figures = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex128]

SIDE = 64
REACH = 4
"""Pixels of the thumbnail by which two images may be displaced: 6 % of their side."""

_INNER = slice(REACH, SIDE - REACH)
_AREA = (SIDE - 2 * REACH) ** 2
_SHIFTS = np.arange(-REACH, REACH + 1, dtype=np.float64)
_FREQUENCIES = np.fft.fftfreq(SIDE)
# white noise half a pixel off in both axes keeps sinc(0.5)^2 = 0.405 of its correlation: below this the
# whole-pixel shift is no neighbour of a true one
_WORTH_REFINING = 0.4
_BLOCK = 256


def correlations(first: Thumbnails, second: Thumbnails) -> Figures:
    """Return the correlation of each pair of thumbnails at its best alignment.

    Args:
        first: thumbnails, shape (n, 64, 64).
        second: the thumbnails to compare them with, same shape.

    Returns:
        Shape (n,), from -1 to 1, rounded to six decimals so that the order of sums cannot decide; 0 where one of
        the two has no contrast: a constant image correlates with nothing.
    """
    blocks = [
        _block(first[at : at + _BLOCK].astype(np.float64), second[at : at + _BLOCK].astype(np.float64))
        for at in range(0, len(first), _BLOCK)
    ]
    figures: Figures = np.round(np.concatenate([np.zeros(0), *blocks]), 6)
    return figures


def _block(first: Figures, second: Figures) -> Figures:
    template = first[:, _INNER, _INNER]
    template = template - template.mean(axis=(1, 2), keepdims=True)
    norms = np.sqrt((template**2).sum(axis=(1, 2)))
    second = second - second.mean(axis=(1, 2), keepdims=True)
    padded = np.zeros_like(first)
    padded[:, _INNER, _INNER] = template
    spectra = np.fft.fft2(second)
    product = np.conj(np.fft.fft2(padded)) * spectra
    surface = _sum_at(product, _SHIFTS[None], _SHIFTS[None])
    scores = _divide(surface, norms[:, None, None] * _local_norms(second)).reshape(len(first), -1)
    best = scores.argmax(axis=1)
    figures = scores[np.arange(len(first)), best]
    rows, columns = _SHIFTS[best // len(_SHIFTS)], _SHIFTS[best % len(_SHIFTS)]
    worth = (figures >= _WORTH_REFINING) & (figures < 1)
    if worth.any():
        shifted = _realign(spectra[worth], product[worth], rows[worth], columns[worth])
        products = (template[worth] * shifted).sum(axis=(1, 2))
        refined = _divide(products, norms[worth] * np.sqrt((shifted**2).sum(axis=(1, 2))))
        figures[worth] = np.maximum(figures[worth], refined)
    clipped: Figures = np.clip(figures, -1, 1)
    return clipped


def _sum_at(product: Spectra, rows: Figures, columns: Figures) -> Figures:
    """Evaluate the inverse transform at shifts of shape (n or 1, m), giving (n, m, m)."""
    down = np.exp(2j * np.pi * rows[:, :, None] * _FREQUENCIES)
    across = np.exp(2j * np.pi * columns[:, :, None] * _FREQUENCIES)
    values: Figures = (down @ product @ across.transpose(0, 2, 1)).real / SIDE**2
    return values


def _local_norms(images: Figures) -> Figures:
    """The norm, about its mean, of the window at every whole-pixel shift: (n, 9, 9)."""
    sums, squares = _window_sums(images), _window_sums(images**2)
    norms: Figures = np.sqrt(np.maximum(squares - sums**2 / _AREA, 0))
    return norms


def _window_sums(images: Figures) -> Figures:
    running = np.pad(images, ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    width = SIDE - 2 * REACH
    low, high = slice(0, 2 * REACH + 1), slice(width, SIDE + 1)
    sums: Figures = running[:, high, high] - running[:, low, high] - running[:, high, low] + running[:, low, low]
    return sums


def _realign(spectra: Spectra, product: Spectra, rows: Figures, columns: Figures) -> Figures:
    """The inner windows of the second images, without their mean, at the best shift near a whole-pixel one."""
    at = np.arange(len(rows))
    for step in (0.25, 0.0625):
        around = np.arange(-3, 4) * step
        tried_rows, tried_columns = rows[:, None] + around, columns[:, None] + around
        best = _sum_at(product, tried_rows, tried_columns).reshape(len(rows), -1).argmax(axis=1)
        rows, columns = tried_rows[at, best // len(around)], tried_columns[at, best % len(around)]
    phase = np.exp(2j * np.pi * rows[:, None, None] * _FREQUENCIES[:, None])
    phase = phase * np.exp(2j * np.pi * columns[:, None, None] * _FREQUENCIES)
    shifted: Figures = np.fft.ifft2(spectra * phase).real[:, _INNER, _INNER]
    shifted -= shifted.mean(axis=(1, 2), keepdims=True)
    return shifted


def _divide(above: Figures, below: Figures) -> Figures:
    # a window without contrast has a norm of rounding errors, not of zero
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-6)
