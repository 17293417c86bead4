"""An anchor outside the folder: `releases.lock` of the repository, which a forger of a release does not reach."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from sartext.cli.commands import cli
from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_file
from sartext.release.anchors import LOCK, check_anchor, pin, read_anchors
from sartext.release.verification import verify
from tests.release.sealing import edit_manifest, reseal


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project without a release of its own."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "params.yaml").write_text("corpora: {}\n")
    return root


def sartext(root: Path, *arguments: object) -> Result:
    """Run a command in a project."""
    return CliRunner().invoke(cli, ["--root", str(root), "release", *map(str, arguments)])


def rows(root: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load((root / LOCK).read_text()))


def test_a_pinned_release_is_anchored_and_others_are_said_not_to_be(release: Path, repository: Path) -> None:
    told = sartext(repository, "verify", release).stdout.splitlines()
    assert told[1:] == ["not anchored: no releases.lock here has it", "not signed"]
    assert not (repository / LOCK).exists(), "a verification writes nothing"
    assert sartext(repository, "pin", release).stdout == "pinned: sar-text 1.0.0 in releases.lock; commit it\n"
    assert sartext(repository, "verify", release).stdout.splitlines()[1] == "anchored in releases.lock"
    content = read_json(release / "MANIFEST.json")["content_sha256"]
    hashes = {"content_sha256": content, "manifest_sha256": sha256_file(release / "MANIFEST.json")}
    assert rows(repository) == [{"name": "sar-text", "version": "1.0.0", **hashes}]
    before = (repository / LOCK).read_bytes()
    pin(repository, release)
    assert (repository / LOCK).read_bytes() == before


def forged_card(release: Path) -> None:
    (release / "README.md").write_text("another card")
    reseal(release)


def forged_data(release: Path) -> None:
    (release / "vqa/train.jsonl").write_text("")
    reseal(release)


@pytest.mark.parametrize(
    ("forge", "message"),
    [
        (forged_card, r"pins sar-text 1\.0\.0 with another manifest \(the content is the same\)"),
        (forged_data, r"pins sar-text 1\.0\.0 with other content"),
    ],
)
def test_a_forged_release_whose_manifest_fits_is_refused_by_the_anchor(
    release: Path, repository: Path, forge: Any, message: str
) -> None:
    pin(repository, release)
    forge(release)
    with pytest.raises(ReleaseError, match=message) as refused:
        check_anchor(repository, release)
    assert len(refused.value.lines) == 1
    with pytest.raises(ReleaseError, match=message):
        pin(repository, release)


def test_another_version_number_is_not_anchored(release: Path, repository: Path) -> None:
    pin(repository, release)
    edit_manifest(release, lambda manifest: manifest.update(version="9.9.9"))
    verify(release)  # it is whole
    assert check_anchor(repository, release) is False
    told = sartext(repository, "verify", release).stdout.splitlines()
    assert told[1] == "not anchored: releases.lock has its content as 1.0.0, and no 9.9.9"


def test_versions_stand_in_the_order_of_their_numbers(release: Path, repository: Path, tmp_path: Path) -> None:
    for version in ("1.10.0", "1.9.0"):
        folder = tmp_path / version
        shutil.copytree(release, folder)
        edit_manifest(folder, lambda manifest, version=version: manifest.update(version=version))
        pin(repository, folder)
    assert [anchor.version for anchor in read_anchors(repository)] == ["1.9.0", "1.10.0"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- name: [", "not valid YAML"),
        ("name: a", r"releases\.lock"),
        ("- {name: a, version: 1.0.0, content_sha256: x, manifest_sha256: y}", r"content_sha256"),
        ("- {name: a, version: 1.0.0}", "content_sha256"),
    ],
)
def test_a_lock_that_is_none_is_told_in_one_line(repository: Path, text: str, message: str) -> None:
    (repository / LOCK).write_text(text)
    with pytest.raises(ReleaseError, match=message) as refused:
        read_anchors(repository)
    assert len(refused.value.lines) == 1


def test_a_version_that_is_named_twice_is_told(release: Path, repository: Path) -> None:
    pin(repository, release)
    path = repository / LOCK
    path.write_text(path.read_text() + "".join(path.read_text().splitlines(keepends=True)[1:]))
    with pytest.raises(ReleaseError, match=r"names sar-text 1\.0\.0 twice"):
        read_anchors(repository)
