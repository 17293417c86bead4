"""How a user's own image file becomes the picture that a model sees.

8-bit files are shown as they are. Anything else is SAR: its first band in dB, in a window. The quantity is told,
or guessed: complex values are complex, values below zero are dB, others amplitude. The window is told, or it is
-25 to 0 dB for files in dB (calibrated backscatter, as in the corpora), and for the others the 1st to 99th
percentile over all files of the same command: never per image, which can invert the order of two images.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.images import decode, read_image
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import CO_POL_WINDOW, histogram, stretch_window, to_db, to_grey
from sartext.errors import ParameterError
from sartext.progress import track

SarQuantity = Literal["amplitude", "intensity", "complex", "db"]

Picture = npt.NDArray[np.uint8]
Window = tuple[float, float]


def display_of(quantity: str, window: Window | None, nodata: float | None) -> "Display":
    """Return how files are shown, as a person asked for it.

    Raises:
        ParameterError: the window is empty or not finite.
    """
    if window is not None and not (isfinite(window[0]) and isfinite(window[1]) and window[0] < window[1]):
        raise ParameterError(
            f"a window from {window[0]:g} to {window[1]:g} dB",
            way_out="name the lower bound first: --window -25 0",
        )
    return Display(quantity, window, None, nodata)


@dataclass(frozen=True)
class Display:
    """How files are shown.

    Args:
        quantity: of files that are no 8-bit pictures; ``auto`` guesses it from the values of each.
        window: in dB, for all of them.
        stretched: the window of uncalibrated files where none is told.
        nodata: the value that means no data.
    """

    quantity: str = "auto"
    window: Window | None = None
    stretched: Window | None = None
    nodata: float | None = None

    def picture(self, path: Path) -> Picture:
        """Return the picture of a file: height x width, or height x width x 3.

        Raises:
            Unusable: the file cannot be read, or its values are not of that quantity.
        """
        pixels = decode(read_image(path))
        if pixels.dtype == np.uint8:
            return _shown(pixels)
        entry = self._entry(pixels)
        window = self.window or (CO_POL_WINDOW if entry.quantity == "db" else self.stretched)
        decibels = to_db(pixels, entry)
        if window is None:
            window = stretch_window(histogram(decibels))
        return to_grey(decibels, *window)

    def counted(self, path: Path) -> dict[int, int]:
        """Return the histogram in dB of a file that needs a stretch, else nothing; an unusable file has none."""
        try:
            pixels = decode(read_image(path))
            if pixels.dtype == np.uint8 or (entry := self._entry(pixels)).quantity == "db":
                return {}
            return histogram(to_db(pixels, entry))
        except Unusable:
            return {}  # told when it is captioned

    def _entry(self, pixels: npt.NDArray[Any]) -> Entry:
        quantity = self.quantity if self.quantity != "auto" else guess(pixels, self.nodata)
        return Entry.model_validate({**_NAMELESS, "quantity": quantity, "nodata": self.nodata})


_NAMELESS = {
    "name": "own",
    "title": "A user's own images",
    "description": "",
    "kind": "unlabelled",
    "images": (),
    "sensor": "unknown",
    "citation": "",
    "homepage": "",
    "obtain": "",
}


def guess(pixels: npt.NDArray[Any], nodata: float | None) -> SarQuantity:
    """Return what the values of a file are most likely: complex, dB where some are below zero, else amplitude."""
    if np.iscomplexobj(pixels):
        return "complex"
    valid = np.isfinite(pixels) if nodata is None else np.isfinite(pixels) & (pixels != nodata)
    return "db" if (pixels[valid] < 0).any() else "amplitude"


def stretch(display: Display, paths: Iterable[Path], total: int) -> Window | None:
    """Return the window of all uncalibrated files together, None where none of them needs one."""
    counts: Counter[int] = Counter()
    for path in track(paths, "radiometry", total):
        counts.update(display.counted(path))
    return stretch_window(dict(counts)) if counts else None


def _shown(pixels: npt.NDArray[np.uint8]) -> Picture:
    if pixels.ndim == 2:
        return pixels
    return pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
