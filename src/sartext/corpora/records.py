"""What the annotation readers return: one record per image, in the words of the source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RawBox:
    """A box as the source has it: pixels, unchecked, NaN where a number could not be read.

    ``angle`` in degrees where the source has one; ``crowd`` marks one box around an unknown number of objects.
    """

    label: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    angle: float | None = None
    crowd: bool = False


@dataclass(frozen=True)
class Record:
    """What one annotation says of one image.

    ``name`` is the image's name as written there, ``source`` the annotation file below the corpus folder.
    ``width`` and ``height`` are 0 where they are not stated. ``notes`` are reasons worth counting.
    """

    name: str
    source: str
    width: int = 0
    height: int = 0
    boxes: tuple[RawBox, ...] = ()
    captions: tuple[str, ...] = ()
    split: str | None = None
    notes: tuple[str, ...] = ()
