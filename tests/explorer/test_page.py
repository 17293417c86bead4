"""The explorer in a browser, from disk: found, filtered, linked to, read by keyboard, and nothing but text."""

import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser import Browser
from tests.explorer.conftest import HOSTILE
from tests.explorer.generated import CORPORA, facts_of

ROWS = 2000
UNNAMED = """
const controls = [...document.querySelectorAll('button, input, select, a')].filter(each => each.checkVisibility());
const isNamed = each => each.labels?.length || each.getAttribute('aria-label') || each.textContent.trim();
return controls.filter(each => !isNamed(each)).map(each => each.outerHTML);
"""
FOREIGN = """
const names = performance.getEntriesByType('resource').map(each => each.name);
return names.filter(name => !/^(data|file):/.test(name));
"""
WIDTHS = "return [document.documentElement.scrollWidth, window.innerWidth]"
SHOWN = "return [...document.querySelectorAll('#cards .id')].map(each => each.textContent)"
DRAWN = "return document.body.dataset.ready === 'yes' && !document.querySelector('#cards .empty')"
OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true })"
TYPE = """
const box = document.getElementById('query');
delete document.body.dataset.drawn;
box.value = arguments[0];
box.dispatchEvent(new Event('input'));
"""
CHOICES = """
const [title] = arguments;
const facets = [...document.querySelectorAll('fieldset')];
const facet = facets.find(each => each.querySelector('legend').textContent === title);
const choices = [...facet.querySelectorAll('label')];
const text = (label, style) => label.querySelector(style).textContent;
"""


def shown(browser: Browser, site: Path, address: str = "") -> None:
    """Open the page at an address, and wait until it has drawn what that asks for."""
    browser.call("POST", "/url", {"url": "about:blank"})
    browser.call("POST", "/url", {"url": (site / "index.html").as_uri() + address})
    awaited(browser, DRAWN)


