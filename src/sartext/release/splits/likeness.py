"""How alike two images are: perceptual hashes propose near-duplicates, correlation of thumbnails decides.

The hash is pHash as ImageHash computes it: the signs of the 8 x 8 lowest frequencies about their median. A shift
by two of 64 pixels alone can turn 14 of its bits, so an image has nine hashes: it is reduced to 34 x 34 pixels,
and hashed in the window of 32 x 32 in its middle and in those one pixel beside. Two images are proposed if the
middle of the earlier one is close to any window of the later one.

Guarantee (multi-index hashing, M. Norouzi et al., CVPR 2012): cut 64 bits into ``distance + 1`` bands; two hashes
that differ in at most ``distance`` bits differ in at most that many bands, so they agree in at least one.
Comparing within equal values of every band therefore finds every pair. Memory is bounded by the block, not by the
corpus.

The correlation of every whole-pixel shift follows J. P. Lewis, "Fast normalized cross-correlation", 1995 (one
product of spectra, energies from running sums). A shift of the full image is rarely a whole number of thumbnail
pixels, and speckle decorrelates within half a pixel, so the best shift is then refined to 1/16 pixel by
evaluating the Fourier sum there (M. Guizar-Sicairos et al., Optics Letters 33, 2008).
"""

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int64]
Thumbnails = npt.NDArray[np.uint8]
Figures = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex128]

BITS = 64
WINDOWS = ((1, 1), *(place for place in product(range(3), repeat=2) if place != (1, 1)))
"""Row and column of the hashed windows' corners; the middle one first."""

_WINDOW_SIDE = 32
_LOW = 8
_ROWS, _COLUMNS = 64, 1024
# narrower bands have so few values, and fewer images such small buckets, that comparing all is cheaper
_MOST_BANDS = 12
_BANDED_FROM = 10_000


def window_hashes(thumbnail: Image.Image) -> Hashes:
    """Return the 64-bit perceptual hashes of a grey thumbnail's windows, shape (9,)."""
    side = _WINDOW_SIDE + 2
    small = np.asarray(thumbnail.resize((side, side), Image.Resampling.LANCZOS), dtype=np.float64)
    windows = np.stack(
        [small[row : row + _WINDOW_SIDE, column : column + _WINDOW_SIDE] for row, column in WINDOWS]
    )
    low = dctn(windows, axes=(1, 2))[:, :_LOW, :_LOW].reshape(len(windows), BITS)
    bits = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)
    return bits.view(">u8").astype(np.uint64).ravel()


def close_pairs(hashes: Hashes, distance: int) -> Iterator[Pairs]:
    """Yield blocks of pairs that are proposed; each pair once.

    Args:
        hashes: shape (n, windows), the middle window first.
        distance: the largest Hamming distance.

    Yields:
        Shape (m, 3): position of the earlier image, of the later one, and the distance of their hashes.
    """
    bands = _bands(distance) if len(hashes) >= _BANDED_FROM else [np.uint64(0)]
    for window in range(hashes.shape[1]):
        for number, band in enumerate(bands):
            for early, late in _buckets(hashes[:, 0] & band, hashes[:, window] & band):
                for rows, columns in _blocks(early, late):
                    yield _compare(hashes, window, (rows, columns), distance, bands[:number])


