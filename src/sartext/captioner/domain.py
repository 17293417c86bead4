"""Which pictures a narrator was taught, and how like them another is: how it is stored, its size, its grey levels.

A picture is unlike the training pictures where, for each corpus, a figure of it lies outside the range that nearly
all pictures of the corpus keep to: a mask has few grey levels and no roughness, an optical picture has colours and
hardly any speckle.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.quarantine import Unusable
from sartext.models.squashing import Pixels, three_channels

QUANTILE = 0.0025
"""Share of a corpus's training pictures that lie below its range of a figure, and above it."""

FEWEST = 50
"""Training pictures from which on a corpus has ranges of its own; smaller ones have theirs together."""

SMALLER_CORPORA = "smaller corpora"

FACTOR = 2.0
"""How many times larger or smaller than the training pictures a picture may be."""

FIGURES = ("colour", "grey levels", "roughness", "speckle")

GREY = 2.0
"""Grey levels of colour that coding may leave in a grey picture."""

DARK = 8.0
"""Added to the brightness by which roughness is divided: the grey levels of black pixels are noise of coding."""

STRETCHED = ("amplitude", "intensity", "complex")
"""Quantities that are shown alike: in dB, in a window that all files share."""

RAW = "or take --raw, which proves nothing"

Ranges = Mapping[str, tuple[float, float]]


def figures_of(picture: Pixels) -> tuple[float, ...]:
    """Return the ``FIGURES`` of a picture, uint8, height x width or height x width x 3.

    Colour is the mean gap between the highest and the lowest channel; grey levels are counted; roughness is the
    median gap between neighbouring pixels, in grey levels; speckle the median of that gap over their brightness.
    """
    channels = three_channels(picture) if picture.ndim == 2 else picture
    colour = np.ptp(channels, axis=2).mean()
    grey = np.rint(channels.mean(axis=2))
    gaps = [np.abs(np.diff(grey, axis=axis)).ravel() for axis in (0, 1)]
    means = [((grey[1:] + grey[:-1]) / 2).ravel(), ((grey[:, 1:] + grey[:, :-1]) / 2).ravel()]
    gap, mean = np.concatenate(gaps), np.concatenate(means)
    levels = len(np.unique(grey))
    return tuple(
        round(float(each), 4) for each in (colour, levels, np.median(gap), np.median(gap / (mean + DARK)))
    )


@dataclass(frozen=True)
class Domain:
    """The pictures that a narrator was taught.

    Args:
        side: of the model's input in pixels, on which the figures are measured.
        bands: of the files, the most by quantity (``display`` is 8-bit).
        shortest: side in pixels of the training pictures as they are stored.
        longest: side of them.
        ranges: of the figures, by corpus.
    """

    side: int
    bands: Mapping[str, int]
    shortest: int
    longest: int
    ranges: Mapping[str, Ranges]

    def check_size(self, height: int, width: int) -> None:
        """Raise Unusable ``another-size`` for a picture that is much larger or smaller than those."""
        if max(height, width) > FACTOR * self.longest or min(height, width) < self.shortest / FACTOR:
            sides = f"{self.shortest} to {self.longest}" if self.shortest < self.longest else f"{self.longest}"
            taught = f"the narrator was taught pictures with sides of {sides}"
            remedy = "cut it into tiles" if max(height, width) > FACTOR * self.longest else "take a larger part"
            raise Unusable("another-size", f"{width} x {height} pixels, {taught}; {remedy} of that size, {RAW}")

    def check_values(self, quantity: str, bands: int) -> None:
        """Raise Unusable ``another-quantity`` or ``another-band-count`` for a file unlike those.

        Args:
            quantity: of its values, ``display`` for 8-bit ones; grey may stand on three channels there.
            bands: of the file; 1 where it is stated which is shown.
        """
        alike = STRETCHED if quantity in STRETCHED else (quantity,)
        known = [count for name, count in self.bands.items() if name in alike]
        if not known:
            taught = ", ".join("8-bit pictures" if name == "display" else name for name in self.bands)
            shown = "an 8-bit picture" if quantity == "display" else quantity
            raise Unusable(
                "another-quantity",
                f"{shown}, the narrator was taught {taught}; state --quantity where that is wrong, {RAW}",
            )
        if bands > max(known) and not (quantity == "display" and bands == 3):
            detail = f"{bands}, the narrator was taught files of at most {max(known)}; name the one that is shown"
            raise Unusable("another-band-count", f"{detail} by --band, {RAW}")

    def unlike(self, picture: Pixels) -> tuple[str, ...]:
        """Return in which figures a picture of the model's size is unlike those, of the corpus that is likest."""
        figures = dict(zip(FIGURES, figures_of(picture), strict=True))
        outside = [
            tuple(name for name, (low, high) in ranges.items() if not low <= figures[name] <= high)
            for ranges in self.ranges.values()
        ]
        return min(outside, key=len, default=())

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Domain":
        """Return what `to_record` wrote; a KeyError, TypeError or ValueError where it is no such record."""
        ranges = {
            corpus: {name: (float(of[name][0]), float(of[name][1])) for name in FIGURES}
            for corpus, of in dict(record["ranges"]).items()
        }
        bands = {str(name): int(count) for name, count in dict(record["bands"]).items()}
        return cls(int(record["side"]), bands, int(record["shortest"]), int(record["longest"]), ranges)


def domain_of(
    side: int,
    entries: Iterable[Entry],
    sizes: Collection[tuple[int, int]],
    figures: Mapping[str, list[tuple[float, ...]]],
) -> Domain:
    """Return the domain of training pictures.

    Args:
        side: of the model's input in pixels.
        entries: of their corpora.
        sizes: width and height of each as it is stored, in pixels.
        figures: see `figures_of`, of the pictures of each corpus.
    """
    bands: dict[str, int] = {}
    for entry in entries:
        count = max(entry.bands.values(), default=1)
        bands[entry.quantity] = max(bands.get(entry.quantity, 0), count)
    groups: dict[str, list[tuple[float, ...]]] = {}
    for corpus, of in sorted(figures.items()):
        groups.setdefault(corpus if len(of) >= FEWEST else SMALLER_CORPORA, []).extend(of)
    shortest, longest = min(map(min, sizes)), max(map(max, sizes))
    ranges = {corpus: _ranges(np.array(of)) for corpus, of in groups.items()}
    return Domain(side, dict(sorted(bands.items())), shortest, longest, ranges)


def _ranges(figures: npt.NDArray[np.float64]) -> Ranges:
    """Of the pictures, ``n x figures``."""
    low, high = (np.quantile(figures, share, axis=0).round(4).tolist() for share in (QUANTILE, 1 - QUANTILE))
    high[0] = max(high[0], GREY)
    return dict(zip(FIGURES, zip(low, high, strict=True), strict=True))
