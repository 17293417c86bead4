"""Dagster's page and MLflow's, served together: none outlives the other or this process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from dagster import DagsterInstance

from orchestration.execution import SUPERVISOR, environment, wait_for_end
from orchestration.runs import close_abandoned, prepare_home
from sartext.errors import SarTextError
from sartext.locking import project_lock
from sartext.tracking.store import PAGE_VARIABLE

GRACE_SECONDS = 30.0
"""Dagster ends its web server, daemon and runs one after the other."""

LOOK_SECONDS = 0.5


class ServeError(SarTextError):
    """A page cannot be served."""


def serve(root: Path, port: int, mlflow_port: int | None = None) -> int:
    """Serve Dagster's page with its daemon, and MLflow's page, on 127.0.0.1 until one is interrupted.

    MLflow's page is left out where ``MLFLOW_TRACKING_URI`` names a server, which has its own.

    Args:
        root: the project's folder.
        port: of Dagster's page.
        mlflow_port: of MLflow's page; the next one where none is given.

    Returns:
        The exit status.

    Raises:
        ServeError: MLflow's port is taken.
    """
    prepare_home(root)
    try:
        with project_lock(root, wait=False), DagsterInstance.get() as instance:
            close_abandoned(instance)
    except SarTextError:
        pass  # a build is running: its run is no abandoned one
    dagster = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    commands = {f"Dagster on http://127.0.0.1:{port}": [*dagster, "-m", "orchestration.definitions"]}
    if not os.environ.get("MLFLOW_TRACKING_URI", "").strip():
        own = mlflow_port or port + 1
        _require_free(own)
        page = f"http://127.0.0.1:{own}"
        os.environ[PAGE_VARIABLE] = page  # what is built from the page links to it
        commands[f"MLflow on {page}"] = [sys.executable, "-m", "sartext", "tracking", "serve", "--port", str(own)]
    return serve_all(commands, root)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServeError(
                f"port {port}, which MLflow's page would have, is taken",
                way_out="`make ui MLFLOW_PORT=…` takes another",
            ) from error


def serve_all(commands: Mapping[str, Sequence[str]], root: Path) -> int:
    """Run commands until one of them ends or this process is interrupted; then end them all.

    The first may write to the terminal; what the others write goes to ``build/log/<program>.txt``. Each runs under
    the supervisor: if this process is killed outright, they end too.

    Args:
        commands: by what they serve, such as ``MLflow on http://127.0.0.1:3001``.
        root: the folder to run them in.

    Returns:
        The exit status of the one that ended first; 0 if they were interrupted.
    """
    # a shell starts background jobs with SIGINT ignored, which the commands would inherit
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    watched, hold = os.pipe()
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            running[name] = _start(name, command, root, watched, quiet=bool(running))
            sys.stderr.write(f"serving {name}\n")
        return _watch(running)
    except KeyboardInterrupt:
        return 0
    finally:
        os.close(hold)
        os.close(watched)
        for process in running.values():
            wait_for_end(process)


def _start(
    name: str, command: Sequence[str], root: Path, watched: int, *, quiet: bool
) -> "subprocess.Popen[bytes]":
    supervised = [sys.executable, str(SUPERVISOR), str(watched), str(GRACE_SECONDS), *command]
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
            pass_fds=(watched,),
            start_new_session=True,
        )
    finally:
        if output is not None:
            output.close()


def _watch(running: Mapping[str, "subprocess.Popen[bytes]"]) -> int:
    """Wait until the first of them ends; the end of another is reported, and the rest goes on."""
    first, *others = running
    reported: set[str] = set()
    while (status := running[first].poll()) is None:
        for name in others:
            if running[name].poll() is not None and name not in reported:
                reported.add(name)
                sys.stderr.write(f"warning: {name} has ended; its last words are in {_log(name)}\n")
        time.sleep(LOOK_SECONDS)
    return status


def _log(name: str) -> str:
    program, _, _ = name.partition(" ")
    return f"build/log/{program.lower()}.txt"


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
