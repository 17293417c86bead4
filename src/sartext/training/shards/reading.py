"""Reading shards in any order: the index in memory, the pictures by offset."""

import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.config import NarratorParameters
from sartext.errors import ArtefactError, TrainingError
from sartext.files import read_json
from sartext.models.squashing import Pixels
from sartext.tables import SHARDS, read_rows
from sartext.training.shards.selection import CorpusNaming, corpus_naming
from sartext.training.shards.writing import DATA, DESCRIPTION, KINDS

PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, eq=False)
class Pair:
    """One image and its captions: a row of the index of a folder of shards, see `tables.SHARDS`.

    ``folder`` is the place of its folder among those that were opened together.
    """

    image_id: str
    corpus: str
    split: str
    group_id: str
    modality: str
    method: str
    captions: tuple[str, ...]
    facts: str | None
    objects: tuple[Mapping[str, Any], ...]
    regions: tuple[Mapping[str, Any], ...]
    scene_class: str | None
    folder: int
    shard: str
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    mask_offset: int | None = None
    mask_size: int | None = None

    @property
    def annotated(self) -> bool:
        """Whether its captions are realised from an annotation, and can be derived anew for a turned image."""
        return bool(self.objects or self.regions or self.scene_class)

    @property
    def looks(self) -> int:
        """The number of its pictures: the image, and renderings of the same scene with other speckle."""
        return len(self.offsets)


class Shards:
    """The pairs of folders of shards (index, description and tar files), for reading from any thread.

    Raises:
        ArtefactError: a folder is missing or damaged.
        TrainingError: the folders hold pictures of different sides, or an image stands in two of them.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._descriptions = [_description(folder) for folder in self.folders]
        self._files: dict[tuple[int, str], int] = {}
        self._lock = Lock()
        sides = {int(description["side"]) for description in self._descriptions}
        if len(sides) > 1:
            raise TrainingError(
                f"shards of different sides: {', '.join(map(str, sorted(sides)))} pixels",
                where=", ".join(map(str, self.folders)),
                way_out="build them with the same `shards.side`",
            )
        self.side: int = sides.pop() if sides else 0
        self._pairs = [pair for number, folder in enumerate(self.folders) for pair in _pairs(folder, number)]
        self._pairs.sort(key=lambda pair: pair.image_id)
        for first, second in pairwise(self._pairs):
            if first.image_id == second.image_id:
                raise TrainingError(
                    f"image '{first.image_id}' stands in two shards", where=self.folders[second.folder]
                )

    def rows(self, split: str) -> list[Pair]:
        """Return the pairs of a split (``train`` or ``validation``), sorted by image id."""
        return [pair for pair in self._pairs if pair.split == split]

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """The catalogue entry of each corpus, as it was when the shards were made."""
        return {
            name: Entry.model_validate(entry)
            for description in self._descriptions
            for name, entry in description["corpora"].items()
        }

    @cached_property
    def namings(self) -> dict[str, CorpusNaming]:
        """What the captions of each corpus call what its images show."""
        return {name: corpus_naming(entry) for name, entry in self.entries.items()}

    @cached_property
    def narrator(self) -> NarratorParameters:
        """The parameters that the stored captions of SAR images were realised with."""
        stored = [each["narrator"] for each in self._descriptions if "narrator" in each]
        return NarratorParameters.model_validate(stored[-1] if stored else {})

    def picture(self, pair: Pair, look: int = 0) -> Pixels:
        """Return a picture of a pair, of which look 0 is the image itself: uint8, side x side or side x side x 3.

        Raises:
            ArtefactError: the tar file is missing, cut short or changed.
        """
        return self._stored(pair, pair.offsets[look], pair.sizes[look])

    def mask(self, pair: Pair) -> Pixels | None:
        """Return the mask of a pair, see `tables.SHARDS`, None where there is none; errors as `picture`."""
        if pair.mask_offset is None or pair.mask_size is None:
            return None
        return self._stored(pair, pair.mask_offset, pair.mask_size)

    def _stored(self, pair: Pair, offset: int, size: int) -> Pixels:
        where = self.folders[pair.folder] / pair.shard
        try:
            pixels = decode_stored(os.pread(self._open(pair), size, offset))
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"the picture of '{pair.image_id}' cannot be read ({error})",
                where=where,
                way_out=f"build them again: `sartext shards {'|'.join(DATA)}`",
            ) from error
        if pixels.shape[:2] != (self.side, self.side):
            raise ArtefactError(f"the picture of '{pair.image_id}' is of size {pixels.shape}", where=where)
        return pixels

    def close(self) -> None:
        """Close the tar files."""
        with self._lock:
            for handle in self._files.values():
                os.close(handle)
            self._files.clear()

    def __enter__(self) -> "Shards":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, pair: Pair) -> int:
        key = (pair.folder, pair.shard)
        with self._lock:
            if key not in self._files:
                self._files[key] = os.open(self.folders[pair.folder] / pair.shard, os.O_RDONLY)
            return self._files[key]


def open_shards(folder: Path) -> Shards:
    """Open a folder of shards, or those of every kind in a folder; an ArtefactError where one is missing."""
    if (folder / "index.parquet").is_file():
        return Shards([folder])
    if folder.name == "release-shards":
        raise ArtefactError("there are no shards", where=folder, way_out="run `sartext shards release`")
    parts = [folder / kind for kind in KINDS]
    missing = [part.name for part in parts if not (part / "index.parquet").is_file()]
    if missing:
        kinds = [folder.name] if folder.name in KINDS else missing
        what = f"{missing[0]} shards" if len(missing) == 1 else "shards"
        way_out = "run " + " and ".join(f"`sartext shards {kind}`" for kind in kinds)
        raise ArtefactError(f"there are no {what}", where=folder, way_out=way_out)
    return Shards(parts)


def _description(folder: Path) -> Mapping[str, Any]:
    description = read_json(folder / DESCRIPTION)
    if not isinstance(description, dict) or not {"side", "corpora"} <= description.keys():
        raise ArtefactError(
            "no description of shards", where=folder / DESCRIPTION, way_out="build the shards again"
        )
    return description


def _pairs(folder: Path, number: int) -> Iterator[Pair]:
    for row in read_rows(folder / "index.parquet", SHARDS):
        lists: dict[str, Any] = {name: tuple(value) for name, value in row.items() if isinstance(value, list)}
        yield Pair(folder=number, **row | lists)


def decode_stored(content: bytes) -> Pixels:
    """Return the pixels of a PNG of a shard, five times as fast as a general decoder, every checksum compared.

    Raises:
        ValueError: these bytes are no such file, or were changed.
    """
    chunks: dict[bytes, bytes] = {}
    if not content.startswith(PNG_START):
        raise ValueError("no PNG file")
    place = len(PNG_START)
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
