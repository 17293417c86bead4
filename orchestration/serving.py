"""Dagster's page and MLflow's, served together: none outlives the other or this process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from dagster import DagsterInstance

from orchestration.execution import supervision
from orchestration.runs import close_abandoned, prepare_home
from sartext.checkout import project_lock
from sartext.errors import SarTextError
from sartext.tracking.store import PAGE_VARIABLE

GRACE_SECONDS = 30.0
"""Dagster ends its web server, daemon and runs one after the other."""

LOOK_SECONDS = 0.5


class ServeError(SarTextError):
    """A page cannot be served."""


def serve(root: Path, port: int, mlflow_port: int | None = None) -> int:
    """Serve Dagster's page with its daemon, and MLflow's page, on 127.0.0.1; return the exit status.

    MLflow's page, at the next port where none is given, is left out where ``MLFLOW_TRACKING_URI`` names a server,
    which has its own.

    Raises:
        ServeError: MLflow's port is taken.
    """
    prepare_home(root)
    with (
        suppress(SarTextError),  # a build is running: its run is no abandoned one
        project_lock(root, wait=False),
        DagsterInstance.get() as instance,
    ):
        close_abandoned(instance)
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
    """Run commands in a folder until the first ends or this process is interrupted; then end them all.

    The first may write to the terminal; what the others write goes to ``build/log/<program>.txt``.

    Args:
        commands: by what they serve, such as ``MLflow on http://127.0.0.1:3001``.
        root: the folder.

    Returns:
        The exit status of the first; 0 if they were interrupted.
    """
    # a shell starts background jobs with SIGINT ignored, which the commands would inherit
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    logs = {name: root / "build" / "log" / f"{name.partition(' ')[0].lower()}.txt" for name in commands}
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        start = stack.enter_context(supervision(root, GRACE_SECONDS))
        running: dict[str, subprocess.Popen[bytes]] = {}
        for name, command in commands.items():
            output = None
            if running:
                logs[name].parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(logs[name].open("wb"))
            running[name] = start(command, {}, stdout=output, stderr=output)
            sys.stderr.write(f"serving {name}\n")
        first, *others = running
        while (status := running[first].poll()) is None:
            for name in [name for name in others if running[name].poll() is not None]:
                others.remove(name)  # its end is said once, and the rest goes on
                place = logs[name].relative_to(root)
                sys.stderr.write(f"warning: {name} has ended; its last words are in {place}\n")
            time.sleep(LOOK_SECONDS)
        return status
    return 0
