"""Work with a server that may take a part and never answer: it is given up, and costs seconds, not hours."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sartext.errors import TrackingError

T = TypeVar("T")

Beat = Callable[[float], None]
"""Called before each part with the seconds that it may take."""


def patiently(work: Callable[[Beat], T], first: float, server: str) -> T:
    """Return what work gives, done in a thread beside.

    Args:
        work: calls the beat that it is given before each part.
        first: seconds that the first part may take.
        server: named in the error.

    Raises:
        TrackingError: a part took longer than it may.
    """
    found: list[T] = []
    failed: list[BaseException] = []
    deadline = [time.monotonic() + first]

    def beat(allowed: float) -> None:
        deadline[0] = time.monotonic() + allowed

    def run() -> None:
        try:
            found.append(work(beat))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="upload", daemon=True)
    thread.start()
    while thread.is_alive() and time.monotonic() < deadline[0]:
        thread.join(0.1)
    if failed:
        raise failed[0]
    if not found:
        raise TrackingError("the server took a part and does not answer", where=server)
    return found[0]
