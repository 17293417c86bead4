"""The parts of a benchmark that captions are scored on: all, each corpus, and by the size of what is there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sartext.evaluation.benchmarks import Example
from sartext.evaluation.figures import EVERYTHING

Bools = npt.NDArray[np.bool_]

SIZES = (
    ("objects:under-2px", 0.0, 2.0),
    ("objects:2-4px", 2.0, 4.0),
    ("objects:4-8px", 4.0, 8.0),
    ("objects:from-8px", 8.0, np.inf),
)
"""Bounds, the lower one inclusive, of the shorter side of an image's smallest object in pixels of model input."""


def subsets(examples: Sequence[Example], side: int) -> dict[str, Bools]:
    """Return which examples are in each part: ``all``, ``corpus:<name>`` and, with boxes, ``objects:<size>``.

    Args:
        examples: of a benchmark.
        side: of the model input in pixels.
    """
    corpora = sorted({one.corpus for one in examples})
    smallest = np.array([smallest_side(one, side) for one in examples], dtype=np.float64)
    sizes = SIZES if any(one.boxes is not None for one in examples) else ()
    return {
        EVERYTHING: np.ones(len(examples), dtype=np.bool_),
        **{f"corpus:{name}": np.array([one.corpus == name for one in examples]) for name in corpora},
        **{name: (smallest >= low) & (smallest < high) for name, low, high in sizes},
    }


def smallest_side(example: Example, side: int) -> float:
    """Return the shorter side of the smallest object in pixels of the squashed image; nan where none is known.

    Boxes are clipped to the image, as captions are; what has no area is no object.
    """
    sides = []
    for box in example.boxes or ():
        width = _length(box["xmin"], box["xmax"], example.width) * side
        height = _length(box["ymin"], box["ymax"], example.height) * side
        if width > 0 and height > 0:
            sides.append(min(width, height))
    return min(sides, default=np.nan)


def _length(low: float, high: float, whole: int) -> float:
    """The share of the image's side that a box takes."""
    return (min(float(high), whole) - max(float(low), 0.0)) / whole
