"""Pushed to a folder and pulled from it: whole or not at all, never trusted, never twice with other content."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release.anchors import pin
from sartext.release.distribution import pulling, pushing
from sartext.release.distribution.listing import version_table
from sartext.release.distribution.pulling import PULLING, pull
from sartext.release.distribution.pushing import push
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.stores.folder import FolderStore
from sartext.release.verification import verify
from tests.release.built import Built
from tests.release.distributing import clone_of, far_away, other_content, project_of
from tests.release.sealing import flip, reseal


@pytest.fixture(scope="module")
def pushed_once(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A remote that the release was pushed to; only to be copied."""
    remote = far_away(tmp_path_factory.mktemp("pushed"))
    push(project_of(published), "1.0.0", remote)
    return Path(remote.url)


@pytest.fixture
def pushed(pushed_once: Path, tmp_path: Path) -> Remote:
    """A remote that the release was pushed to."""
    shutil.copytree(pushed_once, tmp_path / "remote")
    return far_away(tmp_path)


def test_what_is_pushed_is_plain_files_and_what_is_pulled_is_the_release_read_only(
    published: Path, tmp_path: Path
) -> None:
    remote, clone = far_away(tmp_path), clone_of(tmp_path)
    told = push(project_of(published), "1.0.0", remote)
    files = sha256_tree(published)
    assert (told["files"], told["sent"]) == (len(files), len(files) - 1)
    assert sha256_tree(Path(remote.url)) == {f"releases/sar-text/1.0.0/{path}": files[path] for path in files}
    told = pull(clone, "1.0.0", remote)
    assert told["fetched"] == len(files) - 1
    folder = clone.releases / "1.0.0"
    assert sha256_tree(folder) == files
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()} == {0o444}
    assert verify(folder)["version"] == "1.0.0"
    assert [path.name for path in clone.releases.iterdir()] == ["1.0.0"]


def test_a_version_that_the_repository_pins_with_another_manifest_is_not_pulled(
    published: Path, assembled: Built, pushed: Remote, tmp_path: Path
) -> None:
    clone, other = clone_of(tmp_path), other_content(assembled)
    assert "not anchored" in str(pull(clone, "1.0.0", pushed, tmp_path / "unpinned")["anchor"])
    pin(clone.root, other.releases / "1.0.0")
    with pytest.raises(ReleaseError, match=r"releases\.lock pins sar-text 1\.0\.0 with other content"):
        pull(clone, "1.0.0", pushed)
    assert not (clone.releases / "1.0.0").exists()
    (clone.root / "releases.lock").unlink()
    pin(clone.root, published)
    assert pull(clone, "1.0.0", pushed)["anchor"] == "anchored in releases.lock"


def test_a_second_push_and_a_second_pull_move_nothing(published: Path, pushed: Remote, tmp_path: Path) -> None:
    clone = clone_of(tmp_path)
    assert push(project_of(published), "1.0.0", pushed)["sent"] == 0
    pull(clone, "1.0.0", pushed)
    before = {path: path.stat().st_mtime_ns for path in clone.releases.rglob("*")}
    assert pull(clone, "1.0.0", pushed)["fetched"] == 0
    assert {path: path.stat().st_mtime_ns for path in clone.releases.rglob("*")} == before


def test_a_release_is_pulled_into_any_new_folder(published: Path, pushed: Remote, tmp_path: Path) -> None:
    clone = clone_of(tmp_path)
    pull(clone, "1.0.0", pushed, tmp_path / "elsewhere" / "it")
    assert sha256_tree(tmp_path / "elsewhere" / "it") == sha256_tree(published)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="something else"):
        pull(clone, "1.0.0", pushed, tmp_path / "full")
    assert sha256_tree(tmp_path / "full").keys() == {"mine.txt"}


def test_without_its_manifest_a_version_is_invisible(published: Path, pushed: Remote, tmp_path: Path) -> None:
    (there(pushed) / "MANIFEST.json").unlink()
    with pytest.raises(ReleaseError, match=r"there is no sar-text 1\.0\.0"):
        pull(clone_of(tmp_path), "1.0.0", pushed)
    assert version_table(clone_of(tmp_path), pushed).row_count == 0
    assert push(project_of(published), "1.0.0", pushed)["sent"] == 0
    assert version_table(clone_of(tmp_path), pushed).row_count == 1


