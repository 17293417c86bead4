"""Through a server of S3 in a process of its own: killed in the middle, flipped there, refused, away."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release.distribution import transfer
from sartext.release.distribution.listing import version_table
from sartext.release.distribution.pulling import pull
from sartext.release.distribution.pushing import push
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.stores.s3 import S3Store
from sartext.release.distribution.stores.s3_client import make_client
from tests.conftest import ROOT
from tests.processes import free_port, wait_for, wait_for_page
from tests.release.built import Built
from tests.release.distributing import clone_of, other_content, project_of

pytest.importorskip("moto", reason="moto is not installed: `pip install --editable '.[dev]'`")

BUCKET, SECRET = "releases-of-the-team", "a-secret-that-nobody-may-see"
FOLDER = "team/releases/sar-text/1.0.0"


@dataclass
class Server:
    """The server, its port and what it recorded."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def remote(self) -> Remote:
        return self.with_options()

    def with_options(self, url: str = f"s3://{BUCKET}/team", **options: str) -> Remote:
        settings = {"endpointurl": f"http://127.0.0.1:{self.port}", "region": "us-east-1"}
        keys = {"access_key_id": "testing", "secret_access_key": SECRET}
        return Remote(url, "store", {**settings, **keys, **options})

    @cached_property
    def client(self) -> Any:
        return make_client(self.remote, 1)

    def uploads(self) -> list[str]:
        lines = (self.folder / "requests").read_text().splitlines()
        return [line.partition("/1.0.0/")[2] for line in lines if line.startswith("PUT") and "/1.0.0/" in line]

    def keys(self) -> set[str]:
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {item["Key"].partition("/1.0.0/")[2] or item["Key"] for item in listed}

    def content(self, path: str) -> bytes:
        body = self.client.get_object(Bucket=BUCKET, Key=f"{FOLDER}/{path}")["Body"]
        return bytes(body.read())


def started(folder: Path, port: int, **environment: str) -> "subprocess.Popen[bytes]":
    log = folder / "log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.release.s3_server", str(port), str(folder)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=stream,
            stderr=stream,
        )
    wait_for_page(f"http://127.0.0.1:{port}/moto-api/data.json", process, log)
    return process


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, port = tmp_path_factory.mktemp("s3"), free_port()
    server = Server(folder, port, started(folder, port))
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture
def server(running: Server) -> Server:
    """The server with an empty bucket and an empty record."""
    for key in [item["Key"] for item in _objects(running)]:
        running.client.delete_object(Bucket=BUCKET, Key=key)
    forget(running)
    return running


def _objects(server: Server) -> list[dict[str, Any]]:
    client = server.client
    client.create_bucket(Bucket=BUCKET)
    return list(client.list_objects_v2(Bucket=BUCKET).get("Contents", ()))


def test_a_release_goes_to_s3_file_by_file_with_its_manifest_last_and_comes_back_byte_for_byte(
    published: Path, server: Server, tmp_path: Path
) -> None:
    told = push(project_of(published), "1.0.0", server.remote)
    files = sha256_tree(published)
    assert told["sent"] == len(files) - 1
    assert server.keys() == files.keys()
    uploads = server.uploads()
    assert (sorted(uploads), uploads[-1]) == (sorted(files), "MANIFEST.json")
    clone = clone_of(tmp_path)
    pull(clone, "1.0.0", server.remote)
    assert sha256_tree(clone.releases / "1.0.0") == files


def test_a_push_killed_in_the_middle_leaves_nothing_visible_and_the_next_sends_the_rest(
    published: Path, server: Server, tmp_path: Path
) -> None:
    held, files = "data/train-00001-of-00003.parquet", sha256_tree(published)
    with held_at(server, held):
        process = subprocess.Popen(command(project_of(published), "push"), env=environment(server))
        others = sorted(files.keys() - {held, "MANIFEST.json"})
        wait_for(lambda: held in server.uploads() and set(others) <= server.keys())
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.raises(ReleaseError, match=r"there is no sar-text 1\.0\.0"):
        pull(clone_of(tmp_path), "1.0.0", server.remote)
    forget(server)
    told = push(project_of(published), "1.0.0", server.remote)
    assert told["sent"] in {0, 1}  # the server may have finished what it held
    assert set(server.uploads()) <= {held, "MANIFEST.json"}
    pull(clone_of(tmp_path), "1.0.0", server.remote)
    assert sha256_tree(clone_of(tmp_path).releases / "1.0.0") == files


