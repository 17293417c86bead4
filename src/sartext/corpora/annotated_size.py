"""The size that an annotation gives its image, compared with the file's: boxes are judged against the file."""

from collections.abc import Iterable

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox, Record

ROUNDING = 1.0
"""Pixels by which a box may leave an image that it lies in: some count from 1."""

QUARTER_TURNS = (5, 6, 7, 8)
"""The values of EXIF's orientation that swap width and height."""


def compare_size(record: Record, width: int, height: int, orientation: int) -> dict[str, str]:
    """Return what is to be said of an annotated size, by reason; a side that is not stated fits.

    ``size-swapped``: width and height stand in each other's place, and the boxes lie in the image as they are.

    Args:
        record: the annotation.
        width: of the image as its file holds it, in pixels.
        height: likewise.
        orientation: EXIF's, see `images.exif_orientation`.

    Raises:
        Unusable: ``size-mismatch``: the annotation is of another image, or of the image turned: the sides are
            swapped, and only so the boxes lie inside, or EXIF tells viewers to turn the image.
    """
    stated = record.width, record.height
    if all(told in {0, found} for told, found in zip(stated, (width, height), strict=True)):
        return {}
    detail = f"annotated at {record.width} x {record.height}, the image has {width} x {height}"
    if stated != (height, width):
        raise Unusable("size-mismatch", detail)
    if orientation in QUARTER_TURNS:
        raise Unusable("size-mismatch", f"{detail}: it was annotated as EXIF turns it")
    if not _lie_inside(record.boxes, width, height):
        turned = _lie_inside(record.boxes, height, width)
        raise Unusable("size-mismatch", f"{detail}{': the boxes fit the turned image only' if turned else ''}")
    return {"size-swapped": f"{detail}; the boxes lie inside as they are"}


def _lie_inside(boxes: Iterable[RawBox], width: int, height: int) -> bool:
    return all(
        min(box.xmin, box.xmax, box.ymin, box.ymax) >= -ROUNDING
        and max(box.xmin, box.xmax) <= width + ROUNDING
        and max(box.ymin, box.ymax) <= height + ROUNDING
        for box in boxes
    )
