"""Uploaded to a stand-in hub by the client that people have: one commit, the same bytes, a tag; and refusals."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from sartext.files import sha256_tree
from tests.processes import completed
from tests.release.built import Built
from tests.release.hub_server import TOKEN, Hub, Repository

REPOSITORY = "team/sar-text"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def upload(hub: Hub, release: Path, home: Path, **environment: str) -> CompletedProcess[str]:
    """Upload as a person would, with a login of its own."""
    usual = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    # what stands in for the hub has Git LFS, not Xet
    changed = {
        **os.environ,
        **usual,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        **environment,
    }
    words = ["release", "upload", str(release), "--hub", REPOSITORY]
    done = completed(sys.executable, "-m", "sartext", *words, env=changed)
    assert TOKEN not in done.stdout + done.stderr
    return done


def refused(done: CompletedProcess[str]) -> str:
    """The one line of an upload that was refused."""
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr
    return line


def held(repository: Repository, revision: str) -> dict[str, str]:
    return {path: str(entry["sha256"]) for path, entry in repository.tree(revision).items() if path[0] != "."}


def test_a_release_is_one_commit_with_the_same_bytes_and_the_tag_of_its_version(
    published: Path, hub: Hub, tmp_path: Path
) -> None:
    done = upload(hub, published, tmp_path)
    assert done.returncode == 0, done.stderr
    repository = hub.repositories[REPOSITORY]
    assert len(repository.commits) == 2  # the repository's own, and the release
    assert repository.tags == {"1.0.0": repository.head}
    assert held(repository, "1.0.0") == sha256_tree(published)
    again = upload(hub, published, tmp_path)
    assert "uploaded False" in again.stdout
    assert (len(repository.commits), len(repository.received)) == (2, len(set(repository.received)))


def test_the_next_version_replaces_what_stands_there_and_the_tag_keeps_the_first(
    assembled: Built, hub: Hub, tmp_path: Path
) -> None:
    assembled.publish()
    first = assembled.releases / "1.0.0"
    upload(hub, first, tmp_path)
    assembled.add_corpus("gamma", 20, seed=9)
    assembled.publish()
    second = assembled.releases / "1.1.0"
    assert upload(hub, second, tmp_path).returncode == 0
    repository = hub.repositories[REPOSITORY]
    assert (held(repository, "1.0.0"), held(repository, "main")) == (sha256_tree(first), sha256_tree(second))
    assert sha256_tree(first).keys() - sha256_tree(second).keys()  # files that had to go


def test_a_version_with_other_content_is_refused(
    published: Path, assembled: Built, hub: Hub, tmp_path: Path
) -> None:
    upload(hub, published, tmp_path)
    before = hub.repositories[REPOSITORY].head
    assembled.reword()
    assembled.publish()
    line = refused(upload(hub, assembled.releases / "1.0.0", tmp_path))
    assert "version 1.0.0 is tagged there with other content" in line
    assert hub.repositories[REPOSITORY].head == before


def test_of_two_uploads_at_once_the_second_is_told(published: Path, hub: Hub, tmp_path: Path) -> None:
    def another(repository: Repository) -> None:
        hub.before_commit = lambda repository: None
        repository.commit({"data/other.parquet": repository.put(b"other", large=True)})

    hub.before_commit = another
    assert "another upload changed the repository meanwhile" in refused(upload(hub, published, tmp_path))
    assert hub.repositories[REPOSITORY].tags == {}


def test_a_repository_that_holds_something_else_is_left_alone(published: Path, hub: Hub, tmp_path: Path) -> None:
    repository = hub.repositories[REPOSITORY] = Repository()
    repository.commit({"precious.bin": repository.put(b"precious", large=True)})
    line = refused(upload(hub, published, tmp_path))
    assert "holds something else, such as precious.bin; name another one" in line
    assert len(repository.commits) == 1


def test_bytes_that_changed_on_the_way_are_found_and_get_no_tag(published: Path, hub: Hub, tmp_path: Path) -> None:
    def damage(repository: Repository) -> None:
        (digest, *_) = repository.received
        repository.objects[digest] = b"x" + repository.objects[digest][1:]

    hub.before_commit = damage
    line = refused(upload(hub, published, tmp_path))
    assert "the hub holds other bytes than were uploaded: data/" in line
    assert hub.repositories[REPOSITORY].tags == {}


def test_an_upload_that_broke_off_shows_nothing_and_is_taken_up(published: Path, hub: Hub, tmp_path: Path) -> None:
    hub.refuse_uploads = True
    assert "status 403; the token may not write there" in refused(upload(hub, published, tmp_path))
    repository = hub.repositories[REPOSITORY]
    assert held(repository, "main") == {}
    hub.refuse_uploads = False
    assert upload(hub, published, tmp_path).returncode == 0
    assert held(repository, "1.0.0") == sha256_tree(published)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"HF_TOKEN": "hf_wrong"}, "status 401; `hf auth login`, or put a token that may write into HF_TOKEN"),
        ({"HF_HUB_OFFLINE": "1"}, "the hub is switched off; unset HF_HUB_OFFLINE"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "HF_ENDPOINT names the server"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_setting(
    published: Path, hub: Hub, tmp_path: Path, environment: dict[str, str], message: str
) -> None:
    assert message in refused(upload(hub, published, tmp_path, **environment))
