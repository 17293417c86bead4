"""Proving SAR-VQA: every question against the pair that it is about."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sartext.errors import ArtefactError
from sartext.narrator.facts import Facts, from_json
from sartext.release.formats.llava_vqa import FOLDER
from sartext.release.formats.open_clip_csv import IMAGES
from sartext.vqa.proof import proves
from sartext.vqa.question import Question, read_questions, to_row


class Pair(NamedTuple):
    """What the Parquet files say of one image; ``path`` is None where it is withheld."""

    corpus: str
    split: str
    caption: str
    path: str | None
    group_id: str
    facts: str


def wrong_questions(folder: Path, pairs: Mapping[str, Pair]) -> dict[str, str]:
    """Return what is wrong with the questions of a release, by file or by id; nothing where it has none.

    There is a file for every split. An image that is asked about is in the release, and its corpus, split, group
    and path are those of the Parquet files; the answer follows from its facts, see `vqa.proof`.
    """
    if not (folder / FOLDER).is_dir():
        return {}
    splits = {pair.split for pair in pairs.values()}
    files = {path.name for path in (folder / FOLDER).iterdir()}
    wrong = {
        f"{FOLDER}/{name}": "not the file of a split" for name in files - {f"{split}.jsonl" for split in splits}
    }
    for split in sorted(splits):
        try:
            questions = read_questions(folder / FOLDER / f"{split}.jsonl")
        except ArtefactError as error:
            wrong[f"{FOLDER}/{split}.jsonl"] = error.what
            continue
        if [one.id for one in questions] != sorted(one.id for one in questions):
            wrong[f"{FOLDER}/{split}.jsonl"] = "its rows are not sorted by id"
        known: dict[str, Facts] = {}
        for one in questions:
            problem = _problem(one, split, pairs.get(one.image_id), known)
            if problem:
                wrong[one.id] = problem
    return wrong


def _problem(question: Question, split: str, pair: Pair | None, known: dict[str, Facts]) -> str:
    """What is wrong with one question; ``known`` are the facts that were read before."""
    if pair is None:
        return "the question is about an image that is not in the release"
    if (question.corpus, question.group_id) != (pair.corpus, pair.group_id):
        return "the question has another corpus or group than its image"
    if not question.split == split == pair.split:
        return f"the question stands in split {split}, its image in {pair.split}"
    if question.image != (pair.path and f"{IMAGES}/{pair.path}"):
        return "the question names another image file"
    if not question.id.startswith(f"{question.image_id}:"):
        return "the id does not begin with the image's"
    if question.image_id not in known:
        known[question.image_id] = from_json(pair.facts)
    return (
        "" if proves(to_row(question), known[question.image_id]) else "the answer does not follow from the facts"
    )
