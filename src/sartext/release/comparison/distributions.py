"""How captions are distributed: their lengths, methods, corpora and the classes that their facts name."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sartext.release.comparison.sides import Column, Side

STEP = 5
"""Words that a bar of the histogram of lengths is wide."""


@dataclass(frozen=True)
class Distribution:
    """What the captions of one side are, as counts of captions.

    ``words`` are the least, mean, median and most words of a caption, ``lengths`` the captions of 1 to 5 words, of
    6 to 10 and so on; ``classes`` count the captions whose facts name a class.
    """

    captions: int
    images: int
    distinct: int
    words: Mapping[str, float]
    lengths: Mapping[str, int]
    splits: Mapping[str, int]
    methods: Mapping[str, int]
    classes: Mapping[str, int]


def distribution_of(side: Side) -> Distribution:
    """Return how the captions of a side are distributed."""
    caption = side.column("caption")
    lengths = _lengths(caption)
    return Distribution(
        captions=len(caption),
        images=len(pc.unique(side.column("image_id"))),
        distinct=len(pc.unique(caption)),
        words=_summary(lengths),
        lengths=_bars(lengths),
        splits=counts_of(side.column("split")),
        methods=counts_of(side.column("method")),
        classes=_classes(side.column("facts")),
    )


def counts_of(column: Column) -> dict[str, int]:
    """Return how often each value stands in a column of texts, in their order; nulls are not counted."""
    counted = {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
    return dict(sorted((str(value), count) for value, count in counted.items() if value is not None))


def _lengths(caption: Column) -> npt.NDArray[np.int64]:
    """Words of each caption; an empty one has none."""
    trimmed = pc.utf8_trim_whitespace(caption)
    words = pc.list_value_length(pc.utf8_split_whitespace(trimmed))
    return np.asarray(pc.if_else(pc.equal(trimmed, ""), 0, words).to_numpy(), dtype=np.int64)


def _summary(lengths: npt.NDArray[np.int64]) -> dict[str, float]:
    if not len(lengths):
        return {}
    figures = {"least": lengths.min(), "mean": lengths.mean(), "median": np.median(lengths), "most": lengths.max()}
    return {name: round(float(value), 2) for name, value in figures.items()}


def _bars(lengths: npt.NDArray[np.int64]) -> dict[str, int]:
    bars: list[int] = np.bincount(np.maximum(lengths - 1, 0) // STEP).tolist() if len(lengths) else []
    return {f"{STEP * place + 1} to {STEP * (place + 1)}": count for place, count in enumerate(bars)}


def _classes(facts: Column) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in pc.value_counts(facts).to_pylist() if not pa.types.is_null(facts.type) else ():
        for label in _labels(row["values"]):
            counts[label] += row["counts"]
    return dict(sorted(counts.items()))


def _labels(record: str | None) -> set[str]:
    """The classes that a record of facts names, whatever version wrote it."""
    try:
        content: Any = json.loads(record) if record else {}
    except ValueError:
        return set()
    if not isinstance(content, dict):
        return set()
    parts = [part for name in ("objects", "cover", "present") for part in content.get(name) or ()]
    labels = {str(part["label"]) for part in parts if isinstance(part, dict) and part.get("label")}
    return labels | ({str(content["scene_class"])} if content.get("scene_class") else set())
