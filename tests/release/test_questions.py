"""SAR-VQA in a release: the files, their counts, and that a wrong question is found."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sartext.corpora.quarantine import Fault, write_quarantine
from sartext.files import read_json
from sartext.release.comparison import compare
from sartext.release.formats.format import Material
from sartext.release.formats.llava_vqa import doubtful_images
from sartext.vqa.claims import Doubt
from sartext.vqa.question import TYPES, read_splits
from tests.release.built import Built, Row
from tests.release.sealing import assert_found, reseal

TOO_SMALL = ("component-too-small", "1 of ship, 9 pixels in all", "box")


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_is_a_file_for_every_split_and_its_rows_are_of_it(published: Path) -> None:
    names = {path.name for path in (published / "vqa").glob("*.jsonl")}
    assert names == {"test.jsonl", "train.jsonl", "validation.jsonl"}
    for split, questions in read_splits(published).items():
        assert {question.split for question in questions} <= {split}
    assert len(read_splits(published)["train"]) > 20


def test_a_row_is_a_conversation_about_the_image_that_csv_names(published: Path) -> None:
    listed = (published / "csv/train.csv").read_text()
    rows = lines(published / "vqa/train.jsonl")
    for row in rows:
        human, gpt = row["conversations"]
        assert (human["from"], gpt["from"], gpt["value"]) == ("human", "gpt", row["answer"])
        assert human["value"].startswith("<image>\n")
        assert (row["image"] is None) == (row["corpus"] == "beta")
        assert row["image"] is None or f"{row['image']}\t" in listed
    assert {row["corpus"] for row in rows} == {"alpha", "beta"}
    assert len({tuple(row) for row in rows}) == 1
    assert len({tuple(row["facts"]) for row in rows}) == 1


def test_the_counts_are_in_the_statistics_and_on_the_card(published: Path) -> None:
    counts = read_json(published / "statistics.json")["vqa"]
    questions = [question for of_split in read_splits(published).values() for question in of_split]
    assert counts["questions"] == len(questions)
    assert counts["images"] == len({question.image_id for question in questions})
    for split in ("train", "validation", "test"):
        types = Counter(question.type for question in questions if question.split == split)
        assert counts["splits"][split] == types
    card = (published / "README.md").read_text()
    assert "## SAR-VQA" in card
    assert "visual-question-answering" in card
    by_corpus = Counter(question.type for question in questions if question.corpus == "alpha")
    cells = " | ".join(str(by_corpus[name]) for name in TYPES)
    assert f"| `alpha` | {cells} | {by_corpus.total()} |" in card


def test_a_release_without_the_format_has_no_questions_and_says_nothing_of_them(built: Built) -> None:
    built.parameters(release={"formats": ["parquet"]})
    metrics = built.publish()
    release = built.release
    assert not (release / "csv").exists()
    assert not (release / "vqa").exists()
    assert "vqa" not in read_json(release / "statistics.json")
    assert "SAR-VQA" not in (built.root / metrics["path"] / "README.md").read_text()


def test_images_are_doubtful_whose_annotation_was_not_taken_in_as_a_whole(built: Built) -> None:
    faults = [
        Fault("a", "alpha/0001", "box-without-area", "1", "box"),
        Fault("b", "alpha/0002", "box-clipped", "1", "box"),
        Fault("c", "alpha/0003", "box-outside", "1", "box"),
        Fault("d", "alpha/0004", *TOO_SMALL),
        Fault("e", "alpha/0005", "unknown-colour", "3 pixels of 1 colour", "annotation"),
        Fault("e", "alpha/0005", *TOO_SMALL),
        Fault("f", "alpha/0006", "unknown-code", "3 pixels (7: 3)", "annotation"),
        Fault("g", "alpha/0007", "repeated-box", "1 of 2", "box"),
    ]
    write_quarantine(built.root / "build/corpus/alpha/quarantine.csv", faults)
    catalogue: Any = dict.fromkeys(["alpha", "beta"])
    objects = dict.fromkeys(("alpha/0001", "alpha/0003", "alpha/0004"), Doubt.OBJECTS)
    pixels = dict.fromkeys(("alpha/0005", "alpha/0006"), Doubt.PIXELS)
    assert doubtful_images(Material(built.project, catalogue, [])) == objects | pixels


def test_a_release_asks_no_count_of_images_of_which_something_was_left_out(built: Built) -> None:
    ids = [row["image_id"] for row in built.pairs() if row["corpus"] == "alpha"]
    faults = [Fault(image_id, image_id, *TOO_SMALL) for image_id in ids]
    write_quarantine(built.root / "build/corpus/alpha/quarantine.csv", faults)
    splits = read_splits(built.assemble())
    assert {question.corpus for of_split in splits.values() for question in of_split} == {"beta"}


def other_number(row: Row) -> Row:
    answer = "ten" if row["answer"] != "ten" else "nine"
    human, gpt = row["conversations"]
    return {**row, "answer": answer, "conversations": [human, {**gpt, "value": answer}]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_number, "the answer does not follow from the facts"),
        (lambda row: {**row, "subjects": ["bridge"]}, "the answer does not follow from the facts"),
        (lambda row: {**row, "image_id": "alpha/9999"}, "an image that is not in the release"),
        (lambda row: {**row, "split": "train"}, "stands in split test, its image in test"),
        (lambda row: {**row, "group_id": "alpha/0000"}, "another corpus or group"),
        (lambda row: {**row, "image": "images/alpha/0000.png"}, "another image file"),
        (lambda row: {**row, "id": f"zz{row['id']}"}, "the id does not begin with the image's"),
        (lambda row: {**row, "answer": "two"}, r"vqa/test\.jsonl: line \d+ is no question"),
        (lambda row: {**row, "facts": {**row["facts"], "exhaustive": None}}, "is no part of a record of facts"),
    ],
)
def test_a_wrong_question_is_found_behind_a_fitting_manifest(
    release: Path, change: Callable[[Row], Row], message: str
) -> None:
    path = release / "vqa/test.jsonl"
    rows = lines(path)
    place = next(number for number, row in enumerate(rows) if row["type"] == "count" and row["answer"] != "two")
    rows[place] = change(rows[place])
    rows.sort(key=lambda row: row["id"])
    path.write_text("".join(json.dumps(row, sort_keys=True) + "\n" for row in rows))
    assert_found(release, message)


def into_another_split(folder: Path) -> None:
    train, test = ((folder / name).read_text().splitlines(True) for name in ("train.jsonl", "test.jsonl"))
    (folder / "test.jsonl").write_text("".join(sorted([*test, train[0]])))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (into_another_split, "stands in split test, its image in train"),
        (lambda folder: (folder / "holdout.jsonl").touch(), r"vqa/holdout\.jsonl: not the file of a split"),
        (lambda folder: (folder / "test.jsonl").unlink(), r"vqa/test\.jsonl: there are no questions"),
    ],
)
def test_files_that_are_not_those_of_the_splits_are_found(
    release: Path, change: Callable[[Path], object], message: str
) -> None:
    change(release / "vqa")
    assert_found(release, message)


def test_other_questions_on_the_same_pairs_are_a_patch(release: Path, published: Path) -> None:
    path = release / "vqa/train.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    reseal(release)
    difference = compare(published, release)
    assert (difference.level, difference.layout) == ("patch", ())
