"""Looking at one image of the candidate: decoded again from its file, independently of the index."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.annotations import match_annotations
from sartext.corpora.examination import pixels_sha256
from sartext.corpora.images import Unusable, decode, picture, read_image
from sartext.corpora.masks import read_mask
from sartext.corpora.radiometry import to_db

BRIGHTEST = 255


@dataclass(frozen=True)
class Look:
    """What an image file shows.

    ``fault`` says why it cannot be decoded; then nothing else is known. ``saturated`` is the share of picture
    pixels at the brightest value; ``backscatter`` is the sum of dB and the number of pixels by class, where the
    corpus is calibrated and the image has a mask.
    """

    fault: str = ""
    sha256: str = ""
    pixels_sha256: str = ""
    width: int = 0
    height: int = 0
    constant: bool = False
    saturated: float = 0.0
    backscatter: Mapping[str, tuple[float, int]] = field(default_factory=dict)


def look(root: Path, catalogue: Mapping[str, Entry], row: Mapping[str, Any]) -> Look:
    """Decode the image of a pair; a file that cannot be decoded is a finding, not an error.

    ``row`` has the columns of the candidate and ``mask``, the path of its mask or None.
    """
    entry = catalogue[row["corpus"]]
    try:
        content = read_image(root / row["path"])
        pixels = decode(content, entry.bands)
        shown = picture(root, row, entry)
        backscatter = _backscatter(root, row["mask"], entry, pixels)
    except Unusable as error:
        return Look(fault=str(error))
    return Look(
        sha256=hashlib.sha256(content).hexdigest(),
        pixels_sha256=pixels_sha256(pixels),
        width=pixels.shape[1],
        height=pixels.shape[0],
        constant=bool(shown.min() == shown.max()),
        saturated=float((shown == BRIGHTEST).mean()),
        backscatter=backscatter,
    )


def masks_of(root: Path, entry: Entry, paths: Iterable[str]) -> dict[str, str]:
    """Return the mask of each image of a calibrated corpus whose catalogue expects a mean dB of its classes.

    Images and masks by their path below ``root``; empty for any other corpus. The folder is listed once.
    """
    declared = entry.annotations
    if not (entry.calibrated and declared and declared.format == "mask" and measured_classes(entry)):
        return {}
    place = f"data/{entry.name}/"
    matches = match_annotations(root / place, entry, declared, [path.removeprefix(place) for path in paths])
    return {place + image: place + mask for image, mask in matches.files.items()}


def _backscatter(
    root: Path, mask: str | None, entry: Entry, pixels: npt.NDArray[Any]
) -> dict[str, tuple[float, int]]:
    if mask is None:
        return {}
    classes, _ = read_mask(read_image(root / mask), entry)
    decibels = to_db(pixels, entry)
    found = {}
    for number, one in enumerate(entry.classes):
        values = decibels[(classes == number) & np.isfinite(decibels)]
        if one.db_range is not None and values.size:
            found[one.label] = (float(values.sum()), int(values.size))
    return found


def measured_classes(entry: Entry) -> dict[str, tuple[float, float]]:
    """Return the expected range of mean dB of each class that states one."""
    return {one.label: one.db_range for one in entry.classes if one.db_range is not None}
