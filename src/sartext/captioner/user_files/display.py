"""How a user's own image file becomes the picture that a model sees.

8-bit files are shown as they are. Anything else is SAR: its first band, or the stated one, in dB, in a window. The
quantity is stated or guessed, see `guess`. The window is stated or it is -25 to 0 dB for files in dB (calibrated
backscatter), and for the others the 1st to 99th percentile over all files of the same command: never per image,
which can invert the order of two images. Pixels without data are black: those that are not finite, or have the
stated value, or else that of the file's own tag. An image that is all one grey is refused.
"""

import warnings
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sartext.captioner.domain import Domain
from sartext.catalogue.entry import Entry
from sartext.corpora.images import TIFF_MARKS, decode, read_image
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import CHANNELS, FLOOR_DB, histogram, stretch_window, to_db, to_grey
from sartext.errors import ParameterError
from sartext.progress import track

SarQuantity = Literal["amplitude", "intensity", "complex", "db"]

Picture = npt.NDArray[np.uint8]
Window = tuple[float, float]


@dataclass(frozen=True)
class Display:
    """How files are shown.

    Args:
        quantity: of files that are no 8-bit pictures; ``auto`` guesses it from the values of each.
        window: in dB, for all of them.
        stretched: the window of uncalibrated files where none is stated.
        nodata: the value that means no data; None for what each file's own tag says.
        band: the one that is shown, from 1; None for the first, or the colours of an 8-bit file.
        domain: what files must be like in size, quantity and bands; None where anything is shown.

    Raises:
        ParameterError: the window is empty or not finite.
    """

    quantity: str = "auto"
    window: Window | None = None
    stretched: Window | None = None
    nodata: float | None = None
    band: int | None = None
    domain: Domain | None = None

    def __post_init__(self) -> None:
        low, high = self.window or (0.0, 1.0)
        if not (isfinite(low) and isfinite(high) and low < high):
            way_out = "name the lower bound first: --window -25 0"
            raise ParameterError(f"a window from {low:g} to {high:g} dB", way_out=way_out)

    def picture(self, path: Path) -> Picture:
        """Return the picture of a file: height x width, or height x width x 3.

        Raises:
            Unusable: the file cannot be read, its values are not of that quantity, there is nothing to see, or it
                is outside the domain.
        """
        pixels, nodata = self._read(path)
        if pixels.dtype == np.uint8:
            shown = pixels
            if pixels.ndim == 3:
                shown = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
            valid = np.ones(shown.shape[:2], dtype=bool)
            if nodata is not None and shown.ndim == 2:  # three channels of colour hold no measured values
                valid = shown != nodata
        else:
            entry = self._entry(pixels, nodata)
            decibels = to_db(pixels, entry)
            valid = np.isfinite(decibels)
            shown = to_grey(decibels, *self._window(entry, decibels))
        _check(shown, valid, measured=pixels.dtype != np.uint8)
        return shown if valid.all() else np.where(valid, shown, np.uint8(0))

    def counted(self, path: Path) -> dict[int, int]:
        """Return the histogram in dB of a file that needs a stretch; of others, and unusable ones, nothing."""
        try:
            pixels, nodata = self._read(path)
            if pixels.dtype == np.uint8 or (entry := self._entry(pixels, nodata)).quantity == "db":
                return {}
            return histogram(to_db(pixels, entry))
        except Unusable:
            return {}  # reported when it is captioned

    def _read(self, path: Path) -> tuple[npt.NDArray[Any], float | None]:
        content = read_image(path)
        pixels = decode(content)
        if self.domain is not None:
            self.domain.check_size(*pixels.shape[:2])
        if self.band is not None:
            layers = pixels if pixels.ndim == 3 else pixels[..., None]
            if self.band > layers.shape[2]:
                raise Unusable("missing-band", f"band {self.band} of {layers.shape[2]}")
            pair = layers.shape[2] > self.band and self.quantity == "complex" and not np.iscomplexobj(pixels)
            pixels = layers[..., self.band - 1 : self.band + 1] if pair else layers[..., self.band - 1]
        if self.domain is not None and pixels.dtype == np.uint8:
            self.domain.check_values("display", _bands(pixels))
        return pixels, tagged_nodata(content) if self.nodata is None else self.nodata

    def _entry(self, pixels: npt.NDArray[Any], nodata: float | None) -> Entry:
        quantity = self.quantity if self.quantity != "auto" else guess(pixels, nodata)
        if self.domain is not None:
            self.domain.check_values(
                quantity, _bands(pixels) - (quantity == "complex" and pixels.dtype.kind != "c")
            )
        return Entry.model_validate({**_NAMELESS, "quantity": quantity, "nodata": nodata})

    def _window(self, entry: Entry, decibels: npt.NDArray[np.float64]) -> Window:
        window = self.window or (CHANNELS["VV"].window if entry.quantity == "db" else self.stretched)
        return stretch_window(histogram(decibels)) if window is None else window


