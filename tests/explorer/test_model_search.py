"""What the page makes of embeddings: images alike, and the pictures that a model holds for a sentence."""

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from sartext.explorer.site import explore
from sartext.explorer.vectors import IMAGES, SENTENCES, Embedded, write_vectors
from tests.browser import Browser
from tests.explorer.generated import generate
from tests.explorer.test_page import DRAWN, SHOWN, awaited, count, shown

SENTENCES_READ = ("Two ships in the center.", "One bridge <b>outside</b>.")
IDS = [f"bay/{number:06d}" for number in range(6)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The explorer of 30 images, six of which a model saw: the further apart two numbers, the less alike."""
    root = tmp_path_factory.mktemp("seen")
    angles = np.linspace(0, 1, len(IDS), dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    write_vectors(root / "e" / IMAGES, "image_id", Embedded(IDS, vectors, "ab" * 32))
    read = Embedded(SENTENCES_READ, vectors[[0, -1]], "ab" * 32)
    write_vectors(root / "e" / SENTENCES, "sentence", read)
    explore(generate(root / "generated" / "1.0.0", 30), root / "site", embeddings=root / "e")
    return root / "site"


def test_images_alike_stand_below_an_image_the_most_alike_first(browser: Browser, seen: Path) -> None:
    shown(browser, seen, f"#id={quote(IDS[0], safe='')}")
    near = browser.run("return [...document.querySelectorAll('#image-near .id')].map(each => each.textContent)")
    assert near == IDS[1:]
    shown(browser, seen, "#id=coast/000007")
    assert browser.run("return document.getElementById('image-alike').hidden"), "the model has not seen this one"


def test_a_sentence_that_the_model_has_read_finds_its_pictures(browser: Browser, seen: Path) -> None:
    shown(browser, seen)
    browser.run("document.getElementById('meaning').open = true")
    browser.run("const box = document.getElementById('sentence'); box.value = 'bridge';"
                "box.dispatchEvent(new Event('input'))")  # fmt: skip
    awaited(browser, "return document.querySelectorAll('.suggestion').length === 1")
    assert browser.run("return document.querySelector('.suggestion').textContent") == SENTENCES_READ[1]
    browser.run("document.querySelector('.suggestion').click()")
    awaited(browser, DRAWN + " && !document.getElementById('asked').hidden")
    assert (count(browser), browser.run(SHOWN)) == ("6 of 30 images", IDS[::-1])
    assert "similarity 1.00" in browser.text()
    address = browser.run("return location.hash")
    shown(browser, seen, address)
    assert browser.run(SHOWN) == IDS[::-1], "the view has an address"
    browser.run("document.getElementById('forget').click()")
    assert count(browser) == "30 images"
    assert browser.call("POST", "/se/log", {"type": "browser"}) == []
