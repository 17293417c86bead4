"""Patches cut from scenes: which of them overlap, and which stand in two classes.

Where they lie is read from their names, and names may be wrong: patches that share pixels overlap, too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sartext.corpora.quarantine import Unusable

SIDE = 8
"""Pixels of the side of a block: no two places of one scene look alike to the last bit over 8 x 8 pixels."""

LIVELY = SIDE * (SIDE - 1) // 2
"""Neighbours in a block that must differ: flat ground without data, or saturated, is alike anywhere."""

KEPT = 4
"""One block of so many is compared, chosen by its content: an overlap of 15 pixels by 15 holds 64 of them."""

Blocks = npt.NDArray[np.uint64]
Row = Mapping[str, Any]


class Position(NamedTuple):
    """Where a patch lies: the scene, its first corner and its size, in pixels of the scene or units of a map."""

    scene: str
    x: float
    y: float
    width: float
    height: float


def position_of(expression: str, path: str, scene: str, size: tuple[int, int]) -> Position:
    """Return the position that a path states; ``size`` is width and height of the patch.

    Raises:
        Unusable: ``no-position``.
    """
    match = re.search(expression, path)
    if match is None or not all(number and number.isdecimal() for number in match.groups()):
        raise Unusable("no-position", "its name does not say where in its scene it lies")
    return Position(scene, int(match.group(1)), int(match.group(2)), *size)


def overlaps(rows: Sequence[Row], blocks: Sequence[Blocks], expression: str) -> list[tuple[int, int]]:
    """Return the places of any two rows of an index that overlap by name, and enough that share pixels."""
    sizes = [(row["width"], row["height"]) for row in rows]
    positions = [
        position_of(expression, row["path"], row["scene_id"], size) for row, size in zip(rows, sizes, strict=True)
    ]
    return [*named_overlaps(positions), *shared_blocks(blocks)]


def named_overlaps(positions: Sequence[Position]) -> Iterator[tuple[int, int]]:
    """Yield the places of every two patches that overlap by their positions."""
    known = sorted((position, place) for place, position in enumerate(positions))
    for number, (patch, place) in enumerate(known):
        for following in range(number + 1, len(known)):
            other, beside = known[following]
            if other.scene != patch.scene or other.x >= patch.x + patch.width:
                break
            if other.y < patch.y + patch.height and patch.y < other.y + other.height:
                yield place, beside


def blocks_of(pixels: npt.NDArray[Any]) -> Blocks:
    """Return numbers that stand for blocks of 8 x 8 pixels of an image, sorted: the same for the same values."""
    height, width = pixels.shape[:2]
    if min(height, width) < SIDE:
        return np.empty(0, np.uint64)
    content = np.ascontiguousarray(pixels).tobytes()
    whole = len(content) // (height * width) % 4 == 0
    values = np.frombuffer(content, "<u4" if whole else "u1").reshape(height, width, -1)
    numbers = np.zeros((height, width), np.uint64)
    for place in range(values.shape[2]):
        numbers = (numbers + values[..., place]) * np.uint64(0x9E3779B97F4A7C15)
        numbers ^= numbers >> np.uint64(29)
    differ = np.zeros((height, width), np.int64)
    differ[:, 1:] = numbers[:, 1:] != numbers[:, :-1]
    odd = np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.zeros((height - SIDE + 1, width - SIDE + 1), np.uint64)
    lively = np.zeros(hashes.shape, np.int64)
    for row in range(SIDE):
        for column in range(SIDE):
            window = slice(row, row + hashes.shape[0]), slice(column, column + hashes.shape[1])
            hashes = hashes * odd + numbers[window]
            lively += differ[window] if column else 0
    hashes ^= hashes >> np.uint64(31)
    return np.unique(hashes[(lively >= LIVELY) & (hashes % np.uint64(KEPT) == 0)])


def shared_blocks(blocks: Sequence[Blocks]) -> Iterator[tuple[int, int]]:
    """Yield places of patches that share pixels: enough pairs to join all that do."""
    hashes = np.concatenate([np.empty(0, np.uint64), *blocks])
    places = np.repeat(np.arange(len(blocks)), [len(of_patch) for of_patch in blocks])
    order = np.lexsort((places, hashes))
    same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1])
    pairs = np.unique(np.stack([places[order][same], places[order][same + 1]], axis=1), axis=0)
    yield from map(tuple, pairs.tolist())


def joined(names: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """Return for each patch the name of the first one that it hangs together with, directly or through others."""
    from scipy.cluster.hierarchy import DisjointSet  # it takes long to load

    sets = DisjointSet(range(len(names)))
    for first, second in pairs:
        sets.merge(first, second)
    firsts: dict[int, str] = {}
    return [firsts.setdefault(sets[place], name) for place, name in enumerate(names)]


def across_splits(rows: Sequence[Row], pairs: Iterable[tuple[int, int]]) -> dict[str, int]:
    """Count the patches of each published split that overlap one of another published split."""
    leaking: dict[str, set[int]] = {}
    for pair in pairs:
        splits = [rows[place]["published_split"] for place in pair]
        if None not in splits and splits[0] != splits[1]:
            for split, place in zip(splits, pair, strict=True):
                leaking.setdefault(split, set()).add(place)
    return {split: len(places) for split, places in sorted(leaking.items())}


def in_two_classes(rows: Sequence[Row]) -> dict[str, str]:
    """Return why images are of no use, by id: their pixels stand in another scene class, too."""
    classes: dict[str, set[str]] = {}
    for row in rows:
        if row["scene_class"]:
            classes.setdefault(row["pixels_sha256"], set()).add(row["scene_class"])
    return {
        row["image_id"]: f"equal pixels stand in {' and '.join(sorted(classes[row['pixels_sha256']]))}"
        for row in rows
        if len(classes.get(row["pixels_sha256"], ())) > 1
    }
