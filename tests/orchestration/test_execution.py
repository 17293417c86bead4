"""A stage's processes never outlive the run, nor what is served together any of its parts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.dvc_adapter import read_graph
from orchestration.execution import DVC_LINES, failure_reason, run_command, run_stage
from tests.conftest import ROOT
from tests.processes import alive, pids_in, wait_for

# a stage that starts a child which starts a child, all of them deaf to SIGTERM but the first
FAMILY = """
import os, signal, subprocess, sys, time
generation = int(sys.argv[1])
if generation:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with open(sys.argv[2], "a") as record:
    record.write(f"{os.getpid()}\\n")
if generation < 2:
    subprocess.Popen([sys.executable, __file__, str(generation + 1), sys.argv[2]])
time.sleep(60)
"""

RUNNER = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGTERM, signal.default_int_handler)
import orchestration.execution as execution
try:
    root = Path(sys.argv[1])
    execution.run_command(sys.argv[2:], root=root, log=root / "log.txt", listen=print, grace=0.5)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_to_the_runner_ends_children_and_grandchildren(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "family.py").write_text(FAMILY)
    (tmp_path / "runner.py").write_text(RUNNER)
    command = [sys.executable, str(tmp_path / "family.py"), "0", str(tmp_path / "pids")]
    runner = subprocess.Popen([sys.executable, str(tmp_path / "runner.py"), str(tmp_path), *command])
    processes = pids_in(tmp_path / "pids", 3)
    assert all(os.getpgid(process) != os.getpgid(runner.pid) for process in processes)
    runner.send_signal(number)
    assert runner.wait(timeout=120) == (-signal.SIGKILL if number is signal.SIGKILL else 130)
    wait_for(lambda: not any(map(alive, processes)))


def test_an_error_while_listening_ends_the_command(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise ValueError(line)

    command = ["sh", "-c", f"echo $$ > {tmp_path}/pids; echo first; sleep 60"]
    with pytest.raises(ValueError, match="first"):
        run_command(command, root=tmp_path, log=tmp_path / "log.txt", listen=refuse)
    assert not any(map(alive, pids_in(tmp_path / "pids", 1)))


def test_nothing_that_a_command_left_behind_goes_on(tmp_path: Path) -> None:
    command = ["sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pids; exit 3"]
    status, _ = run_command(command, root=tmp_path, log=tmp_path / "log.txt", listen=lambda line: None)
    assert status == 3
    assert not any(map(alive, pids_in(tmp_path / "pids", 1)))


def test_lines_are_streamed_as_they_come_and_kept(tmp_path: Path) -> None:
    """The command waits for an answer to its first line, which it gets only if that is heard at once."""
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        (tmp_path / "heard").touch()

    text = "echo first; while ! test -e heard; do sleep 0.05; done; printf 'half\\rwhole\\n\\n' >&2"
    log = tmp_path / "log" / "stage.txt"
    assert run_command(["sh", "-c", text], root=tmp_path, log=log, listen=answer)[0] == 0
    assert lines == ["first", "half", "whole"]
    assert log.read_text() == "first\nhalf\nwhole\n"


def test_a_run_hears_the_stage_and_its_log_dvc_too(toy: Path) -> None:
    stage = next(iter(read_graph(toy)))
    (toy / "dvc.lock").unlink()
    lines: list[str] = []
    run_stage(toy, stage, force=True, listen=lines.append)
    log = (toy / "build" / "log" / f"{stage.name}.txt").read_text()
    assert f"Running stage '{stage.name}':" in log
    assert "git add" in log
    assert not [line for line in lines if line.startswith(DVC_LINES)]


def test_a_stage_has_this_interpreter_and_learns_of_which_run_it_is_part(tmp_path: Path) -> None:
    lines: list[str] = []
    text = "python -c 'import sys; print(sys.prefix)'; echo $SARTEXT_DAGSTER_RUN_ID $DVC_NO_ANALYTICS"
    log, variables = tmp_path / "log.txt", {"SARTEXT_DAGSTER_RUN_ID": "0b5c"}
    run_command(["sh", "-c", text], root=tmp_path, log=log, listen=lines.append, variables=variables)
    assert lines == [sys.prefix, "0b5c 1"]


FAILED = "ERROR: failed to reproduce 'x'"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Running stage 'x':", "> python x", "error: no such box", FAILED], "no such box"),
        (["reading", "killed", FAILED], "killed"),
        (["Running stage 'x':", f"{FAILED}: missing data"], f"{FAILED}: missing data"),
        (["writing", "\tgit add dvc.lock", "Use `dvc push` to send your updates to remote storage."], "writing"),
        ([], "no output"),
    ],
)
def test_the_line_that_says_best_why(lines: list[str], expected: str) -> None:
    assert failure_reason(lines) == expected


Served = list["subprocess.Popen[str]"]
SERVE = """
import sys
from pathlib import Path
from orchestration.serving import serve_all
root = Path(sys.argv[1])
first, second = (f"echo $$ > {root}/{name}; {rest}" for name, rest in zip(("first", "second"), sys.argv[2:]))
sys.exit(serve_all({"First here": ["sh", "-c", first], "Second there": ["sh", "-c", second]}, root))
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """What a test started; ended with it."""
    started: Served = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def serve(served: Served, root: Path, first: str, second: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVE, str(root), first, second]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    served.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for name in ("first", "second"):
        pids_in(root / name, 1)
    return served[0]


def runs(root: Path, name: str) -> bool:
    return alive(int((root / name).read_text()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_all_end_with_it(served: Served, tmp_path: Path, number: signal.Signals) -> None:
    process = serve(served, tmp_path, "sleep 60", "sleep 60")
    process.send_signal(number)
    assert process.wait(60) == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    wait_for(lambda: not runs(tmp_path, "first") and not runs(tmp_path, "second"))


def test_the_end_of_the_first_is_the_end_of_all(served: Served, tmp_path: Path) -> None:
    process = serve(served, tmp_path, "exit 3", "sleep 60")
    assert process.wait(60) == 3
    assert not runs(tmp_path, "second")


def test_the_end_of_another_is_told(served: Served, tmp_path: Path) -> None:
    process = serve(served, tmp_path, "sleep 60", "echo no room; exit 1")
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    assert lines[2] == "warning: Second there has ended; its last words are in build/log/second.txt\n"
    assert (tmp_path / "build/log/second.txt").read_text() == "no room\n"
    assert process.poll() is None
