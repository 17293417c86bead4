"""An empty list is no error: what reads a folder of captions finds one, by plain DVC too."""

import shutil
from pathlib import Path

import pytest
import yaml

from orchestration.dvc_adapter import read_graph
from tests.conftest import ROOT
from tests.processes import dvc, init_dvc

FOLDERS = ("build/captions", "build/narrated", "build/optical-captions")
CODE = ("src/sartext/release/inputs.py", "src/sartext/tables.py")
"""What the stage `lists` depends on."""

EMPTY = {"captions": [], "optical_captions": [], "narrated": [], "checkpoints": {}, "models": {}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project's own graph, with every list empty, and the code of the stage `lists`."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    parameters = {**yaml.safe_load((ROOT / "params.yaml").read_text()), **EMPTY}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    for name in CODE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    init_dvc(tmp_path)
    return tmp_path


def test_nothing_is_trained_for_a_publication_without_narration(project: Path) -> None:
    needed = read_graph(project).ancestors("publication")
    assert {name.split("@")[0] for name in needed} == {
        "corpus",
        "splits",
        "lists",
        "candidate",
        "quality",
        "release",
    }


def test_the_folders_are_there_after_plain_dvc_repro(project: Path) -> None:
    dvc(project, "repro", "lists")
    assert [folder for folder in FOLDERS if not (project / folder).is_dir()] == []
    missing = dvc(project, "status", "candidate")
    assert "build/splits" in missing
    assert not any(f"deleted:            {folder}" in missing for folder in FOLDERS)


def test_what_reads_captions_follows_from_the_lists(project: Path) -> None:
    graph = read_graph(project)
    assert {"candidate", "quality", "sar-shards"} <= set(graph.descendants("lists"))
