"""How well a grounder finds objects and land cover: average precision at centre distance, mean IoU.

An object counts as found if a peak of its class lies within ``DISTANCE`` of its centre, each peak and each object
once, the highest peak first: average precision by centre distance as nuScenes has it (Caesar et al. 2020), since a
caption says where an object is and not how large its box.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sartext.models.grounder.maps import DISTANCE, Point, match


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