def test_a_server_killed_in_the_middle_is_one_line_that_names_the_setting_and_the_push_is_taken_up(
    published: Path, tmp_path: Path
) -> None:
    port = free_port()
    server = Server(tmp_path, port, started(tmp_path, port))
    server.client.create_bucket(Bucket=BUCKET)
    try:
        with held_at(server, "ledger.parquet"):
            process = subprocess.Popen(
                command(project_of(published), "push"), env=environment(server), stderr=subprocess.PIPE, text=True
            )
            wait_for(lambda: "ledger.parquet" in server.uploads())
            server.process.kill()
            server.process.wait()
            _, said = process.communicate()
        assert process.returncode == 1
        error = said.splitlines()[-1]
        assert error.startswith("error: ") and "AWS_ENDPOINT_URL" in error and SECRET not in said
        server.process = started(tmp_path, port)
        server.client.create_bucket(Bucket=BUCKET)
        push(project_of(published), "1.0.0", server.remote)
        assert server.keys() == sha256_tree(published).keys()
    finally:
        server.process.kill()
        server.process.wait()


def test_a_pull_killed_in_the_middle_puts_nothing_in_place_and_the_next_fetches_the_rest(
    published: Path, server: Server, tmp_path: Path
) -> None:
    push(project_of(published), "1.0.0", server.remote)
    clone, held = clone_of(tmp_path), "ledger.parquet"
    forget(server)
    with held_at(server, held, "GET"):
        process = subprocess.Popen(
            command(clone, "pull"),
            env=environment(server),
        )
        arrived = clone.releases / f".pulling-1.0.0-{sha256_tree(published)['MANIFEST.json'][:16]}"
        wanted = sha256_tree(published).keys() - {held, "MANIFEST.json"}
        wait_for(lambda: all((arrived / path).is_file() for path in wanted))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (clone.releases / "1.0.0").exists()
    told = pull(clone, "1.0.0", server.remote)
    assert told["fetched"] == 1
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


def test_a_byte_flipped_in_the_bucket_is_found_named_and_mended(
    published: Path, server: Server, tmp_path: Path
) -> None:
    push(project_of(published), "1.0.0", server.remote)
    content = bytearray(server.content("csv/train.csv"))
    content[7] ^= 1
    key = f"{FOLDER}/csv/train.csv"
    server.client.put_object(Bucket=BUCKET, Key=key, Body=bytes(content))
    clone = clone_of(tmp_path)
    with pytest.raises(ReleaseError, match=r"csv/train\.csv is not what the manifest names: .*other bytes"):
        pull(clone, "1.0.0", server.remote)
    assert not (clone.releases / "1.0.0").exists()
    told = push(project_of(published), "1.0.0", server.remote)
    assert told["sent"] == 1
    pull(clone, "1.0.0", server.remote)
    assert sha256_tree(clone.releases / "1.0.0") == sha256_tree(published)


def test_of_two_publishers_the_second_is_told_and_what_is_published_stays(
    published: Path, assembled: Built, server: Server
) -> None:
    other, held = other_content(assembled), "ledger.parquet"
    with held_at(server, held):
        first = subprocess.Popen(command(project_of(published), "push"), env=environment(server))
        wait_for(lambda: held in server.uploads())
        with pytest.raises(ReleaseError, match=r"a push of 1\.0\.0 with other content has begun"):
            push(other, "1.0.0", server.remote)
    assert first.wait() == 0
    with pytest.raises(ReleaseError, match=r"1\.0\.0 is published there with other content"):
        push(other, "1.0.0", server.remote)
    assert server.content("MANIFEST.json") == (published / "MANIFEST.json").read_bytes()


