"""One request to an OpenAI-compatible endpoint: an answer, or why there is none and what that means.

The key comes from the environment and goes into the client alone: what a server says of a failure is never shown,
and a server that repeats the key in an answer finds it struck out.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sartext.config import EndpointParameters
from sartext.errors import EndpointError, ParameterError
from sartext.llm.journal import Answer

if TYPE_CHECKING:
    from openai import OpenAI

STRUCK_OUT = "[key]"
WHERE = "endpoint.yaml"

_FATAL = {
    401: "the endpoint refuses the key",
    403: "the endpoint refuses access",
    404: "the endpoint knows no such model or path",
}
_TRY_AGAIN = frozenset({408, 409, 425})


class Unavailable(Exception):  # noqa: N818 - an outcome, not an error
    """No answer this time; the same request may get one.

    Args:
        reason: what happened, for counts.
        billed: whether its tokens may have been billed.
    """

    def __init__(self, reason: str, *, billed: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.billed = billed


class RateLimited(Exception):  # noqa: N818 - an outcome, not an error
    """The endpoint wants fewer requests; ``seconds`` is how long it asks to wait, None where it does not say."""

    def __init__(self, seconds: float | None) -> None:
        super().__init__("rate limit")
        self.seconds = seconds


class Rejected(Exception):  # noqa: N818 - an outcome, not an error
    """The endpoint will never answer this request."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint; its client is made with the first request, so that a build from the cache needs no key.

    Args:
        parameters: how it is reached.
        where: the file that says so, for errors.
        model_in: where the name of the model stands, for errors.
        manual: the page that tells what the file holds, for errors.
    """

    parameters: EndpointParameters
    where: str = WHERE
    model_in: str = "`rewriting.model` of params.yaml"
    manual: str = "docs/rewriting.md"

    def send(self, body: Mapping[str, Any]) -> Answer:
        """Send one request, once.

        Raises:
            Unavailable: it may be sent again.
            RateLimited: it may be sent again later.
            Rejected: it will not be answered.
            EndpointError: no request will be: key, access, model, quota.
        """
        client = self._client
        import openai

        try:
            raw = client.chat.completions.with_raw_response.create(**body).http_response.text
        except openai.APITimeoutError:
            raise Unavailable("timeout", billed=True) from None
        except openai.APIConnectionError:
            raise Unavailable("connection lost", billed=True) from None
        except openai.APIStatusError as error:
            status, headers, code = error.status_code, dict(error.response.headers), error.code
        except openai.OpenAIError:
            raise Unavailable("no readable answer", billed=True) from None
        else:
            return self._read(raw)
        raise self._outcome(status, headers, code)

    @cached_property
    def _client(self) -> "OpenAI":
        if self.parameters.url is None:
            raise ParameterError(
                "there is no `url` of an endpoint, and not every answer is known",
                where=self.where,
                way_out=f"write one, as {self.manual} shows",
            )
        try:
            from openai import OpenAI
        except ImportError as error:
            raise EndpointError(
                "the package openai is not installed",
                way_out="`pip install --constraint constraints.txt --editable '.[llm]'`",
            ) from error
        return OpenAI(
            api_key=self.key or "none",
            base_url=self.parameters.url,
            timeout=self.parameters.timeout_seconds,
            max_retries=0,  # every request counts, so whoever counts sends again
        )

    @cached_property
    def key(self) -> str:
        """The key, empty where none is needed.

        Raises:
            ParameterError: the environment variable is not set, or holds what no header can.
        """
        name = self.parameters.key_variable
        key = os.environ.get(name, "").strip() if name else ""
        if name and not key:
            raise ParameterError(
                f"the environment variable {name} is not set",
                where=f"{self.where}: key_variable",
                way_out=f"put the endpoint's key into {name}, or set `key_variable: null` where it needs none",
            )
        if not (key.isascii() and key.isprintable()):
            raise ParameterError(
                f"the environment variable {name} holds what no key does: other letters than ASCII's, or lines",
                where=f"{self.where}: key_variable",
                way_out=f"put the key alone into {name}",
            )
        return key

    def _read(self, raw: str) -> Answer:
        try:
            content = json.loads(raw)
            choice = content["choices"][0]
            text, finish = choice["message"]["content"] or "", choice.get("finish_reason") or ""
            usage = content.get("usage") or {}
            tokens = int(usage.get("total_tokens") or 0)
            if not isinstance(text, str) or not isinstance(finish, str):
                raise TypeError
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError):
            raise Unavailable("no readable answer", billed=True) from None
        return Answer(self._cleaned(text), self._cleaned(finish), max(0, tokens))

    def _cleaned(self, text: str) -> str:
        """A text without the key, and without halves of characters, which no file and no request can hold."""
        whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return whole.replace(self.key, STRUCK_OUT) if self.key else whole

    def _outcome(self, status: int, headers: Mapping[str, str], code: object) -> Exception:
        if status == 429 and code == "insufficient_quota":
            return EndpointError("the quota of the key is used up", where=self.where, way_out="raise it there")
        if status == 429:
            return RateLimited(wanted_wait(headers))
        if status >= 500 or status in _TRY_AGAIN:
            return Unavailable(f"status {status}", billed=False)
        if status in _FATAL:
            way_out = f"check `url`, {self.model_in} and {self.parameters.key_variable or 'the key'}"
            return EndpointError(f"{_FATAL[status]} (status {status})", where=self.where, way_out=way_out)
        return Rejected(f"status {status}")


def wanted_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return the seconds that a response asks to wait (``Retry-After``: seconds or a date), None without them."""
    said = {name.casefold(): value.strip() for name, value in headers.items()}
    milliseconds = said.get("retry-after-ms", "")
    if milliseconds.isascii() and milliseconds.isdigit():
        return int(milliseconds) / 1000
    text = said.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < float("inf") else None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
