"""Which remote is meant: what DVC's configuration names, an address or a folder; and pulled from a web server."""

import functools
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from requests.auth import _basic_auth_str

from sartext.cli import cli
from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release.distribution import transfer
from sartext.release.distribution.pulling import pull
from sartext.release.distribution.pushing import push
from sartext.release.distribution.remotes import Remote, find_remote
from sartext.release.distribution.stores import open_store
from tests.processes import dvc, free_port, git_commit, init_dvc
from tests.release.built import Built
from tests.release.distributing import clone_of, far_away, project_of

PASSWORD = "a-secret-that-nobody-may-see"


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose DVC knows a folder and a bucket, with a secret in the local file."""
    root = tmp_path_factory.mktemp("configured") / "project"
    root.mkdir()
    (root / "params.yaml").write_text("corpora: {}\n")
    init_dvc(root)
    dvc(root, "remote", "add", "--default", "shared", "../far/away")
    dvc(root, "remote", "add", "team.store", "s3://bucket/sar-text")
    dvc(root, "remote", "modify", "team.store", "endpointurl", "http://127.0.0.1:9")
    dvc(root, "remote", "modify", "--local", "team.store", "secret_access_key", PASSWORD)
    return root


def test_the_default_remote_of_dvc_is_meant_and_its_folder_is_relative_to_the_configuration(
    configured: Path,
) -> None:
    remote = find_remote(configured, None)
    assert (remote.name, open_store(remote).address) == ("shared", str(configured.parent / "far" / "away"))


def test_a_remote_has_the_settings_of_all_files_and_shows_no_secret(configured: Path) -> None:
    remote = find_remote(configured, "team.store")
    assert remote.options == {"endpointurl": "http://127.0.0.1:9", "secret_access_key": PASSWORD}
    assert PASSWORD not in repr(remote)
    assert open_store(remote).address == "s3://bucket/sar-text"


def test_an_unknown_remote_is_an_error_with_the_nearest(configured: Path) -> None:
    with pytest.raises(ReleaseError, match=r"no remote 'share'; did you mean 'shared'\?"):
        find_remote(configured, "share")


def test_without_any_remote_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="there is no default remote; `dvc remote add --default NAME URL`"):
        find_remote(tmp_path, None)


def test_an_address_or_a_folder_is_meant_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_remote(tmp_path, "s3://bucket/x").url == "s3://bucket/x"
    assert find_remote(tmp_path, "./far").url == str(tmp_path / "far")


@pytest.mark.parametrize("url", ["gs://bucket/x", "ssh://host/x", "azure://x/y"])
def test_a_remote_that_cannot_hold_releases_is_refused_by_its_kind(url: str) -> None:
    with pytest.raises(ReleaseError, match=f"cannot lie in a remote of '{url.partition(':')[0]}://'"):
        open_store(Remote(url))


class Web(http.server.ThreadingHTTPServer):
    """A web server over a folder that wants a password, and answers 503 as often as it is told to."""

    busy = 0

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != _basic_auth_str("me", PASSWORD):
            self.send_error(401)
        elif self.server.busy:
            self.server.busy -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def web(published: Path, tmp_path: Path) -> Iterator[Web]:
    push(project_of(published), "1.0.0", far_away(tmp_path))
    with Web(tmp_path / "remote") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(server: Web) -> str:
    return f"127.0.0.1:{server.server_port}"


def test_a_release_is_pulled_from_a_web_server_that_is_busy_at_first(
    published: Path, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transfer, "PAUSES", (0, 0, 0))
    web.busy = 2
    clone = clone_of(tmp_path)
    pull(clone, "1.0.0", Remote(f"http://me:{PASSWORD}@{address(web)}"))
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)
    said = capfd.readouterr().err
    assert "MANIFEST.json: the server could not (status 503); trying again" in said
    assert PASSWORD not in said


def test_a_web_server_that_stays_away_is_told_with_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "PAUSES", (0, 0, 0))
    remote = Remote(f"http://me:{PASSWORD}@127.0.0.1:{free_port()}/x?key={PASSWORD}", "web")
    with pytest.raises(ReleaseError, match=r"cannot be reached.*, 4 times; `dvc remote modify web url") as raised:
        pull(clone_of(tmp_path), "1.0.0", remote)
    assert PASSWORD not in str(raised.value)


def test_a_wrong_password_is_told_at_once_and_not_repeated(
    web: Web, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    remote = Remote(f"http://{address(web)}", "web", {"auth": "basic", "user": "me", "password": PASSWORD[1:]})
    with pytest.raises(ReleaseError, match=r"refused \(status 401\); `dvc remote modify web user") as raised:
        pull(clone_of(tmp_path), "1.0.0", remote)
    assert PASSWORD[1:] not in str(raised.value) + capfd.readouterr().err


def test_a_version_that_a_web_server_does_not_have_is_told(web: Web, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"there is no sar-text 9\.0\.0; check the version"):
        pull(clone_of(tmp_path), "9.0.0", Remote(f"http://me:{PASSWORD}@{address(web)}"))


def test_over_http_nothing_is_pushed(published: Path, web: Web) -> None:
    with pytest.raises(ReleaseError, match="cannot be pushed over HTTP"):
        push(project_of(published), "1.0.0", Remote(f"http://{address(web)}"))


def said(root: Path, *words: str) -> str:
    done = CliRunner().invoke(cli, ["--root", str(root), "release", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_fresh_clone_pulls_the_exact_release_from_the_default_remote(assembled: Built, tmp_path: Path) -> None:
    root, clone = assembled.root, tmp_path / "clone"
    (root / ".gitignore").write_text("releases/\nbuild/\n")
    init_dvc(root, git=True)
    dvc(root, "remote", "add", "--default", "team", f"{tmp_path}/remote")
    git_commit(root)
    assembled.publish()
    said(root, "push", "1.0.0")
    subprocess.run(["git", "clone", "--quiet", str(root), str(clone)], check=True)
    said(clone, "pull", "1.0.0")
    assert sha256_tree(clone / "releases") == sha256_tree(root / "releases")


def test_the_commands_push_list_and_pull(published: Path, tmp_path: Path) -> None:
    root, remote = project_of(published).root, ["--remote", f"{tmp_path}{os.sep}remote"]
    assert said(root, "push", "1.0.0", *remote).startswith("pushed: name sar-text, version 1.0.0, remote ")
    clone = clone_of(tmp_path).root
    assert "1.0.0" in said(clone, "list", *remote)
    assert said(clone, "pull", "1.0.0", *remote).startswith("pulled: name sar-text, version 1.0.0, path ")
    assert "1.0.0" in said(clone, "list")
