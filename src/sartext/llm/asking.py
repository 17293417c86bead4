"""Asking a language model: from the journal where it answered before, else over the network, with patience.

A failure is waited out with exponential backoff and jitter; a rate limit holds all threads back, for as long as
the endpoint asks. Every sending is paid for from the budget first. An endpoint that answers nothing stops the run.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sartext.config import AskingParameters
from sartext.errors import EndpointError
from sartext.llm.endpoint import Endpoint, RateLimited, Rejected, Unavailable
from sartext.llm.journal import Answer, BudgetSpent, Journal, key_of
from sartext.progress import track

T = TypeVar("T")
R = TypeVar("R")

Messages = Sequence[Mapping[str, Any]]
"""Roles and contents; a content is a text, or parts in the form of chat completions: texts and pictures."""

OUTAGE = 20
"""Requests that got no answer one after the other, after which the endpoint counts as down."""

MESSAGE_TOKENS = 16
"""Tokens by which a message may exceed its bytes: a token has at least one byte, but a chat has frames."""

PICTURE_TOKENS = 4096
"""Tokens that a picture may cost; endpoints bill a few hundred to three thousand."""

NO_ANSWER, REJECTED = "the endpoint gave no answer", "the endpoint refuses the request"
OVER_BUDGET = "the budget is spent"


class Asker:
    """Answers to requests; many threads may ask at once.

    Args:
        asking: the model and how it is asked.
        endpoint: how it is reached.
        journal: of the answers.
    """

    def __init__(self, asking: AskingParameters, endpoint: Endpoint, journal: Journal) -> None:
        self.outcomes: Counter[str] = Counter()
        self._asking = asking
        self._parameters = endpoint.parameters
        self._endpoint = endpoint
        self._journal = journal
        self._failures: dict[str, str] = {}
        self._unanswered = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._free_at = 0.0

    def ask(self, messages: Messages) -> Answer | str:
        """Return the answer, or why there is none.

        Raises:
            EndpointError: no request can be answered.
        """
        body = self._body(messages)
        key = key_of(body)
        if key in self._journal.answers:
            return self._journal.answers[key]
        if key in self._journal.failures:
            return self._journal.failures[key]
        try:
            return self._send(key, body)
        except BudgetSpent:
            return OVER_BUDGET
        except Rejected:
            return self._give_up(key, REJECTED)
        except Unavailable:
            return self._give_up(key, NO_ANSWER)

    def stop(self) -> None:
        """Let waiting threads end at once."""
        self._stopped.set()

    def keep_failures(self) -> None:
        """Remember what got no answer; called once all is asked."""
        self._journal.keep_failures(self._failures)

    def _body(self, messages: Messages) -> dict[str, Any]:
        asking = self._asking
        body: dict[str, Any] = {
            "model": asking.model,
            "messages": [dict(message) for message in messages],
            asking.token_limit: asking.answer_tokens,
        }
        if asking.temperature is not None:
            body["temperature"] = asking.temperature
        if asking.seed is not None:
            body["seed"] = asking.seed
        return body

    def _send(self, key: str, body: Mapping[str, Any]) -> Answer:
        """Send a request until it is answered, or has failed as often as it may."""
        most = self._asking.answer_tokens + sum(
            _most(message["content"]) + MESSAGE_TOKENS for message in body["messages"]
        )
        failed, limited = 0, 0
        waited = 0.0
        while True:
            self._await_turn()
            self._journal.reserve(key, most)
            billed, answer = most, None
            try:
                answer = self._endpoint.send(body)
                billed = answer.tokens or most
            except RateLimited as limit:
                billed, limited = 0, limited + 1
                seconds = limit.seconds or self._backoff(limited)  # "no wait" is no leave to ask without end
                waited += seconds
                if waited > self._parameters.patience_seconds:
                    raise self._down(f"the endpoint limits the rate for over {waited:.0f} seconds") from limit
                self._count("rate limit")
                self._hold_back(seconds)
            except Unavailable as failure:
                billed, failed = most if failure.billed else 0, failed + 1
                self._count(failure.reason)
                if failed >= self._parameters.attempts:
                    raise
                seconds = self._backoff(failed)
            except Rejected:
                billed = 0
                raise
            finally:
                self._journal.settle(most, billed, key=key, answer=answer)
            if answer is not None:
                self._unanswered = 0
                self._count("answered")
                return answer
            self._pause(seconds)

    def _give_up(self, key: str, reason: str) -> str:
        with self._lock:
            self._failures[key] = reason
            self._unanswered += 1
            down = self._unanswered >= OUTAGE
        self._count(reason)
        if down:
            raise self._down(f"the last {OUTAGE} requests got no answer")
        return reason

    def _down(self, what: str) -> EndpointError:
        return EndpointError(
            what, where=self._endpoint.where, way_out="run it again later: the answers up to now are kept"
        )

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1

    def _backoff(self, failures: int) -> float:
        """Seconds to wait after so many failures: doubled each time up to a bound, a random half of it or more."""
        doubled: float = self._parameters.backoff_seconds * 2 ** min(failures - 1, 30)
        return min(doubled, self._parameters.longest_wait_seconds) * random.uniform(0.5, 1)

    def _await_turn(self) -> None:
        """Wait until the endpoint's limit, and that of the parameters, lets a request go."""
        while True:
            with self._lock:
                wait = self._free_at - time.monotonic()
                if wait <= 0:
                    if self._parameters.requests_per_minute:
                        self._free_at = time.monotonic() + 60 / self._parameters.requests_per_minute
                    return
            self._pause(wait)

    def _hold_back(self, seconds: float) -> None:
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic() + seconds)

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds) or self._stopped.is_set():
            raise self._down("the run was stopped")


def in_parallel(
    asker: Asker, work: Callable[[T], R], items: Sequence[T], description: str, concurrency: int
) -> list[R]:
    """Return what comes of work that asks, for each item in their order, so many at a time, with progress.

    Raises:
        EndpointError: no request can be answered; others end at once, and the answers up to then are kept.
    """
    pool = ThreadPoolExecutor(concurrency, thread_name_prefix="llm")
    try:
        return list(track(pool.map(work, items), description, len(items)))
    except BaseException:
        asker.stop()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _most(content: str | Sequence[Mapping[str, Any]]) -> int:
    """The most tokens of a content: a byte each, and so many for a picture."""
    if isinstance(content, str):
        return len(content.encode())
    return sum(len(part["text"].encode()) if "text" in part else PICTURE_TOKENS for part in content)
