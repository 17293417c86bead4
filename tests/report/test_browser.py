"""The page in a browser: from disk, wide and narrow, without an error."""

from collections.abc import Iterator

import pytest

from sartext.config import Project
from sartext.report.stage import write_report
from tests.browser import Browser, started

UNDRAWN = """
const all = [...document.querySelectorAll('svg')].filter(svg => getComputedStyle(svg).display != 'none');
return [all.length, all.filter(svg => { const box = svg.getBoundingClientRect();
  return !(box.width > 0 && box.height > 0) || !svg.children.length; }).length];
"""
BROKEN = "return [...document.images].filter(element => !(element.complete && element.naturalWidth > 0)).length"
OPEN = "document.querySelectorAll('details').forEach(element => { element.open = true; })"
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
CLIPPED = """
return [...document.querySelectorAll('.charts svg text')].filter(text => {
  const own = text.getBoundingClientRect(), all = text.ownerSVGElement.getBoundingClientRect();
  return own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1; })
  .map(text => text.textContent)
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as found:
        yield found


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
