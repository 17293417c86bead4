"""What the values of a quantity may be: an image whose values cannot be what the catalogue declares is refused.

A legend of class codes that lies where a Sentinel-1 image should, digital numbers declared as dB, dB declared as
intensity: each would be shown, and captioned. Amplitude and intensity have no sign that tells one from the other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import LOOKS_LIKE, implausible, stored_band, to_db

CODES, CODE_LIMIT = 32, 255
"""More classes, or a larger code, than a map of land cover has."""

RUNS = 0.8
"""Share of pixels that equal their left neighbour from which on whole numbers are areas: speckle leaves few."""

FEW = 64
"""Pixels with data below which nothing is said of how values are distributed."""

STRAY = 0.01
"""Share of values that may be odd: the noise that was subtracted from an intensity, a border pixel."""

CALIBRATED_DB = (-60.0, 30.0)
"""Median backscatter in dB that an image may have: from below any noise floor to above any town."""

ANY_DB = (-150.0, 150.0)
"""dB of values that are not calibrated: 20 log10 of 16-bit numbers are up to 96, of 32-bit ones 193."""

DIGITAL_NUMBERS = "digital numbers (quantity amplitude, not calibrated)"
DB, COMPLEX, DISPLAY = "db", "complex", "display"
CODES_SEEN = "class codes, which are no image"
SCALED = "a picture scaled to 0..1, which is no measured quantity: take the original"
LINEAR = "intensity or amplitude"
BELOW_ONE = "intensity or amplitude, calibrated"

_IMPOSSIBLE = {
    DB: {CODES_SEEN, DISPLAY, DIGITAL_NUMBERS, SCALED, BELOW_ONE},
    "amplitude": {CODES_SEEN, DB},
    "intensity": {CODES_SEEN, DB},
}
_IMPOSSIBLE_CALIBRATED = {DISPLAY, SCALED, DIGITAL_NUMBERS}
"""What values look like that cannot be the declared quantity; dB that are not calibrated may all be above zero."""


def check_picture(pixels: npt.NDArray[Any]) -> None:
    """Refuse what is declared as ``display`` and is no picture of 8 bits in one band or three.

    Raises:
        Unusable: ``implausible-quantity`` or ``not-a-picture``.
    """
    if pixels.dtype != np.uint8:
        first = pixels if pixels.ndim == 2 else pixels[..., 0]
        known = COMPLEX if np.iscomplexobj(pixels) else _look(first, np.isfinite(first))
        raise implausible(_found(first), DISPLAY, known)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        raise Unusable("not-a-picture", f"{pixels.shape[2]} bands")


def check_quantity(pixels: npt.NDArray[Any], entry: Entry) -> None:
    """Refuse an image whose values cannot be the quantity that the catalogue declares, other than ``display``.

    Raises:
        Unusable: ``implausible-quantity`` with what was found and what it looks like, or ``missing-band``.
    """
    band = stored_band(pixels, entry)
    if entry.quantity == COMPLEX:
        _check_complex(band)
        return
    data = np.isfinite(band)
    if entry.nodata is not None:
        data &= band != entry.nodata
    if int(data.sum()) >= FEW or band.dtype.kind == "u":
        likely = _look(band, data)
        if likely in _IMPOSSIBLE[entry.quantity] or (entry.calibrated and likely in _IMPOSSIBLE_CALIBRATED):
            raise implausible(_found(band[data]), entry.quantity, likely)
    _check_level(pixels, band, entry)


def saturated_share(pixels: npt.NDArray[Any], entry: Entry) -> float:
    """Return the share of pixels at the largest number of their type, where what was brighter is lost.

    0 for numbers with a point: they have no such end.
    """
    band = pixels if entry.quantity == DISPLAY else stored_band(pixels, entry)
    if band.dtype.kind not in "ui":
        return 0.0
    return float((band == np.iinfo(band.dtype).max).mean())


def saturation(shares: Sequence[float]) -> dict[str, float]:
    """Return how many images have saturated pixels, and more than a hundredth of them, and the largest share."""
    images = {
        "images": sum(share > 0 for share in shares),
        "over_1_percent": sum(share > 0.01 for share in shares),
    }
    return {**images, "largest_share": round(max(shares, default=0.0), 4)}


def way_out(details: Iterable[str]) -> str:
    """Return what to correct in a catalogue file, given the details of what was refused."""
    likely = Counter(detail.partition(LOOKS_LIKE)[2] for detail in details).most_common(1)
    if not likely:
        return ""
    seen = likely[0][0]
    if seen in {DB, COMPLEX, DISPLAY}:
        return f"declare `quantity: {seen}` in its catalogue file, if it is that"
    return f"correct `images` or `quantity` in its catalogue file: it looks like {seen}"


def _look(band: npt.NDArray[Any], data: npt.NDArray[np.bool_]) -> str:
    """Return what real values look like: whole numbers without a sign are never dB, values below zero always."""
    values = band[data]
    if not values.size:
        return LINEAR
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= CODE_LIMIT and _are_codes(band, data):
        return CODES_SEEN
    if band.dtype.kind == "u":
        return DISPLAY if band.dtype == np.uint8 else DIGITAL_NUMBERS
    if float((values < 0).mean()) > STRAY:
        return DB
    if high <= 1:
        return SCALED if high == 1 and low == 0 else BELOW_ONE
    return DIGITAL_NUMBERS if (values == np.floor(values)).all() else LINEAR


def _are_codes(band: npt.NDArray[Any], data: npt.NDArray[np.bool_]) -> bool:
    """Whether values are few whole numbers that lie in areas."""
    values = band[data]
    if (values != np.floor(values)).any() or not 1 < len(np.unique(values)) <= CODES:
        return False
    beside = data[:, 1:] & data[:, :-1]
    return float((band[:, 1:] == band[:, :-1])[beside].mean()) >= RUNS if beside.any() else False


def _check_level(pixels: npt.NDArray[Any], band: npt.NDArray[Any], entry: Entry) -> None:
    decibels = to_db(pixels, entry)
    known = decibels[np.isfinite(decibels)]
    if known.size < FEW:
        return
    if entry.calibrated:
        low, high = CALIBRATED_DB
        if entry.quantity == DB and known.min() >= 0:
            raise implausible(_found(band), "calibrated db", LINEAR)
        middle = float(np.median(known))
        if not low <= middle <= high:
            found = f"{_found(band)}, in the middle {middle:.0f} dB"
            likely = "data that are not calibrated" if middle > high else "no-data: declare `nodata`"
            raise implausible(found, f"calibrated {entry.quantity}", likely)
    low, high = np.percentile(known, (1, 99))
    if low < ANY_DB[0] or high > ANY_DB[1]:
        likely = "no-data: declare `nodata`" if low < ANY_DB[0] else DIGITAL_NUMBERS
        raise implausible(_found(band), entry.quantity, likely)


def _check_complex(band: npt.NDArray[Any]) -> None:
    """Refuse what has no phase: real and imaginary parts of an image are as often below zero as above."""
    parts = (band.real, band.imag) if np.iscomplexobj(band) else (band[..., 0], band[..., 1])
    for name, part in zip(("real", "imaginary"), parts, strict=True):
        known = part[np.isfinite(part) & (part != 0)]
        if known.size < FEW:
            continue
        negative = float((known < 0).mean())
        if not STRAY <= negative <= 1 - STRAY:
            likely = DB if negative > STRAY else LINEAR
            raise implausible(f"{name} parts of one sign ({_found(known)})", COMPLEX, likely)


def _found(values: npt.NDArray[Any]) -> str:
    known = values[np.isfinite(values)]
    if not known.size:
        return f"{values.dtype} values"
    if np.iscomplexobj(known):
        return f"{values.dtype} values"
    return f"{values.dtype} values from {known.min():g} to {known.max():g}"
