"""What a trained model says of validation pictures, as a grid: CoCa's captions, the nearest of many to CLIP."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from sartext.config import Project
from sartext.files import canonical_json
from sartext.tracking.record import Record, now

if TYPE_CHECKING:
    from sartext.models.model import Model
    from sartext.training.shards.reading import Pair

Pixels = npt.NDArray[np.uint8]
P = TypeVar("P", "Pair", "Sample")

SHOWN = 12
CHOICES = 64
"""Captions that CLIP chooses from."""

COLUMNS, PICTURE, MARGIN, LINE = 4, 224, 16, 19
TEXT_LINES, CHARACTERS, FONT_SIZE = 5, 33, 14
INK, GREY, GREEN, RED, PAPER = (28, 28, 28), (120, 120, 120), (14, 116, 60), (180, 40, 40), (255, 255, 255)


class Sample(NamedTuple):
    """A picture, the caption it has and what the model says; ``right`` where that can be told."""

    image_id: str
    picture: Pixels
    reference: str
    said: str
    right: bool | None


def save_samples(project: Project, record: Record, folder: Path, data: str, *, step: int) -> None:
    """Keep what the model in ``folder`` says of validation pairs of all corpora of ``data``.

    It is kept as a grid of pictures and as lines of JSON, the grid also under the names by which MLflow's page
    shows it beside the curves.
    """
    from sartext.models.checkpoint import load
    from sartext.models.squashing import three_channels
    from sartext.training.shards.reading import open_shards

    model, shards = load(folder), open_shards(project.root / data)
    captioner = model.kind == "coca"
    pairs = _spread(shards.rows("validation"), SHOWN if captioner else CHOICES)
    if not pairs:
        return
    pictures = [three_channels(shards.picture(pair)) for pair in pairs]
    said = _captioned(model, pairs, pictures) if captioner else _chosen(model, pairs, pictures)
    samples = [
        Sample(pair.image_id, picture, pair.captions[0], *answer)
        for pair, picture, answer in zip(pairs, pictures, said, strict=True)
    ]
    own = "its own" if captioner else f"the one that it chose of {len(pairs)}"
    shown = _spread(samples, SHOWN)
    image = _draw_grid(f"{record.name}: validation pictures, their captions (grey) and {own}", shown)
    stem = f"images/samples+step+{step}+timestamp+{now()}+{record.id}"
    for name, form in (("samples.png", "PNG"), (f"{stem}.png", "PNG"), (f"{stem}+compressed.webp", "WEBP")):
        stream = io.BytesIO()
        image.save(stream, format=form, quality=85)
        record.save_file(name, stream.getvalue())
    fields = ("image_id", "reference", "said", "right")
    lines = [canonical_json({field: getattr(sample, field) for field in fields}) for sample in shown]
    record.save_file("samples.jsonl", "".join(f"{line}\n" for line in lines).encode())


def _captioned(model: "Model", pairs: list["Pair"], pictures: list[Pixels]) -> Iterator[tuple[str, bool | None]]:
    """What a CoCa writes; a text that is one of the captions is right, others may be as true."""
    import torch

    from sartext.models.decoding.captioning import generate
    from sartext.models.model import normalise

    images = normalise(torch.from_numpy(np.stack(pictures)), model)
    with torch.inference_mode():
        decoded = generate(model, images, method="greedy", length=model.context)
    for pair, answer in zip(pairs, decoded, strict=True):
        text = model.tokenizer.decode(answer.ids) + ("" if answer.finished else " …")
        yield text, True if text in pair.captions else None


def _chosen(model: "Model", pairs: list["Pair"], pictures: list[Pixels]) -> Iterator[tuple[str, bool | None]]:
    """What a CLIP finds nearest; it is right if it is the image's caption or that of one with equal facts."""
    import torch

    from sartext.models.model import normalise

    network: Any = model.network
    images = normalise(torch.from_numpy(np.stack(pictures)), model)
    with torch.inference_mode():
        of_images = network.encode_image(images, normalize=True)
        tokens = model.tokenizer.encode([pair.captions[0] for pair in pairs], cut=True, full=True)
        similarity = of_images @ network.encode_text(tokens, normalize=True).T
    for pair, place in zip(pairs, similarity.argmax(dim=1).tolist(), strict=True):
        nearest = pairs[place]
        equal = pair.facts is not None and pair.facts == nearest.facts
        yield nearest.captions[0], nearest is pair or equal or nearest.captions[0] in pair.captions


def _spread(pairs: list[P], most: int) -> list[P]:
    """At most so many pairs, at equal distances in the order of their ids: every corpus has its share."""
    ordered = sorted(pairs, key=lambda pair: pair.image_id)
    count = min(most, len(ordered))
    return [ordered[number * len(ordered) // count] for number in range(count)]


def _draw_grid(title: str, samples: Sequence[Sample]) -> Image.Image:
    """A cell per sample: picture, caption in grey, the model's in black, green or red."""
    rows = -(-len(samples) // COLUMNS)
    width = COLUMNS * (PICTURE + MARGIN) + MARGIN
    cell = PICTURE + MARGIN + 2 * TEXT_LINES * LINE + LINE
    sheet = Image.new("RGB", (width, rows * cell + 3 * LINE + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, ImageFont.load_default(FONT_SIZE + 4))
    small, font = (ImageFont.load_default(size) for size in (FONT_SIZE - 2, FONT_SIZE))
    for number, sample in enumerate(samples):
        left, top = MARGIN + number % COLUMNS * (PICTURE + MARGIN), 3 * LINE + number // COLUMNS * cell
        picture = Image.fromarray(sample.picture).convert("RGB")
        sheet.paste(picture.resize((PICTURE, PICTURE), Image.Resampling.BICUBIC), (left, top))
        top += PICTURE + MARGIN // 2
        draw.text((left, top), sample.image_id, GREY, small)
        top += LINE
        colour = INK if sample.right is None else GREEN if sample.right else RED
        for text, ink in ((sample.reference, GREY), (sample.said, colour)):
            for line in textwrap.wrap(text, CHARACTERS, max_lines=TEXT_LINES, placeholder=" …") or ["(nothing)"]:
                draw.text((left, top), line, ink, font)
                top += LINE
            top += 4
    return sheet
