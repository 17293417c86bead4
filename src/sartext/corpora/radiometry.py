"""Radiometry: from stored values to decibels, and from decibels to grey levels.

Calibrated data are shown in a fixed window per polarisation. Uncalibrated data are stretched over the whole
corpus, never per image: a stretch per image can invert the order of two images.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.quarantine import Unusable
from sartext.errors import CatalogueError
from sartext.registry import Registry


@dataclass(frozen=True)
class Channel:
    """The window in dB in which calibrated data are shown: of a polarisation, or of one sensor's polarisation.

    ``name`` is ``VV``, or ``ALOS-2 HH`` for the sensor that a catalogue file calls ``ALOS-2``.
    """

    name: str
    window: tuple[float, float]


CHANNELS = Registry(
    "polarisation",
    (  # Sentinel-1 backscatter of natural surfaces from calm water to towns
        Channel("VV", (-25.0, 0.0)),
        Channel("HH", (-25.0, 0.0)),
        Channel("VH", (-32.0, -5.0)),
        Channel("HV", (-32.0, -5.0)),
    ),
)

PERCENTILES = (1.0, 99.0)
BINS_PER_DB = 100
FLOOR_DB = -500.0

Decibels = npt.NDArray[np.float64]

IMPLAUSIBLE = "implausible-quantity"
LOOKS_LIKE = "; that looks like "


def implausible(found: str, declared: str, quantity: str) -> Unusable:
    """Return the reason to refuse an image: what was found, as what it is declared, and what it looks like."""
    return Unusable(IMPLAUSIBLE, f"{found}, declared as {declared}{LOOKS_LIKE}{quantity}")


FIRST, SECOND = 0, 1
"""The band that is shown, and the other polarisation of a file: places in the catalogue's ``bands``."""


def polarisation_of(entry: Entry, band: int = FIRST) -> str | None:
    """Return the polarisation of a declared band, of the first where none is declared that of the corpus."""
    if entry.quantity != "display" and len(entry.bands) > band:
        return list(entry.bands)[band]
    return entry.polarisation if band == FIRST else None


def fixed_window(entry: Entry, band: int = FIRST) -> tuple[float, float] | None:
    """Return the dB window of a corpus where it is fixed, None where there is none or it comes from a stretch.

    The polarisation is `polarisation_of` the band.

    Raises:
        CatalogueError: calibrated data of unknown polarisation.
    """
    if entry.quantity == "display" or not entry.calibrated:
        return None
    polarisation = (polarisation_of(entry, band) or "").upper()[:2]
    for name in (f"{entry.sensor} {polarisation}", polarisation):
        if name in CHANNELS:
            return CHANNELS[name].window
    raise CatalogueError(
        f"calibrated data need a polarisation (it says '{entry.polarisation}')",
        where=f"{entry.name}.yaml",
        way_out=f"state `polarisation` or `bands`: {', '.join(CHANNELS.names)}",
    )


def to_db(pixels: npt.NDArray[Any], entry: Entry, band: int = FIRST) -> Decibels:
    """Return a band, by default the one that is shown, in dB, (H, W), NaN where there is no data.

    Amplitude is 20 log10, intensity 10 log10, complex 10 log10 of |z| squared, dB as it is. No data: not a number,
    infinite, equal to the catalogue's ``nodata``, below zero where that has no logarithm, and a `fringe`. A zero
    that is none is as dark as the darkest pixel of the image.

    Raises:
        Unusable: as `measured`.
    """
    values, valid = measured(pixels, entry, band)
    if entry.quantity == "db":
        decibels = values
    else:
        factor = 20.0 if entry.quantity == "amplitude" else 10.0
        decibels = factor * np.log10(np.where(values > 0, values, 1.0))
        decibels[values == 0] = -np.inf
    finite = valid & np.isfinite(decibels)
    darkest = decibels[finite].min() if finite.any() else np.nan
    return np.where(valid, np.where(np.isneginf(decibels), darkest, decibels), np.nan)


