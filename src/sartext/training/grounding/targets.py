"""Boxes and masks as the grounder's maps should be; what a corpus does not annotate is not taught.

The vocabulary is that of all corpora together: classes that captions call the same are one. A corpus teaches that
a class is absent only where it annotates the class exhaustively.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.masks import MASK_NO_DATA, zone_slices
from sartext.models.grounder.truth import OTHER, cover_codes
from sartext.models.squashing import Pixels
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.vocabulary import Vocabulary, annotated_by, key_of
from sartext.training.augmentation import turn, turn_box
from sartext.training.shards.reading import Pair

Array = npt.NDArray[np.float32]

SPREAD = 0.2
"""Standard deviation of an object's peak, as a share of the shorter side of its box."""

NARROWEST = 0.6
"""The least standard deviation of a peak, in cells."""

ZONES = 6
"""The image and its five zones."""


@dataclass(frozen=True)
class Targets:
    """What the maps of one picture should be; T things, S classes of land cover, a grid of G x G cells.

    Args:
        heat: peaks of height 1 at the centres, T x G x G.
        known: the classes whose presence and absence the corpus decides, T.
        centres: class, row and column of each object, k x 3.
        boxes: of each: offset of the centre in its cell along x and y, logarithm of width and height in cells, k x
            4.
        cover: share of each class in each cell, of its pixels with data, S x G x G.
        other: share of each cell that is of a class that captions do not name, G x G.
        data: share of each cell with data, G x G.
        allowed: the classes that such pixels may be of, S + 1 (the last: none of the vocabulary).
        scene: its place among the scenes, -1 where none is stated.
    """

    heat: Array
    known: npt.NDArray[np.bool_]
    centres: npt.NDArray[np.int64]
    boxes: Array
    cover: Array
    other: Array
    data: Array
    allowed: npt.NDArray[np.bool_]
    scene: int


class TargetMaker:
    """Makes the targets of pairs.

    Args:
        entries: of the corpora.
        vocabulary: what they show.
        side: of the pictures in pixels.
        stride: pixels along a side of a cell; it divides the side.
    """

    def __init__(self, entries: Mapping[str, Entry], vocabulary: Vocabulary, side: int, stride: int) -> None:
        self.entries, self.side, self.stride = entries, side, stride
        self.cells = side // stride
        self.things, self.stuff = tuple(vocabulary.things), tuple(vocabulary.stuff)
        self.scenes = tuple(name.casefold() for name in vocabulary.scenes)

    def of(self, pair: Pair, mask: Pixels | None, k: int = 0) -> Targets:
        """Return the targets of a pair's picture after turn ``k`` of `augmentation.turn`."""
        corpus = self._corpora[pair.corpus]
        boxes = [turn_box(box, self.side, k) for box in pair.objects]
        placed = [(corpus.things[box["label"]], box) for box in boxes if corpus.things[box["label"]] >= 0]
        heat = np.zeros((len(self.things), self.cells, self.cells), dtype=np.float32)
        centres, extents = [], []
        for number, box in placed:
            x, y = ((box[low] + box[high]) / 2 / self.stride for low, high in (("xmin", "xmax"), ("ymin", "ymax")))
            width, height = ((box[f"{axis}max"] - box[f"{axis}min"]) / self.stride for axis in "xy")
            column, row = (min(self.cells - 1, max(0, int(place))) for place in (x, y))
            _add_peak(heat[number], row, column, max(NARROWEST, SPREAD * min(width, height)))
            centres.append((number, row, column))
            extents.append((x - column - 0.5, y - row - 0.5, np.log(max(width, 0.1)), np.log(max(height, 0.1))))
        cover, other, data = self._cover(corpus, None if mask is None else turn(mask, k))
        facts = from_json(pair.facts) if self.scenes and pair.facts else Facts()
        scene = facts.scene or facts.scene_class
        return Targets(
            heat,
            corpus.known,
            np.array(centres, dtype=np.int64).reshape(-1, 3),
            np.array(extents, dtype=np.float32).reshape(-1, 4),
            cover,
            other,
            data,
            corpus.allowed,
            self.scenes.index(scene.casefold()) if scene and scene.casefold() in self.scenes else -1,
        )

    def _cover(self, corpus: "_Corpus", mask: Pixels | None) -> tuple[Array, Array, Array]:
        """Shares per cell: of each class, of what captions do not name, and of what has data."""
        cells = self.cells
        if mask is None:
            empty = np.zeros((cells, cells), dtype=np.float32)
            return np.zeros((len(self.stuff), cells, cells), dtype=np.float32), empty, empty
        known = corpus.stuff[mask]
        layers = [known == number for number in range(len(self.stuff))]
        layers += [known == OTHER, mask != MASK_NO_DATA]
        pixels = np.array(layers, dtype=np.float32)
        shares = pixels.reshape(len(layers), cells, self.stride, cells, self.stride).mean(axis=(2, 4))
        return shares[:-2], shares[-2], shares[-1]

    @cached_property
    def _corpora(self) -> dict[str, "_Corpus"]:
        return {name: self._corpus(entry) for name, entry in self.entries.items()}

    def _corpus(self, entry: Entry) -> "_Corpus":
        decided = annotated_by(entry)
        named = {kind.label: key_of(kind) for kind in entry.classes if kind.say and kind.valid}
        things = {key: number for number, key in enumerate(self.things)}
        own = {named[kind.label] for kind in entry.classes if kind.stuff and kind.label in named} & decided
        allowed = np.array([*(key not in own for key in self.stuff), True])
        return _Corpus(
            {kind.label: things.get(named.get(kind.label, ""), -1) for kind in entry.classes},
            np.array([key in decided for key in self.things], dtype=np.bool_),
            cover_codes(entry, self.stuff),
            allowed,
        )


@dataclass(frozen=True)
class _Corpus:
    """Places in the vocabulary: of things by label, of stuff by the code of the mask; what its labels decide."""

    things: Mapping[str, int]
    known: npt.NDArray[np.bool_]
    stuff: npt.NDArray[np.int16]
    allowed: npt.NDArray[np.bool_]


def _add_peak(heat: Array, row: int, column: int, deviation: float) -> None:
    """Let a Gaussian of height 1 stand at a cell, wherever it is higher than what is there."""
    reach = int(np.ceil(3 * deviation))
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    part = heat[rows, columns]
    down = np.arange(rows.start, rows.start + part.shape[0]) - row
    across = np.arange(columns.start, columns.start + part.shape[1]) - column
    peak = np.exp(-(down[:, None] ** 2 + across[None, :] ** 2) / (2 * deviation**2))
    np.maximum(part, peak.astype(np.float32), out=part)


def zone_weights(cells: int) -> Array:
    """Return the cells of the image and of each zone, each summing to 1, ``ZONES`` x G x G."""
    weights = np.zeros((ZONES, cells, cells), dtype=np.float32)
    places: Sequence[tuple[slice, slice]] = [(slice(None), slice(None)), *zone_slices(cells, cells).values()]
    for layer, place in zip(weights, places, strict=True):
        layer[place] = 1.0 / layer[place].size
    return weights
