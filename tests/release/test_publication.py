"""Publication: versions, immutability, provenance, and nothing half-published."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sartext.errors import ArtefactError, GateError, ReleaseError
from sartext.files import sha256_tree
from sartext.release.publication import publish
from sartext.release.verification import extract, verify
from tests.conftest import ROOT
from tests.release.built import Built, passed_verdict
from tests.release.sealing import flip


def versions(assembled: Built) -> list[str]:
    return sorted(path.name for path in assembled.releases.iterdir())


def wanted(assembled: Built, version: str) -> None:
    assembled.parameters(release={"rows_per_file": 10, "version": version})


def test_the_first_release_is_1_0_0_proves_itself_and_holds_what_is_promised(assembled: Built) -> None:
    metrics = publish(assembled.project)
    assert (metrics["version"], metrics["published"]) == ("1.0.0", True)
    folder = assembled.releases / "1.0.0"
    assert metrics["path"] == assembled.project.relative(folder)
    assert verify(folder)["content_sha256"] == metrics["content_sha256"]
    files = set(sha256_tree(folder))
    assert {"README.md", "MANIFEST.json", "CHANGES.md", "LICENSES.csv", "ledger.parquet"} <= files
    assert {"csv/train.csv", "data/test-00000-of-00001.parquet", "provenance/params.yaml"} <= files
    assert {"quality/gate.json", "quality/report.md"} <= files
    assert "content.json" not in files


def test_unchanged_content_publishes_nothing_and_the_record_stays(assembled: Built) -> None:
    publish(assembled.project)
    path = assembled.root / "build/publication/publication.json"
    record = path.read_bytes()
    before = sha256_tree(assembled.root / "releases")
    metrics = assembled.publish()
    assert (metrics["version"], metrics["published"]) == ("1.0.0", False)
    assert sha256_tree(assembled.root / "releases") == before
    assert path.read_bytes() == record
    assert str(assembled.root).encode() not in record


def test_three_changes_make_a_patch_a_minor_and_a_major_say_so_and_leave_the_first_intact(
    assembled: Built,
) -> None:
    publish(assembled.project)
    first = sha256_tree(assembled.releases / "1.0.0")
    before = assembled.pairs()[0]["caption"]
    assembled.reword()
    assert assembled.publish()["version"] == "1.0.1"
    assembled.add_corpus("gamma", 5, seed=9)
    assert assembled.publish()["version"] == "1.1.0"
    assembled.set_pairs(lambda rows: rows[1:])
    assert assembled.publish()["version"] == "2.0.0"
    assert versions(assembled) == ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]
    assert sha256_tree(assembled.releases / "1.0.0") == first
    for version in versions(assembled):
        verify(assembled.releases / version)
    old = pq.read_table(assembled.releases / "1.0.0/data/train-00000-of-00003.parquet")
    assert old.column("image").to_pylist()[0]["bytes"].startswith(b"\x89PNG")
    text = (assembled.releases / "1.0.1/CHANGES.md").read_text()
    assert "A patch change against 1.0.0" in text
    assert "| captions changed | 1 |" in text
    assert "images added" not in text
    assert "Other columns changed" not in text
    assert f'alpha/0000: "{before}" became "There is one ship in this SAR image, number 0."' in text


def test_an_explicit_version_is_used_and_a_taken_one_is_refused(assembled: Built) -> None:
    wanted(assembled, "3.1.4")
    assert publish(assembled.project)["version"] == "3.1.4"
    assert publish(assembled.project)["published"] is False
    assembled.reword()
    with pytest.raises(ReleaseError, match=r"3\.1\.4 exists with other content"):
        assembled.publish()
    wanted(assembled, "3.0.0")
    with pytest.raises(ReleaseError, match=r"3\.0\.0 is below the published 3\.1\.4"):
        publish(assembled.project)
    wanted(assembled, "auto")
    assert publish(assembled.project)["version"] == "3.1.5"


def test_the_highest_version_is_found_by_number_not_by_text(assembled: Built) -> None:
    steps = [("1.9.0", "1.9.0"), ("1.10.0", "1.10.0"), ("auto", "1.10.1")]
    for number, (version, expected) in enumerate(steps):
        assembled.reword(number)
        wanted(assembled, version)
        assert assembled.publish()["version"] == expected


def test_deleted_releases_get_the_same_version_back_for_the_same_content(assembled: Built) -> None:
    publish(assembled.project)
    first = sha256_tree(assembled.root / "releases")
    shutil.rmtree(assembled.root / "releases")
    assembled.publish()
    assert sha256_tree(assembled.root / "releases") == first
    assembled.reword()
    content = assembled.publish()["content_sha256"]
    shutil.rmtree(assembled.root / "releases")
    metrics = publish(assembled.project)
    assert (metrics["version"], metrics["published"], metrics["content_sha256"]) == ("1.0.1", True, content)
    shutil.rmtree(assembled.root / "releases")
    assembled.reword(1)
    # 1.0.1 is taken by content that nobody can compare with any more
    assert assembled.publish()["version"] == "2.0.0"


def another_verdict(assembled: Built) -> None:
    assembled.reword()
    passed_verdict(assembled)


def another_word(assembled: Built) -> None:
    path = assembled.release / "csv/train.csv"
    path.write_text(path.read_text().replace("ship", "boat"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (Built.reword, GateError, "another candidate"),
        (another_verdict, ReleaseError, "earlier verdict"),
        (another_word, ReleaseError, "was changed"),
        (lambda assembled: shutil.rmtree(assembled.release), ReleaseError, "run `sartext release assemble`"),
    ],
)
def test_what_is_not_assembled_from_the_judged_candidate_is_not_published(
    assembled: Built, change: Callable[[Built], None], error: type[Exception], message: str
) -> None:
    change(assembled)
    with pytest.raises(error, match=message):
        publish(assembled.project)
    assert not (assembled.root / "releases").exists()


@pytest.mark.parametrize("damage", [Path.unlink, flip], ids=["a missing file", "a flipped bit"])
def test_a_damaged_published_release_is_not_called_unchanged(
    assembled: Built, damage: Callable[[Path], None]
) -> None:
    publish(assembled.project)
    path = assembled.releases / "1.0.0/csv/train.csv"
    content = path.read_bytes()
    path.chmod(0o644)
    damage(path)
    with pytest.raises(ReleaseError, match=r"damaged: csv/train\.csv.*remove the folder and publish it again"):
        publish(assembled.project)
    path.write_bytes(content)
    assert publish(assembled.project)["published"] is False


def test_a_lower_version_that_is_asked_for_again_is_checked_as_well(assembled: Built) -> None:
    wanted(assembled, "1.0.0")
    publish(assembled.project)
    first = assembled.pairs()[0]["caption"]
    assembled.reword()
    wanted(assembled, "1.0.1")
    assembled.publish()
    assembled.set_pair(0, caption=first)
    wanted(assembled, "1.0.0")
    assert assembled.publish()["published"] is False
    (assembled.releases / "1.0.0/LICENSES.csv").unlink()
    with pytest.raises(ReleaseError, match=r"damaged: LICENSES\.csv"):
        publish(assembled.project)


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_in_one_line_and_leaves_no_version(
    assembled: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(ArtefactError, match="no space left"):
        patch.setattr(shutil, "copyfile", full)
        publish(assembled.project)
    assert versions(assembled) == []
    publish(assembled.project)
    with monkeypatch.context() as patch, pytest.raises(ArtefactError, match="no space left"):
        patch.setattr(shutil, "copyfile", full)
        extract(assembled.releases / "1.0.0", assembled.root / "files")
    assert not (assembled.root / "files").exists()


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from sartext.config import Project
from sartext.release.publication import publish

copy, left = shutil.copyfile, iter(range(4))

def copy_or_die(*arguments):
    if next(left, None) is None:
        os.kill(os.getpid(), signal.SIGKILL)
    return copy(*arguments)

shutil.copyfile = copy_or_die
publish(Project(Path(sys.argv[1])))
"""


def test_a_run_killed_while_it_copies_leaves_no_version_and_the_next_one_publishes(assembled: Built) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(assembled.root)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    (partial,) = assembled.releases.glob(".partial-*")
    assert len([path for path in partial.rglob("*") if path.is_file()]) == 4
    assert versions(assembled) == [partial.name]
    assert not (assembled.root / "build/publication/publication.json").exists()
    assert publish(assembled.project)["version"] == "1.0.0"
    assert versions(assembled) == ["1.0.0"]
    verify(assembled.releases / "1.0.0")


def test_the_quality_report_is_the_verdict_and_the_pages_of_one_run_stay_outside(assembled: Built) -> None:
    (assembled.root / "build/docs").mkdir()
    (assembled.root / "build/docs/index.html").write_text("<html></html>")
    publish(assembled.project)
    folder = assembled.releases / "1.0.0/quality"
    assert sorted(path.name for path in folder.iterdir()) == ["gate.json", "report.md"]
    text = (folder / "report.md").read_text()
    for suite in json.loads((folder / "gate.json").read_text())["suites"]:
        assert f"## {suite['name']}" in text
    assert "| all is well | critical | passed | 0 | pairs | 40 pairs checked |" in text
