"""A question of SAR-VQA as the release has it: LLaVA's conversation, and what proves the answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.errors import ArtefactError

TYPES = ("presence", "count", "position", "comparison", "dominant", "scene")
"""In the order of the tables."""

IMAGE_TOKEN = "<image>\n"  # noqa: S105 - LLaVA's place of the picture
"""What LLaVA has before a question."""

RECORDS = ("objects", "cover", "present")
"""Lists of records in the facts of a row."""

TEXTS = ("id", "image_id", "corpus", "split", "group_id", "type", "form", "answer")
COLUMNS = (*TEXTS[:2], "image", *TEXTS[2:7], "subjects", "answer", "conversations", "facts")


@dataclass(frozen=True, slots=True)
class Question:
    """One question about one image, with its id, corpus and split.

    Args:
        id: ``<image id>:<form>`` and its subjects; the same in every release that asks it.
        image: ``images/<corpus>/<file>``, as in ``csv/``; None where the image is withheld.
        group_id: of the images that the splits keep together; intervals are drawn over groups.
        type: one of ``TYPES``.
        form: what exactly is asked; the rule by which `proof` checks it.
        subjects: the classes asked about, by the noun that the facts have, in lower case and without article.
        answer: one or a few words; numbers as words.
        facts: the part of the image's facts that proves the answer, and ``exhaustive``: the subjects whose absence
            is claimed, because the corpus annotates every instance of them.
    """

    id: str
    image_id: str
    image: str | None
    corpus: str
    split: str
    group_id: str
    type: str
    form: str
    subjects: tuple[str, ...]
    text: str
    answer: str
    facts: Mapping[str, Any]


def to_row(question: Question) -> dict[str, Any]:
    """Return a question as a JSON object of ``vqa/<split>.jsonl``; every row has the same keys."""
    return {
        **{name: getattr(question, name) for name in COLUMNS if name not in {"conversations", "subjects"}},
        "subjects": list(question.subjects),
        "conversations": [
            {"from": "human", "value": IMAGE_TOKEN + question.text},
            {"from": "gpt", "value": question.answer},
        ],
    }


def from_row(row: Mapping[str, Any]) -> Question:
    """Return the question of a row.

    Raises:
        ValueError: a key or value is wrong, or the conversation is not one question with the row's own answer.
    """
    if not isinstance(row, dict) or row.keys() != set(COLUMNS):
        raise ValueError(f"its keys are not {', '.join(COLUMNS)}")
    for name in TEXTS:
        if not isinstance(row[name], str) or not row[name]:
            raise ValueError(f"'{name}' is no text")
    if row["image"] is not None and not isinstance(row["image"], str):
        raise ValueError("'image' is neither a path nor null")
    if row["type"] not in TYPES:
        raise ValueError(f"unknown type '{row['type']}'")
    if not isinstance(row["subjects"], list) or not all(isinstance(subject, str) for subject in row["subjects"]):
        raise ValueError("'subjects' is no list of texts")
    if not _are_facts(row["facts"]):
        raise ValueError("'facts' is no part of a record of facts")
    text = _text(row["conversations"], row["answer"])
    plain = {name: row[name] for name in COLUMNS if name not in {"conversations", "subjects"}}
    return Question(**plain, subjects=tuple(row["subjects"]), text=text)


def _are_facts(facts: object) -> bool:
    if not isinstance(facts, dict) or facts.keys() != {*RECORDS, "exhaustive", "scene"}:
        return False
    kinds = {**dict.fromkeys(RECORDS, dict), "exhaustive": str}
    return all(
        isinstance(facts[name], list) and all(isinstance(value, kind) for value in facts[name])
        for name, kind in kinds.items()
    )


def _text(conversation: object, answer: str) -> str:
    match conversation:
        case [{"from": "human", "value": str(turn)}, {"from": "gpt", "value": str(said)}]:
            text = turn.removeprefix(IMAGE_TOKEN)
            if text not in {"", turn} and said == answer:
                return text
    raise ValueError("'conversations' is not one question about an image with its answer")


def lines_of(questions: Sequence[Question]) -> str:
    """Return questions as JSON lines, sorted by id; equal questions give equal bytes."""
    rows = (to_row(question) for question in sorted(questions, key=lambda question: question.id))
    return "".join(json.dumps(row, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n" for row in rows)


def read_questions(path: Path) -> list[Question]:
    """Read a file of questions, in its order.

    Raises:
        ArtefactError: it is absent, a line is no question, or two have the same id.
    """
    questions: dict[str, Question] = {}
    number = 0
    try:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                number += 1
                question = from_row(json.loads(line))
                if question.id in questions:
                    raise ValueError(f"'{question.id}' stands twice")
                questions[question.id] = question
    except FileNotFoundError as error:
        way_out = "list `llava-vqa` in `release.formats`"
        raise ArtefactError("there are no questions", where=path, way_out=way_out) from error
    except ValueError as error:
        raise ArtefactError(
            f"line {max(number, 1)} is no question ({error})", where=path, way_out="get the release again"
        ) from error
    return list(questions.values())


def read_splits(release: Path) -> dict[str, list[Question]]:
    """Return the questions of a release (its folder) by split, of the splits that it has files of.

    Raises:
        ArtefactError: it has none, or a file is damaged.
    """
    folder = release / "vqa"
    paths = [folder / f"{split}.jsonl" for split in ("train", "validation", "test")]
    splits = {path.stem: read_questions(path) for path in paths if path.is_file()}
    if not splits:
        way_out = "list `llava-vqa` in `release.formats`"
        raise ArtefactError("the release holds no questions", where=release, way_out=way_out)
    return splits
