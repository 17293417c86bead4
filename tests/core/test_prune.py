"""What belongs to corpora that are no longer listed is forgotten, and nothing else."""

from pathlib import Path

import pytest
import yaml

from sartext.config import Project
from sartext.prune import prune

LOCK = {
    "schema": "2.0",
    "stages": {
        name: {"cmd": "true", "outs": []}
        for name in ("corpus@kept", "corpus@gone", "captions@gone", "captions@kept", "splits", "other@gone")
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    parameters = {"corpora": {"kept": {"catalogue": "catalogue/kept.yaml"}}, "captions": []}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    for folder in ("build/corpus/kept", "build/corpus/gone", "build/captions/gone", "data/gone", "build/splits"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text("x")
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(LOCK, sort_keys=False))
    return Project(tmp_path)


def test_folders_and_lock_entries_of_unlisted_corpora_go(project: Project) -> None:
    assert prune(project) == ["captions@gone", "captions@kept", "corpus@gone"]
    assert (project.root / "build/corpus/kept/file").is_file()
    assert (project.root / "build/splits/file").is_file()
    assert (project.root / "data/gone/file").is_file()
    assert not (project.root / "build/corpus/gone").exists()
    assert not (project.root / "build/captions/gone").exists()
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    assert list(lock["stages"]) == ["corpus@kept", "splits", "other@gone"]


def test_a_second_time_nothing_is_left_to_forget(project: Project) -> None:
    prune(project)
    before = (project.root / "dvc.lock").read_bytes()
    assert prune(project) == []
    assert (project.root / "dvc.lock").read_bytes() == before


def test_what_a_killed_command_left_half_written_goes(project: Project) -> None:
    for name in ("data/.partial-gone-x", "build/.partial-y", "build/corpus/.partial-kept-z"):
        (project.root / name).mkdir()
    (project.root / "build/splits/.partial-splits.parquet-w").write_text("x")
    prune(project)
    assert not list(project.root.rglob(".partial-*"))
    assert (project.root / "build/splits/file").is_file()
