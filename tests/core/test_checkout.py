"""One builder at a time; what belongs to unlisted corpora and checkpoints is forgotten, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sartext.checkout import project_lock, prune
from sartext.config import Project
from sartext.release.inputs import write_lists

OTHER = """
import sys
from pathlib import Path
from sartext.checkout import project_lock
with project_lock(Path(sys.argv[1]), wait=False):
    print("in")
"""


def other(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "SARTEXT_LOCK_HELD"}
    command = [sys.executable, "-c", OTHER, str(root)]
    return subprocess.run(command, env={**clean, **environment}, capture_output=True, text=True, check=False)


def test_a_second_builder_is_refused_while_the_first_works(tmp_path: Path) -> None:
    with project_lock(tmp_path):
        done = other(tmp_path)
    assert "another build of this project is running" in done.stderr
    assert other(tmp_path).stdout == "in\n"


def test_a_process_of_the_holder_passes_through(tmp_path: Path) -> None:
    with project_lock(tmp_path):
        assert other(tmp_path, SARTEXT_LOCK_HELD=str(tmp_path.resolve())).stdout == "in\n"
        with project_lock(tmp_path, wait=False):
            pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError), project_lock(tmp_path):
        raise ValueError
    assert other(tmp_path).stdout == "in\n"


STAGES = (
    *("corpus@kept", "corpus@gone", "captions@gone", "captions@kept", "splits", "other@gone"),
    *("checkpoint@kept", "checkpoint@gone", "narrated@gone", "optical-captions@gone"),
)
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
    corpora = {"kept": {"catalogue": "catalogue/kept.yaml"}}
    parameters = {"corpora": corpora, "captions": [], "checkpoints": {"kept": model}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    for folder in (*KEPT, *GONE):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "file").write_text("x")
    lock = {"schema": "2.0", "stages": {name: {"cmd": "true", "outs": []} for name in STAGES}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    return Project(tmp_path)


def test_folders_and_lock_entries_of_unlisted_corpora_go(project: Project) -> None:
    write_lists(project)
    left = ["corpus@kept", "splits", "other@gone", "checkpoint@kept"]
    assert prune(project) == sorted(set(STAGES) - {*left})
    assert [folder for folder in KEPT if not (project.root / folder / "file").is_file()] == []
    assert [folder for folder in GONE if (project.root / folder).exists()] == []
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    assert list(lock["stages"]) == left
    assert (project.root / "build/narrated/listed.json").is_file()
    before = (project.root / "dvc.lock").read_bytes()
    assert prune(project) == []
    assert (project.root / "dvc.lock").read_bytes() == before


def test_what_a_killed_command_left_half_written_goes(project: Project) -> None:
    for name in ("data/.partial-a", "build/.partial-b", "build/corpus/.partial-c", "build/resume/coca/.partial-d"):
        (project.root / name).mkdir(parents=True)
    (project.root / "build/splits/.partial-splits.parquet-w").write_text("x")
    prune(project)
    assert not list(project.root.rglob(".partial-*"))
    assert (project.root / "build/splits/file").is_file()