def awaited(browser: Browser, condition: str) -> None:
    deadline = time.monotonic() + 60
    while not browser.run(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


def asked(browser: Browser, script: str, *arguments: str) -> Any:
    """What a script returns, given arguments."""
    return browser.call("POST", "/execute/sync", {"script": script, "args": list(arguments)})


def search(browser: Browser, query: str) -> int:
    """Type a query; return how many images are then found."""
    asked(browser, TYPE, query)
    awaited(browser, "return 'drawn' in document.body.dataset")
    return int(count(browser).split()[0].replace(",", ""))


def count(browser: Browser) -> str:
    return str(browser.run("return document.getElementById('count').textContent"))


def choose(browser: Browser, facet: str, value: str) -> None:
    """Click the box of a value of a facet."""
    asked(browser, CHOICES + "choices.find(each => text(each, '.value') === arguments[1]).click()", facet, value)


def facet_counts(browser: Browser, facet: str) -> dict[str, int]:
    """What a facet shows: its values and their numbers."""
    pairs = "return choices.map(each => [text(each, '.value'), text(each, '.number')])"
    return {value: int(number.replace(",", "")) for value, number in asked(browser, CHOICES + pairs, facet)}


def with_class(noun: str) -> int:
    return sum(any(fact.noun == noun for fact in facts_of(number).objects) for number in range(ROWS))


def test_all_images_are_shown_a_page_at_a_time_with_their_captions(browser: Browser, site: Path) -> None:
    shown(browser, site)
    assert count(browser) == "2,000 images"
    first = browser.run(SHOWN)
    assert len(first) == 48
    assert "Page 1 of 42" in browser.text()
    browser.run("document.getElementById('next').click()")
    awaited(browser, DRAWN)
    assert not set(browser.run(SHOWN)) & set(first)


def test_counts_of_a_facet_follow_the_other_filters(browser: Browser, site: Path) -> None:
    shown(browser, site)
    assert facet_counts(browser, "Class")["bridge"] == with_class("bridge")
    assert facet_counts(browser, "Corpus") == dict.fromkeys(CORPORA, 400)
    choose(browser, "Corpus", "bay")
    assert count(browser) == "400 of 2,000 images"
    assert facet_counts(browser, "Corpus")["coast"] == 400, "what choosing it too would add"
    assert facet_counts(browser, "Split")["test"] == sum(number % 6 == 5 for number in range(400))
    choose(browser, "Split", "test")
    assert facet_counts(browser, "Corpus")["coast"] == sum(number % 6 == 5 for number in range(400, 800))
    browser.run("document.getElementById('clear').click()")
    assert count(browser) == "2,000 images"


def test_words_beginnings_phrases_and_exclusions_are_found(browser: Browser, site: Path) -> None:
    shown(browser, site)
    bridges = search(browser, "bridg")
    assert bridges == with_class("bridge")
    assert search(browser, '"bridg"') == 0, "in quotation marks it is the word itself"
    both = search(browser, "bridg ship")
    assert 0 < both < bridges
    assert search(browser, "bridg -ship") == bridges - both
    assert search(browser, '"storage tank"') > 0
    assert search(browser, '"tank storage"') == 0
    assert search(browser, "\u0645\u064a\u0646\u0627\u0621") == 0
    assert search(browser, "\u0633\u0641\u064a\u0646\u062a\u0627\u0646") == 1
    assert search(browser, "bay/000017") == 1
    assert browser.run(SHOWN) == ["bay/000017"]


def test_a_view_and_an_image_have_an_address(browser: Browser, site: Path) -> None:
    shown(browser, site, "#q=ship&corpus=coast&split=test")
    assert browser.run("return document.getElementById('query').value") == "ship"
    assert all(name.startswith("coast/") for name in browser.run(SHOWN))
    shown(browser, site, "#id=" + quote("delta/000801", safe=""))
    assert "delta/000801" in browser.text()
    assert browser.run("return document.activeElement.id") == "image-title"
    browser.run("document.getElementById('back').click()")
    awaited(browser, "return !document.getElementById('results').hidden")


def test_an_image_tells_its_proof_its_story_its_licence_and_all_columns(browser: Browser, site: Path) -> None:
    shown(browser, site, "#id=bay/000007")
    browser.run(OPEN)
    text = browser.text()
    assert "annotation" in text
    assert "released in generated 1.0.0" in text
    assert "passed: 1 of 1 expectations hold" in text
    assert "captions agree with facts" in text, "a row of the gate that names its corpus"
    assert "The authors of bay, 2026" in text
    assert "source_path" in text
    assert browser.run("return document.querySelector('#image-text a').href") == "https://example.org/bay"


def test_a_withheld_picture_says_so(browser: Browser, site: Path) -> None:
    shown(browser, site, "#corpus=fjord")
    assert browser.run("return document.querySelectorAll('#cards img').length") == 0
    assert browser.run("return document.querySelectorAll('#cards .frame.none').length") == 48
    assert "Picture withheld" in browser.text()


def test_the_facts_are_drawn_where_they_lie(browser: Browser, site: Path) -> None:
    shown(browser, site, "#id=bay/000007")
    facts = facts_of(7).objects
    drawn = browser.run(
        "return [...document.querySelectorAll('#image-picture .center .chip')].map(each => each.textContent)"
    )
    assert drawn == [
        f"{fact.center} {fact.noun if fact.center == 1 else fact.plural}" for fact in facts if fact.center
    ]
    opacity = "getComputedStyle(document.querySelector('#image-picture .facts-over')).opacity"
    assert browser.run(f"return {opacity}") == "0"
    browser.run("document.getElementById('facts-large').click()")
    awaited(browser, f"return {opacity} === '1'")


def test_hostile_texts_stay_texts(browser: Browser, site: Path) -> None:
    for number in HOSTILE:
        shown(browser, site, f"#id=bay/{number:06d}")
        browser.run(OPEN)
        assert (
            browser.run("return document.querySelectorAll('#image script, #image [onload], #image b').length") == 0
        )
        assert (
            browser.run("return [...document.links].filter(each => each.protocol === 'javascript:').length") == 0
        )
        wide, window = browser.run(WIDTHS)
        assert wide <= window
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []


@pytest.mark.parametrize("browser", [1280, 400], indirect=True)
def test_everything_has_a_name_and_fits_and_nothing_comes_from_elsewhere(browser: Browser, site: Path) -> None:
    for address in ("", "#id=bay/000007", "#q=ship&corpus=fjord", "#id=nobody/knows", "#id=bay/000003"):
        shown(browser, site, address)
        assert browser.run(UNNAMED) == []
        wide, window = browser.run(WIDTHS)
        assert wide <= window, address
        assert browser.run(FOREIGN) == []
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []


def test_it_may_be_served_too(browser: Browser, site: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        browser.call("POST", "/url", {"url": f"http://127.0.0.1:{server.server_port}/#q=ship"})
        awaited(browser, DRAWN)
        server.shutdown()
    assert len(browser.run(SHOWN)) == 48


def test_a_page_without_its_data_says_so(browser: Browser, site: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes((site / "index.html").read_bytes())
    browser.call("POST", "/url", {"url": (tmp_path / "index.html").as_uri()})
    awaited(browser, "return !document.getElementById('failed').hidden")
    assert "data/columns.js cannot be read" in browser.text()
