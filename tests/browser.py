"""Headless Chromium for the tests of what a person sees, driven over the WebDriver protocol on a loopback port."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "headless",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-sync",
    "disable-background-networking",
    "disable-component-update",
)
NARROWEST = 500
"""Pixels; a window cannot be narrower, a device can."""


class Browser:
    """One window at a time, of any width."""

    def __init__(self, port: int, profile: Path) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.profile = profile
        self.session = ""

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Return what the driver answers."""
        data = None if method == "GET" else json.dumps(body or {}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.root}{self.session}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def open(self, address: str, width: int) -> None:
        """Show a page in a window of its own."""
        self.close()
        flags = [*FLAGS, f"window-size={width},900", f"user-data-dir={self.profile}"]
        options: dict[str, Any] = {"args": [f"--{flag}" for flag in flags], "binary": shutil.which("chromium")}
        if width < NARROWEST:
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0}}
        asked = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": asked}})
        self.session = f"/session/{made['sessionId']}"
        self.call("POST", "/url", {"url": address})

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def text(self) -> str:
        """Return the page's text."""
        return str(self.run("return document.body.innerText"))

    def close(self) -> None:
        """Close the window."""
        if self.session:
            self.call("DELETE", "")
            self.session = ""


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser with a profile folder of its own; the test is skipped where there is none."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH (Debian packages chromium, chromium-driver)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
    try:
        _await(port)
        made = Browser(port, profile)
        yield made
        made.close()
    finally:
        driver.terminate()
        driver.wait(30)


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, "chromedriver does not answer"
            time.sleep(0.2)
        else:
            return
