"""Exact and near-duplicates among the images of all corpora, within one modality.

Exact duplicates have equal decoded pixels. Near-duplicates are proposed by a perceptual hash and decided by
correlation: on SAR the hash alone is nearly blind (two different ships lie at distance 0). An image without
contrast (a constant one, or no more than the noise of rounding) has neither hash nor correlation: it is never a
near-duplicate.
"""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sartext.catalogue.entry import Entry
from sartext.config import NearDuplicateParameters
from sartext.corpora.images import Unusable, picture
from sartext.errors import ArtefactError
from sartext.files import disk_errors, write_text
from sartext.progress import map_parallel
from sartext.release.splits.likeness import SIDE, WINDOWS, Hashes, close_pairs, correlations, window_hashes

FLAT = 0.5
"""Standard deviation in grey levels under which a thumbnail shows nothing; rounding alone gives 0.29."""

COLUMNS = (
    "kind",
    "image_id",
    "duplicate_of",
    "hash_distance",
    "correlation",
    "differs",
    "published_split",
    "published_split_of",
)

SERIAL_BELOW = 1000
"""Images whose thumbnails this process makes itself: some milliseconds each, where new processes take a second."""

_BLOCK = 2048


@dataclass(frozen=True)
class Thumbnail:
    """An image as it is compared: a grey thumbnail, and the perceptual hashes of it (None if flat)."""

    pixels: npt.NDArray[np.uint8]
    hashes: Hashes | None


@dataclass(frozen=True)
class NearPair:
    """Two near-duplicates, the earlier one in corpus order first."""

    first: str
    second: str
    hash_distance: int
    correlation: float


@dataclass(frozen=True)
class Subject:
    """An image to compare: its row of the index, its corpus and where the corpus's files are found."""

    corpus: str
    row: Mapping[str, Any]


def thumbnail_of(pixels: npt.NDArray[Any]) -> Thumbnail:
    """Return thumbnail and hashes of a picture, uint8 (H, W) or (H, W, 3)."""
    image = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    grey = np.asarray(image)
    return Thumbnail(grey, None if grey.std() < FLAT else window_hashes(image))


def find_near(
    root: Path, subjects: Sequence[Subject], entries: Mapping[str, Entry], parameters: NearDuplicateParameters
) -> tuple[list[NearPair], int]:
    """Find all near-duplicates, and count the images without contrast.

    Args:
        root: the project's folder.
        subjects: the images to compare, in corpus order; of identical ones the first is enough.
        entries: the catalogue entry of each corpus.
        parameters: what counts as near.

    Raises:
        ArtefactError: an image of the index cannot be read any more, or the disk is full.
    """
    scratch_folder = root / "build"  # 136k thumbnails are half a gigabyte: on disk, and /tmp may be memory
    scratch_folder.mkdir(exist_ok=True)
    with TemporaryFile(dir=scratch_folder) as scratch:
        shape = (max(1, len(subjects)), SIDE, SIDE)
        with disk_errors(scratch_folder / "thumbnails"):
            # a page of a map that the disk has no room for kills the process: all room is taken beforehand
            os.posix_fallocate(scratch.fileno(), 0, shape[0] * SIDE * SIDE)
        thumbnails = np.memmap(scratch, dtype=np.uint8, mode="r+", shape=shape)
        hashes = np.zeros((len(subjects), len(WINDOWS)), dtype=np.uint64)
        flat = np.zeros(len(subjects), dtype=bool)
        made = map_parallel(
            partial(_read_thumbnail, root, dict(entries)), subjects, "comparing images", SERIAL_BELOW
        )
        for at, thumbnail in enumerate(made):
            thumbnails[at] = thumbnail.pixels
            flat[at] = thumbnail.hashes is None
            hashes[at] = 0 if thumbnail.hashes is None else thumbnail.hashes
        pairs = []
        for modality in sorted({subject.row["modality"] for subject in subjects}):
            same = [at for at, subject in enumerate(subjects) if subject.row["modality"] == modality]
            positions = np.array([at for at in same if not flat[at]], dtype=np.int64)
            pairs += _verify(subjects, thumbnails, positions, hashes, parameters)
        return sorted(pairs, key=lambda pair: (pair.second, pair.first)), int(flat.sum())


def _read_thumbnail(root: Path, entries: Mapping[str, Entry], subject: Subject) -> Thumbnail:
    try:
        return thumbnail_of(picture(root, subject.row, entries[subject.corpus]))
    except Unusable as error:
        raise ArtefactError(
            f"the image cannot be read any more ({error})",
            where=subject.row["path"],
            way_out=f"run `sartext corpus {subject.corpus}` again",
        ) from error


def _verify(
    subjects: Sequence[Subject],
    thumbnails: npt.NDArray[np.uint8],
    positions: npt.NDArray[np.int64],
    hashes: Hashes,
    parameters: NearDuplicateParameters,
) -> list[NearPair]:
    near = []
    for proposed in close_pairs(hashes[positions], parameters.hash_distance):
        for at in range(0, len(proposed), _BLOCK):
            part = proposed[at : at + _BLOCK]
            first, second = positions[part[:, 0]], positions[part[:, 1]]
            figures = correlations(thumbnails[first], thumbnails[second])
            for index in np.flatnonzero(figures >= parameters.correlation):
                ids = subjects[first[index]].row["image_id"], subjects[second[index]].row["image_id"]
                near.append(NearPair(*ids, int(part[index, 2]), float(figures[index])))
    return near


def difference(row: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Say in what the annotations of two identical images differ: ``labels``, ``regions``, ``boxes``, or nothing.

    Differing counts of labels, scene classes or shares of land cover would give differing facts; boxes may differ
    by where an annotator drew them.
    """
    labels, others = (sorted(box["label"] for box in image["objects"]) for image in (row, other))
    differs = {
        "labels": labels != others or row["scene_class"] != other["scene_class"],
        "regions": _sorted(row["regions"]) != _sorted(other["regions"]),
        "boxes": labels == others and _sorted(row["objects"]) != _sorted(other["objects"]),
    }
    return " ".join(part for part in differs if differs[part])


def _sorted(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(repr(sorted(part.items())) for part in parts)


def write_duplicates(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write the table of duplicates, exact and near, sorted by image and what it is a duplicate of."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: (row["image_id"], row["kind"], row["duplicate_of"])))
    write_text(path, stream.getvalue())


def read_duplicates(path: Path) -> list[dict[str, str]]:
    """Read the table of duplicates.

    Raises:
        ArtefactError: it is missing.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))
    except FileNotFoundError as error:
        raise ArtefactError("the table is missing", where=path, way_out="run `sartext splits`") from error
