"""Whether the legend of masks agrees with backscatter: a permuted one would become captions that are all wrong.

What SAR shows has an order that hardly depends on sensor, band or display: calm or wind-blown water is darker than
towns and woods, a film of oil darker than the sea around it, a ship brighter than what it floats on. Classes are
compared pixel by pixel within an image, so that a picture's grey levels will do, however it was stretched. Where
the catalogue expects a mean of a class in dB (``db_range``), that is compared too.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.corpora.reading import ClassMap

SURFACES = {
    "water": {"water", "open water", "sea", "ocean", "sea surface", "river", "lake", "pond", "water body"},
    "built-up land": {
        "urban",
        "built-up",
        "built-up land",
        "built-up area",
        "building",
        "buildings",
        "residential",
    },
    "woods": {"forest", "forests", "tree", "trees", "woodland", "vegetation"},
    "bare ground": {"bare", "bare soil", "bare ground", "bare land", "bareland"},
    "oil": {"oil", "oil spill", "oil slick"},
    "ship": {"ship", "vessel", "boat"},
}
"""What the labels and nouns of a catalogue file say of the ground; other classes have no place in the order."""

DARKER = (
    ("water", "built-up land"),
    ("water", "woods"),
    ("water", "ship"),
    ("bare ground", "built-up land"),
    ("oil", "water"),
)
"""Pairs of surfaces, the darker one first."""

FEW, ENOUGH = 100, 1000
"""Pixels of a class without which an image says nothing of it, and those without which a corpus does not."""

BRIGHTER = 0.6
"""The share of pairs of pixels, one of either class, in which that of the darker class is the brighter one, beyond
which the order is held for wrong. Of equal classes it is 0.5. The median over images counts."""

LEVELS_PER_DB, LEVELS = 4, 1024

Levels = npt.NDArray[np.float64]


@dataclass
class Backscatter:
    """What the pixels of one image say of its classes.

    ``sums`` are the sum of dB (of a picture, grey levels) and the number of pixels by label. ``brighter`` tells of
    pairs of labels, the one that should be darker first, how often it is the brighter.
    """

    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    brighter: dict[tuple[str, str], float] = field(default_factory=dict)


def surface_of(kind: CorpusClass) -> str | None:
    """Return the surface that a class is by its label or noun, None where the order of surfaces leaves it out."""
    names = {name.casefold().replace("_", " ") for name in (kind.label, kind.noun)}
    names |= {name.replace("-", " ") for name in names}
    return next((surface for surface, known in SURFACES.items() if names & known), None)


def measure(levels: Levels, classes: ClassMap, entry: Entry) -> Backscatter:
    """Return what an image says of its classes.

    Args:
        levels: dB, or grey levels of a picture, (H, W); NaN where there is no data.
        classes: the place of each pixel's class in the catalogue, (H, W).
        entry: the corpus.
    """
    seen = Backscatter()
    surfaces: dict[str, list[str]] = defaultdict(list)
    counts: dict[str, npt.NDArray[np.int64]] = {}
    for number, kind in enumerate(entry.classes):
        values = levels[(classes == number) & np.isfinite(levels)]
        if values.size:
            seen.sums[kind.label] = (float(values.sum()), int(values.size))
        if values.size >= FEW and (surface := surface_of(kind)):
            surfaces[surface].append(kind.label)
            counts[kind.label] = np.bincount(_rank(values, entry), minlength=LEVELS)
    for dark, bright in DARKER:
        for first in surfaces[dark]:
            for second in surfaces[bright]:
                seen.brighter[first, second] = _brighter(counts[first], counts[second])
    return seen


def _rank(values: Levels, entry: Entry) -> npt.NDArray[np.int64]:
    scaled = values if entry.quantity == "display" else (values + LEVELS / (2 * LEVELS_PER_DB)) * LEVELS_PER_DB
    return np.clip(np.rint(scaled), 0, LEVELS - 1).astype(np.int64)


def _brighter(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
    """Return the share of pairs in which the first is brighter, ties half: the statistic of Mann and Whitney."""
    below = np.cumsum(second) - second
    return float((first * (below + second / 2)).sum() / (first.sum() * second.sum()))


def grey(pixels: npt.NDArray[Any]) -> Levels:
    """Return the mean grey level of a picture's channels, (H, W)."""
    return np.asarray(pixels if pixels.ndim == 2 else pixels.mean(axis=2), dtype=np.float64)


def summarise(entry: Entry, images: Sequence[Backscatter]) -> dict[str, Any]:
    """Return the mean of each class over a corpus, and what contradicts the order of surfaces or ``db_range``."""
    sums: dict[str, tuple[float, int]] = {}
    brighter: dict[tuple[str, str], list[float]] = defaultdict(list)
    for image in images:
        for label, (total, count) in image.sums.items():
            before = sums.get(label, (0.0, 0))
            sums[label] = (before[0] + total, before[1] + count)
        for pair, share in image.brighter.items():
            brighter[pair].append(share)
    means = {label: round(total / count, 2) for label, (total, count) in sums.items()}
    enough = {label for label, (_, count) in sums.items() if count >= ENOUGH}
    return {
        "unit": "grey level" if entry.quantity == "display" else "dB",
        "means": means,
        "compared": {f"{dark} below {bright}": len(shares) for (dark, bright), shares in sorted(brighter.items())},
        "contradictions": _wrong_order(brighter, enough) + _out_of_range(entry, means, enough),
        "accepted": entry.backscatter_checked,
    }


def _wrong_order(brighter: Mapping[tuple[str, str], Sequence[float]], enough: set[str]) -> list[str]:
    medians = {pair: float(np.median(shares)) for pair, shares in brighter.items() if enough.issuperset(pair)}
    return [
        f"{dark} is brighter than {bright} ({100 * share:.0f} % of pairs of pixels)"
        for (dark, bright), share in sorted(medians.items())
        if share > BRIGHTER
    ]


def _out_of_range(entry: Entry, means: Mapping[str, float], enough: set[str]) -> list[str]:
    if not entry.calibrated:
        return []
    ranges = {kind.label: kind.db_range for kind in entry.classes if kind.db_range and kind.label in enough}
    return [
        f"{label} has {means[label]:.1f} dB, expected {low:g} to {high:g}"
        for label, (low, high) in ranges.items()
        if not low <= means[label] <= high
    ]


def contradiction(summary: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a legend, with the means of its classes; None where nothing is, or it is accepted."""
    if not summary["contradictions"] or summary["accepted"]:
        return None
    means = ", ".join(f"{label} {mean:g}" for label, mean in summary["means"].items())
    found = "; ".join(summary["contradictions"])
    return f"the legend contradicts backscatter: {found}; means in {summary['unit']}: {means}"


WAY_OUT = "correct `classes` in its catalogue file, or say there why this is so: `backscatter_checked: <reason>`"
