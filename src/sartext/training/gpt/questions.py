"""The questions that a SAR-GPT learns from, and the pictures that they are asked about."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from sartext.errors import ArtefactError, TrainingError
from sartext.release.layout import data_files
from sartext.vqa.question import read_questions

Pixels = npt.NDArray[np.uint8]

Read = Callable[[str], Pixels]
"""Returns the picture of an image id: uint8, height x width, or height x width x 3."""

ROW_GROUPS = 8
"""Of a release's tables that are held at a time; pictures are mostly read in the order of their ids."""


@dataclass(frozen=True)
class Question:
    """A question about one image.

    Args:
        id: of the question.
        image_id: of the image.
        question: as a person would ask it.
        answer: one or a few words, or a short description.
        type: such as ``presence``.
    """

    id: str
    image_id: str
    question: str
    answer: str
    type: str


def release_questions(release: Path, split: str) -> list[Question]:
    """Return the questions of a split of a release, sorted by id.

    Raises:
        ArtefactError: there are none, or their file is damaged.
    """
    rows = read_questions(release / "vqa" / f"{split}.jsonl")
    found = [Question(one.id, one.image_id, one.text, one.answer, one.type) for one in rows]
    return sorted(found, key=lambda one: one.id)


def asked_of(questions: Iterable[Question], images: Collection[str]) -> list[Question]:
    """Return the questions about certain images, sorted by id."""
    return sorted((one for one in questions if one.image_id in images), key=lambda one: one.id)


def check(questions: Iterable[Question], what: str) -> None:
    """Require distinct ids, and questions and answers that are not empty.

    Raises:
        TrainingError: an id stands twice, a question or an answer is empty; it is named.
    """
    seen: set[str] = set()
    for one in questions:
        if one.id in seen:
            raise TrainingError(f"question '{one.id}' stands twice", where=what, way_out="make their ids distinct")
        seen.add(one.id)
        if not one.question.strip() or not one.answer.strip():
            part = "answer" if one.question.strip() else "question"
            raise TrainingError(f"an empty {part}", where=f"{what}, {one.id}", way_out="leave the question out")


class ReleasePictures:
    """The pictures of a release, read from its tables when they are asked for.

    Args:
        release: the folder of a published version, or ``build/release``.
        otherwise: returns a picture that the release withholds, or None where it is not at hand.

    Raises:
        ArtefactError: it is no release.
    """

    def __init__(self, release: Path, otherwise: Callable[[str], Pixels | None] = lambda image_id: None) -> None:
        files = data_files(release)
        if not files:
            raise ArtefactError(
                "no data/*.parquet", where=release, way_out="build the release, or name its folder"
            )
        self._otherwise = otherwise
        self._tables = [pq.ParquetFile(path) for path in files]
        self._place: dict[str, tuple[int, int, int]] = {}
        self._withheld: set[str] = set()
        self._held: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        for number, table in enumerate(self._tables):
            for group in range(table.num_row_groups):
                columns = table.read_row_group(group, columns=["image_id", "image_sha256"]).to_pydict()
                for row, (image, digest) in enumerate(zip(*columns.values(), strict=True)):
                    self._place[image] = (number, group, row)
                    if digest is None:
                        self._withheld.add(image)

    def at_hand(self, image_ids: Iterable[str]) -> set[str]:
        """Return those of the images whose picture can be read."""
        return {one for one in image_ids if self._has(one)}

    def __call__(self, image_id: str) -> Pixels:
        """Return a picture.

        Raises:
            TrainingError: the release has no such image, or withholds its picture and nobody else has it.
        """
        from sartext.corpora.images import decode

        if image_id in self._place and image_id not in self._withheld:
            number, group, row = self._place[image_id]
            return np.asarray(decode(self._bytes(number, group)[row]), dtype=np.uint8)
        found = self._otherwise(image_id)
        if found is None:
            raise TrainingError("the picture is not at hand", where=image_id, way_out="leave its questions out")
        return found

    def _has(self, image_id: str) -> bool:
        if image_id in self._place and image_id not in self._withheld:
            return True
        return self._otherwise(image_id) is not None

    def _bytes(self, number: int, group: int) -> list[bytes]:
        key = (number, group)
        if key not in self._held:
            column = self._tables[number].read_row_group(group, columns=["image"]).to_pydict()["image"]
            self._held[key] = [b"" if one is None else one["bytes"] for one in column]
            if len(self._held) > ROW_GROUPS:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]
