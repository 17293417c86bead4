"""The audit page in a browser: from disk, by the keyboard, kept over a reload, saved, and imported again."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from sartext.release.audit.export import export
from sartext.release.audit.storing import audited_candidate, store
from tests.browser import Browser, started
from tests.release.built import Built
from tests.release.conftest import copy_of

RATER = "rater-a"
BEGIN = f"document.getElementById('rater').value = '{RATER}'; document.getElementById('begin').requestSubmit()"
REFUSE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('refused') } })"
OUTSIDE = "return performance.getEntriesByType('resource').filter(each => !each.name.startsWith('data:')).length"
UNNAMED = """
return [...document.querySelectorAll('button, input, textarea, progress, img')].filter(each =>
  each.checkVisibility() && !each.closest('label') && !each.labels?.length &&
  !(each.getAttribute('aria-label') || each.alt || each.textContent.trim())).map(each => each.outerHTML)
"""
RATED_ELSEWHERE = """
const [key] = Object.keys(localStorage), held = JSON.parse(localStorage.getItem(key));
held.ratings[0].correctness = 2;
held.changed[0] = Date.now();
localStorage.setItem(key, JSON.stringify(held));
"""
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
SHORTEST = "return [...document.querySelectorAll('.choice, button')].filter(each => each.checkVisibility()).map(" \
           "each => each.getBoundingClientRect().height).reduce((one, other) => Math.min(one, other))"  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def exported(candidate_once: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A project with its page of 20 images, four of them twice."""
    built = copy_of(candidate_once, tmp_path_factory.mktemp("exported"))
    made = export(built.project, page_of(built), size=20, seed=3, floor=2, repeats=4)
    assert (made["images"], made["shown"]) == (20, 24)
    assert made["withheld"], "beta may not be given on"
    return built


def page_of(built: Built) -> Path:
    return built.project.build / "audit" / "audit.html"


def shown(browser: Browser, built: Built, width: int = 1280) -> None:
    """Open the page and name the rater; what an earlier test kept is forgotten."""
    browser.open(page_of(built).as_uri(), width)
    browser.run("localStorage.clear()")
    browser.run(BEGIN)


def press(browser: Browser, keys: str) -> None:
    """Press keys one after the other, wherever the focus is."""
    strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
    browser.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})


def count(browser: Browser) -> str:
    return str(browser.run("return document.getElementById('count').textContent"))


def awaited_count(browser: Browser, expected: str) -> None:
    """Wait until the page counts as many: it hears of another tab in its own time."""
    deadline = time.monotonic() + 60
    while count(browser) != expected:
        assert time.monotonic() < deadline, f"{count(browser)} instead of {expected}"
        time.sleep(0.05)


def place(browser: Browser) -> str:
    return str(browser.run("return document.getElementById('title').textContent"))


def saved(browser: Browser, folder: Path) -> dict[str, Any]:
    """Press save; what the browser wrote, in a folder of its own, as it would replace a file of that name."""
    folder = Path(mkdtemp(dir=folder))
    command = {"cmd": "Browser.setDownloadBehavior", "params": {"behavior": "allow", "downloadPath": str(folder)}}
    browser.call("POST", "/goog/cdp/execute", command)
    press(browser, "s")
    deadline = time.monotonic() + 60
    # the browser may make the file before it fills it
    while not (written := [text for path in folder.glob("*.json") if (text := path.read_text()).endswith("}\n")]):
        assert time.monotonic() < deadline, "nothing was saved"
        time.sleep(0.05)
    return dict(json.loads(written[0]))


def send(browser: Browser, path: Path) -> None:
    """Choose a file to load."""
    found = browser.call("POST", "/element", {"using": "css selector", "value": "#file"})
    (element,) = found.values()
    browser.call("POST", f"/element/{element}/value", {"text": str(path)})


