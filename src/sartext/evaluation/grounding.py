"""How well a grounder finds objects and land cover: average precision at centre distance, mean IoU.

An object counts as found if a peak of its class lies within ``DISTANCE`` of its centre, each peak and each object
once, the highest peak first: average precision by centre distance as nuScenes has it (Caesar et al. 2020), since a
caption says where an object is and not how large its box.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from sartext.bootstrap import Bools, Floats, Integers
from sartext.evaluation.metrics import Metric
from sartext.models.grounder.truth import DISTANCE, Point, match


@dataclass
class DetectionFigures:
    """Peaks of one class over pictures: heights, whether each is right, and how many objects there are."""

    heights: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    objects: int = 0

    def add(self, peaks: Iterable[tuple[float, Point]], centres: Sequence[Point], side: float) -> None:
        """Count the peaks of one picture of ``side`` pixels."""
        ordered = sorted(peaks, reverse=True)
        self.heights += [height for height, _ in ordered]
        self.right += match(ordered, centres, DISTANCE * side)
        self.objects += len(centres)

    @property
    def average_precision(self) -> float | None:
        """The area under precision over recall, precision made monotone, from 0 to 1; None without objects."""
        if not self.objects:
            return None
        order = np.argsort(-np.array(self.heights), kind="stable")
        right = np.cumsum(np.array(self.right, dtype=np.float64)[order])
        precision = right / np.arange(1, len(order) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        gained = np.diff(right, prepend=0.0)
        return float((best * gained).sum() / self.objects)


def average_precision(heights: Floats, right: Bools, owner: Integers, objects: Floats, weights: Floats) -> Floats:
    """Return the average precision of resampled groups of pictures, [resamples]; nan without objects.

    Args:
        heights: of the peaks, [peaks]; those of one height are listed together.
        right: whether each stands for an object of its own, [peaks].
        owner: the group of each, [peaks].
        objects: how many there are in each group, [groups].
        weights: how often each group counts, [resamples, groups].
    """
    order = np.argsort(-heights, kind="stable")
    listed_to = np.searchsorted(-heights[order], -np.unique(heights[right])[::-1], side="right")
    # by group: how many peaks are listed, and how many of them right, to where each of the right ones is
    step = np.searchsorted(listed_to, np.arange(len(order)), side="right")
    listed, hits = np.zeros((2, len(objects), len(listed_to) + 1))
    np.add.at(listed, (owner[order], step), 1.0)
    np.add.at(hits, (owner[order], step), right[order])
    listed, hits = (weights @ np.cumsum(each, axis=1)[:, :-1] for each in (listed, hits))
    precision = np.divide(hits, listed, out=np.zeros_like(hits), where=listed > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    area, there = (best * np.diff(hits, axis=1, prepend=0.0)).sum(axis=1), weights @ objects
    values: Floats = np.divide(area, there, out=np.full(len(weights), np.nan), where=there > 0)
    return values


@dataclass
class CoverFigures:
    """Cells of land cover over pictures: how many of each class were taken for which."""

    classes: Sequence[str]
    counts: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((len(self.classes),) * 2, dtype=np.int64)

    def add(self, true: npt.NDArray[np.int64], seen: npt.NDArray[np.int64]) -> None:
        """Count cells: the place of their class and of the one that is seen."""
        size = len(self.classes)
        self.counts += np.bincount(true * size + seen, minlength=size * size).reshape(size, size)

    @property
    def iou(self) -> Mapping[str, float]:
        """Cells of a class that are seen as it, as a share of those that are either, for classes that occur."""
        both = np.diagonal(self.counts)
        either = self.counts.sum(axis=0) + self.counts.sum(axis=1) - both
        occurs = self.counts.sum(axis=1) > 0
        return {name: float(both[at] / either[at]) for at, name in enumerate(self.classes) if occurs[at]}


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of what there is, None of nothing."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


AVERAGE_PRECISION, EXACT_COUNTS, PLACES_RIGHT = "average_precision", "exact_counts", "places_right"
MEAN_IOU, SHARE_ERROR, SCENE_ACCURACY = "mean_iou", "share_error", "scene_accuracy"

_metric = partial(Metric, "grounding", headline=True)
METRICS = (
    _metric(
        AVERAGE_PRECISION,
        "average precision",
        meaning="Of peaks within a sixteenth of the side of an object's centre, each object once; the mean of the "
        "classes. Sizes of boxes do not count.",
        section="objects",
    ),
    _metric(
        EXACT_COUNTS,
        "exact counts",
        unit="% of images",
        meaning="The number of peaks that are likelier than not is right of every class, absent ones included.",
        section="objects",
    ),
    _metric(
        PLACES_RIGHT,
        "all places right",
        unit="% of images",
        meaning="So are the numbers in the center and outside it, of every class.",
        section="objects",
    ),
    _metric(
        MEAN_IOU,
        "mean IoU",
        meaning="Pixels of model input seen rightly as a class, as a share of those that are it or seen as it; "
        "the mean of the classes that occur.",
        section="cover",
    ),
    _metric(
        SHARE_ERROR,
        "share error",
        unit="% of the image",
        higher_is_better=False,
        meaning="Half the sum of the differences between shares of land cover as seen and as they are: the part "
        "of the image that is given to a wrong class.",
        section="cover",
    ),
    _metric(
        SCENE_ACCURACY,
        "scene accuracy",
        unit="% of images",
        meaning="The likeliest scene is the label's, of corpora whose images are labelled as a whole.",
        section="scenes",
    ),
)
