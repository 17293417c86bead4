"""What pictures show by their annotation, what a grounder says of them, and what their corpus shows most often."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.evaluation.benchmarks import Example
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import IMAGE, Grounding
from sartext.models.grounder.truth import DISTANCE, Point, Truth, truth_of
from sartext.narrator.vocabulary import bare

Classes = npt.NDArray[np.int16]
"""Of each pixel of model input: the place of its class, see `truth.cover_codes`."""

Numbers = tuple[int, int, int]
"""Objects of a class: in all, in the center, outside it; of more than twenty one number stands for all."""

Item = TypeVar("Item", bound=Any)


@dataclass(frozen=True)
class Known:
    """What an image is known to show.

    Args:
        image_id: of it.
        corpus: of it.
        group_id: of the images that the splits keep together.
        truth: centres of objects and shares of land cover, in pixels of model input.
        numbers: of the objects of each class that is there and that the annotation decides.
        scene: its label as a whole, None where it has none.
    """

    image_id: str
    corpus: str
    group_id: str
    truth: Truth
    numbers: Mapping[str, Numbers]
    scene: str | None


@dataclass(frozen=True)
class Answer:
    """What is said of an image.

    Args:
        peaks: of each class of objects: height and place in pixels of model input.
        counts: of the objects of the classes that are there.
        places: their numbers in the center and outside it.
        shares: of each class of land cover, from 0 to 1.
        cover: of each pixel the place of its class, that after the last where there is none of them.
        scene: the likeliest.
    """

    peaks: Mapping[str, Sequence[tuple[float, Point]]]
    counts: Mapping[str, int]
    places: Mapping[str, tuple[int, int]]
    shares: Mapping[str, float]
    cover: Classes
    scene: str


def known_of(example: Example, row: Mapping[str, Any], entry: Entry, side: int) -> Known:
    """Return what an image of a release is known to show: by its facts, and by the row of its corpus's index."""
    across, down = side / row["width"], side / row["height"]
    boxes = [
        {"label": box["label"], "xmin": box["xmin"] * across, "xmax": box["xmax"] * across,
         "ymin": box["ymin"] * down, "ymax": box["ymax"] * down}
        for box in row["objects"]
    ]  # fmt: skip
    truth = truth_of(boxes, row["regions"], entry, side)
    numbers = {bare(noun): (count, center, outside) for noun, _, count, center, outside in example.facts.items}
    decided = {key: value for key, value in numbers.items() if key in truth.decided}
    scene = example.facts.scene_class
    return Known(
        example.image_id, example.corpus, example.group_id, truth, decided, scene.casefold() if scene else None
    )


def answer_of(grounding: Grounding, maps: MapModel, stride: int) -> Answer:
    """Return what a grounder says of an image: what is likeliest by its maps alone, no threshold asked."""
    peaks: dict[str, list[tuple[float, Point]]] = {}
    for peak in grounding.peaks:
        peaks.setdefault(peak.label, []).append((peak.score, (peak.x, peak.y)))
    numbers = {label: maps.numbers(label, grounding) for label in peaks}
    cells = grounding.cover.argmax(axis=0).astype(np.int16)
    return Answer(
        peaks=peaks,
        counts={label: count for label, (count, _, _) in numbers.items() if count},
        places={label: (center, outside) for label, (_, center, outside) in numbers.items() if center or outside},
        shares={label: shares[IMAGE] for label, shares in grounding.shares.items()},
        cover=cells.repeat(stride, axis=0).repeat(stride, axis=1),
        scene=max(grounding.scenes, key=grounding.scenes.__getitem__, default=""),
    )


def commonest(train: Iterable[Known], stuff: Sequence[str]) -> dict[str, Answer]:
    """Return what the images of each corpus show most often: an answer that no image changes, by corpus.

    Objects are where they were, the commonest place first, on a grid whose cells a peak in the middle covers;
    counts, places and scene are the commonest, shares of land cover their medians, which have the least error, and
    the class with the largest share lies everywhere.
    """
    of_corpus: dict[str, list[Known]] = {}
    for known in train:
        of_corpus.setdefault(known.corpus, []).append(known)
    return {corpus: _commonest(of, stuff) for corpus, of in sorted(of_corpus.items())}


def _commonest(train: Sequence[Known], stuff: Sequence[str]) -> Answer:
    side = train[0].truth.side
    cell = 2 * DISTANCE * side
    middles: Counter[tuple[str, int, int]] = Counter()
    for known in train:
        for label, centres in known.truth.centres.items():
            middles.update((label, int(x // cell), int(y // cell)) for x, y in centres)
    peaks: dict[str, list[tuple[float, Point]]] = {}
    for (label, column, row), number in sorted(middles.items()):
        peaks.setdefault(label, []).append((number / len(train), ((column + 0.5) * cell, (row + 0.5) * cell)))
    masked = [known.truth for known in train if known.truth.shares]
    decided = [key for key in stuff if masked and key in masked[0].decided]
    seen = {key: [truth.shares.get(key, {}).get(IMAGE, 0.0) for truth in masked] for key in decided}
    means = [float(np.mean(seen[key])) if key in seen else -1.0 for key in stuff]
    largest = int(np.argmax(means)) if decided else len(stuff)
    numbers = [tuple(sorted(known.numbers.items())) for known in train]
    counts = _mode(tuple((key, count) for key, (count, _, _) in each) for each in numbers)
    places = _mode(tuple((key, (center, outside)) for key, (_, center, outside) in each) for each in numbers)
    return Answer(
        peaks=peaks,
        counts=dict(counts or ()),
        places=dict(places or ()),
        shares={key: float(np.median(values)) for key, values in seen.items()},
        cover=np.full((side, side), largest, dtype=np.int16),
        scene=_mode(known.scene for known in train if known.scene) or "",
    )


def _mode(items: Iterable[Item]) -> Item | None:
    """The commonest item, of equally common ones the least; None of nothing."""
    counted = Counter(items)
    return min(counted, key=lambda item: (-counted[item], item), default=None)
