"""From the words of a source to rows of the index: class names, boxes that lie in the image, clean captions.

Captions keep the words of their authors; only typography is evened out: white space, curly quotes, and the space
that tokenised corpora put before punctuation ("an airport .").
"""

import math
import re
from collections import Counter
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox
from sartext.corpora.shapes import Corners

BOX_LIMIT = 10_000
"""Boxes of one image beyond which the annotation is taken for damaged."""

QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
SPACED = re.compile(r"\s+([.,;:!?])")


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def label_table(entry: Entry) -> dict[str, str]:
    """Return the catalogue's label for every name that an annotation file may use, case and spaces aside."""
    table: dict[str, str] = {}
    for kind in entry.classes:
        for name in (kind.label, *kind.source):
            table.setdefault(_folded(name), kind.label)
    return table


def clean_boxes(
    boxes: tuple[RawBox, ...], width: int, height: int, labels: dict[str, str]
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the objects of an image (rows of `tables.OBJECT`), and how many boxes changed or went, by reason.

    ``box-clipped`` and ``box-inverted`` are repaired (an inverted box has its corners swapped) and stay;
    ``box-outside`` and ``box-without-area`` are dropped, and so is a ``repeated-box``, which has the label, the
    corners and the angle of an earlier one: it is the same object, written twice.

    Raises:
        Unusable: ``too-many-boxes``; ``unknown-class`` and ``box-not-a-number``, because a caption that counts
            the rest would be false; ``crowd-box``, because it holds an unknown number of objects;
            ``boxes-outside``, because an image with boxes of which none lies in it is not one without objects.
    """
    if len(boxes) > BOX_LIMIT:
        raise Unusable("too-many-boxes", f"{len(boxes):,} boxes, over {BOX_LIMIT:,}")
    label_of = {box.label: labels.get(_folded(box.label), "") for box in boxes}
    if unknown := sorted(name for name, label in label_of.items() if not label):
        raise Unusable("unknown-class", ", ".join(map(repr, unknown)))
    if crowds := sum(box.crowd for box in boxes):
        raise Unusable("crowd-box", f"{crowds} boxes around an unknown number of objects")
    if broken := sum(not all(map(math.isfinite, _as_written(box))) for box in boxes):
        raise Unusable("box-not-a-number", f"{broken} of {len(boxes)}")
    objects, reasons = [], Counter[str]()
    seen = set()
    for box in boxes:
        corners = _corners(box, width, height, reasons)
        if corners is None:
            continue
        written = (label_of[box.label], _as_written(box), box.angle)
        if written in seen:
            reasons["repeated-box"] += 1
            continue
        seen.add(written)
        objects.append(object_row(label_of[box.label], box.label, corners, box.angle, box.difficulty))
    if reasons["box-outside"] and not objects:
        raise Unusable("boxes-outside", f"{reasons['box-outside']} of {len(boxes)}, and none lies in the image")
    return objects, dict(sorted(reasons.items()))


def clean_scene_class(name: str, labels: dict[str, str]) -> str:
    """Return the label of a scene class; Unusable ``unknown-class`` where the catalogue does not have it."""
    if (label := labels.get(_folded(name))) is None:
        raise Unusable("unknown-class", repr(name))
    return label


def object_row(
    label: str, source_label: str, corners: Corners, angle: float | None = None, difficulty: int | None = None
) -> dict[str, Any]:
    """Return one row of `tables.OBJECT`; ``corners`` are xmin, ymin, xmax, ymax in pixels."""
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    return {
        "label": label,
        "source_label": source_label,
        **dict(sides),
        "angle": angle,
        "difficulty": difficulty,
    }


def _as_written(box: RawBox) -> Corners:
    return box.xmin, box.ymin, box.xmax, box.ymax


def _corners(box: RawBox, width: int, height: int, reasons: Counter[str]) -> Corners | None:
    xmin, xmax = sorted((box.xmin, box.xmax))
    ymin, ymax = sorted((box.ymin, box.ymax))
    if xmin == xmax or ymin == ymax:
        reasons["box-without-area"] += 1
        return None
    clipped = (max(xmin, 0.0), max(ymin, 0.0), min(xmax, float(width)), min(ymax, float(height)))
    if clipped[0] >= clipped[2] or clipped[1] >= clipped[3]:
        reasons["box-outside"] += 1
        return None
    if (xmin, ymin, xmax, ymax) != _as_written(box):
        reasons["box-inverted"] += 1
    if clipped != (xmin, ymin, xmax, ymax):
        reasons["box-clipped"] += 1
    return clipped


def clean_caption(text: str) -> str:
    """Return a caption with even typography; empty where nothing but punctuation is left."""
    even = SPACED.sub(r"\1", " ".join(text.translate(QUOTES).split()))
    return even if any(letter.isalnum() for letter in even) else ""


def clean_captions(captions: tuple[str, ...]) -> tuple[list[str], dict[str, int]]:
    """Return the usable captions of an image, in order, and how many were dropped by reason.

    Repeated captions stay: corpora pad to five, and how often they do is their own business.
    """
    every = [clean_caption(text) for text in captions]
    usable = [caption for caption in every if caption and "\ufffd" not in caption]
    blank = every.count("")
    dropped = {"blank-caption": blank, "broken-caption": len(every) - len(usable) - blank}
    return usable, {reason: count for reason, count in dropped.items() if count}
