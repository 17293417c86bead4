"""Tiny models that were taught a few sentences, for the tests of captioning."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import rasterio
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from sartext.captioner.user_files.files import caption_files
from sartext.captioner.user_files.options import CaptionOptions
from sartext.models.checkpoint import save
from sartext.models.construction import build, read_foundation
from sartext.models.forward import forward
from sartext.models.model import normalise
from sartext.models.squashing import squash
from sartext.models.tokenizer import train_tokenizer
from tests.conftest import ROOT

FOUNDATIONS = ROOT / "src" / "sartext" / "models" / "foundations"
SIDE = 64


def taught(kind, folder, tokenizer, pictures, texts, steps, batch=16, rate=3e-3):
    """Teach a tiny model to say a text of each picture, and save it as a checkpoint."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model = build(read_foundation(FOUNDATIONS / f"{kind}-tiny.yaml"), tokenizer, seed=3, side=SIDE)
    network = model.network.train()
    images = normalise(torch.from_numpy(np.stack([squash(picture, SIDE) for picture in pictures])), model)
    tokens = model.tokenizer.encode(texts)
    keys = torch.tensor([texts.index(text) for text in texts])
    equal = (keys[:, None] == keys).float()
    target = equal / equal.sum(1, keepdim=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.0)
    draw = torch.Generator().manual_seed(0)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * (1 - step / steps)
        some = torch.randperm(len(texts), generator=draw)[:batch]
        made = forward(network, images[some], tokens[some])
        alike = 20 * made.image_features @ made.text_features.T
        loss = cross_entropy(alike, target[some][:, some])
        if made.logits is not None:
            loss = 0.1 * loss + cross_entropy(made.logits, made.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    save(model, folder)
    torch.set_num_threads(threads)
    return folder


def marked(number, place, seed=0):
    """A picture with bright bars in the upper or left part, unlike that of any other number or place."""
    pixels = np.random.default_rng(seed).integers(0, 20, (SIDE, SIDE), dtype=np.uint8)
    shown = pixels if place == "left" else pixels.T
    shown[:, : 16 * number] = 60 * number + 50 * (place == "left")
    return pixels


SENTENCES = {
    (1, "left"): "There is one ship in this SAR image. It is in the center.",
    (2, "left"): "There are two ships in this SAR image. Both are in the center.",
    (3, "left"): "There are three ships in this SAR image. They all lie outside the center.",
    (1, "right"): "Water covers most of this SAR image.",
    (2, "right"): "Forest covers nearly all of this SAR image.",
    (3, "right"): "There is a river beside some houses.",
}
"""What the pictures of ``marked`` are said to show."""


def small_coca(root: Path) -> Path:
    """A CoCa checkpoint that says the sentences of the marked pictures."""
    train_tokenizer([*SENTENCES.values()] * 4, 400, 48).save(root / "tokenizer")
    keys = [key for key in SENTENCES for _ in range(2)]
    pictures = [marked(*key, seed=place) for place, key in enumerate(keys)]
    texts = [SENTENCES[key] for key in keys]
    return taught("coca", root / "coca", root / "tokenizer", pictures, texts, steps=80)


def write_png(path: Path, pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_tiff(path, values, **more):
    bands = values[None] if values.ndim == 2 else values
    shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype.name}
    with rasterio.open(path, "w", driver="GTiff", **shape, **more) as file:
        file.write(bands)
    return path


def caption(images, coca, out=None, *, raw=True, **options):
    """Caption files, by default in the model's own words; return the summary and the lines that were shown."""
    shown = []
    images = [str(image) for image in images]
    return caption_files(images, coca, out, CaptionOptions(raw=raw, **options), shown.append), shown


def rows_of(path):
    """The rows of a file of captions; those of CSV are all text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    return [json.loads(line) for line in text.splitlines()]
