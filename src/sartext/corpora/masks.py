"""Segmentation masks: land cover by class and zone, and objects as connected components."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.corpora.cleaning import BOX_LIMIT, object_row
from sartext.corpora.images import decode, decode_mask, read_image
from sartext.corpora.listing import renamed
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import to_db
from sartext.corpora.reading import ClassMap

UNKNOWN = -1
NO_DATA = -2
MASK_UNKNOWN, MASK_NO_DATA = 254, 255
"""What `squashed_mask` writes for pixels of no class of the catalogue."""

SMALLEST_OBJECT = 10
"""Pixels of the smallest connected component that is an object."""

UNKNOWN_LIMIT = 0.5
"""Share of unknown pixels beyond which the mask does not fit the catalogue's legend."""

NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class MaskFacts:
    """What a mask says: rows of `tables.OBJECT` and `tables.REGION`, and what was left out, by reason."""

    objects: list[dict[str, Any]]
    regions: list[dict[str, Any]]
    left_out: dict[str, str]


def read_mask(content: bytes, entry: Entry) -> tuple[ClassMap, dict[str, str]]:
    """Return the class of each pixel and what the legend does not explain, by reason.

    A pixel holds the position of its class in the catalogue, `UNKNOWN`, or `NO_DATA`. A palette pixel is of the
    nearest legend colour if that is at most ``tolerance`` away in RGB; the others are unknown.

    Raises:
        Unusable: the file cannot be decoded, or ``unknown-class``: most of it is not in the legend.
    """
    coloured = any(kind.colour is not None for kind in entry.classes)
    values = decode_mask(content, codes=not coloured)
    tolerance = entry.annotations.tolerance if entry.annotations else 0.0
    classes = _by_colour(values, entry.classes, tolerance) if coloured else _by_code(values, entry.classes)
    unknown = classes == UNKNOWN
    count = int(unknown.sum())
    for number, kind in enumerate(entry.classes):
        if not kind.valid:
            classes[classes == number] = NO_DATA
    if not count:
        return classes, {}
    detail = _describe_unknown(values, unknown, count, coloured)
    if count > UNKNOWN_LIMIT * classes.size:
        raise Unusable("unknown-class", detail)
    return classes, {"unknown-colour" if coloured else "unknown-code": detail}


def _by_colour(values: npt.NDArray[Any], classes: tuple[CorpusClass, ...], tolerance: float) -> ClassMap:
    numbers = np.full(values.shape[:2], UNKNOWN, dtype=np.int16)
    packed = _packed(values)
    for number, kind in enumerate(classes):
        if kind.colour is not None:
            numbers[packed == _packed(np.array(kind.colour, dtype=np.uint8))] = number
    stray = numbers == UNKNOWN
    if stray.any():
        # anti-aliased edges: few pixels, compared with every legend colour
        legend = [(number, kind.colour) for number, kind in enumerate(classes) if kind.colour is not None]
        colours = np.array([colour for _, colour in legend], dtype=np.int64)
        squares = ((values[stray].astype(np.int64)[:, None, :3] - colours[None]) ** 2).sum(axis=2)
        nearest = np.array([number for number, _ in legend], dtype=np.int16)[squares.argmin(axis=1)]
        numbers[stray] = np.where(squares.min(axis=1) <= tolerance**2, nearest, UNKNOWN)
    return numbers


