"""The questions that a SAR-GPT learns from, their pictures, and the image tower's states of those."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from torch import Tensor

from sartext.errors import ArtefactError, TrainingError
from sartext.models.gpt.model import Gpt, patch_states, pixel_values
from sartext.progress import track
from sartext.release.layout import data_files
from sartext.vqa.question import read_questions

Pixels = npt.NDArray[np.uint8]

Read = Callable[[str], Pixels]
"""Returns the picture of an image id: uint8, height x width, or height x width x 3."""

ROW_GROUPS = 8
"""Of a release's tables that are held at a time; pictures are mostly read in the order of their ids."""

AT_A_TIME = 64
"""Pictures that a frozen tower looks at together when it looks ahead."""


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


@dataclass(frozen=True, eq=False)
class Course:
    """The questions of one part of the curriculum, and their pictures.

    Args:
        name: ``optical`` or ``sar``.
        train: to learn from.
        validation: to choose the best weights by.
        read: returns the picture of an image; not called for a model without images.
    """

    name: str
    train: Sequence[Question]
    validation: Sequence[Question]
    read: Read

    @property
    def images(self) -> list[str]:
        """The images that are asked about."""
        return sorted({question.image_id for question in (*self.train, *self.validation)})


def release_questions(release: Path, split: str) -> list[Question]:
    """Return the questions of a split of a release, sorted by id.

    Raises:
        ArtefactError: there are none, or their file is damaged.
    """
    rows = read_questions(release / "vqa" / f"{split}.jsonl")
    questions = [Question(row.id, row.image_id, row.text, row.answer, row.type) for row in rows]
    return sorted(questions, key=lambda question: question.id)


def about_images(questions: Iterable[Question], images: Collection[str]) -> list[Question]:
    """Return the questions about certain images, sorted by id."""
    return sorted((each for each in questions if each.image_id in images), key=lambda each: each.id)


def check_questions(questions: Iterable[Question], where: str) -> None:
    """Require distinct ids, and questions and answers that are not empty.

    Raises:
        TrainingError: an id stands twice, a question or an answer is empty; it is named.
    """
    seen: set[str] = set()
    for each in questions:
        if each.id in seen:
            raise TrainingError(
                f"question '{each.id}' stands twice", where=where, way_out="make their ids distinct"
            )
        seen.add(each.id)
        if not each.question.strip() or not each.answer.strip():
            part = "answer" if each.question.strip() else "question"
            raise TrainingError(f"an empty {part}", where=f"{where}, {each.id}", way_out="leave the question out")


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

    def available(self, image_ids: Iterable[str]) -> set[str]:
        """Return those of the images whose picture can be read."""
        return {image_id for image_id in image_ids if self._has(image_id)}

    def __call__(self, image_id: str) -> Pixels:
        """Return a picture.

        Raises:
            TrainingError: the release has no such image, or withholds its picture and nobody else has it.
        """
        from sartext.corpora.images import decode

        if image_id in self._place and image_id not in self._withheld:
            number, group, row = self._place[image_id]
            return np.asarray(decode(self._bytes(number, group)[row]), dtype=np.uint8)
        picture = self._otherwise(image_id)
        if picture is None:
            raise TrainingError("the picture is not at hand", where=image_id, way_out="leave its questions out")
        return picture

    def _has(self, image_id: str) -> bool:
        if image_id in self._place and image_id not in self._withheld:
            return True
        return self._otherwise(image_id) is not None

    def _bytes(self, number: int, group: int) -> list[bytes]:
        key = (number, group)
        if key not in self._held:
            column = self._tables[number].read_row_group(group, columns=["image"]).to_pydict()["image"]
            self._held[key] = [b"" if image is None else image["bytes"] for image in column]
            if len(self._held) > ROW_GROUPS:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


class PatchStates:
    """The states of each patch before the projector.

    A frozen tower looks at all pictures in the order of their ids, once, when the first is asked for; those that
    do not fit into memory it looks at again each time. So a training that goes on sees the same numbers.

    Args:
        model: with the tower, on its device.
        images: of the training, train and validation.
        read: returns their pictures.
        frozen: whether the tower's weights stay.
        most_bytes: that the states may take.
    """

    def __init__(self, model: Gpt, images: Iterable[str], read: Read, *, frozen: bool, most_bytes: int) -> None:
        self._model, self._read, self._frozen = model, read, frozen
        self._images = sorted(set(images))
        width = model.network.config.vision_config.hidden_size
        self._shape = (model.patches, width)
        self._most = most_bytes // (4 * model.patches * width) if frozen else 0
        self._held: Tensor | None = None
        self._rows: dict[str, int] = {}

    def of(self, image_ids: Sequence[str]) -> Tensor:
        """Return the states of pictures on the model's device: n x patches x width."""
        if not self._frozen:
            return self._compute(image_ids)
        if self._held is None:
            self._held = self._compute_ahead()
        with torch.no_grad():
            missing = [image_id for image_id in dict.fromkeys(image_ids) if image_id not in self._rows]
            fresh = dict(zip(missing, self._compute(missing), strict=True)) if missing else {}
            device = self._model.device
            states = [
                fresh[image_id]
                if image_id in fresh
                else self._held[self._rows[image_id]].to(device, non_blocking=True)
                for image_id in image_ids
            ]
            return torch.stack(states)

    def _compute(self, image_ids: Sequence[str]) -> Tensor:
        return patch_states(
            self._model, pixel_values(self._model, [self._read(image_id) for image_id in image_ids])
        )

    def _compute_ahead(self) -> Tensor:
        kept = self._images[: self._most]
        self._rows = {image_id: row for row, image_id in enumerate(kept)}
        held = torch.empty((len(kept), *self._shape))
        parts = [range(at, min(at + AT_A_TIME, len(kept))) for at in range(0, len(kept), AT_A_TIME)]
        with torch.no_grad():
            for part in track(parts, f"pictures, {AT_A_TIME} at a time", len(parts)):
                held[part.start : part.stop] = self._compute([kept[at] for at in part]).to("cpu", torch.float32)
        return held
