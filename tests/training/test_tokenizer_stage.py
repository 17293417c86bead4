"""The stage `tokenizer`: the words of the train split, and of it alone."""

import json
from pathlib import Path

import pytest

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import Project
from sartext.errors import ArtefactError, ModelError
from sartext.files import sha256_tree
from sartext.models.tokenizer import read_tokenizer
from sartext.tables import INDEX, SPLITS, write_table
from sartext.training.tokenizer_stage import make_tokenizer
from tests.narrator.examples import box, index_row
from tests.release.indexed import make_project
from tests.training.mini import edit_parameters

CORPORA = ("sim-ships", "sim-optical", "sim-unlabelled")


def _project(root: Path, splits: dict[str, str]) -> Project:
    """Four SAR images with one to four ships, two captioned optical ones and an unlabelled one."""
    entries = [load_entry(PACKAGED / f"{name}.yaml") for name in CORPORA]
    make_project(root, {entry.name: entry.model_dump(mode="json", exclude_none=True) for entry in entries})
    project = edit_parameters(root, tokenizer={"vocabulary": 600, "context": 24})
    rows = {
        "sim-ships": [index_row(f"sim-ships/{n}", [box("ship", 33, 32)] * (n + 1)) for n in range(4)],
        "sim-optical": [
            index_row("sim-optical/0", captions=["many green fields", "wide green fields"], modality="optical"),
            index_row("sim-optical/1", captions=["zebra zebra zebra zebra"] * 9, modality="optical"),
        ],
        "sim-unlabelled": [index_row("sim-unlabelled/0")],
    }
    for name, corpus_rows in rows.items():
        write_table(project.corpus(name) / "index.parquet", INDEX, corpus_rows)
    every = [row["image_id"] for corpus_rows in rows.values() for row in corpus_rows]
    blank = {"cluster_id": "c", "group_id": "g", "benchmark": None, "reason": ""}
    table = [{**blank, "image_id": image_id, "split": splits.get(image_id, "train")} for image_id in every]
    write_table(project.build / "splits" / "splits.parquet", SPLITS, table)
    return project


def test_it_knows_the_words_of_captions_and_of_the_grammar(tmp_path):
    project = _project(tmp_path, {"sim-optical/1": "validation"})
    metrics = make_tokenizer(project)
    tokenizer = read_tokenizer(project.tokenizer)
    assert tokenizer.size == metrics["vocabulary"] <= 600
    assert tokenizer.context == 24
    assert metrics["texts"] >= 2 + 4
    vocabulary = json.loads((project.tokenizer / "tokenizer.json").read_text())["model"]["vocab"]
    words = " ".join(vocabulary).replace("\u0120", " ")
    assert "fields" in words
    assert "ships" in words
    assert "zebra" not in words, "validation is not read"


def test_it_writes_the_same_bytes_again(tmp_path):
    project = _project(tmp_path, {})
    make_tokenizer(project)
    first = sha256_tree(project.tokenizer)
    make_tokenizer(project)
    assert sha256_tree(project.tokenizer) == first
    assert sorted(first) == ["metrics.json", "tokenizer.json", "tokenizer_config.json"]


def test_a_train_split_without_captions_is_told(tmp_path):
    names = [f"sim-ships/{n}" for n in range(4)] + ["sim-optical/0", "sim-optical/1"]
    project = _project(tmp_path, dict.fromkeys(names, "test"))
    with pytest.raises(ModelError, match="nothing to train a tokenizer on"):
        make_tokenizer(project)
    assert not project.tokenizer.exists()


def test_missing_splits_name_the_command(tmp_path):
    project = _project(tmp_path, {})
    (project.build / "splits" / "splits.parquet").unlink()
    with pytest.raises(ArtefactError, match="run `sartext splits`"):
        make_tokenizer(project)
