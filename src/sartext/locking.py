"""One builder at a time: ``build/.lock`` is shared by make, the commands that write ``data/`` and Dagster."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sartext.errors import ArtefactError

HELD = "SARTEXT_LOCK_HELD"


@contextmanager
def project_lock(root: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the project's lock; a process started by the holder passes through.

    Args:
        root: the project's folder.
        wait: wait for another holder, after saying so, instead of raising an error.

    Raises:
        ArtefactError: another run holds the lock and ``wait`` is false.
    """
    mark = str(root.resolve())
    if os.environ.get(HELD) == mark:
        yield
        return
    path = root / "build" / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        if not wait:
            raise ArtefactError(
                "another build of this project is running", where=path, way_out="wait for it, or cancel it"
            ) from error
        sys.stderr.write("waiting for another build of this project\n")
        lock.acquire()
    before = os.environ.get(HELD)
    os.environ[HELD] = mark
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(HELD, None)
        else:
            os.environ[HELD] = before
        lock.release()
