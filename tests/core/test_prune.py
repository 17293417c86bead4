"""What belongs to corpora and checkpoints that are no longer listed is forgotten, and nothing else."""

from pathlib import Path

import pytest
import yaml

from sartext.checkout import prune
from sartext.config import Project
from sartext.release.inputs import write_lists

LOCK = {
    "schema": "2.0",
    "stages": {
        name: {"cmd": "true", "outs": []}
        for name in (
            *("corpus@kept", "corpus@gone", "captions@gone", "captions@kept", "splits", "other@gone"),
            *("checkpoint@kept", "checkpoint@gone", "narrated@gone", "optical-captions@gone"),
        )
    },
}


KEPT = (
    *("build/corpus/kept", "build/splits", "build/checkpoint/kept", "data/gone"),
    *("build/resume/gone", "build/tracking/checkpoint@gone", "build/shards/sar", "build/calibration"),
)
GONE = (
    *("build/corpus/gone", "build/captions/gone", "build/checkpoint/gone"),
    *("build/narrated/gone", "build/optical-captions/gone"),
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    model = {"from": "tiny.yaml", "data": "build/shards/sar", "samples": 1, "learning_rate": 0.1}
    parameters = {
        "corpora": {"kept": {"catalogue": "catalogue/kept.yaml"}},
        "captions": [],
        "checkpoints": {"kept": model},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    for folder in (*KEPT, *GONE):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text("x")
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(LOCK, sort_keys=False))
    return Project(tmp_path)


def test_folders_and_lock_entries_of_unlisted_corpora_go(project: Project) -> None:
    write_lists(project)
    assert prune(project) == [
        "captions@gone",
        "captions@kept",
        "checkpoint@gone",
        "corpus@gone",
        "narrated@gone",
        "optical-captions@gone",
    ]
    assert [folder for folder in KEPT if not (project.root / folder / "file").is_file()] == []
    assert [folder for folder in GONE if (project.root / folder).exists()] == []
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    assert list(lock["stages"]) == ["corpus@kept", "splits", "other@gone", "checkpoint@kept"]
    assert (project.root / "build/narrated/listed.json").is_file()


def test_a_second_time_nothing_is_left_to_forget(project: Project) -> None:
    prune(project)
    before = (project.root / "dvc.lock").read_bytes()
    assert prune(project) == []
    assert (project.root / "dvc.lock").read_bytes() == before


def test_what_a_killed_command_left_half_written_goes(project: Project) -> None:
    left = (
        "data/.partial-gone-x",
        "build/.partial-y",
        "build/corpus/.partial-kept-z",
        "build/resume/coca-sar/.partial-w",
    )
    for name in left:
        (project.root / name).mkdir(parents=True)
    (project.root / "build/splits/.partial-splits.parquet-w").write_text("x")
    prune(project)
    assert not list(project.root.rglob(".partial-*"))
    assert (project.root / "build/splits/file").is_file()
