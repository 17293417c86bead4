"""Generated releases and their explorers, each made once and only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sartext.explorer.site import explore
from tests.browser import Browser, started
from tests.explorer.generated import generate

HOSTILE = {
    0: {"caption": "</script><script>alert(1)</script><img src=x onerror=alert(2)>", "model": "<b>m</b>"},
    1: {"caption": "[link](javascript:alert(3)) **bold** `code` 'quoted' \\ back\u2028line"},
    2: {"caption": "\u0633\u0641\u064a\u0646\u062a\u0627\u0646 \u0641\u064a \u0627\u0644\u0628\u062d\u0631"},
    3: {"caption": "x" * 3000},
    4: {"source_url": "javascript:alert(4)", "sensor": "<svg onload=alert(5)>"},
}
"""Texts that must stay texts, by the number of the row that holds them."""


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of 2,000 rows, some of them hostile."""
    return generate(tmp_path_factory.mktemp("explored") / "generated" / "1.0.0", 2000, changes=HOSTILE)


@pytest.fixture(scope="session")
def site(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its explorer."""
    target = tmp_path_factory.mktemp("explorer") / "site"
    explore(release, target)
    return target


@pytest.fixture(scope="module", params=[1280])
def browser(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A window of some width, which tests of a module share."""
    with started(tmp_path_factory.mktemp("profile")) as found:
        found.open("about:blank", request.param)
        yield found
