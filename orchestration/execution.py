"""Running a stage as DVC runs it, in processes of its own that never outlive the run."""

import multiprocessing
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

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

TRANSIENT = re.compile(r"is busy, it is being blocked by|Unable to acquire lock")
"""DVC's words for what may pass: the stage runs elsewhere, or DVC's lock is held. Our commands fail by neither."""

RESTORED = re.compile(r"^Stage '.*' is cached - skipping run")
SUPERVISOR = Path(__file__).with_name("supervisor.py")
Listener = Callable[[str], None]


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

    status, tail = run_command(
        command, root=root, log=log, listen=listen_to_stage, variables=variables, grace=grace
    )
    if status != 0:
        way_out = f"the whole output is in build/log/{log.name}"
        error = StageError(f"{stage.title} failed: {failure_reason(tail)}", way_out=way_out)
        error.tail, error.transient = tail, any(map(TRANSIENT.search, tail))
        raise error
    return not any(map(RESTORED.search, tail))


def run_command(
    command: Sequence[str],
    *,
    root: Path,
    log: Path,
    listen: Listener,
    variables: Mapping[str, str] | None = None,
    grace: float = GRACE_SECONDS,
) -> tuple[int, tuple[str, ...]]:
    """Run a command in a session of its own, with variables added to its environment, and stream its output.

    However this function is left, by an interrupt or an error too, no process of the command remains: they get
    SIGTERM, and SIGKILL after the grace in seconds. They end in the same way if this process, or the run's that
    started it as a step, is killed outright.

    Returns:
        Its exit status, and the last lines that it wrote.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    with supervision(root, grace) as start, log.open("w", encoding="utf-8") as record:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = start(command, variables or {}, **output, text=True, encoding="utf-8", errors="replace")
        for raw in process.stdout or ():
            if line := raw.rstrip():
                tail.append(line)
                record.write(f"{line}\n")
                record.flush()
                listen(line)
        return process.wait(), tuple(tail)


@contextmanager
def supervision(root: Path, grace: float) -> Iterator[Callable[..., "subprocess.Popen[Any]"]]:
    """Yield a function that starts commands in a folder, of which none outlives the block, nor this process.

    The function takes a command, variables for its environment and what `subprocess.Popen` does with its output.
    """
    watched, hold = os.pipe()
    run = multiprocessing.parent_process()
    leashes = [watched, *([run.sentinel] if run is not None else [])]
    processes: list[subprocess.Popen[Any]] = []

    def start(command: Sequence[str], variables: Mapping[str, str], **output: Any) -> "subprocess.Popen[Any]":  # noqa: ANN401
        supervised = [sys.executable, str(SUPERVISOR), ",".join(map(str, leashes)), str(grace), *command]
        processes.append(
            subprocess.Popen(
                supervised,
                cwd=root,
                env={**environment(), **variables},
                stdin=subprocess.DEVNULL,
                pass_fds=leashes,
                start_new_session=True,
                **output,
            )
        )
        return processes[-1]

    try:
        yield start
    finally:
        os.close(hold)
        os.close(watched)
        for process in processes:
            while process.returncode is None:  # a second Ctrl-C must not leave it behind
                with suppress(BaseException):  # the supervisor has ended its group within the grace
                    process.wait()
            if process.stdout:
                process.stdout.close()


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
