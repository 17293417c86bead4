"""The card and the files agree: configs, features and counts, which Hugging Face takes from the card."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from sartext.release.formats.parquet import SCHEMA
from sartext.release.formats.vqa_parquet import SCHEMA as QUESTIONS
from sartext.vqa.question import read_splits
from tests.release.sealing import assert_found


def header(release: Path) -> dict:
    return yaml.safe_load((release / "README.md").read_text().split("---\n")[1])


def set_header(release: Path, stated: dict) -> None:
    _, _, body = (release / "README.md").read_text().split("---\n", 2)
    (release / "README.md").write_text(f"---\n{yaml.safe_dump(stated)}---\n{body}")


def test_the_card_says_what_the_files_hold(published: Path) -> None:
    pairs, questions = header(published)["dataset_info"]
    assert [feature["name"] for feature in pairs["features"]] == SCHEMA.names
    counts = {split["name"]: split["num_examples"] for split in pairs["splits"]}
    assert counts == {"train": 24, "validation": 8, "test": 8}
    assert [feature["name"] for feature in questions["features"]] == QUESTIONS.names
    counts = {split["name"]: split["num_examples"] for split in questions["splits"]}
    assert counts == {split: len(asked) for split, asked in read_splits(published).items()}
    assert [config["config_name"] for config in header(published)["configs"]] == ["default", "vqa"]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("dataset_info", lambda it: it["dataset_info"][0]["splits"][0].update(num_examples=25)),
        ("dataset_info", lambda it: it["dataset_info"][0]["features"].pop()),
        ("dataset_info", lambda it: it["dataset_info"][0]["features"][2].update(dtype="int64")),
        ("dataset_info", lambda it: it["dataset_info"].pop()),
        ("configs", lambda it: it["configs"][0]["data_files"][2].update(split="validation")),
        ("configs", lambda it: it["configs"][1]["data_files"][0].update(path="csv/*.csv")),
        ("configs", lambda it: it["configs"].append({"config_name": "more", "data_files": "csv/*"})),
    ],
)
def test_a_card_that_differs_from_the_files_is_refused(release: Path, key: str, change) -> None:
    stated = header(release)
    change(stated)
    set_header(release, stated)
    assert_found(release, rf"README\.md: `{key}` of its header is not what the files hold")


@pytest.mark.parametrize("text", ["", "# A card\n", "---\na: [\n---\n", "---\n- a\n---\nb\n"])
def test_a_card_without_a_header_is_refused(release: Path, text: str) -> None:
    (release / "README.md").write_text(text)
    assert_found(release, r"README\.md: (it has no header|`dataset_info` of its header)")


def test_files_of_a_split_with_unlike_columns_are_refused(release: Path) -> None:
    path = release / "data/train-00001-of-00003.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("more", pa.array(["x"] * len(table))), path)
    assert_found(release, r"has other columns than the files before it")


def test_questions_in_parquet_are_those_in_json_lines(release: Path) -> None:
    path = release / "vqa/test.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    pq.write_table(pa.Table.from_pylist([{**rows[0], "answer": "no idea"}, *rows[1:]], schema=table.schema), path)
    assert_found(release, r"vqa/test\.parquet: its rows are not those of test\.jsonl")