def test_a_push_that_broke_off_is_taken_up_and_what_is_damaged_there_is_sent_again(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = far_away(tmp_path)
    written: list[str] = []
    write = FolderStore.write

    def until_the_disk_is_full(self, member, folder, source):  # type: ignore[no-untyped-def]
        if len(written) == 3:
            raise ReleaseError("no space left on the disk")
        written.append(member.path)
        write(self, member, folder, source)

    with monkeypatch.context() as patch:
        patch.setattr(FolderStore, "write", until_the_disk_is_full)
        with pytest.raises(ReleaseError, match="no space"):
            push(project_of(published), "1.0.0", remote)
    assert not (there(remote) / "MANIFEST.json").exists()
    (there(remote) / ".partial-left-by-a-killed-one").write_text("half")
    flip(there(remote) / written[0])
    told = push(project_of(published), "1.0.0", remote)
    assert told["sent"] == len(sha256_tree(published)) - 1 - 2
    assert sha256_tree(there(remote)) == sha256_tree(published)
    assert not list(there(remote).parent.glob("*.claim"))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def link(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    path.symlink_to(path.with_suffix(".away"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (flip, "other bytes"),
        (cut, "bytes instead of"),
        (lengthen, "longer than"),
        (Path.unlink, "missing"),
        (link, "a link"),
        (pipe, "no plain file"),
    ],
)
def test_a_file_that_is_not_what_the_manifest_names_is_found_and_nothing_put_in_place(
    published: Path, pushed: Remote, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    clone = clone_of(tmp_path)
    damage(there(pushed) / "csv" / "train.csv")
    with pytest.raises(ReleaseError, match=rf"csv/train\.csv.*{message}"):
        pull(clone, "1.0.0", pushed)
    assert not (clone.releases / "1.0.0").exists()
    if damage not in (link, pipe):
        assert push(project_of(published), "1.0.0", pushed)["sent"] == 1  # its publisher mends it
        pull(clone, "1.0.0", pushed)
        assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


def test_a_pull_goes_on_where_it_broke_off_and_believes_nothing_that_lies_there(
    published: Path, pushed: Remote, tmp_path: Path
) -> None:
    clone = clone_of(tmp_path)
    ledger = there(pushed) / "ledger.parquet"
    ledger.rename(tmp_path / "away")
    with pytest.raises(ReleaseError, match=r"ledger\.parquet is missing"):
        pull(clone, "1.0.0", pushed)
    (tmp_path / "away").rename(ledger)
    (left,) = clone.releases.glob(f"{PULLING}*")
    fetched = sorted(path for path in left.rglob("*") if path.is_file() and path.name != "MANIFEST.json")
    flip(fetched[0])
    (left / "planted.txt").write_text("planted")
    told = pull(clone, "1.0.0", pushed)
    assert told["fetched"] == len(sha256_tree(published)) - 1 - len(fetched) + 1
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


def test_files_that_the_manifest_does_not_name_are_not_fetched(
    published: Path, pushed: Remote, tmp_path: Path
) -> None:
    clone = clone_of(tmp_path)
    (there(pushed) / "data" / "more.parquet").write_text("more")
    pull(clone, "1.0.0", pushed)
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["files"].update({"../../climbed.txt": {"sha256": "0" * 64, "size": 1}}),
        lambda manifest: manifest["files"].update({"/etc/passwd": {"sha256": "0" * 64, "size": 1}}),
        lambda manifest: manifest["files"].update({"README.md/below": {"sha256": "0" * 64, "size": 1}}),
        lambda manifest: manifest["files"].update({"MANIFEST.json": {"sha256": "0" * 64, "size": 1}}),
        lambda manifest: manifest["files"].update({"a\nb": {"sha256": "0" * 64, "size": 1}}),
        lambda manifest: manifest["files"]["README.md"].update(size=-1),
        lambda manifest: manifest["files"]["README.md"].update(size=True),
        lambda manifest: manifest["files"]["README.md"].update(sha256="../" * 21 + "a"),
        lambda manifest: manifest.update(version="2.0.0"),
        lambda manifest: manifest.update(name="another"),
        lambda manifest: manifest.update(files=[]),
        lambda manifest: manifest.update(content_sha256="0" * 64),
    ],
)
def test_a_hostile_manifest_is_refused(
    published: Path, pushed: Remote, tmp_path: Path, change: Callable[[dict[str, object]], object]
) -> None:
    clone = clone_of(tmp_path)
    path = there(pushed) / "MANIFEST.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError):
        pull(clone, "1.0.0", pushed)
    assert not (clone.releases / "1.0.0").exists()
    assert not list(tmp_path.rglob("climbed.txt"))


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 100_000, '{"files": {}}'])
def test_what_is_no_manifest_is_refused(published: Path, pushed: Remote, tmp_path: Path, text: str) -> None:
    (there(pushed) / "MANIFEST.json").write_text(text)
    with pytest.raises(ReleaseError, match="no manifest"):
        pull(clone_of(tmp_path), "1.0.0", pushed)


def test_a_release_that_is_damaged_here_is_not_pushed(release: Path, tmp_path: Path) -> None:
    project = clone_of(tmp_path)
    shutil.copytree(release, project.releases / "1.0.0")
    flip(project.releases / "1.0.0" / "csv" / "train.csv")
    with pytest.raises(ReleaseError, match=r"csv/train\.csv: changed"):
        push(project, "1.0.0", far_away(tmp_path))
    assert not (tmp_path / "remote").exists()


