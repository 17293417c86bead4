"""The page in a browser: from disk, wide and narrow, without an error."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from sartext.config import Project
from sartext.report.stage import write_report

UNDRAWN = """
const all = [...document.querySelectorAll('svg')].filter(svg => getComputedStyle(svg).display != 'none');
return [all.length, all.filter(svg => { const box = svg.getBoundingClientRect();
  return !(box.width > 0 && box.height > 0) || !svg.children.length; }).length];
"""
BROKEN = "return [...document.images].filter(one => !(one.complete && one.naturalWidth > 0)).length"
OPEN = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
CLIPPED = """
return [...document.querySelectorAll('.charts svg text')].filter(text => {
  const own = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect();
  return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1; })
  .map(text => text.textContent)
"""


class Browser:
    """Headless Chromium of some width, driven over the WebDriver protocol on a loopback port."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.session = ""

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if method == "GET" else json.dumps(body or {}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.root}{self.session}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def open(self, address: str, width: int) -> None:
        """Show a page in a window of its own."""
        self.close()
        options: dict[str, Any] = {
            "args": ["--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900"],
            "binary": shutil.which("chromium"),
        }
        if width < 500:  # a window cannot be that narrow, a device can
            options["mobileEmulation"] = {"deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1.0}}
        asked = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self.call("POST", "/session", {"capabilities": {"alwaysMatch": asked}})
        self.session = f"/session/{made['sessionId']}"
        self.call("POST", "/url", {"url": address})

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def close(self) -> None:
        """Close the window."""
        if self.session:
            self.call("DELETE", "")
            self.session = ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH (Debian packages chromium, chromium-driver)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "chromedriver does not answer"
                time.sleep(0.2)
        made = Browser(port)
        yield made
        made.close()
    finally:
        driver.terminate()
        driver.wait(30)


@pytest.mark.parametrize("width", [1280, 400])
def test_it_opens_from_disk_and_everything_is_drawn(template: Project, browser: Browser, width: int) -> None:
    write_report(template)
    browser.open((template.build / "report" / "index.html").as_uri(), width)
    browser.run(OPEN)
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
    drawn, undrawn = browser.run(UNDRAWN)
    assert drawn > 100
    assert undrawn == 0
    assert browser.run(BROKEN) == 0
    wide, window = browser.run(WIDTHS)
    assert window == width
    assert wide <= window
    assert browser.run(CLIPPED) == []


def test_the_page_of_runs_opens_too(template: Project, browser: Browser) -> None:
    write_report(template)
    browser.open((template.build / "log" / "runs.html").as_uri(), 400)
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
    wide, window = browser.run(WIDTHS)
    assert wide <= window
