"""Stages at work, several at a time: each has a thread that waits for its process, and one thread knows of all."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.execution import Leash, Listener, StageError, grace_of
from orchestration.graph import Stage

PATIENCE = 1.0
"""Seconds of silence after which it is looked whether everyone is still there."""

Work = Callable[[Listener, Leash], None]
"""Makes a stage, telling its lines, until it is done or the leash is let go."""


@dataclass
class Task:
    """A stage that was started.

    Args:
        stage: the stage.
        reasons: why it is made.
        leash: to end it by.
        lines: of its output, that nobody was told yet.
        thread: that waits for its process.
        seconds: that it took; nothing while it is at work.
        error: why it failed.
    """

    stage: Stage
    reasons: tuple[str, ...]
    leash: Leash = field(default_factory=Leash)
    lines: deque[str] = field(default_factory=deque)
    thread: threading.Thread | None = None
    seconds: float | None = None
    error: BaseException | None = None


class Workshop:
    """Starts stages and tells when they end.

    Args:
        places: how many stages are at work at a time.
        pools: how many of a pool's stages, where that is fewer.
    """

    def __init__(self, places: int, pools: Mapping[str, int]) -> None:
        self._places = places
        self._pools = pools
        self._events: queue.SimpleQueue[tuple[str, str | float | BaseException]] = queue.SimpleQueue()
        self.tasks: dict[str, Task] = {}

    @property
    def busy(self) -> frozenset[str]:
        """The stages at work."""
        return frozenset(name for name, task in self.tasks.items() if task.seconds is None)

    def has_place_for(self, stage: Stage, beside: Sequence[Stage] = ()) -> bool:
        """Whether a stage can be started now, places kept for others aside."""
        taken = [*(self.tasks[name].stage for name in self.busy), *beside]
        of_pool = sum(stage.pool is not None and one.pool == stage.pool for one in taken)
        return len(taken) < self._places and of_pool < self._pools.get(stage.pool or "", self._places)

    def start(self, stage: Stage, reasons: tuple[str, ...], work: Work) -> None:
        """Begin to make a stage, in a thread of its own.

        Raises:
            RuntimeError: the machine gives no thread.
        """
        task = Task(stage, reasons)
        task.thread = threading.Thread(target=self._run, args=(task, work), name=stage.name, daemon=True)
        self.tasks[stage.name] = task
        try:
            task.thread.start()
        except RuntimeError:
            del self.tasks[stage.name]
            task.leash.close()
            raise

    def wait(self) -> str | None:
        """Wait until a stage says something or ends; return the name of one that ended."""
        try:
            name, event = self._events.get(timeout=PATIENCE)
        except queue.Empty:
            return self._lost()
        task = self.tasks[name]
        if isinstance(event, str):
            task.lines.append(event)
            return None
        if isinstance(event, BaseException):
            task.error = event
            event = 0.0
        task.seconds = event
        return name

    def close(self) -> None:
        """End what is at work and wait until it has ended, however often it is interrupted."""
        interrupted: BaseException | None = None
        grace = max((grace_of(self.tasks[name].stage) for name in self.busy), default=0.0)
        deadline = time.monotonic() + grace + 5 * PATIENCE
        while self.busy and time.monotonic() < deadline:
            try:
                for name in self.busy:
                    self.tasks[name].leash.let_go()
                self.wait()
            except BaseException as error:  # another Ctrl-C: the supervisors end their groups within the grace
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _lost(self) -> str | None:
        """End a task whose end was not heard of, as an interrupt came between; return its name."""
        for name in self.busy:
            thread = self.tasks[name].thread
            if thread is not None and not thread.is_alive() and self._events.empty():
                self.tasks[name].error = StageError(f"{name} ended without a word", way_out="run it again")
                self.tasks[name].seconds = 0.0
                return name
        return None

    def _run(self, task: Task, work: Work) -> None:
        start = time.monotonic()
        name = task.stage.name
        try:
            work(lambda line: self._events.put((name, line)), task.leash)
        except BaseException as error:
            self._events.put((name, error))
        else:
            self._events.put((name, time.monotonic() - start))