def test_a_manifest_is_written_once_whoever_asks(server: Server) -> None:
    store = S3Store(server.remote)
    assert store.create("releases/sar-text/1.0.0/MANIFEST.json", b"first")
    assert not store.create("releases/sar-text/1.0.0/MANIFEST.json", b"second")
    assert server.content("MANIFEST.json") == b"first"


def test_versions_in_a_bucket_are_listed(published: Path, server: Server, tmp_path: Path) -> None:
    push(project_of(published), "1.0.0", server.remote)
    server.client.put_object(Bucket=BUCKET, Key="team/releases/sar-text/2.0.0/data/half.parquet", Body=b"half")
    table = version_table(clone_of(tmp_path), server.remote)
    assert list(table.columns[0].cells) == ["1.0.0"]
    with pytest.raises(ReleaseError, match=r"did you mean '1\.0\.0'"):
        pull(clone_of(tmp_path), "1.0.1", server.remote)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "s3://no-such-bucket/team"}, r"there is no such bucket; .*`dvc remote modify store url"),
        ({"url": "s3://a bucket/team"}, r"no name of a bucket.*`dvc remote modify store url"),
        ({"url": "s3:///team"}, r"names no bucket.*`dvc remote modify store url"),
        (
            {"endpointurl": "http://127.0.0.1:1"},
            r"cannot be reached, 4 times; `dvc remote modify store endpointurl",
        ),
        ({"endpointurl": "nowhere"}, r"`dvc remote modify store endpointurl"),
        ({"profile": "nobody"}, r"no such profile; `dvc remote modify store profile"),
        ({"use_ssl": "perhaps"}, r"use_ssl is neither true nor false; `dvc remote modify store use_ssl"),
        ({"read_timeout": "soon"}, r"read_timeout is no number of seconds"),
        ({"sse_customer_key": "x"}, r"not pushed with sse_customer_key"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    published: Path, server: Server, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], message: str
) -> None:
    monkeypatch.setattr(transfer, "PAUSES", (0, 0, 0))
    with pytest.raises(ReleaseError, match=message) as raised:
        push(project_of(published), "1.0.0", server.with_options(**options))
    assert SECRET not in str(raised.value) and len(raised.value.lines) == 1


def test_a_wrong_key_is_one_line_that_names_it_and_is_not_tried_again(
    published: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    server = Server(tmp_path, port, started(tmp_path, port, INITIAL_NO_AUTH_ACTION_COUNT="0"))
    try:
        with pytest.raises(
            ReleaseError, match=r"refuses the key.*`dvc remote modify --local store access_key_id"
        ) as raised:
            push(project_of(published), "1.0.0", server.remote)
    finally:
        server.process.kill()
        server.process.wait()
    assert SECRET not in str(raised.value)
    assert "trying again" not in capfd.readouterr().err


def test_without_any_key_the_ways_to_give_one_are_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    keyless = {name: text for name, text in server.remote.options.items() if "key" not in name}
    with pytest.raises(ReleaseError, match="there is no key for the bucket; set AWS_ACCESS_KEY_ID"):
        pull(clone_of(tmp_path), "1.0.0", Remote(server.remote.url, "store", keyless))


def command(project: Project, verb: str) -> list[str]:
    words = [verb, "1.0.0", "--remote", f"s3://{BUCKET}/team"]
    return [sys.executable, "-m", "sartext", "--root", str(project.root), "release", *words]


def environment(server: Server) -> dict[str, str]:
    """What Amazon's tools look at, and nothing of whoever runs the test."""
    usual = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_REGION": "us-east-1"}
    return {**os.environ, **usual, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": SECRET}


@contextmanager
def held_at(server: Server, path: str, method: str = "PUT") -> Iterator[None]:
    """Let requests of one kind for a path wait meanwhile."""
    hold = server.folder / "hold"
    hold.write_text(f"{method} {path}")
    try:
        yield
    finally:
        hold.unlink()


def forget(server: Server) -> None:
    """Empty the record of requests."""
    (server.folder / "requests").write_text("")
