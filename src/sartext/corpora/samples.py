"""What a sample of the image files of a folder holds: sizes, bands, kinds of numbers, and the legend of masks."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sartext.corpora.images import decode, read_image
from sartext.corpora.layout import FileGroup, Layout
from sartext.corpora.quarantine import Unusable

SAMPLE = 12
"""Files of a group that are decoded."""

LEGEND_LIMIT = 24
"""A mask has at most so many values in 99 of 100 of its pixels; a picture has more."""

STRAY = 0.0002
"""A value in a smaller share of the pixels is no class: edges of masks that were smoothed have such."""

FAINTEST_DB, BRIGHTEST_DB = -90.0, 60.0
"""Between these lie the decibels of radar images, and of real numbers below zero little else."""

Value = int | tuple[int, int, int]


@dataclass(frozen=True)
class Sample:
    """What the sampled files of a group hold.

    ``sizes`` are widths and heights, ``bands`` numbers of bands, ``kinds`` types of numbers. ``low`` and ``high``
    are the bounds of the finite values (of complex ones: of their amplitude). ``grey``: all bands are equal.
    ``values`` are the codes or colours of the pixels with the share of pixels of each, the most frequent first,
    empty where there are too many for a mask. ``unreadable`` files have a reason each.
    """

    sizes: tuple[tuple[int, int], ...]
    bands: tuple[int, ...]
    kinds: tuple[str, ...]
    low: float
    high: float
    grey: bool
    values: tuple[tuple[Value, float], ...]
    unreadable: tuple[str, ...]

    @property
    def is_mask(self) -> bool:
        """Whether the files may be masks: few values, at least two."""
        return len(self.values) > 1

    @property
    def quantity(self) -> str | None:
        """The ``quantity`` of a catalogue file where the values leave no doubt, else None."""
        if self.kinds == ("uint8",):
            return "display"
        if all(kind.startswith("complex") for kind in self.kinds) and self.kinds:
            return "complex"
        if all(kind.startswith("float") for kind in self.kinds) and self.kinds:
            return "db" if FAINTEST_DB < self.low < -1 and self.high < BRIGHTEST_DB else None
        return None

    def describe(self) -> str:
        """Return size, bands and values in a few words."""
        if not self.sizes:
            return f"none could be read ({', '.join(sorted(set(self.unreadable)))})"
        (width, height), (widest, highest) = min(self.sizes), max(self.sizes)
        size = f"{width} x {height}" + (f" to {widest} x {highest}" if len(self.sizes) > 1 else "")
        bands = f"{'/'.join(map(str, self.bands))} {'band' if self.bands == (1,) else 'bands'}"
        if self.is_mask:
            return f"{size}, {len(self.values)} values: {describe_values(self.values)}"
        return f"{size}, {bands}, {'/'.join(self.kinds)} from {self.low:.4g} to {self.high:.4g}"


def describe_values(values: tuple[tuple[Value, float], ...]) -> str:
    """Return the values of a mask with their shares of the pixels."""
    return ", ".join(
        f"{list(value) if isinstance(value, tuple) else value} {share:.1%}" for value, share in values
    )


def sample_of(layout: Layout, group: FileGroup) -> Sample:
    """Decode a few files of a group of a folder; a second call gives the same."""
    if group.glob not in layout.sampled:
        layout.sampled[group.glob] = _sample(layout.folder, group)
    sample: Sample = layout.sampled[group.glob]
    return sample


def _sample(folder: Path, group: FileGroup) -> Sample:
    sizes, bands, kinds = set[tuple[int, int]](), set[int](), set[str]()
    low, high, grey = np.inf, -np.inf, True
    values, pixels_seen = Counter[Value](), 0
    unreadable = []
    for file in group.sample(SAMPLE):
        try:
            pixels = decode(read_image(folder / file))
        except Unusable as error:
            unreadable.append(error.reason)
            continue
        layers = pixels[..., None] if pixels.ndim == 2 else pixels
        sizes.add((layers.shape[1], layers.shape[0]))
        bands.add(layers.shape[2])
        kinds.add(str(pixels.dtype))
        alike = bool((layers == layers[..., :1]).all())
        grey = grey and alike
        amplitude = np.abs(layers) if np.iscomplexobj(layers) else layers
        finite = amplitude[np.isfinite(amplitude)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        pixels_seen += layers.shape[0] * layers.shape[1]
        values.update(_values(layers[..., :1] if alike else layers))
    return Sample(
        tuple(sorted(sizes)),
        tuple(sorted(bands)),
        tuple(sorted(kinds)),
        low,
        high,
        grey,
        _legend(values, pixels_seen),
        tuple(unreadable),
    )


def _values(layers: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> dict[Value, int]:
    """Count the codes or colours of an image of whole numbers."""
    if layers.dtype.kind not in "iu" or layers.shape[2] not in {1, 3}:
        return {}
    rows = layers.reshape(-1, layers.shape[2]).astype(np.int64)
    packed = rows[:, 0] if rows.shape[1] == 1 else (rows[:, 0] << 40) + (rows[:, 1] << 20) + rows[:, 2]
    found, counts = np.unique(packed, return_counts=True)
    low = (1 << 20) - 1
    if rows.shape[1] == 1:
        return dict(zip(found.tolist(), counts.tolist(), strict=True))
    return {(v >> 40, v >> 20 & low, v & low): n for v, n in zip(found.tolist(), counts.tolist(), strict=True)}


def _legend(values: Counter[Value], pixels: int) -> tuple[tuple[Value, float], ...]:
    kept = [(value, count / pixels) for value, count in values.most_common(LEGEND_LIMIT) if count > STRAY * pixels]
    return tuple(kept) if sum(share for _, share in kept) >= 0.99 else ()