def _bands(distance: int) -> list[np.uint64]:
    count = distance + 1
    if count > _MOST_BANDS:
        return [np.uint64(0)]
    edges = [BITS * number // count for number in range(count + 1)]
    return [np.uint64((1 << high) - (1 << low)) for low, high in pairwise(edges)]


def _buckets(early: Hashes, late: Hashes) -> Iterator[tuple[Positions, Positions]]:
    """Positions with the same key, in ascending order."""
    early_order, late_order = np.argsort(early, kind="stable"), np.argsort(late, kind="stable")
    keys, starts = np.unique(early[early_order], return_index=True)
    ends = np.r_[starts, len(early)][1:]
    lows = np.searchsorted(late[late_order], keys, side="left")
    highs = np.searchsorted(late[late_order], keys, side="right")
    for start, end, low, high in zip(starts, ends, lows, highs, strict=True):
        yield early_order[start:end], late_order[low:high]


def _blocks(early: Positions, late: Positions) -> Iterator[tuple[Positions, Positions]]:
    """Cut the pairs of a bucket into blocks that stay in the processor's cache."""
    for top in range(0, len(early), _ROWS):
        rows = early[top : top + _ROWS]
        # only later images count: both lists ascend
        behind = late[np.searchsorted(late, rows[0], side="right") :]
        for left in range(0, len(behind), _COLUMNS):
            yield rows, behind[left : left + _COLUMNS]


def _compare(
    hashes: Hashes, window: int, block: tuple[Positions, Positions], distance: int, earlier: list[np.uint64]
) -> Pairs:
    rows, columns = block
    differing = hashes[rows, 0][:, None] ^ hashes[columns, window][None, :]
    counts = np.bitwise_count(differing)
    at_row, at_column = np.nonzero((counts <= distance) & (rows[:, None] < columns[None, :]))
    bits, first, second = differing[at_row, at_column], rows[at_row], columns[at_column]
    # a pair that an earlier band or window proposes was yielded there
    fresh = np.ones(len(bits), dtype=bool)
    for band in earlier:
        fresh &= (bits & band) != 0
    for before in range(window):
        fresh &= np.bitwise_count(hashes[first, 0] ^ hashes[second, before]) > distance
    figures = counts[at_row, at_column].astype(np.int64)
    pairs: Pairs = np.stack([first, second, figures], axis=1)[fresh]
    return pairs


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
    cross = np.conj(np.fft.fft2(padded)) * spectra
    surface = _sum_at(cross, _SHIFTS[None], _SHIFTS[None])
    scores = _divide(surface, norms[:, None, None] * _local_norms(second)).reshape(len(first), -1)
    best = scores.argmax(axis=1)
    figures = scores[np.arange(len(first)), best]
    rows, columns = _SHIFTS[best // len(_SHIFTS)], _SHIFTS[best % len(_SHIFTS)]
    worth = (figures >= _WORTH_REFINING) & (figures < 1)
    if worth.any():
        shifted = _realign(spectra[worth], cross[worth], rows[worth], columns[worth])
        products = (template[worth] * shifted).sum(axis=(1, 2))
        refined = _divide(products, norms[worth] * np.sqrt((shifted**2).sum(axis=(1, 2))))
        figures[worth] = np.maximum(figures[worth], refined)
    clipped: Figures = np.clip(figures, -1, 1)
    return clipped


def _sum_at(cross: Spectra, rows: Figures, columns: Figures) -> Figures:
    """Evaluate the inverse transform at shifts of shape (n or 1, m), giving (n, m, m)."""
    down = np.exp(2j * np.pi * rows[:, :, None] * _FREQUENCIES)
    across = np.exp(2j * np.pi * columns[:, :, None] * _FREQUENCIES)
    values: Figures = (down @ cross @ across.transpose(0, 2, 1)).real / SIDE**2
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


def _realign(spectra: Spectra, cross: Spectra, rows: Figures, columns: Figures) -> Figures:
    """The inner windows of the second images, without their mean, at the best shift near a whole-pixel one."""
    at = np.arange(len(rows))
    for step in (0.25, 0.0625):
        around = np.arange(-3, 4) * step
        tried_rows, tried_columns = rows[:, None] + around, columns[:, None] + around
        best = _sum_at(cross, tried_rows, tried_columns).reshape(len(rows), -1).argmax(axis=1)
        rows, columns = tried_rows[at, best // len(around)], tried_columns[at, best % len(around)]
    phase = np.exp(2j * np.pi * rows[:, None, None] * _FREQUENCIES[:, None])
    phase = phase * np.exp(2j * np.pi * columns[:, None, None] * _FREQUENCIES)
    shifted: Figures = np.fft.ifft2(spectra * phase).real[:, _INNER, _INNER]
    shifted -= shifted.mean(axis=(1, 2), keepdims=True)
    return shifted


def _divide(above: Figures, below: Figures) -> Figures:
    # a window without contrast has a norm of rounding errors, not of zero
    return np.divide(above, below, out=np.zeros_like(above), where=below > 1e-6)
