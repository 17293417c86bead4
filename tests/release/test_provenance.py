"""Where a release comes from: the commit, and the part of the graph that led to it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from sartext.files import read_json
from sartext.release.origin import ancestors
from sartext.release.publication import publish
from tests.processes import git_commit
from tests.release.built import Built


def stage(deps: Sequence[str], out: str) -> dict[str, Any]:
    """A stage as ``dvc.lock`` has it."""
    return {
        "deps": [{"path": path, "hash": "md5", "md5": f"{path}.dir"} for path in deps],
        "outs": [{"path": out, "hash": "md5", "md5": f"{out}.dir"}],
    }


STAGES = {
    "corpus@alpha": stage(["data/alpha"], "build/corpus/alpha"),
    "candidate": stage(["build/corpus"], "build/candidate"),
    "release": stage(["build/candidate", "data"], "build/release"),
    "model": stage(["build/release"], "build/model"),
    "corpus@gone": stage(["data/gone"], "build/elsewhere/gone"),
}


def publish_with(built: Built, stages: dict[str, Any]) -> Path:
    """Publish a project with this ``dvc.lock``; return the folder of its version."""
    lock = {"schema": "2.0", "stages": stages}
    (built.root / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    shutil.rmtree(built.root / "releases", ignore_errors=True)
    return built.root / str(publish(built.project)["path"])


def test_provenance_holds_the_ancestors_of_the_release_in_an_order_of_its_own(assembled: Built) -> None:
    (assembled.root / "dvc.yaml").write_text("stages: {}\n")
    folder = publish_with(assembled, STAGES)
    lock = yaml.safe_load((folder / "provenance/dvc.lock").read_text())
    assert set(lock["stages"]) == {"corpus@alpha", "candidate", "release"}
    assert lock["stages"]["release"] == STAGES["release"]
    manifest = read_json(folder / "MANIFEST.json")
    assert manifest["corpora_dvc_md5"] == {"alpha": "data/alpha.dir", "beta": None}
    assert manifest["tools"]["pyarrow"]
    assert manifest["git"] == {"commit": None, "dirty": None}
    first = (folder / "provenance/dvc.lock").read_bytes()
    publish_with(assembled, dict(reversed(STAGES.items())))
    assert (folder / "provenance/dvc.lock").read_bytes() == first


def test_the_commit_is_recorded_and_whether_the_tree_was_dirty(assembled: Built) -> None:
    (assembled.root / ".gitignore").write_text("build/\nreleases/\ndata/\n")
    git_commit(assembled.root)
    publish(assembled.project)
    first = read_json(assembled.releases / "1.0.0/MANIFEST.json")["git"]
    assert (len(first["commit"]), first["dirty"]) == (40, False)
    with (assembled.root / "catalogue/alpha.yaml").open("a") as stream:
        stream.write("\n")
    assembled.reword()
    assembled.publish()
    assert read_json(assembled.releases / "1.0.1/MANIFEST.json")["git"]["dirty"] is True


TRAININGS = {
    "release": stage(["build/candidate"], "build/release"),
    "candidate": stage(["build/captions", "build/narrated"], "build/candidate"),
    "lists": stage([], "build/narrated/listed.json"),
    "narrated@bare": stage(["build/calibration"], "build/narrated/bare"),
    "calibration": stage(["build/checkpoint/coca-sar"], "build/calibration"),
    "checkpoint@coca-sar": stage(["build/checkpoint/coca-optical"], "build/checkpoint/coca-sar"),
    "checkpoint@coca-optical": stage(["build/shards/optical"], "build/checkpoint/coca-optical"),
    "checkpoint@coca-mixed": stage(["build/shards"], "build/checkpoint/coca-mixed"),
    "optical-shards": stage(["build/corpus"], "build/shards/optical"),
    "sar-shards": stage(["build/corpus"], "build/shards/sar"),
}
FOLDERS = {
    "inside": stage([], "build/a/x"),
    "around": stage(["build/a"], "build/b"),
    "file": stage(["build/b/file"], "build/c"),
    "alike": stage([], "build/ab"),
}


@pytest.mark.parametrize(
    ("stages", "of", "expected"),
    [
        (TRAININGS, "release", set(TRAININGS) - {"checkpoint@coca-mixed", "sar-shards"}),
        (FOLDERS, "file", {"inside", "around", "file"}),
        (FOLDERS, "absent", set()),
    ],
    ids=["from the release to the trainings", "folders up and down", "no such stage"],
)
def test_ancestors_follow_what_was_read(stages: dict[str, Any], of: str, expected: set[str]) -> None:
    assert ancestors(stages, of) == expected
