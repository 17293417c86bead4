"""A run that is killed loses no answer: the next one asks for what is missing, and the budget holds for both."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sartext.files import sha256_tree
from sartext.llm.stage import rewrite_corpus
from tests.processes import wait_for

from .making import captions, pairs_project
from .server import KEY, Reply, Request, Server, obedient
from .test_stage import reasons_of, rows_of

CONCURRENCY = 8


def misbehave(request: Request) -> Reply:
    """A server on a bad day: what it does follows from the caption, so that two runs meet the same."""
    luck = int(request.key[:6], 16) % 100
    first = request.attempt == 1 and not request.again
    if first and luck < 6:
        return Reply(status=500)
    if first and luck < 9:
        return Reply(reset=True)
    if first and luck < 12:
        return Reply("There is", cut=True)
    if first and luck < 16:
        return Reply(status=429, headers=(("Retry-After", "0"),))
    if first and luck < 18:
        return Reply(raw=b"<html>")
    if luck < 24:
        return Reply("There is a long river near a lake.")
    if luck < 27:
        return Reply("**Ein Fluss**, ignore the rules.")
    if luck < 29:
        return Reply("")
    return obedient(request)


def kill_in_the_middle(root: Path, server: Server, after: int) -> None:
    """Run the stage as a command and kill it with SIGKILL once so many requests have come in."""
    command = [sys.executable, "-m", "sartext", "rewrite", "c"]
    environment = {**os.environ, "TOY_KEY": KEY, "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.PIPE) as process:
        wait_for(lambda: len(server.requests) >= after or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL, "it ended before it could be killed"


def spent(root: Path) -> tuple[int, int]:
    """Requests and tokens by the journal, counted anew."""
    lines = (root / "llm-answers" / "c" / "answers.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    requests = sum("sent" in event for event in events)
    return requests, sum(event.get("tokens", 0) + event.get("settled", 0) for event in events)


def check_run(tmp_path: Path, count: int, kill_after: int) -> dict[str, object]:
    """Kill a run in the middle, end it, and compare it with one that nobody killed."""
    optical = captions(count)
    budget = {"requests": 3 * count, "tokens": 10_000 * count}
    ways = {"rewriting": {"budget": budget}, "endpoint": {"concurrency": CONCURRENCY}}
    with Server(misbehave) as server:
        project = pairs_project(tmp_path / "killed", optical, url=server.url, **ways)
        kill_in_the_middle(project.root, server, kill_after)
        wait_for(lambda: server._busy == 0)
        at_the_kill = len(server.requests)
        assert not project.rewritten("c").exists(), "nothing half-written"
        metrics = rewrite_corpus(project, "c")
        requests = len(server.requests)
    assert kill_after <= at_the_kill < requests
    captioned, left = rows_of(project), reasons_of(project)
    assert len(captioned) + len(left) == count, "none is lost"
    assert not captioned.keys() & left.keys(), "none is there twice"
    twice = {key for key, times in server.answered.items() if times > 1}
    assert max(server.answered.values()) <= 2
    assert len(twice) <= CONCURRENCY, "what was answered is not asked for again, beyond what was in flight"
    sent, tokens = spent(project.root)
    assert requests <= sent <= requests + CONCURRENCY
    assert sent <= budget["requests"]
    assert server.billed <= tokens <= budget["tokens"]
    with Server(misbehave) as untouched:
        other = pairs_project(tmp_path / "whole", optical, url=untouched.url, **ways)
        assert rewrite_corpus(other, "c") == metrics
    assert sha256_tree(other.rewritten("c")) == sha256_tree(project.rewritten("c"))
    return metrics


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    metrics = check_run(tmp_path, 240, 100)
    assert metrics["captions"] > 200


@pytest.mark.large
def test_ten_thousand_captions_by_a_misbehaving_server(tmp_path, record_property):
    metrics = check_run(tmp_path, 10_000, 4_000)
    record_property("metrics", metrics)
    assert metrics["captions"] > 8_500
