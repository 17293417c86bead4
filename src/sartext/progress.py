"""Work over many items: progress that is readable on a terminal and in a log, and all cores."""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from typing import TypeVar

from sartext.errors import ParameterError

QUIET_SECONDS = 2.0
LOG_EVERY = 10.0
SERIAL_BELOW = 64

WORKERS = "SARTEXT_WORKERS"
"""How many processes to use, where that is not the number of cores."""

PR_SET_PDEATHSIG = 1
"""The option of Linux's prctl(2): which signal a process gets when its parent ends."""

T = TypeVar("T")
R = TypeVar("R")


def workers() -> int:
    """Return the number of processes to use: ``SARTEXT_WORKERS``, else the cores this process may run on.

    Raises:
        ParameterError: the variable is no positive whole number.
    """
    text = os.environ.get(WORKERS, "").strip()
    if not text:
        return max(1, len(os.sched_getaffinity(0)))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ParameterError(f"'{text}' is no number of processes", where=WORKERS, way_out="set it to 1 or more")
    return int(text)


def track(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    """Yield items and show how far the work is: a bar on a terminal, else a line every ten seconds."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description, total=total, console=Console(stderr=True), transient=True)
        return
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= LOG_EVERY or (done == total and now - start >= QUIET_SECONDS):
            print(f"{description}: {done:,} of {total:,}", file=sys.stderr, flush=True)  # noqa: T201
            last = now


def map_parallel(
    function: Callable[[T], R], items: Sequence[T], description: str, serial_below: int = SERIAL_BELOW
) -> Iterator[R]:
    """Yield ``function(item)`` in the order of the items, computed on all cores, with progress.

    ``function`` and the items must be picklable. Fewer than ``serial_below`` items run in this process: starting
    others takes about a second.
    """
    count = workers()
    if count == 1 or len(items) < serial_below:
        yield from track(map(function, items), description, len(items))
        return
    chunk = max(1, min(64, len(items) // (count * 4)))
    # forked children of a process with Arrow's threads can deadlock
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=depend_on_the_parent)
    try:
        yield from track(pool.map(function, items, chunksize=chunk), description, len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def depend_on_the_parent() -> None:
    """Leave interrupts to the parent, and on Linux end with it: a worker of a killed parent waits for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # a C library without prctl
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:  # it died before it was watched
        os._exit(1)
