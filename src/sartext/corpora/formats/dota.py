"""DOTA text files, one per image, a line per box: the corners of a turned box, a class and a difficulty.

Lines of a colon (``imagesource:GoogleEarth``, ``gsd:0.5``) are headings. Corners are in pixels and in any order.
An object is counted whatever its difficulty, which is recorded.
"""

import math
from dataclasses import replace

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BROKEN_ENCODING,
    AnnotationFormat,
    RawBox,
    Record,
    Source,
    as_difficulty,
    as_number,
    read_text,
)
from sartext.corpora.shapes import around, side_angle, upright_box

NUMBERS = 8


def read_dota(source: Source) -> list[Record]:
    """Return the record of an image: x, y of four corners, class, and difficulty (may be absent), on each line.

    Raises:
        Unusable: ``not-dota``, or what `reading.read_content` raises.
    """
    text, sound = read_text(source.path)
    boxes = []
    for place, line in enumerate(text.split("\n"), start=1):
        words = line.replace(",", " ").split()
        if not words or ":" in words[0]:
            continue
        numbers, said = [as_number(word) for word in words[:NUMBERS]], words[NUMBERS:]
        if not said:
            what = f"line {place}: {len(words)} words, four corners, a class and a difficulty are expected"
            raise Unusable("not-dota", what)
        difficulty = as_difficulty(said[-1]) if len(said) > 1 else None
        label = " ".join(said if difficulty is None else said[:-1])
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        turned = RawBox(label, *upright_box(points), side_angle(points), difficulty=difficulty)
        boxes.append(replace(turned, parts=(tuple(around(points)),)))
    return [Record(source.file, source.file, boxes=tuple(boxes), notes=() if sound else (BROKEN_ENCODING,))]


def looks_like_dota(source: Source) -> bool:
    """Whether a file holds boxes whose classes are words; in lines of `yolo-oriented` the ninth is a number."""
    labels = [box.label for record in read_dota(source) for box in record.boxes]
    words = [word for label in labels for word in label.split()]
    return bool(words) and all(math.isnan(as_number(word)) for word in words)


FORMAT = AnnotationFormat(
    "dota", "turned boxes, DOTA text", "boxes", "image", read_dota, looks_like=looks_like_dota
)