def measured(pixels: npt.NDArray[Any], entry: Entry, band: int = FIRST) -> tuple[Decibels, npt.NDArray[np.bool_]]:
    """Return the values of a band, of complex numbers their intensity, and where they are data: (H, W).

    Raises:
        Unusable: ``missing-band``, or ``implausible-quantity`` where complex values are declared as real ones.
    """
    stored = stored_band(pixels, entry, band)
    values = _intensity(stored) if entry.quantity == "complex" else stored.astype(np.float64)
    valid = ~np.isnan(values) & ~np.isposinf(values)
    if entry.nodata is not None and not np.isnan(entry.nodata):
        valid &= (stored if stored.ndim == 2 else stored[..., 0]) != entry.nodata
    if entry.quantity != "db":
        valid &= values >= 0
    return values, valid & ~fringe((values == 0) | np.isneginf(values))


def fringe(empty: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which empty pixels hang together with the border, side by side: there the swath ends. (H, W)."""
    border = np.zeros(empty.shape, dtype=bool)
    border[[0, -1], :] = border[:, [0, -1]] = True
    if not (empty & border).any():
        return np.zeros(empty.shape, dtype=bool)
    from scipy import ndimage  # it takes long to load

    return np.asarray(ndimage.binary_propagation(empty & border, mask=empty))


def stored_band(pixels: npt.NDArray[Any], entry: Entry, band: int = FIRST) -> npt.NDArray[Any]:
    """Return the stored values of a declared band: (H, W), or (H, W, 2) of a complex one in two real ones.

    Raises:
        Unusable: as `measured`.
    """
    number = list(entry.bands.values())[band] if entry.bands else 1
    layers = pixels if pixels.ndim == 3 else pixels[..., None]
    if np.iscomplexobj(pixels) and entry.quantity != "complex":
        raise implausible("complex values", entry.quantity, "complex")
    last = number + (entry.quantity == "complex" and not np.iscomplexobj(pixels))
    if layers.shape[2] < last:
        raise Unusable("missing-band", f"band {last} of {layers.shape[2]}")
    return layers[..., number - 1] if last == number else layers[..., number - 1 : last]


def _intensity(band: npt.NDArray[Any]) -> Decibels:
    real, imaginary = (band.real, band.imag) if np.iscomplexobj(band) else (band[..., 0], band[..., 1])
    return np.asarray(real.astype(np.float64) ** 2 + imaginary.astype(np.float64) ** 2)


def to_grey(decibels: Decibels, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Return dB as grey levels: [low, high] linearly to 0..255, rounded half up, no-data 0."""
    scaled = np.clip((decibels - low) / (high - low), 0.0, 1.0) * 255.0
    return np.floor(np.nan_to_num(scaled, nan=0.0) + 0.5).astype(np.uint8)


def histogram(decibels: Decibels) -> dict[int, int]:
    """Count valid pixels per hundredth of a dB; bin 0 starts at -500 dB.

    Whole numbers add up to the same sums in any order, so a stretch over a corpus is deterministic.
    """
    valid = decibels[np.isfinite(decibels)]
    bins = np.clip(np.floor((valid - FLOOR_DB) * BINS_PER_DB), 0, 2**31).astype(np.int64)
    numbers, counts = np.unique(bins, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def stretch_window(counts: dict[int, int]) -> tuple[float, float]:
    """Return the 1st and 99th percentile in dB of a histogram: the first bins that hold that share below them.

    Constant data get a window of 1 dB, and so does none.
    """
    if not counts:
        return 0.0, 1.0
    numbers = sorted(counts)
    seen = np.cumsum([counts[number] for number in numbers])
    low, high = (
        numbers[int(np.argmax(seen * 100 >= share * seen[-1]))] / BINS_PER_DB + FLOOR_DB for share in PERCENTILES
    )
    return round(low, 2), round(max(high, low + 1.0), 2)
