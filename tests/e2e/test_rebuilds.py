"""Scheduled rebuilds publish what changed and nothing else, and touch only what follows from a change."""

import shutil

import pytest

from sartext.files import sha256_tree
from tests.e2e.conftest import Checkout
from tests.e2e.test_routes import one_box_changed

pytestmark = pytest.mark.e2e


def test_three_rebuilds_publish_a_version_nothing_and_the_next_version(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / "releases")
    shutil.rmtree(checkout.root / "build")
    checkout.run("orchestration", "rebuild")
    assert list(checkout.versions()) == ["1.0.0"]
    first = sha256_tree(checkout.versions()["1.0.0"])

    checkout.run("orchestration", "rebuild")
    assert list(checkout.versions()) == ["1.0.0"]

    one_box_changed(checkout)
    checkout.run("orchestration", "rebuild")
    assert list(checkout.versions()) == ["1.0.0", "1.0.1"]
    assert sha256_tree(checkout.versions()["1.0.0"]) == first
    for folder in checkout.versions().values():
        checkout.run("sartext", "release", "verify", str(folder))


def test_one_wrong_box_rebuilds_its_corpus_and_what_follows(checkout: Checkout) -> None:
    others = [
        f"build/{stage}/{name}" for stage in ("corpus", "captions") for name in ("sim-objects", "sim-landcover")
    ]
    before = checkout.times(*others)
    assert before
    one_box_changed(checkout)
    assert set(checkout.status()) == {"corpus@sim-ships", "captions@sim-ships"}, "both read data/sim-ships"
    logs = checkout.times("build/log")
    checkout.run("orchestration", "release")
    assert checkout.times(*others) == before
    after = checkout.times("build/log")
    ran = {
        name.removeprefix("build/log/").removesuffix(".json") for name in after if after[name] != logs.get(name)
    }
    assert {name for name in ran if not name.endswith(".txt")} == {
        *("corpus@sim-ships", "captions@sim-ships", "splits"),
        *("candidate", "quality", "release", "publication"),
    }
