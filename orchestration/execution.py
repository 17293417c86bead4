"""Running a stage as DVC runs it, in processes of its own that never outlive the run."""

import multiprocessing
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from orchestration.graph import Stage
from sartext.errors import ArtefactError

GRACE_SECONDS = 10.0
TRAINING_GRACE_SECONDS = 60.0
"""A large model takes that long to write its state when its training is cancelled."""

TRAINING = "training"
"""The pool of the trainings, and of what captions with their models."""

TAIL_LINES = 20
DVC_LINES = (
    "Running stage",
    "> ",
    "Generating lock file",
    "Updating lock file",
    "To track the changes with git",
    "To enable auto staging",
    "\tgit add",
    "\tdvc config",
    "Use `dvc push`",
)
"""How the lines begin by which DVC says what it does; they stay in ``build/log``."""

TRANSIENT = re.compile(r"is busy, it is being blocked by|Unable to acquire lock|exited with 75$")
"""DVC's words for what may pass: the stage runs elsewhere, DVC's lock is held, or the command said EX_TEMPFAIL."""

RESTORED = re.compile(r"^Stage '.*' is cached - skipping run")
SUPERVISOR = Path(__file__).with_name("supervisor.py")
Listener = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status and the last lines that it wrote."""

    status: int
    tail: tuple[str, ...]


class StageError(ArtefactError):
    """A stage's command failed.

    ``tail`` holds the last lines that it wrote; ``transient`` says whether the same command may succeed later.
    """

    tail: tuple[str, ...] = ()
    transient = False


def run_stage(
    root: Path, stage: Stage, *, force: bool, listen: Listener, variables: Mapping[str, str] | None = None
) -> bool:
    """Make one stage with ``dvc repro --single-item``; its lines go to ``listen``, with DVC's to ``build/log``.

    Args:
        root: the project's folder.
        stage: the stage.
        force: run it although DVC sees nothing to do.
        listen: called with each line of the stage's output, without its end.
        variables: added to its environment.

    Returns:
        Whether its command ran; false where DVC had what it makes in its cache.

    Raises:
        StageError: the command failed; the message holds what it said last.
    """
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item"]
    command += [*(["--force"] if force else []), stage.name]
    log = root / "build" / "log" / f"{stage.name}.txt"
    grace = TRAINING_GRACE_SECONDS if stage.pool == TRAINING else GRACE_SECONDS

    def listen_to_stage(line: str) -> None:
        if not line.startswith(DVC_LINES):
            listen(line)

    ended = run_command(command, root=root, log=log, listen=listen_to_stage, variables=variables, grace=grace)
    if ended.status != 0:
        error = StageError(
            f"{stage.title} failed: {failure_reason(ended.tail)}",
            way_out=f"the whole output is in build/log/{log.name}",
        )
        error.tail = ended.tail
        error.transient = any(map(TRANSIENT.search, ended.tail))
        raise error
    return not any(map(RESTORED.search, ended.tail))


def run_command(
    command: Sequence[str],
    *,
    root: Path,
    log: Path,
    listen: Listener,
    variables: Mapping[str, str] | None = None,
    grace: float = GRACE_SECONDS,
) -> Ended:
    """Run a command in a session of its own, with variables added to its environment, and stream its output.

    However this function is left, by an interrupt or an error too, no process of the command remains: they get
    SIGTERM, and SIGKILL after the grace in seconds. They end in the same way if this process, or the run's that
    started it as a step, is killed outright.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    watched, hold = os.pipe()
    run = multiprocessing.parent_process()
    leashes = [watched, *([run.sentinel] if run is not None else [])]
    supervised = [sys.executable, str(SUPERVISOR), ",".join(map(str, leashes)), str(grace), *command]
    process: subprocess.Popen[str] | None = None
    try:
        process = subprocess.Popen(
            supervised,
            cwd=root,
            env={**environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            pass_fds=leashes,
            start_new_session=True,
        )
        with log.open("w", encoding="utf-8") as record:
            tail = _stream(process, record, listen)
        return Ended(process.wait(), tail)
    finally:
        os.close(hold)
        os.close(watched)
        if process is not None:
            wait_for_end(process)
            if process.stdout:
                process.stdout.close()


def _stream(process: "subprocess.Popen[str]", record: TextIO, listen: Listener) -> tuple[str, ...]:
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    for raw in process.stdout or ():
        line = raw.rstrip()
        if line:
            tail.append(line)
            record.write(f"{line}\n")
            record.flush()
            listen(line)
    return tuple(tail)


def wait_for_end(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """Wait until a supervisor has ended its group; a second Ctrl-C must not leave it behind."""
    while True:
        try:
            process.wait()
        except BaseException:  # noqa: S112 - an interrupt; the supervisor is done within the grace
            continue
        else:
            return


def environment() -> dict[str, str]:
    """This process's environment with its interpreter first on PATH, so that ``python`` in a stage is the same."""
    path = os.environ.get("PATH", os.defpath)
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{path}", "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}


def failure_reason(tail: Sequence[str]) -> str:
    """The line that says best why a command failed: its last error, else its last line; DVC's own words aside."""
    own = [line for line in tail if not line.startswith(DVC_LINES) and not _repeats(line)]
    errors = [line for line in own if line.lower().startswith("error")]
    return (errors or own or ["no output"])[-1].removeprefix("error: ")


def _repeats(line: str) -> bool:
    """Tell whether DVC only repeats that a command failed; a reason of its own stands after a colon."""
    _, separator, rest = line.partition("ERROR: failed to reproduce")
    return bool(separator) and (": " not in rest or "failed to run:" in rest)