def _bands(pixels: npt.NDArray[Any]) -> int:
    return int(pixels.shape[2]) if pixels.ndim == 3 else 1


_NAMELESS = {
    "name": "own",
    "title": "A user's own images",
    "kind": "unlabelled",
    "images": (),
    "sensor": "unknown",
}
_NAMELESS |= dict.fromkeys(("description", "citation", "homepage", "obtain"), "")


def guess(pixels: npt.NDArray[Any], nodata: float | None) -> SarQuantity:
    """Return what the values of a file are most likely: complex, dB where some are below zero, else amplitude.

    Raises:
        Unusable: ``quantity-unknown``: values of the first band are too low for dB; they may well mean no data.
    """
    if np.iscomplexobj(pixels):
        return "complex"
    valid = np.isfinite(pixels) if nodata is None else np.isfinite(pixels) & (pixels != nodata)
    shown, where = (pixels, valid) if pixels.ndim == 2 else (pixels[..., 0], valid[..., 0])
    least = shown[where].min(initial=0)
    if least < FLOOR_DB:
        raise Unusable("quantity-unknown", f"values down to {least:g} are no dB; name --nodata or --quantity")
    return "db" if (pixels[valid] < 0).any() else "amplitude"


def _check(shown: Picture, valid: npt.NDArray[np.bool_], *, measured: bool) -> None:
    if not valid.any():
        raise Unusable("no-valid-pixels", "the image is all no-data")
    values = shown[valid]
    if (values == values[0]).all():
        level = "/".join(map(str, np.atleast_1d(values[0]).tolist()))
        remedy = "; see --quantity, --window and --nodata" if measured else ""
        raise Unusable("constant-image", f"every pixel is shown as {level}{remedy}")


def stretch(display: Display, paths: Collection[Path]) -> Window | None:
    """Return the window of all uncalibrated files together, None where none of them needs one."""
    counts: Counter[int] = Counter()
    for path in track(paths, "radiometry", len(paths)):
        counts.update(display.counted(path))
    return stretch_window(dict(counts)) if counts else None


def tagged_nodata(content: bytes) -> float | None:
    """Return the value that means no data in a TIFF (GDAL's tag 42113); None where it states none.

    Of a picture with a palette the tag is an index, not one of the colours that its pixels are: None. A truncated
    file is `Unusable`.
    """
    if not content.startswith(TIFF_MARKS):
        return None
    import rasterio  # it takes long to load
    from rasterio.enums import ColorInterp
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
                rasterio.MemoryFile(content) as memory,
                memory.open(driver="GTiff") as dataset,
            ):
                if dataset.nodata is None or dataset.colorinterp[0] == ColorInterp.palette:
                    return None
                return float(dataset.nodata)
    except RasterioError as error:
        raise Unusable("truncated-image", f"{type(error).__name__}: {error}") from error