def test_a_release_whose_bytes_are_whole_is_pushed_whatever_this_version_thinks_of_its_tables(
    release: Path, tmp_path: Path
) -> None:
    project = clone_of(tmp_path)
    folder = project.releases / "1.0.0"
    shutil.copytree(release, folder)
    with (folder / "LICENSES.csv").open("a") as stream:
        stream.write("of,another,time\n")
    reseal(folder)
    with pytest.raises(ReleaseError):
        verify(folder)
    push(project, "1.0.0", far_away(tmp_path))
    pull(project, "1.0.0", far_away(tmp_path), tmp_path / "copy")
    assert sha256_tree(tmp_path / "copy") == sha256_tree(folder)


def test_what_is_published_there_is_not_replaced_and_here_neither(
    published: Path, pushed: Remote, assembled: Built, tmp_path: Path
) -> None:
    other = other_content(assembled)
    with pytest.raises(ReleaseError, match=r"1\.0\.0 is published there with other content"):
        push(other, "1.0.0", pushed)
    assert sha256_tree(there(pushed)) == sha256_tree(published)
    with pytest.raises(ReleaseError, match=r"1\.0\.0 is here with other content"):
        pull(other, "1.0.0", pushed)


def test_of_two_publishers_at_once_the_second_is_told_before_it_replaces_anything(
    published: Path, assembled: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, other = far_away(tmp_path), other_content(assembled)
    write, told = FolderStore.write, []

    def while_another_pushes(self, member, folder, source):  # type: ignore[no-untyped-def]
        if not told:
            told.append("")
            with pytest.raises(ReleaseError, match=r"a push of 1\.0\.0 with other content has begun") as raised:
                push(other, "1.0.0", remote)
            told.append(str(raised.value))
        write(self, member, folder, source)

    monkeypatch.setattr(FolderStore, "write", while_another_pushes)
    push(project_of(published), "1.0.0", remote)
    assert "remove releases/sar-text/1.0.0.claim there" in told[1]
    assert sha256_tree(there(remote)) == sha256_tree(published)


def test_a_publisher_whose_claim_was_removed_does_not_replace_a_manifest(
    published: Path, assembled: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, other = far_away(tmp_path), other_content(assembled)
    complete = pushing._complete

    def after_the_other(work):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(pushing, "_complete", complete)
        (tmp_path / "remote/releases/sar-text/1.0.0.claim").unlink()
        push(other, "1.0.0", remote)
        complete(work)

    monkeypatch.setattr(pushing, "_complete", after_the_other)
    with pytest.raises(ReleaseError, match=r"another publisher was first with 1\.0\.0"):
        push(project_of(published), "1.0.0", remote)
    assert sha256_tree(there(remote)) == sha256_tree(other.releases / "1.0.0")


def test_two_pulls_at_once_do_not_mix(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, clone = far_away(tmp_path), clone_of(tmp_path)
    push(project_of(published), "1.0.0", remote)
    seal = pulling.seal

    def while_another_pulls(staged: Path, target: Path) -> None:
        with pytest.raises(ReleaseError, match="another pull of it is running"):
            pull(clone, "1.0.0", remote)
        seal(staged, target)

    monkeypatch.setattr(pulling, "seal", while_another_pulls)
    pull(clone, "1.0.0", remote)
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


def test_a_link_in_place_of_the_version_is_no_release(published: Path, pushed: Remote, tmp_path: Path) -> None:
    clone = clone_of(tmp_path)
    (tmp_path / "outside").mkdir()
    clone.releases.mkdir(parents=True)
    (clone.releases / "1.0.0").symlink_to(tmp_path / "outside")
    with pytest.raises(ReleaseError, match="something else"):
        pull(clone, "1.0.0", pushed)
    assert not list((tmp_path / "outside").iterdir())


def test_versions_are_listed_here_and_there(published: Path, assembled: Built, tmp_path: Path) -> None:
    remote, project = far_away(tmp_path), project_of(published)
    push(project, "1.0.0", remote)
    other = other_content(assembled)
    table = version_table(other, remote)
    assert [list(column.cells) for column in table.columns if column.header in ("version", "here", "there")] == [
        ["1.0.0", "1.0.0"],
        ["yes", ""],
        ["", "yes"],
    ]
    assert version_table(project, None).row_count == 1


def there(remote: Remote) -> Path:
    return Path(remote.url) / "releases" / "sar-text" / "1.0.0"


def test_a_version_that_is_none_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    project: Project = clone_of(tmp_path)
    for version in ("1.0", "../1.0.0", "latest", ""):
        with pytest.raises(ReleaseError, match="is no version"):
            pull(project, version, far_away(tmp_path))
        with pytest.raises(ReleaseError, match="is no version"):
            push(project, version, far_away(tmp_path))
