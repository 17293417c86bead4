"""What a trained model says of validation pictures, as a grid: CoCa's captions, the nearest of many to CLIP."""

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sartext.config import Project
from sartext.files import canonical_json
from sartext.tracking.record import Record, now

if TYPE_CHECKING:
    from sartext.models.model import Model
    from sartext.training.shards.reading import Pair, Shards

Pixels = npt.NDArray[np.uint8]
P = TypeVar("P", "Pair", "Sample")

SHOWN = 12
CHOICES = 64
"""Captions that CLIP chooses from."""

COLUMNS, PICTURE, MARGIN, LINE = 4, 224, 16, 19
TEXT_LINES, CHARACTERS, FONT_SIZE = 5, 33, 14
INK, GREY, GREEN, RED, PAPER = (28, 28, 28), (120, 120, 120), (14, 116, 60), (180, 40, 40), (255, 255, 255)


@dataclass(frozen=True)
class Sample:
    """A picture, the caption it has and what the model says; ``right`` where that can be told."""

    image_id: str
    picture: Pixels
    reference: str
    said: str
    right: bool | None = None

    def line(self) -> str:
        """Return all but the picture as a line of JSON."""
        fields = {"image_id": self.image_id, "reference": self.reference, "said": self.said, "right": self.right}
        return canonical_json(fields) + "\n"


def save_samples(project: Project, record: Record, folder: Path, data: str, *, step: int) -> None:
    """Keep a picture grid of what the model in ``folder`` says, and the same as lines of JSON.

    The picture is kept twice: as ``samples.png``, and under the names by which MLflow's page shows it beside the
    curves.
    """
    title, samples = sample(project, folder, data)
    if samples:
        image = draw_grid(f"{record.name}: {title}", samples)
        stem = f"images/samples+step+{step}+timestamp+{now()}+{record.id}"
        record.save_file("samples.png", _encoded(image, "PNG"))
        record.save_file(f"{stem}.png", _encoded(image, "PNG"))
        record.save_file(f"{stem}+compressed.webp", _encoded(image, "WEBP"))
        record.save_file("samples.jsonl", "".join(item.line() for item in samples).encode())


def sample(project: Project, folder: Path, data: str) -> tuple[str, list[Sample]]:
    """Return a heading and the samples of a checkpoint on validation pairs of ``data``, of all its corpora."""
    from sartext.models.checkpoint import load
    from sartext.training.shards.reading import open_shards

    model = load(folder)
    shards = open_shards(project.root / data)
    pairs = shards.rows("validation")
    if model.kind == "coca":
        title = "validation pictures, their captions (grey) and its own"
        return title, _captioned(model, shards, _spread(pairs, SHOWN))
    choices = _spread(pairs, CHOICES)
    title = f"validation pictures, their captions (grey) and the one that it chose of {len(choices)}"
    return title, _spread(_chosen(model, shards, choices), SHOWN)


def _captioned(model: "Model", shards: "Shards", pairs: list["Pair"]) -> list[Sample]:
    """What a CoCa writes; a text that is one of the captions is right, others may be as true."""
    import torch

    from sartext.models.decoding.captioning import generate

    pictures, images = _images(model, shards, pairs)
    with torch.inference_mode():
        decoded = generate(model, images, method="greedy", length=model.context)
    texts = [model.tokenizer.decode(text.ids) + ("" if text.finished else " …") for text in decoded]
    return [
        Sample(pair.image_id, picture, pair.captions[0], text, True if text in pair.captions else None)
        for pair, picture, text in zip(pairs, pictures, texts, strict=True)
    ]


def _chosen(model: "Model", shards: "Shards", pairs: list["Pair"]) -> list[Sample]:
    """What a CLIP finds nearest; it is right if it is the image's caption or that of one with equal facts."""
    import torch

    network: Any = model.network
    pictures, images = _images(model, shards, pairs)
    with torch.inference_mode():
        of_images = network.encode_image(images, normalize=True)
        tokens = model.tokenizer.encode([pair.captions[0] for pair in pairs], cut=True, full=True)
        similarity = of_images @ network.encode_text(tokens, normalize=True).T
    samples = []
    for pair, picture, place in zip(pairs, pictures, similarity.argmax(dim=1).tolist(), strict=True):
        nearest = pairs[place]
        equal = pair.facts is not None and pair.facts == nearest.facts
        right = nearest is pair or equal or nearest.captions[0] in pair.captions
        samples.append(Sample(pair.image_id, picture, pair.captions[0], nearest.captions[0], right))
    return samples


def _images(model: "Model", shards: "Shards", pairs: list["Pair"]) -> tuple[list[Pixels], Any]:
    """The pictures of pairs, and the same as the model reads them."""
    import torch

    from sartext.models.model import normalise
    from sartext.models.squashing import three_channels

    pictures = [three_channels(shards.picture(pair)) for pair in pairs]
    return pictures, normalise(torch.from_numpy(np.stack(pictures)), model)


def _spread(pairs: list[P], most: int) -> list[P]:
    """At most so many pairs, at equal distances in the order of their ids: every corpus has its share."""
    ordered = sorted(pairs, key=lambda pair: pair.image_id)
    count = min(most, len(ordered))
    return [ordered[number * len(ordered) // count] for number in range(count)]


def draw_grid(title: str, samples: Sequence[Sample]) -> Image.Image:
    """Draw a cell per sample: picture, caption in grey, the model's in black, green or red."""
    rows = -(-len(samples) // COLUMNS)
    width = COLUMNS * (PICTURE + MARGIN) + MARGIN
    cell = PICTURE + MARGIN + 2 * TEXT_LINES * LINE + LINE
    sheet = Image.new("RGB", (width, rows * cell + 3 * LINE + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(FONT_SIZE + 4))
    for number, item in enumerate(samples):
        left, top = MARGIN + number % COLUMNS * (PICTURE + MARGIN), 3 * LINE + number // COLUMNS * cell
        picture = Image.fromarray(item.picture).convert("RGB")
        sheet.paste(picture.resize((PICTURE, PICTURE), Image.Resampling.BICUBIC), (left, top))
        top += PICTURE + MARGIN // 2
        draw.text((left, top), item.image_id, GREY, _font(FONT_SIZE - 2))
        top = _write(draw, item.reference, GREY, left, top + LINE)
        _write(draw, item.said, INK if item.right is None else GREEN if item.right else RED, left, top)
    return sheet


def _write(draw: ImageDraw.ImageDraw, text: str, colour: tuple[int, int, int], left: int, top: int) -> int:
    lines = textwrap.wrap(text, CHARACTERS, max_lines=TEXT_LINES, placeholder=" …") or ["(nothing)"]
    for number, line in enumerate(lines):
        draw.text((left, top + number * LINE), line, colour, _font(FONT_SIZE))
    return top + len(lines) * LINE + 4


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _encoded(image: Image.Image, form: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=form, quality=85)
    return stream.getvalue()
