"""A hundred thousand images stay usable: bounded memory on both sides; times are printed (``-s``), not judged.

``python -m pytest -s -m large tests/explorer/test_size.py``
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import pytest

from tests.browser import Browser
from tests.explorer.generated import generate
from tests.explorer.test_page import awaited, shown

pytestmark = pytest.mark.large

QUERIES = (
    "ship",
    "bridg",
    '"two ships"',
    "storage tank -ship",
    "aircraft center",
    "coast/02",
    '"outside the center"',
)

WRITE = """
import re, resource, sys
from pathlib import Path
from sartext.explorer.site import explore
told = explore(Path(sys.argv[1]), Path(sys.argv[2]))
# not ru_maxrss, which begins with that of the process that started this one
own = int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text()).group(1))
print(told["files"], told["bytes"], own / 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""
TYPE = """
const [query, done] = arguments, box = document.getElementById("query"), start = performance.now();
const held = document.body.dataset;
let told = null;
delete held.drawn;
delete held.found;
box.value = query;
box.dispatchEvent(new Event("input"));
const look = () => {
  if (told === null && "found" in held) told = performance.now();
  if ("drawn" in held) done([told - start, performance.now() - start]); else setTimeout(look);
};
Promise.resolve().then(() => Promise.resolve()).then(() => Promise.resolve()).then(look);
"""


@pytest.mark.parametrize(("rows", "side"), [(2_000, 256), (100_000, 64)])
def test_it_is_written_in_bounded_memory_and_searched_at_once(
    browser: Browser, tmp_path: Path, rows: int, side: int
) -> None:
    release = generate(tmp_path / "generated" / "1.0.0", rows, side=side)
    start = time.perf_counter()
    command = [sys.executable, "-c", WRITE, str(release), str(tmp_path / "site")]
    written = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    seconds = time.perf_counter() - start
    files, size, own, worker = (float(figure) for figure in written)
    say(f"{rows:,} rows: written in {seconds:.0f} s, {files:,.0f} files, {size / 1e6:,.0f} MB")
    say(f"  Python: peak {own:,.0f} MB, {worker:,.0f} MB of the largest worker")
    shown(browser, tmp_path / "site")
    say(f"  first view {browser.run('return performance.now()'):,.0f} ms after the page was opened")
    start = time.perf_counter()
    timed(browser, "ship")
    say(f"  the first search, which reads all captions: {1000 * (time.perf_counter() - start):,.0f} ms")
    told, drawn = zip(*(timed(browser, query) for query in QUERIES), strict=True)
    say(f"  search: median {median(told):.0f} ms until counted, {median(drawn):.0f} ms until drawn")
    heap, resident = memory(browser)
    say(f"  Chromium: {heap:,.0f} MB of scripts' heap, {resident:,.0f} MB resident in its largest process")
    shown(browser, tmp_path / "site", f"#id=delta/{rows // 2:06d}")
    awaited(browser, "return !document.getElementById('image').hidden")
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
    assert max(own, worker) < 600
    assert heap < 400


def timed(browser: Browser, query: str) -> tuple[float, float]:
    """Milliseconds until a query is counted, and until its first page is drawn."""
    told, drawn = browser.call("POST", "/execute/async", {"script": TYPE, "args": [query]})
    return float(told), float(drawn)


def memory(browser: Browser) -> tuple[float, float]:
    """Megabytes of the page's heap, and resident in the browser's largest process."""
    browser.call("POST", "/goog/cdp/execute", {"cmd": "Performance.enable", "params": {}})
    told = browser.call("POST", "/goog/cdp/execute", {"cmd": "Performance.getMetrics", "params": {}})
    metrics: dict[str, Any] = {each["name"]: each["value"] for each in told["metrics"]}
    mine = str(browser.profile)
    every = [
        process for process in psutil.process_iter(["cmdline"]) if mine in " ".join(process.info["cmdline"] or ())
    ]
    family = {each.pid: each for root in every for each in (root, *root.children(recursive=True))}
    resident = max((process.memory_info().rss for process in family.values()), default=0)
    return metrics["JSHeapUsedSize"] / 1e6, resident / 1e6


def say(text: str) -> None:
    print(text, flush=True)
