"""Whence a release comes: the lock against the commit's, the processor; and why two builds differ."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from sartext.files import read_json
from sartext.release.provenance_comparison import origin_differences
from sartext.release.publication import publish
from tests.processes import git_commit
from tests.release.built import Built
from tests.release.sealing import edit_manifest
from tests.release.test_provenance import stage

STAGES = {
    "corpus@alpha": stage(["data/alpha"], "build/corpus/alpha"),
    "checkpoint@coca": stage(["build/corpus/alpha"], "build/checkpoint/coca"),
    "narrated@alpha": stage(["build/checkpoint/coca"], "build/narrated/alpha"),
    "release": stage(["build/narrated"], "build/release"),
    "model": stage(["build/release"], "build/model"),
}


def write_lock(root: Path, stages: dict[str, Any]) -> None:
    (root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


def other_output(stages: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same stages, some with another output, and those that read it with another input."""
    changed = copy.deepcopy(stages)
    for name in names:
        out = changed[name]["outs"][0]
        out["md5"] = "other"
        for reader in changed.values():
            for dep in reader["deps"]:
                if dep["path"] == out["path"]:
                    dep["md5"] = "other"
    return changed


@pytest.fixture
def committed(assembled: Built) -> Built:
    """A project whose commit holds a lock."""
    (assembled.root / ".gitignore").write_text("build/\nreleases/\ndata/\n")
    write_lock(assembled.root, STAGES)
    git_commit(assembled.root)
    return assembled


def manifest(built: Built) -> dict[str, Any]:
    return dict(read_json(built.root / str(publish(built.project)["path"]) / "MANIFEST.json"))


def test_a_build_of_the_commits_own_lock_says_so(committed: Built) -> None:
    write_lock(committed.root, other_output(STAGES, "model"))  # comes after the release
    told = manifest(committed)
    assert told["git"]["dirty"] is False
    assert (told["lock"]["state"], told["lock"]["stages"]) == ("as committed", [])
    assert told["lock"]["sha256"] == told["files"]["provenance/dvc.lock"]["sha256"]


def test_a_build_that_rewrote_the_lock_is_not_dirty_and_names_the_stages_that_differ(committed: Built) -> None:
    write_lock(committed.root, other_output(STAGES, "checkpoint@coca"))
    (committed.root / "releases.lock").write_text("# pinned meanwhile\n")
    told = manifest(committed)
    assert told["git"]["dirty"] is False
    assert told["lock"]["state"] == "differs from the commit"
    assert told["lock"]["stages"] == ["checkpoint@coca", "narrated@alpha"]


def test_without_a_lock_or_a_commit_of_it_nothing_is_claimed(assembled: Built) -> None:
    assert manifest(assembled)["lock"] is None
    write_lock(assembled.root, STAGES)
    assembled.reword()
    assembled.publish()
    told = read_json(assembled.releases / "1.0.1/MANIFEST.json")["lock"]
    assert (told["state"], told["stages"]) == ("not committed", [])


def test_the_class_of_the_processor_and_the_threads_are_named(published: Path) -> None:
    told = read_json(published / "MANIFEST.json")
    assert told["processor"]["machine"]
    assert told["processor"]["vectors"] == sorted(told["processor"]["vectors"])
    assert told["threads"] == 2


def two_builds(committed: Built, stages: dict[str, Any]) -> tuple[Path, Path]:
    """A release of the commit, and one that has another caption and this lock."""
    manifest(committed)
    write_lock(committed.root, stages)
    committed.reword()
    committed.publish()
    return committed.releases / "1.0.0", committed.releases / "1.0.1"


def test_two_builds_of_one_commit_tell_where_their_bytes_part(committed: Built) -> None:
    old, new = two_builds(committed, other_output(STAGES, "checkpoint@coca", "narrated@alpha"))
    (new / "MANIFEST.json").chmod(0o644)
    edit_manifest(new, lambda told: told["processor"].update(model="Another one", vectors=["X86_V3"]))
    edit_manifest(new, lambda told: told["tools"].update(torch="9.9.9"))
    lines = dict(line.split(": ", 1) for line in origin_differences(old, new))
    assert lines["dvc.lock"] == "as committed / differs from the commit"
    assert lines["processor"].endswith("/ Another one, x86_64")
    assert lines["vector instructions"].endswith("/ X86_V3")
    assert lines["torch"].endswith("/ 9.9.9")
    assert lines["other outputs of the same inputs"] == "checkpoint@coca"
    assert "commit" not in lines


def test_other_data_and_parameters_are_named_where_they_came_in(committed: Built) -> None:
    changed = other_output(STAGES, "corpus@alpha", "checkpoint@coca")
    changed["corpus@alpha"]["deps"][0]["md5"] = "other"
    changed["checkpoint@coca"]["params"] = {"params.yaml": {"training.seed": 8}}
    old, new = two_builds(committed, changed)
    lines = dict(line.split(": ", 1) for line in origin_differences(old, new))
    assert lines["other inputs"] == "data/alpha"
    assert lines["other parameters"] == "training.seed"
    assert "other outputs of the same inputs" not in lines


def test_a_release_beside_itself_differs_in_nothing(published: Path) -> None:
    assert origin_differences(published, published) == []
