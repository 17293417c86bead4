"""A corpus in YOLO as it comes from somebody's Windows machine: the zip in which a newcomer finds it."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64
TOP = "港口数据集 v1.0".encode("gbk")
MARK = "@" * len(TOP)
"""Stands for the Chinese folder while the zip is written, for Python writes names in UTF-8 alone."""


def messy_zip(path: Path, images: int) -> Path:
    """Write a zip with Chinese names in GBK and backslashes, labels in a zip of their own, and junk.

    It holds ``images`` radar-like pictures of the split train and a quarter as many of val, one of them cut off.
    """
    labels = io.BytesIO()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, zipfile.ZipFile(labels, "w") as inner:
        for split, count in (("train", images), ("val", images // 4)):
            for number in range(count):
                name = f"{split}_{number:04}"
                picture, boxes = _scene(number if split == "train" else images + number)
                content = picture if (split, number) != ("val", 0) else picture[: len(picture) // 2]
                archive.writestr(f"{MARK}\\images\\{split}\\{name}.jpg", content)
                inner.writestr(f"{split}/{name}.txt", boxes)
        inner.close()
        archive.writestr(f"{MARK}\\labels.zip", labels.getvalue())
        archive.writestr(f"{MARK}\\data.yaml", "names: [ship, oil tank]\n")
        archive.writestr(f"{MARK}\\README.txt", "Harbours in C band, VV. License: CC BY 4.0\n")
        for junk in ("Thumbs.db", "images\\Thumbs.db", "images\\train\\desktop.ini"):
            archive.writestr(f"{MARK}\\{junk}", b"junk")
        archive.writestr("__MACOSX/._data.yaml", b"junk")
    path.write_bytes(path.read_bytes().replace(MARK.encode(), TOP))
    return path


def _scene(seed: int) -> tuple[bytes, str]:
    """Speckled water with bright ships and tanks, and their lines of YOLO."""
    random = np.random.default_rng(seed)
    power = np.full((SIDE, SIDE), 0.02)
    lines = []
    for _ in range(random.integers(1, 5)):
        label = int(random.integers(0, 2))
        width, height = random.integers(5, 12, 2)
        x, y = random.integers(0, SIDE - 12, 2)
        power[y : y + height, x : x + width] = 1.0
        shares = ((x + width / 2) / SIDE, (y + height / 2) / SIDE, width / SIDE, height / SIDE)
        lines.append(" ".join([str(label), *(f"{share:.6f}" for share in shares)]))
    amplitude = np.sqrt(power * random.gamma(3, 1 / 3, power.shape))
    stream = io.BytesIO()
    Image.fromarray((255 * np.clip(amplitude, 0, 1)).astype(np.uint8)).save(stream, "JPEG", quality=95)
    return stream.getvalue(), "\n".join(lines)
