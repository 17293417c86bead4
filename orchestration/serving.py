"""Several pages served together: they begin together, and none outlives the others or this process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from orchestration.execution import SUPERVISOR, environment

GRACE_SECONDS = 30.0
"""Dagster ends its web server, daemon and runs one after the other."""

LOOK_SECONDS = 0.5


def serve_all(commands: Mapping[str, Sequence[str]], root: Path) -> int:
    """Run commands until one of them ends or this process is interrupted; then end them all.

    The first may write to the terminal; what the others write goes to ``build/log/<program>.txt``. Each runs under
    the supervisor on a leash: if this process is killed outright, they end too.

    Args:
        commands: by what they serve, such as ``MLflow on http://127.0.0.1:3001``.
        root: the folder to run them in.

    Returns:
        The exit status of the one that ended first; 0 if they were interrupted.
    """
    # a shell starts background jobs with SIGINT ignored, which the commands would inherit
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    leash, hold = os.pipe()
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            running[name] = _start(name, command, root, leash, quiet=bool(running))
            sys.stderr.write(f"serving {name}\n")
        return _watch(running)
    except KeyboardInterrupt:
        return 0
    finally:
        os.close(hold)
        os.close(leash)
        for process in running.values():
            _await(process)


def _start(name: str, command: Sequence[str], root: Path, leash: int, *, quiet: bool) -> "subprocess.Popen[bytes]":
    supervised = [sys.executable, str(SUPERVISOR), str(leash), str(GRACE_SECONDS), *command]
    log = root / _log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    output = log.open("wb") if quiet else None
    try:
        return subprocess.Popen(
            supervised,
            cwd=root,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(leash,),
            start_new_session=True,
        )
    finally:
        if output is not None:
            output.close()


def _watch(running: Mapping[str, "subprocess.Popen[bytes]"]) -> int:
    """Wait until the first of them ends; another that ends is told, and the rest goes on."""
    first, *others = running
    told: set[str] = set()
    while (status := running[first].poll()) is None:
        for name in others:
            if running[name].poll() is not None and name not in told:
                told.add(name)
                sys.stderr.write(f"warning: {name} has ended; its last words are in {_log(name)}\n")
        time.sleep(LOOK_SECONDS)
    return status


def _log(name: str) -> str:
    program, _, _ = name.partition(" ")
    return f"build/log/{program.lower()}.txt"


def _await(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a supervisor that was let go; a second Ctrl-C must not leave its command behind."""
    while process.poll() is None:
        with suppress(KeyboardInterrupt):
            process.wait()


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