def _packed(colours: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    wide = colours.astype(np.int64)
    return (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]


def _by_code(values: npt.NDArray[Any], classes: tuple[CorpusClass, ...]) -> ClassMap:
    numbers = np.full(values.shape, UNKNOWN, dtype=np.int16)
    for number, kind in enumerate(classes):
        if kind.code is not None:
            numbers[values == kind.code] = number
    return numbers


def _describe_unknown(values: npt.NDArray[Any], unknown: npt.NDArray[Any], count: int, coloured: bool) -> str:
    if coloured:
        colours = len(np.unique(_packed(values[unknown])))
        return f"{count} pixels of {colours} {'colour' if colours == 1 else 'colours'}"
    codes, pixels = np.unique(values[unknown], return_counts=True)
    counts = [f"{code}: {number}" for code, number in zip(codes.tolist(), pixels.tolist(), strict=True)]
    return f"{count} pixels ({', '.join(counts[:10])}{', ...' if len(counts) > 10 else ''})"


def summarise_mask(classes: ClassMap, entry: Entry) -> MaskFacts:
    """Return the objects (thing classes) and regions (stuff classes) of a class map.

    Shares are of the valid pixels: no-data is outside the denominator, unknown pixels are inside.

    Raises:
        Unusable: ``no-valid-pixels``, or ``too-many-boxes``.
    """
    from scipy import ndimage  # takes a third of a second, and most corpora have no masks

    valid = int((classes != NO_DATA).sum())
    if not valid:
        raise Unusable("no-valid-pixels", "the mask is all no-data")
    objects: list[dict[str, Any]] = []
    regions: list[dict[str, Any]] = []
    small: list[str] = []
    for number, kind in enumerate(entry.classes):
        area = classes == number
        pixels = int(area.sum())
        if not pixels or not kind.valid:
            continue
        parts, _ = ndimage.label(area, structure=NEIGHBOURS)
        sizes = np.bincount(parts.ravel())[1:]
        if kind.stuff:
            regions += _regions(kind.label, area, pixels / valid, int(sizes.max()))
        else:
            boxes = _components(kind, parts, sizes)
            objects += boxes
            if len(boxes) < len(sizes):
                few = sizes[sizes < SMALLEST_OBJECT]
                small.append(f"{len(few)} of {kind.label}, {int(few.sum())} pixels in all")
    if len(objects) > BOX_LIMIT:
        raise Unusable("too-many-boxes", f"{len(objects):,} components, over {BOX_LIMIT:,}")
    return MaskFacts(objects, regions, {"component-too-small": "; ".join(small)} if small else {})


def _components(kind: CorpusClass, parts: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> list[dict[str, Any]]:
    from scipy import ndimage

    source = kind.source[0] if kind.source else kind.label
    boxes = []
    for place, size in zip(ndimage.find_objects(parts), sizes, strict=True):
        if size >= SMALLEST_OBJECT:
            rows, columns = place
            corners = (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
            boxes.append(object_row(kind.label, source, corners))
    return boxes


def squashed_mask(
    project_root: Path, row: Mapping[str, Any], entry: Entry, side: int
) -> npt.NDArray[np.uint8] | None:
    """Return the mask of an image of the index at a model's size, or None where the corpus has no masks.

    A pixel holds the place of its class in the catalogue, `MASK_UNKNOWN` or `MASK_NO_DATA`: that of the pixel of
    the whole mask in which its centre lies. Shape (side, side).

    Raises:
        Unusable: mask or image cannot be read any more.
    """
    rule = entry.annotations
    if not row["regions"] or rule is None or rule.image is None or rule.file is None:
        return None
    below = Path(row["path"]).relative_to(f"data/{entry.name}").as_posix()
    classes, _ = read_mask(
        read_image(project_root / "data" / entry.name / (renamed(rule.image, rule.file, below) or "")), entry
    )
    if row["quantity"] != "display":
        classes[~np.isfinite(to_db(decode(read_image(project_root / row["path"]), entry.bands), entry))] = NO_DATA
    down, across = (((np.arange(side) + 0.5) * length / side).astype(np.int64) for length in classes.shape)
    picked = classes[down[:, None], across]
    codes = np.where(picked == NO_DATA, MASK_NO_DATA, np.where(picked == UNKNOWN, MASK_UNKNOWN, picked))
    return codes.astype(np.uint8)


def zone_slices(width: int, height: int) -> dict[str, tuple[slice, slice]]:
    """Return rows and columns of the four quadrants and of the middle (1/4 to 3/4), by pixel centres."""
    # the first pixel whose centre lies at or beyond an edge
    left, half_w, right = (int(np.ceil(width * edge / 4 - 0.5)) for edge in (1, 2, 3))
    top, half_h, bottom = (int(np.ceil(height * edge / 4 - 0.5)) for edge in (1, 2, 3))
    return {
        "upper-left": (slice(0, half_h), slice(0, half_w)),
        "upper-right": (slice(0, half_h), slice(half_w, width)),
        "lower-left": (slice(half_h, height), slice(0, half_w)),
        "lower-right": (slice(half_h, height), slice(half_w, width)),
        "middle": (slice(top, bottom), slice(left, right)),
    }


def _regions(label: str, area: npt.NDArray[Any], fraction: float, largest: int) -> list[dict[str, Any]]:
    height, width = area.shape
    rows = [{"label": label, "zone": "image", "fraction": fraction, "largest_component": largest}]
    pixels = int(area.sum())
    for zone, place in zone_slices(width, height).items():
        if inside := int(area[place].sum()):
            rows.append({"label": label, "zone": zone, "fraction": inside / pixels, "largest_component": 0})
    return rows
