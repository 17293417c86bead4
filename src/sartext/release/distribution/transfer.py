"""Transfers: several at a time, again where it may help, with progress."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from sartext.errors import ReleaseError
from sartext.progress import track
from sartext.release.distribution.store import Member, PassingError, Store

PAUSES = (0.5, 2.0, 8.0)
"""Seconds before each further try of what may go well next time."""

R = TypeVar("R")


def patiently(store: Store, action: Callable[[], R]) -> R:
    """Return what an action gives, which is tried again after what may pass: timeouts, lost connections.

    Raises:
        ReleaseError: it failed every time, with the setting to look at.
    """
    for pause in PAUSES:
        try:
            return action()
        except PassingError as error:
            sys.stderr.write(f"{error.reason}; trying again in {pause:g} s\n")
            time.sleep(pause)
    try:
        return action()
    except PassingError as error:
        what = f"{error.reason}, {len(PAUSES) + 1} times"
        raise ReleaseError(what, where=store.address, way_out=error.way_out) from None


def for_each(store: Store, members: Sequence[Member], action: Callable[[Member], R], description: str) -> list[R]:
    """Return what an action gives for each member, in their order, several at a time.

    The first error ends it: what runs is finished, what waits is not begun.
    """
    pool = ThreadPoolExecutor(store.parallel)
    try:
        tasks = [pool.submit(_once, store, member, action) for member in members]
        for task in track(as_completed(tasks), description, len(tasks)):
            task.result()
        return [task.result() for task in tasks]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _once(store: Store, member: Member, action: Callable[[Member], R]) -> R:
    return patiently(store, lambda: action(member))
