"""What several tests need of processes, ports and DVC."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from orchestration.execution import environment


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """The folder in which one of the processes that share the tests builds what none of them changes."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    done = folder / "done"
    with FileLock(f"{folder}.lock"):
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            done.touch()
    return folder


def wait_for(condition: Callable[[], object], seconds: float = 180) -> None:
    """Wait until something holds; the deadline is for what never does, on a busy machine too."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def pids_in(record: Path, count: int) -> list[int]:
    """The processes that wrote their ids to a file, once they are so many."""
    wait_for(lambda: record.is_file() and len(record.read_text().split()) >= count)
    return [int(word) for word in record.read_text().split()]


def alive(process: int) -> bool:
    """Whether a process runs."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for_page(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a server that a process runs answers."""

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            return False
        return True

    wait_for(answers)


def completed(
    *command: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, whatever that is, with what it wrote."""
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def git_commit(root: Path) -> None:
    """Make a folder a repository with all that is in it, and that is not ignored, committed."""
    for command in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm t"):
        subprocess.run(["git", *command.split()], cwd=root, check=True)


def dvc(root: Path, *arguments: str) -> str:
    """Run DVC as a person would."""
    done = completed(sys.executable, "-m", "dvc", *arguments, cwd=root, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


def init_dvc(root: Path, *, git: bool = False) -> None:
    """Make a folder a project of DVC, which keeps beside it what it keeps elsewhere."""
    if git:
        subprocess.run(["git", "init", "--quiet", "."], cwd=root, check=True)
    dvc(root, "init", "--quiet", *([] if git else ["--no-scm"]))
    dvc(root, "config", "core.site_cache_dir", str(root.parent / f"{root.name}-site"))
