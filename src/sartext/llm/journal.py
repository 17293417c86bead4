"""The answers of a language model and what they cost: a file that only grows, so that a killed run loses nothing.

A request is known by the SHA-256 of everything that decides its answer (``key_of``), whatever the endpoint is
called. Each line of ``answers.jsonl`` is one event, written at once: a request was sent and its tokens are set
aside; it came back and some are free again; its answer; that it got none. What a kill cut off is passed over.
What was in flight at a kill stays spent, as nobody knows whether it was billed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from sartext.config import BudgetParameters
from sartext.errors import EndpointError
from sartext.files import canonical_json, disk_errors, sha256_text

FILE = "answers.jsonl"


@dataclass(frozen=True)
class Answer:
    """What a model answered: the text, why it ended there (``stop``, ``length``), and the tokens it was billed."""

    text: str
    finish: str
    tokens: int


class BudgetSpent(Exception):  # noqa: N818 - no error: the rules caption what cannot be paid for
    """A request would cost more than what is left."""


def key_of(body: Mapping[str, Any]) -> str:
    """Return the address of a request's answer: the SHA-256 of its body as canonical JSON."""
    return sha256_text(canonical_json(dict(body)))


class Journal:
    """Answers by key, and a budget that no number of threads and runs exceeds.

    Args:
        folder: where the file is; one run at a time may have it open.
        budget: requests and tokens, of all runs together.

    Raises:
        EndpointError: another run has it open.
    """

    def __init__(self, folder: Path, budget: BudgetParameters) -> None:
        self.answers: dict[str, Answer] = {}
        self.failures: dict[str, str] = {}
        self.requests = self.tokens = self.damaged = 0
        self._budget = budget
        self._in_flight = 0
        self._changed = Condition()
        self._path = folder / FILE
        with disk_errors(self._path):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / ".lock", timeout=0)
            try:
                self._lock.acquire()
            except Timeout as error:
                raise EndpointError(
                    "another run is asking for these answers", where=folder, way_out="wait until it has ended"
                ) from error
            whole = self._read()
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            if not whole:
                os.write(self._file, b"\n")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._lock.release()

    def reserve(self, key: str, tokens: int) -> None:
        """Set the request and its most tokens aside before it is sent; wait where others may yet free some.

        Raises:
            BudgetSpent: it can never be paid for.
        """
        with self._changed:
            while self.requests < self._budget.requests and self.tokens + tokens > self._budget.tokens:
                if not self._in_flight:
                    break
                self._changed.wait()
            if self.requests >= self._budget.requests or self.tokens + tokens > self._budget.tokens:
                raise BudgetSpent
            self._write({"sent": key, "tokens": tokens})
            self._in_flight += 1

    def settle(self, reserved: int, tokens: int, *, key: str = "", answer: Answer | None = None) -> None:
        """Replace the tokens set aside by those that were billed, and keep the answer, if there is one."""
        with self._changed:
            event: dict[str, Any] = {"settled": tokens - reserved}
            if answer is not None:
                event |= {"key": key, "answer": answer.text, "finish": answer.finish, "billed": answer.tokens}
            self._write(event)
            self._in_flight -= 1
            self._changed.notify_all()

    def keep_failures(self, failures: Mapping[str, str]) -> None:
        """Remember which requests got no answer, so that building again gives the same captions."""
        with self._changed:
            for key, reason in sorted(failures.items()):
                self._write({"key": key, "failed": reason})

    def _read(self) -> bool:
        """Take over what earlier runs wrote; return whether the last line is whole."""
        if not self._path.is_file():
            return True
        content = self._path.read_bytes()
        for line in content.splitlines():
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                self.damaged += bool(line)
        return not content or content.endswith(b"\n")

    def _write(self, event: Mapping[str, Any]) -> None:
        with disk_errors(self._path):
            os.write(self._file, json.dumps(event).encode() + b"\n")
        self._take(event)

    def _take(self, event: Mapping[str, Any]) -> None:
        if "sent" in event:
            self.requests += 1
            self.tokens += int(event["tokens"])
            return
        if "settled" in event:
            self.tokens += int(event["settled"])
        if "answer" in event:
            answer = Answer(str(event["answer"]), str(event["finish"]), int(event["billed"]))
            self.answers[event["key"]] = answer
            self.failures.pop(event["key"], None)
        elif "failed" in event:
            self.failures[event["key"]] = str(event["failed"])
