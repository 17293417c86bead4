"""What is drawn over a picture: the facts of its caption where they lie, and boxes where a release holds any."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sartext.narrator.facts import Facts
from sartext.narrator.vocabulary import LARGEST_COUNT

CENTER, OUTSIDE, MIDDLE, WHOLE = "center", "outside", "middle", "whole"

BOXES = 200
"""Boxes drawn over a picture, at most."""

Mark = tuple[str, str]
"""A zone of the picture and what is said of it."""


def marks_of(facts: Facts) -> list[Mark]:
    """Return what a caption's facts say of each zone.

    Objects lie in the ``center`` (the middle half of both sides) or ``outside`` it, land cover in a quadrant or
    the ``middle``; what has no zone is said of the ``whole``.
    """
    return [*_objects(facts), *_cover(facts), *_rest(facts)]


def _objects(facts: Facts) -> Iterator[Mark]:
    for noun, plural, count, center, outside in facts.items:
        for zone, number, where in ((CENTER, center, ""), (OUTSIDE, outside, " outside")):
            if number:
                yield zone, f"{_number(number)} {noun if number == 1 else plural}{where}"
        if not center and not outside:
            yield WHOLE, f"{_number(count)} {noun if count == 1 else plural}"


def _number(count: int) -> str:
    return f"over {LARGEST_COUNT}" if count > LARGEST_COUNT else str(count)


def _cover(facts: Facts) -> Iterator[Mark]:
    for fact in facts.cover:
        yield fact.zone or WHOLE, f"{fact.noun}: {fact.share}"


def _rest(facts: Facts) -> Iterator[Mark]:
    for fact in facts.present:
        yield WHOLE, fact.plural
    for name in filter(None, (facts.scene, facts.scene_class)):
        yield WHOLE, name


def drawn_boxes(boxes: Sequence[Mapping[str, Any]], width: int, height: int) -> list[list[Any]]:
    """Return boxes as their class and ``x, y, width, height`` in thousandths of the picture's sides.

    Args:
        boxes: each with ``label`` and ``bbox``, its left, top, width and height in pixels, as COCO has them.
        width: of the picture in pixels.
        height: of it.
    """
    sides = (width, height, width, height)
    return [
        [
            box["label"],
            *(round(1000 * float(value) / side) for value, side in zip(box["bbox"], sides, strict=True)),
        ]
        for box in boxes[:BOXES]
    ]
