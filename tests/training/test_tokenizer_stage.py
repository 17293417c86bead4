"""The stage `tokenizer`: the words of the train split, and of it alone."""

import json
from pathlib import Path

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError, ModelError
from sartext.files import sha256_tree
from sartext.models.tokenizer import read_tokenizer
from sartext.tables import INDEX, SPLITS, write_table
from sartext.training.tokenizer_stage import make_tokenizer

CATALOGUE = Path(__file__).resolve().parents[2] / "src" / "sartext" / "catalogue"
BOX = {"source_label": "ship", "xmin": 30.0, "ymin": 30.0, "xmax": 36.0, "ymax": 34.0, "angle": None}


def _row(image_id: str, modality: str, objects: list, captions: list) -> dict:
    row = dict.fromkeys(INDEX.names) | dict.fromkeys(("image_id", "sha256", "pixels_sha256", "scene_id"), image_id)
    row |= {"path": f"data/{image_id}.png", "width": 64, "height": 64, "quantity": "display", "polarisation": "VV"}
    return row | {"modality": modality, "objects": objects, "regions": [], "captions": captions}


def _project(root: Path, splits: dict[str, str]) -> Project:
    (root / "params.yaml").write_text(
        "corpora:\n"
        f"  sim-ships: {{catalogue: {CATALOGUE}/sim-ships.yaml}}\n"
        f"  sim-optical: {{catalogue: {CATALOGUE}/sim-optical.yaml}}\n"
        f"  sim-unlabelled: {{catalogue: {CATALOGUE}/sim-unlabelled.yaml}}\n"
        "tokenizer: {vocabulary: 400, context: 24}\n"
    )
    project = Project(root)
    ship = {"label": "ship", **BOX}
    rows = {
        "sim-ships": [_row(f"sim-ships/{n}", "sar", [ship] * (n + 1), []) for n in range(4)],
        "sim-optical": [
            _row("sim-optical/0", "optical", [], ["many green fields", "wide green fields"]),
            _row("sim-optical/1", "optical", [], ["zebra zebra zebra zebra"] * 9),
        ],
        "sim-unlabelled": [_row("sim-unlabelled/0", "sar", [], [])],
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
    assert tokenizer.size == metrics["vocabulary"] <= 400
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
