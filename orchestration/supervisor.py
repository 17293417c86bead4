"""Runs a command that ends with the process that started it.

Run as a script: ``supervisor.py PIPES GRACE COMMAND...``. The command gets a session of its own. When one of the
PIPES (file descriptors, by commas) closes, as it does however its holder ends, or a SIGTERM comes, the command's
whole process group gets SIGTERM, and SIGKILL after GRACE seconds. Standard library only: it starts with every
stage.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ENDED = 128 + signal.SIGTERM


def supervise(pipes: Sequence[int], grace: float, command: Sequence[str]) -> int:
    """Run a command until it ends or one of the pipes closes; return its exit status (143 if it was ended)."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    # handlers, not SIG_IGN: what is ignored stays ignored in the command
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    child = subprocess.Popen(command, start_new_session=True)
    ended = False
    while child.poll() is None and not ended:
        ready, _, _ = select.select([*pipes, woken], [], [])
        signals = os.read(woken, 64) if woken in ready else b""
        ended = ready != [woken] or signal.SIGTERM in signals
    end_group(child, grace)
    return ENDED if ended else (child.returncode if child.returncode >= 0 else 128 - child.returncode)


def end_group(leader: subprocess.Popen[bytes], grace: float) -> None:
    """End every process of a group: SIGTERM, then SIGKILL for those that are still there after the grace."""
    deadline = time.monotonic() + grace
    if _alive(leader):
        _signal(leader.pid, signal.SIGTERM)
    while _alive(leader) and time.monotonic() < deadline:
        time.sleep(0.05)
    if _alive(leader):
        _signal(leader.pid, signal.SIGKILL)
    leader.wait()


def _alive(leader: subprocess.Popen[bytes]) -> bool:
    leader.poll()
    processes = Path("/proc")
    if not (processes / "self" / "stat").exists():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, 0)
            return True
        return False
    return any(_in_group(folder / "stat", leader.pid) for folder in processes.iterdir() if folder.name.isdigit())


def _in_group(stat: Path, group: int) -> bool:
    try:
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return False  # it ended meanwhile
    return int(fields[2]) == group and fields[0] not in "ZX"


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(supervise([int(number) for number in sys.argv[1].split(",")], float(sys.argv[2]), sys.argv[3:]))
