"""Perceptual hashes, and pairs of them that lie close together: what proposes near-duplicates.

The hash is pHash as ImageHash computes it: the signs of the 8 x 8 lowest frequencies about their median. A shift
by two of 64 pixels alone can turn 14 of its bits, so an image has nine hashes: it is reduced to 34 x 34 pixels,
and hashed in the window of 32 x 32 in its middle and in those one pixel beside. Two images are proposed if the
middle of the earlier one is close to any window of the later one.

Guarantee (multi-index hashing, M. Norouzi et al., CVPR 2012): cut 64 bits into ``distance + 1`` bands; two hashes
that differ in at most ``distance`` bits differ in at most that many bands, so they agree in at least one.
Comparing within equal values of every band therefore finds every pair. Memory is bounded by the block, not by the
corpus.
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

BITS = 64
WINDOWS = ((1, 1), *(place for place in product(range(3), repeat=2) if place != (1, 1)))
"""Row and column of the hashed windows' corners; the middle one first."""

_SIDE = 32
_LOW = 8
_ROWS, _COLUMNS = 64, 1024
# narrower bands have so few values, and fewer images such small buckets, that comparing all is cheaper
_MOST_BANDS = 12
_BANDED_FROM = 10_000


def window_hashes(thumbnail: Image.Image) -> Hashes:
    """Return the 64-bit perceptual hashes of a grey thumbnail's windows, shape (9,)."""
    side = _SIDE + 2
    small = np.asarray(thumbnail.resize((side, side), Image.Resampling.LANCZOS), dtype=np.float64)
    windows = np.stack([small[row : row + _SIDE, column : column + _SIDE] for row, column in WINDOWS])
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
    # a pair that an earlier band or window proposes was told there
    fresh = np.ones(len(bits), dtype=bool)
    for band in earlier:
        fresh &= (bits & band) != 0
    for before in range(window):
        fresh &= np.bitwise_count(hashes[first, 0] ^ hashes[second, before]) > distance
    figures = counts[at_row, at_column].astype(np.int64)
    pairs: Pairs = np.stack([first, second, figures], axis=1)[fresh]
    return pairs
