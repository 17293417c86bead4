"""A grid of pictures with words below: what a model says of images it did not learn from."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

COLUMNS = 4
PICTURE = 224
MARGIN = 16
LINE = 19
TEXT_LINES = 5
CHARACTERS = 33
SIZE = 14
INK = (28, 28, 28)
GREY = (120, 120, 120)
GREEN = (14, 116, 60)
RED = (180, 40, 40)
PAPER = (255, 255, 255)


@dataclass(frozen=True)
class Sample:
    """A picture, the caption it has and what the model says; ``right`` where that can be told."""

    image_id: str
    picture: Pixels
    reference: str
    said: str
    right: bool | None = None


def draw_grid(title: str, samples: Sequence[Sample]) -> bytes:
    """Return a PNG with a cell per sample: picture, caption in grey, the model's in black, green or red."""
    rows = -(-len(samples) // COLUMNS)
    width = COLUMNS * (PICTURE + MARGIN) + MARGIN
    cell = PICTURE + MARGIN + 2 * TEXT_LINES * LINE + LINE
    sheet = Image.new("RGB", (width, rows * cell + 3 * LINE + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(SIZE + 4))
    for number, sample in enumerate(samples):
        left = MARGIN + number % COLUMNS * (PICTURE + MARGIN)
        _draw_cell(sheet, draw, sample, left, 3 * LINE + number // COLUMNS * cell)
    stream = io.BytesIO()
    sheet.save(stream, format="PNG")
    return stream.getvalue()


def _draw_cell(sheet: Image.Image, draw: ImageDraw.ImageDraw, sample: Sample, left: int, top: int) -> None:
    image = Image.fromarray(sample.picture).convert("RGB")
    sheet.paste(image.resize((PICTURE, PICTURE), Image.Resampling.BICUBIC), (left, top))
    place = top + PICTURE + MARGIN // 2
    draw.text((left, place), sample.image_id, GREY, _font(SIZE - 2))
    place = _write(draw, sample.reference, GREY, left, place + LINE)
    colour = INK if sample.right is None else GREEN if sample.right else RED
    _write(draw, sample.said, colour, left, place)


def _write(draw: ImageDraw.ImageDraw, text: str, colour: tuple[int, int, int], left: int, top: int) -> int:
    lines = textwrap.wrap(text, CHARACTERS, max_lines=TEXT_LINES, placeholder=" …") or ["(nothing)"]
    for number, line in enumerate(lines):
        draw.text((left, top + number * LINE), line, colour, _font(SIZE))
    return top + len(lines) * LINE + 4


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
