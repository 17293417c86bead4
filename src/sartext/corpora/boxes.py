"""Boxes: from what the source wrote to boxes in pixels that lie in the image."""

import math
from collections import Counter
from typing import Any

from sartext.corpora.labels import find_label, unknown_labels
from sartext.corpora.quarantine import Unusable
from sartext.corpora.records import RawBox

BOX_LIMIT = 10_000
"""Boxes of one image beyond which the annotation is taken for damaged."""


def clean_boxes(
    boxes: tuple[RawBox, ...], width: int, height: int, labels: dict[str, str]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the objects of an image (rows of `tables.OBJECT`), and how many boxes changed or went, by reason.

    ``box-clipped`` and ``box-inverted`` are repaired (an inverted box has its corners swapped) and stay;
    ``box-outside`` and ``box-without-area`` are dropped. A ``repeated-box`` has the label, the corners and the
    angle of an earlier one: it stays and counts, because the source may mean it, and is told.

    Raises:
        Unusable: ``too-many-boxes``; ``unknown-class`` and ``box-not-a-number``, because a caption that counts
            the rest would be false; ``crowd-box``, because it holds an unknown number of objects.
    """
    if len(boxes) > BOX_LIMIT:
        raise Unusable("too-many-boxes", f"{len(boxes):,} boxes, over {BOX_LIMIT:,}")
    if unknown := unknown_labels(labels, (box.label for box in boxes)):
        raise Unusable("unknown-class", ", ".join(repr(name) for name in unknown))
    if crowds := sum(box.crowd for box in boxes):
        raise Unusable("crowd-box", f"{crowds} boxes around an unknown number of objects")
    if broken := sum(not all(map(math.isfinite, _given(box))) for box in boxes):
        raise Unusable("box-not-a-number", f"{broken} of {len(boxes)}")
    objects, reasons = [], Counter[str]()
    seen = set()
    for box in boxes:
        corners = _corners(box, width, height, reasons)
        if corners is not None:
            label = find_label(labels, box.label) or ""
            objects.append(object_row(label, box.label, corners, box.angle))
            told = (label, _given(box), box.angle)
            reasons["repeated-box"] += told in seen
            seen.add(told)
    reasons = +reasons  # without the reasons that never occurred
    return objects, dict(sorted(reasons.items()))


def object_row(
    label: str, source_label: str, corners: tuple[float, float, float, float], angle: float | None = None
) -> dict[str, Any]:
    """Return one row of `tables.OBJECT`; ``corners`` are xmin, ymin, xmax, ymax in pixels."""
    xmin, ymin, xmax, ymax = corners
    return {
        "label": label,
        "source_label": source_label,
        "xmin": xmin,
        "ymin": ymin,
        "xmax": xmax,
        "ymax": ymax,
        "angle": angle,
    }


def _given(box: RawBox) -> tuple[float, float, float, float]:
    return box.xmin, box.ymin, box.xmax, box.ymax


def _corners(
    box: RawBox, width: int, height: int, reasons: Counter[str]
) -> tuple[float, float, float, float] | None:
    xmin, xmax = sorted((box.xmin, box.xmax))
    ymin, ymax = sorted((box.ymin, box.ymax))
    if xmin == xmax or ymin == ymax:
        reasons["box-without-area"] += 1
        return None
    clipped = (max(xmin, 0.0), max(ymin, 0.0), min(xmax, float(width)), min(ymax, float(height)))
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        reasons["box-outside"] += 1
        return None
    if (xmin, ymin, xmax, ymax) != _given(box):
        reasons["box-inverted"] += 1
    if clipped != (xmin, ymin, xmax, ymax):
        reasons["box-clipped"] += 1
    return clipped
