"""The key goes into the request's header and nowhere else, whatever a server does with it."""

import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from sartext.errors import ParameterError
from sartext.llm.stage import rewrite_corpus

from .making import captions, pairs_project
from .server import KEY, Reply, Request, Server, obedient

TELLING = [
    Reply(status=500),
    Reply(status=429),
    Reply(status=400, headers=(("X-Your-Key", KEY),)),
    Reply(f"There is a river, {KEY}, near a lake."),
    Reply("There is a river.", finish=KEY),
    Reply(raw=KEY.encode()),
]
"""What repeats the key: errors, refusals, answers and what is none."""


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def run_stage(root: Path) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "sartext", "rewrite", "c"]
    environment = {**os.environ, "OPENAI_LOG": "debug", "TOY_KEY": KEY}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize(("telling", "status"), [(TELLING, 0), ([Reply(status=401)], 1)], ids=["ends", "stops"])
def test_a_marked_key_stands_in_no_byte_that_the_stage_writes_or_says(tmp_path, telling, status):
    replies = cycle(telling)

    def behave(request: Request) -> Reply:
        return next(replies) if request.caption in told else obedient(request)

    told = set(captions(12))
    with Server(behave) as server:
        pairs_project(tmp_path, captions(16), url=server.url, endpoint={"attempts": 2, "concurrency": 1})
        done = run_stage(tmp_path)
        port = str(server.port)
    assert done.returncode == status, done.stderr
    assert server.requests[0].authorization == f"Bearer {KEY}"
    assert KEY.encode() not in all_bytes(tmp_path)
    assert KEY.encode() not in done.stdout + done.stderr
    outputs = all_bytes(tmp_path / "build") + all_bytes(tmp_path / "llm-answers")
    assert f"127.0.0.1:{port}".encode() not in outputs, "where the endpoint is decides no artefact"
    assert port not in (tmp_path / "params.yaml").read_text(), "which a release holds"


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY}-schl\u00fcssel"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_shown(tmp_path, key, monkeypatch):
    monkeypatch.setenv("TOY_KEY", key)
    project = pairs_project(tmp_path, captions(1))
    with pytest.raises(ParameterError, match="TOY_KEY holds what no key does") as told:
        rewrite_corpus(project, "c")
    assert KEY not in str(told.value)
