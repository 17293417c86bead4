"""Five tiny models are trained, the narrator captions what nobody labelled, and what passes is released."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from sartext.files import sha256_file, sha256_tree
from sartext.tables import LEDGER, PAIRS, read_rows
from tests.e2e.conftest import TINY, Checkout, copied

pytestmark = pytest.mark.e2e


def by_models(checkout: Checkout) -> list[dict[str, object]]:
    pairs = read_rows(checkout.root / "build/candidate/pairs.parquet", PAIRS)
    return [pair for pair in pairs if pair["model_sha256"]]


def test_what_the_narrator_said_is_released_in_train_only_with_its_model(trained: Checkout) -> None:
    pairs = by_models(trained)
    models = {
        method: sha256_file(trained.root / f"build/checkpoint/{name}/model.safetensors")
        for method, name in (("narrator", "coca-sar"), ("grounder", "grounder"), ("optical-model", "coca-optical"))
    }
    assert {"narrator", "grounder"} & {pair["method"] for pair in pairs}
    assert {pair["split"] for pair in pairs} == {"train"}
    assert all(pair["model_sha256"] == models[str(pair["method"])] and pair["score"] is not None for pair in pairs)


def test_every_unlabelled_image_has_a_fate(trained: Checkout) -> None:
    rows = [
        row
        for row in read_rows(trained.root / "build/ledger.parquet", LEDGER)
        if row["corpus"] == "sim-unlabelled"
    ]
    assert len(rows) == trained.parameters()["simulation"]["unlabelled"]
    assert {row["stage"] for row in rows if row["fate"] == "left out"} <= {"narrated", "splits"}


def test_the_release_tells_how_the_models_came_about(trained: Checkout) -> None:
    folder = trained.root / trained.publication()["path"]
    trained.run("sartext", "release", "verify", str(folder))
    stages = yaml.safe_load((folder / "provenance/dvc.lock").read_text())["stages"]
    assert {f"checkpoint@{name}" for name in TINY} <= set(stages)
    assert {"narrated@sim-unlabelled", "optical-captions@sim-pairs", "calibration", "tokenizer"} <= set(stages)
    assert str(by_models(trained)[0]["model_sha256"]) in (folder / "README.md").read_text()
    assert "precision of accepted statements" in (folder / "quality/report.md").read_text()


def test_a_narrated_image_has_a_story(trained: Checkout) -> None:
    narrated = next(pair for pair in by_models(trained) if pair["method"] in {"narrator", "grounder"})
    story = trained.run("sartext", "explain", str(narrated["image_id"])).stdout
    assert str(narrated["model_sha256"]) in story
    assert str(narrated["source_caption"]) in story
    for row in json.loads(str(narrated["proof"]))["statements"]:
        assert f"{row['label']}" in story and row["by"] in story and f"{row['score']:.2f}" in story
    assert "released in" in story


def test_nothing_changed_trains_nothing_on_either_route(trained: Checkout) -> None:
    assert trained.status() == {}
    before = trained.times("build/checkpoint", "build/narrated", "releases")
    trained.run("orchestration", "release")
    trained.run("dvc", "repro", "publication")
    assert trained.times("build/checkpoint", "build/narrated", "releases") == before


def test_plain_dvc_repro_from_nothing_gives_the_same_bytes(trained: Checkout, tmp_path: Path) -> None:
    again = copied(trained, tmp_path)
    shutil.rmtree(again.root / "build")
    again.run("dvc", "repro", "--force", "--quiet", "release")
    made, wanted = (
        {name: sha256_tree(checkout.root / "build" / name) for name in ("checkpoint", "narrated", "release")}
        for checkout in (again, trained)
    )
    assert made == wanted
