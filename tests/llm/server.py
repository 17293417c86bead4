"""A server on the loopback that speaks like an OpenAI-compatible endpoint, and behaves as a test tells it to."""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sartext.llm.journal import key_of
from sartext.narrator.lexicon import MOVING
from sartext.narrator.rewriting import rewrite

KEY = "sk-marked-4f9d2c7b"
"""The key of the tests: it must stand nowhere but in the request's header."""

RESOLUTION = 3.0


@dataclass(frozen=True)
class Reply:
    """What the server does with a request.

    ``raw`` stands for the whole body; ``reset`` drops the connection instead; ``cut`` promises more bytes than it
    sends; ``hold`` is waited for first; ``tokens`` are billed (None: the server does not say).
    """

    text: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"
    raw: bytes | None = None
    reset: bool = False
    cut: bool = False
    hold: threading.Event | None = None
    tokens: int | None = 50


@dataclass
class Request:
    """What came in: a caption to reword, or a text about a picture, which is a data URL."""

    body: dict[str, Any]
    key: str
    caption: str
    again: bool
    attempt: int
    time: float
    authorization: str
    picture: str = ""


@dataclass
class Server:
    """What came in, by number, and what was answered, by the request's address."""

    behave: Callable[[Request], Reply]
    requests: list[Request] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    billed: int = 0
    busiest: int = 0
    port: int = 0
    _busy: int = 0
    _attempts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _http: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "Server":
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._http is not None
        self._http.shutdown()
        self._http.server_close()

    def take(self, body: dict[str, Any], authorization: str) -> tuple[Request, Reply]:
        key = key_of(body)
        messages = body["messages"]
        last = messages[-1]["content"]
        again = isinstance(last, str) and last.startswith("This caption is refused")
        if isinstance(last, str):
            caption, picture = json.loads(messages[-3 if again else -1]["content"])["caption"], ""
        else:
            caption, picture = last[1]["text"], last[0]["image_url"]["url"]
        with self._lock:
            self._attempts[key] += 1
            attempt = self._attempts[key]
            request = Request(body, key, caption, again, attempt, time.time(), authorization, picture)
            self.requests.append(request)
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        return request, self.behave(request)

    def done(self, request: Request, reply: Reply) -> None:
        with self._lock:
            self._busy -= 1
            if reply.status == 200 and not (reply.reset or reply.cut or reply.raw):
                self.answered[request.key] += 1
                self.billed += reply.tokens or 0


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    block_on_close = False


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request, reply = server.take(body, self.headers.get("Authorization", ""))
            try:
                if reply.hold is not None:
                    reply.hold.wait(60)
                self._reply(body, reply)
            except OSError:
                self.close_connection = True
            finally:
                server.done(request, reply)

        def _reply(self, body: dict[str, Any], reply: Reply) -> None:
            if reply.reset:
                linger = struct.pack("ii", 1, 0)  # closing sends a reset
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                self.close_connection = True
                return
            content = reply.raw if reply.raw is not None else _completion(body, reply)
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content) + (1000 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(content)
            if reply.cut:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass

    return Handler


def _completion(body: dict[str, Any], reply: Reply) -> bytes:
    if reply.status != 200:
        return json.dumps({"error": {"message": f"no; your key is {KEY}", "code": None}}).encode()
    content: dict[str, Any] = {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": reply.finish,
                "message": {"role": "assistant", "content": reply.text},
            }
        ],
    }
    if reply.tokens is not None:
        content["usage"] = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": reply.tokens}
    return json.dumps(content).encode()


def good(caption: str) -> str:
    """What a model that does as it is told answers: the caption, cut by the rules, without what moves."""
    statements = rewrite([caption], RESOLUTION).statements
    return " ".join(text for text in statements if not set(text.lower().strip(".").split()) & MOVING)


def obedient(request: Request) -> Reply:
    return Reply(good(request.caption))