def told(browser: Browser) -> str:
    """The page's answer to a file, once it has read it."""
    deadline = time.monotonic() + 60
    while not (text := browser.run("return document.getElementById('told').textContent")):
        assert time.monotonic() < deadline, "the page says nothing"
        time.sleep(0.05)
    return str(text)


def asked(browser: Browser) -> str:
    """What the page asks before it writes over ratings, once it has read a file."""
    deadline = time.monotonic() + 60
    while not browser.run("return document.querySelector('dialog')?.open"):
        assert time.monotonic() < deadline, "the page asks nothing"
        time.sleep(0.05)
    return str(browser.run("return document.getElementById('differing-asked').textContent"))


def test_ten_are_rated_by_the_keyboard_kept_over_a_reload_gone_on_with_saved_and_imported(
    browser: Browser, exported: Built, tmp_path: Path
) -> None:
    shown(browser, exported)
    for _ in range(10):
        press(browser, "345n")
    press(browser, "2")
    assert (count(browser), place(browser)) == ("10 of 24 complete", "Image 11 of 24")
    browser.call("POST", "/refresh")
    browser.run(BEGIN)
    assert (count(browser), place(browser)) == ("10 of 24 complete", "Image 11 of 24")
    assert told(browser) == "11 ratings were kept on this machine."
    press(browser, "55")
    press(browser, "cno ship there\ue00c")
    press(browser, "n1")
    assert count(browser) == "11 of 24 complete"
    content = saved(browser, tmp_path)
    assert [row["correctness"] for row in content["ratings"]] == [3] * 10 + [2, 1]
    assert content["ratings"][10]["comment"] == "no ship there"
    assert content["ratings"][11]["fluency"] is None
    path = tmp_path / "ratings.json"
    path.write_text(json.dumps(content))
    stored = store(exported.project, audited_candidate(exported.project), path)
    assert (stored.outcome, stored.ratings.rater, stored.ratings.complete) == ("stored", RATER, 11)
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
    assert browser.run(OUTSIDE) == 0


def test_a_saved_file_is_loaded_on_another_machine(browser: Browser, exported: Built, tmp_path: Path) -> None:
    shown(browser, exported)
    press(browser, "123n")
    path = tmp_path / "ratings.json"
    content = saved(browser, tmp_path)
    path.write_text(json.dumps(content))
    browser.run("localStorage.clear()")
    browser.call("POST", "/refresh")
    send(browser, path)
    assert told(browser) == "Loaded 1 ratings of rater-a."
    assert (count(browser), place(browser)) == ("1 of 24 complete", "Image 2 of 24")
    assert saved(browser, tmp_path) == content


def test_two_tabs_of_one_rater_keep_what_each_rated_last(
    browser: Browser, exported: Built, tmp_path: Path
) -> None:
    shown(browser, exported)
    first = browser.call("GET", "/window")
    second = browser.call("POST", "/window/new", {"type": "tab"})["handle"]
    browser.call("POST", "/window", {"handle": second})
    browser.call("POST", "/url", {"url": page_of(exported).as_uri()})
    browser.run(BEGIN)
    press(browser, "345")
    browser.call("POST", "/window", {"handle": first})
    awaited_count(browser, "1 of 24 complete")
    press(browser, "n222")
    browser.call("POST", "/window", {"handle": second})
    awaited_count(browser, "2 of 24 complete")
    press(browser, "5")
    browser.call("POST", "/refresh")
    browser.run(BEGIN)
    assert count(browser) == "2 of 24 complete"
    ratings = saved(browser, tmp_path)["ratings"]
    assert [rating["correctness"] for rating in ratings] == [5, 2]


def test_a_tab_that_has_not_heard_of_another_writes_nothing_over(
    browser: Browser, exported: Built, tmp_path: Path
) -> None:
    browser.open(page_of(exported).as_uri(), 1280)
    browser.run("localStorage.clear()")
    browser.run(BEGIN)
    browser.run(RATED_ELSEWHERE)
    press(browser, "n444")
    assert [rating["correctness"] for rating in saved(browser, tmp_path)["ratings"]] == [2, 4]


