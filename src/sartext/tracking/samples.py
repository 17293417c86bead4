"""What a trained model says of validation pictures: captions by CoCa, the nearest of many captions by CLIP."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sartext.config import Project
from sartext.files import canonical_json
from sartext.tracking.grid import Pixels, Sample, draw_grid
from sartext.tracking.record import Record, now

if TYPE_CHECKING:
    from sartext.models.model import Model
    from sartext.training.shards.reading import Pair, Shards

P = TypeVar("P", "Pair", Sample)

SHOWN = 12
SAMPLE = ("image_id", "reference", "said", "right")
CHOICES = 64
"""Captions that CLIP chooses from."""


def keep_samples(project: Project, record: Record, folder: Path, data: str, *, step: int) -> None:
    """Keep a picture grid of what the model in ``folder`` says, and the same as lines of JSON.

    The picture is kept twice: as ``samples.png``, and under the names by which MLflow's page shows it beside the
    curves.
    """
    title, samples = tell_samples(project, folder, data)
    if not samples:
        return
    content = draw_grid(f"{record.name}: {title}", samples)
    record.keep_file("samples.png", content)
    stem = f"images/samples+step+{step}+timestamp+{now()}+{record.id}"
    record.keep_file(f"{stem}.png", content)
    record.keep_file(f"{stem}+compressed.webp", _webp(content))
    lines = [canonical_json({key: getattr(one, key) for key in SAMPLE}) for one in samples]
    record.keep_file("samples.jsonl", "".join(f"{line}\n" for line in lines).encode("utf-8"))


def tell_samples(project: Project, folder: Path, data: str) -> tuple[str, list[Sample]]:
    """Return a heading and the samples of a checkpoint on validation pairs of ``data``, of all its corpora."""
    from sartext.models.checkpoint import load
    from sartext.training.shards.reading import open_shards

    model = load(folder)
    shards = open_shards(project.root / data)
    pairs = shards.rows("validation")
    if model.kind == "coca":
        return "validation pictures, their captions (grey) and its own", _told(
            model, shards, _spread(pairs, SHOWN)
        )
    choices = _spread(pairs, CHOICES)
    title = f"validation pictures, their captions (grey) and the one that it chose of {len(choices)}"
    return title, _chosen(model, shards, choices)


def _told(model: "Model", shards: "Shards", pairs: list["Pair"]) -> list[Sample]:
    """What a CoCa writes; a text that is one of the captions is right, others may be as true."""
    pictures = _pictures(shards, pairs)
    return [
        Sample(pair.image_id, picture, pair.captions[0], text, True if text in pair.captions else None)
        for pair, picture, text in zip(pairs, pictures, _captions(model, pictures), strict=True)
    ]


def _chosen(model: "Model", shards: "Shards", pairs: list["Pair"]) -> list[Sample]:
    """What a CLIP finds nearest; it is right if it is the image's caption or that of one with equal facts."""
    pictures = _pictures(shards, pairs)
    nearest = [pairs[one] for one in _nearest(model, pictures, [pair.captions[0] for pair in pairs])]
    samples = []
    for pair, picture, found in zip(pairs, pictures, nearest, strict=True):
        equal = pair.facts is not None and pair.facts == found.facts
        right = found is pair or equal or found.captions[0] in pair.captions
        samples.append(Sample(pair.image_id, picture, pair.captions[0], found.captions[0], right))
    return _spread(samples, SHOWN)


def _spread(pairs: list[P], most: int) -> list[P]:
    """At most so many pairs, at equal distances in the order of their ids: every corpus has its share."""
    ordered = sorted(pairs, key=lambda pair: pair.image_id)
    count = min(most, len(ordered))
    return [ordered[number * len(ordered) // count] for number in range(count)]


def _pictures(shards: "Shards", pairs: list["Pair"]) -> list[Pixels]:
    from sartext.training.shards.reading import as_colour

    return [as_colour(shards.picture(pair)) for pair in pairs]


def _captions(model: "Model", pictures: list[Pixels]) -> list[str]:
    import torch

    from sartext.models.decoding.captioning import generate
    from sartext.models.preprocessing import normalise

    with torch.inference_mode():
        images = normalise(torch.from_numpy(np.stack(pictures)), model)
        found = generate(model, images, method="greedy", length=model.context)
    return [model.tokenizer.decode(one.ids) + ("" if one.finished else " …") for one in found]


def _nearest(model: "Model", pictures: list[Pixels], texts: list[str]) -> list[int]:
    import torch

    from sartext.models.preprocessing import normalise

    network: Any = model.network
    with torch.inference_mode():
        images = network.encode_image(normalise(torch.from_numpy(np.stack(pictures)), model), normalize=True)
        captions = network.encode_text(model.tokenizer.encode(texts, cut=True, full=True), normalize=True)
        return [int(one) for one in (images @ captions.T).argmax(dim=1)]


def _webp(content: bytes) -> bytes:
    from PIL import Image

    image = Image.open(io.BytesIO(content))
    stream = io.BytesIO()
    image.save(stream, format="WEBP", quality=85)
    return stream.getvalue()
