"""Pages that are served together end together, however this process ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import alive, pids_in, wait_for

SERVE = """
import sys
from pathlib import Path
from orchestration.serving import serve_all
root = Path(sys.argv[1])
first, second = (f"echo $$ > {root}/{name}; {rest}" for name, rest in zip(("first", "second"), sys.argv[2:]))
sys.exit(serve_all({"First here": ["sh", "-c", first], "Second there": ["sh", "-c", second]}, root))
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """What a test started; ended with it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def serve(served: list[subprocess.Popen[str]], root: Path, first: str, second: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, str(root), first, second]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    served.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for name in ("first", "second"):
        pids_in(root / name, 1)
    return served[0]


def runs(root: Path, name: str) -> bool:
    return alive(int((root / name).read_text()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_end_with_this_process(
    served: list[subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
) -> None:
    process = serve(served, tmp_path, "sleep 60", "sleep 60")
    process.send_signal(number)
    assert process.wait(60) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    wait_for(lambda: not runs(tmp_path, "first") and not runs(tmp_path, "second"))


def test_the_end_of_the_first_is_the_end_of_all(served: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    process = serve(served, tmp_path, "exit 3", "sleep 60")
    assert process.wait(60) == 3
    assert not runs(tmp_path, "second")


def test_the_end_of_another_is_told_and_the_first_goes_on(
    served: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = serve(served, tmp_path, "sleep 60", "echo no room; exit 1")
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    assert lines[2] == "warning: Second there has ended; its last words are in build/log/second.txt\n"
    assert (tmp_path / "build/log/second.txt").read_text() == "no room\n"
    assert process.poll() is None