@pytest.mark.parametrize(
    ("answer", "said", "first"),
    [
        ("\ue007", "Loaded 1 ratings of rater-a; 1 that differ stay as this browser has them.", 5),
        ("\ue00c", "Loaded 1 ratings of rater-a; 1 that differ stay as this browser has them.", 5),
        ("\ue004\ue007", "Loaded 2 ratings of rater-a; 1 that differ are now those of the file.", 1),
    ],
    ids=["enter keeps", "escape keeps", "the file is chosen"],
)
def test_a_loaded_file_replaces_other_ratings_only_when_it_is_chosen(
    browser: Browser, exported: Built, tmp_path: Path, answer: str, said: str, first: int
) -> None:
    shown(browser, exported)
    press(browser, "123n444n")
    path = tmp_path / "ratings.json"
    content = saved(browser, tmp_path)
    path.write_text(json.dumps(content))
    press(browser, "0p0p05nn333")
    browser.call("POST", "/refresh")
    send(browser, path)
    assert asked(browser).startswith("For 1 of the captions, this browser keeps other ratings of rater-a")
    assert browser.run(UNNAMED) == []
    press(browser, answer)
    assert told(browser) == said
    ratings = saved(browser, tmp_path)["ratings"]
    assert [rating["correctness"] for rating in ratings] == [first, 4, 3]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{", "The file cannot be read: it is no JSON, or cut off."),
        ('{"form": "x"}', "This is no file of ratings."),
        (
            '{"form": "sartext-audit-1", "ratings": [], "candidate_sha256": "ab"}',
            "These ratings are of another candidate.",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_not_loaded(
    browser: Browser, exported: Built, tmp_path: Path, text: str, answer: str
) -> None:
    browser.open(page_of(exported).as_uri(), 1280)
    path = tmp_path / "ratings.json"
    path.write_text(text)
    send(browser, path)
    assert told(browser) == answer
    assert browser.run("return document.getElementById('desk').hidden")


def test_a_browser_that_keeps_nothing_is_told_of_and_ratings_can_be_saved(
    browser: Browser, exported: Built, tmp_path: Path
) -> None:
    browser.open(page_of(exported).as_uri(), 1280)
    command = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": REFUSE}}
    browser.call("POST", "/goog/cdp/execute", command)
    browser.call("POST", "/refresh")
    browser.run(BEGIN)
    assert "This browser keeps nothing" in browser.text()
    press(browser, "444n")
    assert len(saved(browser, tmp_path)["ratings"]) == 1


@pytest.mark.parametrize("width", [1280, 390])
def test_everything_has_a_name_and_fits(browser: Browser, exported: Built, width: int) -> None:
    shown(browser, exported, width)
    press(browser, "a")
    assert browser.run("return document.getElementById('annotation').checkVisibility()")
    assert browser.run(UNNAMED) == []
    wide, window = browser.run(WIDTHS)
    assert wide <= window == width
    assert browser.run(SHORTEST) >= 24, "pixels that a finger finds (WCAG 2.2)"
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []


def test_the_rater_is_told_nothing_of_how_a_caption_was_made(browser: Browser, exported: Built) -> None:
    shown(browser, exported)
    text = browser.text()
    assert "alpha" not in text and "beta" not in text and "a2c" not in text
    assert "a2c" not in page_of(exported).read_text(), "not even in its source"


def test_single_keys_can_be_switched_off(browser: Browser, exported: Built) -> None:
    shown(browser, exported)
    browser.run("document.getElementById('shortcuts').click()")
    press(browser, "n5")
    assert (count(browser), place(browser)) == ("0 of 24 complete", "Image 1 of 24")


def test_the_same_candidate_gives_the_same_page(exported: Built, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    export(exported.project, again, size=20, seed=3, floor=2, repeats=4)
    assert again.read_bytes() == page_of(exported).read_bytes()
