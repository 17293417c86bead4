"""The pictures of a pair as the model sees them, PNG files: the corpus's own, and other looks of simulated scenes.

The files are stored, not deflated, so that their bytes depend on the pixels alone, and cost little to decode.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.config import SimulationParameters
from sartext.corpora.images import decode, picture
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import to_db, to_grey
from sartext.errors import ArtefactError
from sartext.models.squashing import squash
from sartext.simulation.encoding import png
from sartext.simulation.recipes import CORPORA
from sartext.simulation.rendering import Task, number_of, sar_file

Pixels = npt.NDArray[np.uint8]

START = b"\x89PNG\r\n\x1a\n"
DEVIATION = 2.0
"""Mean difference in grey levels from which on an image is not the one that its number renders here: another
machine's arithmetic moves single pixels by one."""


@dataclass(frozen=True)
class Job:
    """One pair's pictures to make: ``looks`` of them, the first of the file that the index names."""

    root: Path
    row: Mapping[str, Any]
    entry: Entry
    side: int
    looks: int
    simulation: SimulationParameters | None


def make_pictures(job: Job) -> list[bytes]:
    """Return the PNG files of a pair, one per look, each ``side`` pixels wide and high.

    Raises:
        ArtefactError: the image has gone or changed since it was indexed.
    """
    try:
        files = [_encode(picture(job.root, job.row, job.entry), job.side)]
        if job.looks > 1 and job.simulation is not None:
            task = Task(job.entry.name, number_of(job.entry.name, job.row["path"]), job.simulation)
            others = [replace(task, look=look) for look in range(1, job.looks)]
            files += [_encode(_shown(sar_file(other), job), job.side) for other in others]
    except Unusable as error:
        raise ArtefactError(
            f"the image cannot be read any more ({error})",
            where=job.row["path"],
            way_out=f"run `sartext corpus {job.entry.name}` again",
        ) from error
    return files


def has_looks(entry: Entry, modality: str) -> bool:
    """Whether an image's scene can be rendered again: it is a simulated SAR image."""
    return entry.embedded and entry.name in CORPORA and modality == "sar"


def check_rendering(job: Job) -> None:
    """Make sure that an image of a simulated corpus is the one that its number renders with the parameters.

    Raises:
        ArtefactError: it is not, so that other looks would show another scene.
    """
    if job.simulation is None:
        reason = "the parameters hold no section 'simulation'"
    else:
        task = Task(job.entry.name, number_of(job.entry.name, job.row["path"]), job.simulation)
        there = picture(job.root, job.row, job.entry).astype(np.int16)
        rendered = _shown(sar_file(task), job).astype(np.int16)
        if there.shape == rendered.shape and np.abs(there - rendered).mean() < DEVIATION:
            return
        reason = "the section 'simulation' of the parameters renders another image"
    raise ArtefactError(
        f"other looks of this image cannot be made: {reason}",
        where=job.row["path"],
        way_out=f"remove data/{job.entry.name} and run `sartext simulate --missing`, or set shards.looks to 1",
    )


def _shown(content: bytes, job: Job) -> Pixels:
    """The picture of a rendered file, as `corpora.images.picture` gives that of the corpus's own."""
    pixels = decode(content, job.entry.bands)
    if job.row["quantity"] == "display":
        return pixels
    return to_grey(to_db(pixels, job.entry), job.row["db_low"], job.row["db_high"])


def _encode(shown: Pixels, side: int) -> bytes:
    squashed = squash(shown, side)
    grey = bool((squashed == squashed[..., :1]).all())
    return png(np.ascontiguousarray(squashed[..., 0] if grey else squashed))


def decode_stored(content: bytes) -> Pixels:
    """Return the pixels of a PNG that this module wrote: (side, side) grey, or (side, side, 3).

    Five times as fast as a general decoder, and stricter: every checksum is compared.

    Raises:
        ValueError: these bytes are no such file, or were changed.
    """
    chunks: dict[bytes, bytes] = {}
    if not content.startswith(START):
        raise ValueError("no PNG file")
    place = len(START)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place) if place + 12 <= len(content) else (-1, b"")
        end = place + 12 + length
        if length < 0 or end > len(content):
            raise ValueError("it is cut short")
        if zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise ValueError(f"the checksum of {kind!r} is wrong")
        chunks[kind] = content[place + 8 : end - 4]
        place = end
    try:
        width, height, depth, colours, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), dtype=np.uint8).reshape(height, -1)
    except (KeyError, struct.error, zlib.error, ValueError) as error:
        raise ValueError(f"it holds no picture ({error})") from error
    channels = {0: 1, 2: 3}.get(colours, 0)
    if depth != 8 or any(rest) or rows.shape[1] != 1 + width * channels or rows[:, 0].any():
        raise ValueError("another program wrote it")
    pixels = rows[:, 1:]
    return pixels if channels == 1 else pixels.reshape(height, width, 3)
