"""Which images a model finds alike, and which ones it finds for a sentence: reckoned beforehand for the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sartext.errors import ReleaseError
from sartext.explorer.shards import packed
from sartext.explorer.vectors import (
    IMAGES,
    SENTENCES,
    WAY_OUT,
    Vectors,
    joined,
    nearest,
    read_vectors,
    thousandths,
)

NEIGHBOURS = 12
"""Images shown as alike."""

FOUND = 96
"""Images found for a sentence."""


@dataclass(frozen=True, eq=False)
class Similarity:
    """Neighbours of the rows of a release, and images of sentences.

    Args:
        rows: those that have an embedding, in order.
        neighbours: of each, [n, k], places in ``rows``; ``cosines`` beside them.
        sentences: the texts; ``found`` and ``found_cosines`` are their images as those of neighbours.
        model_sha256: the weights that saw them.
    """

    rows: npt.NDArray[np.int64]
    neighbours: npt.NDArray[np.int32]
    cosines: Vectors
    sentences: Sequence[str]
    found: npt.NDArray[np.int32]
    found_cosines: Vectors
    model_sha256: str

    @classmethod
    def none(cls) -> "Similarity":
        """Return that of a release without embeddings."""
        no_rows, no_places = np.empty(0, dtype=np.int64), np.empty((0, 0), dtype=np.int32)
        no_cosines = np.empty((0, 0), dtype=np.float32)
        return cls(no_rows, no_places, no_cosines, (), no_places, no_cosines, "")

    def of(self, row: int) -> list[list[int]]:
        """Return the neighbours of a row with their cosines in thousandths, none without embedding."""
        place = int(np.searchsorted(self.rows, row))
        if place == len(self.rows) or self.rows[place] != row:
            return []
        neighbours = self.rows[self.neighbours[place]].tolist()
        return [list(pair) for pair in zip(neighbours, thousandths(self.cosines[place]), strict=True)]

    def sentence_data(self) -> dict[str, object]:
        """Return the sentences for the page, with the rows found for each and their cosines in thousandths."""
        return {
            "sentences": list(self.sentences),
            "found": self.found.shape[1],
            "rows": packed(self.rows[self.found].ravel()),
            "cosines": thousandths(self.found_cosines.ravel()),
        }


def read_similarity(folder: Path, ids: Sequence[str]) -> Similarity:
    """Return what the embeddings of a folder say of a release's images.

    Args:
        folder: holds ``images.parquet`` and may hold ``sentences.parquet``.
        ids: of the release, in its order.

    Raises:
        ReleaseError: the files are no embeddings, of another release, or of two models.
    """
    images = read_vectors(folder / IMAGES, "image_id")
    rows, vectors = joined(images, ids, folder / IMAGES)
    neighbours, cosines = nearest(vectors, vectors, NEIGHBOURS, itself=True)
    if not (folder / SENTENCES).is_file():
        none = Similarity.none()
        return Similarity(rows, neighbours, cosines, (), none.found, none.cosines, images.model_sha256)
    sentences = read_vectors(folder / SENTENCES, "sentence")
    if (sentences.model_sha256, sentences.vectors.shape[1]) != (images.model_sha256, vectors.shape[1]):
        raise ReleaseError("its sentences and images are of two models", where=folder, way_out=WAY_OUT)
    found, found_cosines = nearest(sentences.vectors, vectors, FOUND)
    return Similarity(rows, neighbours, cosines, sentences.names, found, found_cosines, images.model_sha256)
