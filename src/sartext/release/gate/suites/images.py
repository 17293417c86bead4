"""Suite ``images``: each file decodes to the pixels that were indexed, and shows something.

Every image is decoded again from its file, independently of the index.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.corpora.examination import pixels_sha256
from sartext.corpora.images import Unusable, decode, picture, read_image
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
    pixels at the brightest value.
    """

    fault: str = ""
    sha256: str = ""
    pixels_sha256: str = ""
    width: int = 0
    height: int = 0
    constant: bool = False
    saturated: float = 0.0


def examine(root: Path, catalogue: Mapping[str, Entry], row: Mapping[str, Any]) -> Decoded:
    """Decode the image of a pair; a file that cannot be decoded is a finding, not an error.

    ``row`` has the columns of the candidate that `_NEEDED` names.
    """
    entry = catalogue[row["corpus"]]
    try:
        content = read_image(root / row["path"])
        pixels = decode(content, entry.bands)
        shown = picture(root, row, entry)
    except Unusable as error:
        return Decoded(fault=str(error))
    return Decoded(
        sha256=hashlib.sha256(content).hexdigest(),
        pixels_sha256=pixels_sha256(pixels),
        width=pixels.shape[1],
        height=pixels.shape[0],
        constant=bool(shown.min() == shown.max()),
        saturated=float((shown == BRIGHTEST).mean()),
    )


@lru_cache(maxsize=1)
def _decoded(inputs: Inputs) -> list[Decoded]:
    """Decode every image once; the measures of the suite share the result."""
    root, catalogue = inputs.project.root, inputs.catalogue
    rows = [{name: row[name] for name in _NEEDED} for row in inputs.pairs]
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
    ),
)
