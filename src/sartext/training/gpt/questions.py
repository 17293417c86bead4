"""The questions that a SAR-GPT learns from, their pictures, and the image tower's states of those."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from sartext.config import Project
from sartext.errors import ArtefactError, TrainingError
from sartext.models.gpt.model import Gpt, patch_states, pixel_values
from sartext.models.squashing import Pixels
from sartext.progress import track
from sartext.release.inputs import data_files
from sartext.training.callbacks import say
from sartext.training.shards.reading import open_shards
from sartext.vqa.optical import optical_questions
from sartext.vqa.question import read_questions

Read = Callable[[str], Pixels]
"""Returns the picture of an image id: uint8, height x width, or height x width x 3."""

ROW_GROUPS = 8
"""Of a release's tables that are held at a time; pictures are mostly read in the order of their ids."""

AT_A_TIME = 64
"""Pictures that a frozen tower looks at together when it looks ahead."""

CACHE_BYTES = 2_000_000_000
"""Of a frozen tower's states that are held; what does not fit is computed again."""


@dataclass(frozen=True)
class Question:
    """A question about one image, and its answer: one or a few words, or a short description."""

    id: str
    image_id: str
    question: str
    answer: str


@dataclass(frozen=True, eq=False)
class Course:
    """The questions of one part of the curriculum, and their pictures.

    ``read`` returns the picture of an image; it is not called for a model without images.
    """

    name: str
    train: Sequence[Question]
    validation: Sequence[Question]
    read: Read

    @property
    def images(self) -> list[str]:
        """The images that are asked about."""
        return sorted({question.image_id for question in (*self.train, *self.validation)})

    @property
    def counts(self) -> dict[str, int]:
        """The number of questions by split."""
        return {"train": len(self.train), "validation": len(self.validation)}


def release_questions(release: Path, split: str) -> list[Question]:
    """Return the questions of a split of a release, sorted by id; an ArtefactError where there are none."""
    rows = read_questions(release / "vqa" / f"{split}.jsonl")
    questions = [Question(row.id, row.image_id, row.text, row.answer) for row in rows]
    return sorted(questions, key=lambda question: question.id)


def sar_course(release: Path, withheld: Callable[[str], Pixels | None]) -> tuple[Course, int]:
    """Return the questions of a release whose pictures are at hand, and the number of the others."""
    pictures = ReleasePictures(release, withheld)
    # a small release may have no validation split
    splits = ["train", *(["validation"] if (release / "vqa" / "validation.jsonl").is_file() else [])]
    questions = {split: release_questions(release, split) for split in splits}
    images = pictures.available({question.image_id for part in questions.values() for question in part})
    held = {split: [each for each in part if each.image_id in images] for split, part in questions.items()}
    left_out = sum(map(len, questions.values())) - sum(map(len, held.values()))
    if left_out:
        say(f"{left_out} SAR questions are left out: their pictures are withheld and not at hand")
    return Course("sar", held["train"], held.get("validation", []), pictures), left_out


def optical_course(project: Project, seed: int, stack: ExitStack) -> Course:
    """Return the questions about the optical pictures that the checkpoints learn from."""
    shards = stack.enter_context(open_shards(project.shards("optical")))
    pairs = {pair.image_id: pair for split in ("train", "validation") for pair in shards.rows(split)}
    train, validation = (
        [
            Question(f"optical:{split}:{at}", each.image_id, each.text, each.answer)
            for at, each in enumerate(
                optical_questions([(pair.image_id, pair.captions) for pair in shards.rows(split)], seed)
            )
        ]
        for split in ("train", "validation")
    )
    return Course("optical", train, validation, lambda image_id: shards.picture(pairs[image_id]))


def check_questions(questions: Iterable[Question], where: str) -> None:
    """Raise a TrainingError that names the first question whose id stands twice, or which is empty in a part."""
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
    """The pictures of a release, published or ``build/release``, read from its tables when they are wanted.

    ``otherwise`` returns a picture that the release withholds, or None where it is not at hand.

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
        self._images_of = lru_cache(maxsize=ROW_GROUPS)(self._read_group)
        for number, table in enumerate(self._tables):
            for group in range(table.num_row_groups):
                columns = table.read_row_group(group, columns=["image_id", "image_sha256"]).to_pydict()
                for row, (image, digest) in enumerate(zip(*columns.values(), strict=True)):
                    if digest is not None:
                        self._place[image] = (number, group, row)

    def available(self, image_ids: Iterable[str]) -> set[str]:
        """Return those of the images whose picture can be read."""
        return {name for name in image_ids if name in self._place or self._otherwise(name) is not None}

    def __call__(self, image_id: str) -> Pixels:
        """Return a picture.

        Raises:
            TrainingError: the release has no such image, or withholds its picture and nobody else has it.
        """
        from sartext.corpora.images import decode

        if image_id in self._place:
            number, group, row = self._place[image_id]
            return np.asarray(decode(self._images_of(number, group)[row]["bytes"]), dtype=np.uint8)
        picture = self._otherwise(image_id)
        if picture is None:
            raise TrainingError("the picture is not at hand", where=image_id, way_out="leave its questions out")
        return picture

    def _read_group(self, number: int, group: int) -> list[dict[str, bytes]]:
        images: list[dict[str, bytes]] = self._tables[number].read_row_group(group, ["image"])["image"].to_pylist()
        return images


class PatchStates:
    """The states of each patch before the projector.

    A frozen tower looks at all pictures in the order of their ids, once, when the first is asked for; those that
    do not fit into memory it looks at again each time. So a training that goes on sees the same numbers.
    """

    def __init__(self, model: Gpt, images: Iterable[str], read: Read, *, frozen: bool) -> None:
        self._model, self._read, self._frozen = model, read, frozen
        self._images = sorted(set(images))
        width = model.network.config.vision_config.hidden_size
        self._shape = (model.patches, width)
        self._most = CACHE_BYTES // (4 * model.patches * width)
        self._held: Tensor | None = None
        self._rows: dict[str, int] = {}

    def of(self, image_ids: Sequence[str]) -> Tensor:
        """Return the states of pictures on the model's device: n x patches x width."""
        if not self._frozen:
            return self._compute(image_ids)
        if self._held is None:
            self._held = self._compute_ahead()
        with torch.no_grad():
            missing = [name for name in dict.fromkeys(image_ids) if name not in self._rows]
            states = dict(zip(missing, self._compute(missing), strict=True)) if missing else {}
            for name in self._rows.keys() & set(image_ids):
                states[name] = self._held[self._rows[name]].to(self._model.device, non_blocking=True)
            return torch.stack([states[name] for name in image_ids])

    def _compute(self, image_ids: Sequence[str]) -> Tensor:
        return patch_states(self._model, pixel_values(self._model, [self._read(name) for name in image_ids]))

    def _compute_ahead(self) -> Tensor:
        kept = self._images[: self._most]
        self._rows = {name: row for row, name in enumerate(kept)}
        held = torch.empty((len(kept), *self._shape))
        starts = range(0, len(kept), AT_A_TIME)
        with torch.no_grad():
            for at in track(starts, f"pictures, {AT_A_TIME} at a time", len(starts)):
                held[at : at + AT_A_TIME] = self._compute(kept[at : at + AT_A_TIME]).to("cpu", torch.float32)
        return held
