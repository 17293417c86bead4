"""Suite ``images``: each file decodes to the pixels that were indexed, and shows something.

Every image is decoded again from its file, independently of the index.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
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
from sartext.progress import map_parallel, track
from sartext.release.gate.suite import Frame, Inputs, Suite, of_column, of_pairs, within, without

BRIGHTEST = 255

WORTH_PROCESSES = 50_000_000
"""Pixels in all from which several processes save more time than their start costs."""

_NEEDED = ("image_id", "corpus", "path", "quantity", "db_low", "db_high")


@dataclass(frozen=True)
class Decoded:
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


def examine(root: Path, catalogue: Mapping[str, Entry], row: Mapping[str, Any]) -> Decoded:
    """Decode the image of a pair; a file that cannot be decoded is a finding, not an error.

    ``row`` has the columns of the candidate and ``mask``, the path of its mask or None.
    """
    entry = catalogue[row["corpus"]]
    try:
        content = read_image(root / row["path"])
        pixels = decode(content, entry.bands)
        shown = picture(root, row, entry)
        backscatter = _class_backscatter(root, row["mask"], entry, pixels)
    except Unusable as error:
        return Decoded(fault=str(error))
    return Decoded(
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
    if not (entry.calibrated and declared and declared.format == "mask" and expected_ranges(entry)):
        return {}
    place = f"data/{entry.name}/"
    matches = match_annotations(root / place, entry, declared, [path.removeprefix(place) for path in paths])
    return {place + image: place + mask for image, mask in matches.files.items()}


def _class_backscatter(
    root: Path, mask: str | None, entry: Entry, pixels: npt.NDArray[Any]
) -> dict[str, tuple[float, int]]:
    if mask is None:
        return {}
    classes, _ = read_mask(read_image(root / mask), entry)
    decibels = to_db(pixels, entry)
    sums = {}
    for number, kind in enumerate(entry.classes):
        values = decibels[(classes == number) & np.isfinite(decibels)]
        if kind.db_range is not None and values.size:
            sums[kind.label] = (float(values.sum()), int(values.size))
    return sums


def expected_ranges(entry: Entry) -> dict[str, tuple[float, float]]:
    """Return the expected range of mean dB of each class that states one."""
    return {kind.label: kind.db_range for kind in entry.classes if kind.db_range is not None}


def out_of_range(entry: Entry, sums: Mapping[str, tuple[float, int]]) -> str:
    """Say which classes have a mean dB outside their expected range, given sum and number of pixels of each."""
    complaints = []
    for label, (low, high) in expected_ranges(entry).items():
        total, count = sums.get(label, (0.0, 0))
        if count and not low <= total / count <= high:
            complaints.append(f"{label} {total / count:.1f} dB, expected {low:g} to {high:g}")
    return "; ".join(complaints)


@lru_cache(maxsize=1)
def _decoded(inputs: Inputs) -> list[Decoded]:
    """Decode every image once; the measures of the suite share the result."""
    root, catalogue = inputs.project.root, inputs.catalogue
    masks: dict[str, str] = {}
    for corpus in inputs.released_corpora:
        paths = [row["path"] for row in inputs.pairs if row["corpus"] == corpus]
        masks |= masks_of(root, catalogue[corpus], paths)
    rows = [{**{name: row[name] for name in _NEEDED}, "mask": masks.get(row["path"])} for row in inputs.pairs]
    work = partial(examine, root, catalogue)
    few = sum(row["width"] * row["height"] for row in inputs.pairs) < WORTH_PROCESSES
    title = "checking images"
    return list(track(map(work, rows), title, len(rows)) if few else map_parallel(work, rows, title))


def _of_image(measure: Callable[[Decoded], Any]) -> Callable[[Inputs], list[Any]]:
    return lambda inputs: [measure(image) for image in _decoded(inputs)]


def _differences(inputs: Inputs) -> list[str]:
    return [
        _difference(image, row, inputs.index.get(row["image_id"]))
        for image, row in zip(_decoded(inputs), inputs.pairs, strict=True)
    ]


def _difference(image: Decoded, row: Mapping[str, Any], indexed: Mapping[str, Any] | None) -> str:
    if indexed is None:
        return "not in the index"
    if image.fault:
        return "cannot be compared"
    columns = ("sha256", "pixels_sha256", "width", "height")
    odd = [name for name in columns if not row[name] == indexed[name] == getattr(image, name)]
    return f"{', '.join(odd)} of file, index and candidate differ" if odd else ""


def _backscatter(inputs: Inputs) -> list[str]:
    """Say of each corpus which classes have a mean outside the range that the catalogue expects."""
    sums: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for row, image in zip(inputs.pairs, _decoded(inputs), strict=True):
        of_corpus = sums[row["corpus"]]
        for label, (total, count) in image.backscatter.items():
            before = of_corpus.get(label, (0.0, 0))
            of_corpus[label] = (before[0] + total, before[1] + count)
    return [out_of_range(inputs.catalogue[corpus], sums[corpus]) for corpus in inputs.released_corpora]


SUITE = Suite(
    "images",
    "Each file decodes to the pixels that were indexed, and shows something",
    frames=(
        Frame(
            "candidate",
            "images",
            of_column("image_id"),
            {
                "fault": _of_image(lambda image: image.fault),
                "difference": _differences,
                "short_side": of_pairs(lambda row: min(row["width"], row["height"])),
                "long_side": of_pairs(lambda row: max(row["width"], row["height"])),
                "constant": _of_image(lambda image: "every pixel has the same value" if image.constant else ""),
                "saturated": _of_image(lambda image: image.saturated),
            },
        ),
        Frame("corpora", "corpora", lambda inputs: inputs.released_corpora, {"backscatter": _backscatter}),
    ),
    checks=(
        without("every image decodes", "candidate", "fault", "images"),
        without("the pixels that were indexed", "candidate", "difference", "images"),
        within(
            "long enough sides",
            "candidate",
            "short_side",
            "images",
            lambda parameters: (parameters.gate.image_side[0], None),
        ),
        within(
            "short enough sides",
            "candidate",
            "long_side",
            "images",
            lambda parameters: (None, parameters.gate.image_side[1]),
        ),
        without("no constant image", "candidate", "constant", "images"),
        within(
            "no saturated image",
            "candidate",
            "saturated",
            "images",
            lambda parameters: (None, parameters.gate.saturated_share),
        ),
        without("mean backscatter of each class", "corpora", "backscatter", "corpora", severity="warning"),
    ),
)
