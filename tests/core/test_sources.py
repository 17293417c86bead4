"""Corpora that a user downloaded come into data/ whole, pinned, or not at all."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from sartext.adding import add_source
from sartext.config import Project
from sartext.errors import CatalogueError, CorpusError, PinError
from sartext.sources import keep, pin, source_table
from tests.conftest import ROOT
from tests.corpora.making import BASE
from tests.processes import dvc, init_dvc

OWN = {**BASE, "kind": "detection", "images": ["images/*.png"], "redistribution": True, "published": {"images": 3}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    (root / "catalogue").mkdir(parents=True)
    for name in ("own", "second"):
        (root / "catalogue" / f"{name}.yaml").write_text(yaml.safe_dump({"name": name, **OWN}))
    (root / "params.yaml").write_text(yaml.safe_dump({"corpora": {"own": {"catalogue": "catalogue/own.yaml"}}}))
    monkeypatch.chdir(root)
    init_dvc(root, git=True)
    return Project(root)


def corpus(folder: Path, shade: int = 0) -> Path:
    (folder / "images").mkdir(parents=True)
    for number in range(3):
        pixels = np.full((8, 8), shade + number, np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    return {item.relative_to(folder).as_posix(): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


def test_adding_a_folder_copies_and_pins_it(project: Project, tmp_path: Path) -> None:
    assert add_source(project, "own", corpus(tmp_path / "download")).images == 3
    assert tree(project.source("own")) == tree(tmp_path / "download")
    assert json.loads(dvc(project.root, "status", "--json")) == {}


def test_the_pin_holds_dvcs_own_hash_of_each_corpus(project: Project, tmp_path: Path) -> None:
    add_source(project, "own", corpus(tmp_path / "a"))
    add_source(project, "second", corpus(tmp_path / "b", 100))
    hashes = yaml.safe_load((project.root / "data.dvc").read_text())["meta"]["corpora"]
    stages = {
        name: {"cmd": f"touch {name}.out", "deps": [f"data/{name}"], "outs": [f"{name}.out"]} for name in hashes
    }
    (project.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    dvc(project.root, "repro", "-q")
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]
    assert hashes == {name: lock[name]["deps"][0]["md5"] for name in ("own", "second")}


def test_an_archive_with_one_top_folder_is_unwrapped(project: Project, tmp_path: Path) -> None:
    folder = corpus(tmp_path / "Download v1.0")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for item in sorted(folder.rglob("*.png")):
            archive.write(item, item.relative_to(tmp_path))
    assert add_source(project, "own", tmp_path / "own.zip").images == 3
    assert tree(project.source("own")) == tree(folder)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("secnd", CatalogueError, r"no corpus 'secnd'; did you mean 'second'\?; or describe it in"),
        ("own", CorpusError, r"nothing matches images/\*.png: no image \(found: 1 \*.txt\)"),
    ],
    ids=["unknown name", "a folder without its images"],
)
def test_what_is_no_corpus_changes_nothing(
    project: Project, name: str, error: type[Exception], message: str
) -> None:
    wrong = project.root.parent / "wrong"
    wrong.mkdir()
    (wrong / "readme.txt").write_text("x")
    with pytest.raises(error, match=message):
        add_source(project, name, wrong)
    assert not project.data.exists()
    assert not (project.build / "incoming" / name).exists()


def test_a_corpus_is_exchanged_only_on_request(project: Project, tmp_path: Path) -> None:
    add_source(project, "own", corpus(tmp_path / "a"))
    before = tree(project.source("own"))
    with pytest.raises(CorpusError, match="there already; pass --replace"):
        add_source(project, "own", corpus(tmp_path / "b", 50))
    assert tree(project.source("own")) == before
    add_source(project, "own", tmp_path / "b", replace=True)
    assert tree(project.source("own")) == tree(tmp_path / "b")


def test_when_pinning_fails_the_corpus_that_was_there_comes_back(project: Project, tmp_path: Path) -> None:
    add_source(project, "own", corpus(tmp_path / "a"))
    before = tree(project.source("own"))
    shutil.move(project.root / ".dvc", tmp_path / "dvc")
    with pytest.raises(PinError, match="dvc add --quiet data failed"):
        add_source(project, "own", corpus(tmp_path / "b", 50), replace=True)
    assert tree(project.source("own")) == before


def test_nothing_to_pin_is_an_error(project: Project) -> None:
    with pytest.raises(PinError, match="nothing to pin; add a corpus or `sartext simulate`"):
        pin(project)


def test_the_list_says_what_is_known_listed_and_present(project: Project, tmp_path: Path) -> None:
    add_source(project, "second", corpus(tmp_path / "a"))
    names, *columns = (list(column.cells) for column in source_table(project)[0].columns)
    rows = dict(zip(names, zip(*columns, strict=True), strict=True))
    assert names[0] == "own" and {"second", "ssdd"} <= set(names)
    assert (rows["own"][2], rows["own"][-2]) == ("yes", "absent")
    assert (rows["second"][2], rows["second"][-2]) == ("no", "3")


def test_the_command_tells_what_to_append_to_the_parameters(project: Project, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sartext", "corpora", "add", "second", "--from", str(corpus(tmp_path / "a"))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ})
    assert "second: {catalogue: catalogue/second.yaml}" in done.stdout
    assert str(ROOT) not in done.stdout


def test_what_another_checkout_made_is_kept_as_dvc_keeps_what_is_made_here(tmp_path: Path) -> None:
    made, taken = tmp_path / "made", tmp_path / "taken"
    for root in (made, taken):
        (root / "models/a").mkdir(parents=True)
        (root / "models/a/b.txt").write_text("weights")
        (root / "models/a.txt").write_text("a record")
        init_dvc(root)
    dvc(made, "add", "models")
    digest = yaml.safe_load((made / "models.dvc").read_text())["outs"][0]["md5"]
    assert keep(Project(taken), taken / "models") == digest
    (taken / "models.dvc").write_bytes((made / "models.dvc").read_bytes())
    assert json.loads(dvc(taken, "status", "--json")) == {}
    shutil.rmtree(taken / "models")
    dvc(taken, "checkout")
    assert (taken / "models/a/b.txt").read_text() == "weights"
