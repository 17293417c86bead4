"""Whichever way a release is built, and whatever happened before: the same bytes, or a refusal that says why."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import PROJECT, ROUTES, Checkout, copied
from tests.processes import built_once, wait_for

pytestmark = pytest.mark.e2e

CORPUS = "sim-objects"


@dataclass(frozen=True)
class Outcome:
    """What a route must give in a state.

    ``content`` names the content hash that stands afterwards; ``clean`` tells whether nothing is stale that the
    publication is made from, ``pinned`` whether ``data.dvc`` is as it was before the route ran; ``says`` is in a
    refusal's output.
    """

    succeeds: bool
    content: str
    clean: bool
    pinned: bool = True
    says: str = ""


def one_box_changed(checkout: Checkout) -> None:
    checkout.move_a_box()
    checkout.run("sartext", "corpora", "pin")


def a_corpus_removed(checkout: Checkout) -> None:
    checkout.without(CORPUS)
    checkout.run("sartext", "prune")


def the_corpus_back(checkout: Checkout) -> None:
    before = checkout.parameters()
    a_corpus_removed(checkout)
    checkout.run("orchestration", "release")
    checkout.set_parameters(before)


def gate_failed(checkout: Checkout) -> None:
    content = checkout.parameters()
    content["gate"]["minimum_pairs"] = 100_000
    checkout.set_parameters(content)


def run_killed(checkout: Checkout) -> None:
    one_box_changed(checkout)
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "publication"],
        cwd=checkout.root,
        env=checkout.environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = checkout.root / "build/log/splits.json"
    before = log.stat().st_mtime_ns
    wait_for(lambda: log.stat().st_mtime_ns != before)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def releases_deleted(checkout: Checkout) -> None:
    shutil.rmtree(checkout.root / "releases")


STATES: dict[str, Callable[[Checkout], object]] = {
    "clean": lambda checkout: None,
    "one box changed": one_box_changed,
    "a corpus removed": a_corpus_removed,
    "the corpus back": the_corpus_back,
    "gate failed": gate_failed,
    "run killed": run_killed,
    "releases deleted": releases_deleted,
    "data edited by hand": Checkout.move_a_box,
}

BUILT = Outcome(True, "baseline", clean=True)
REBUILT = Outcome(True, "box", clean=True)
WITHOUT = Outcome(True, "removed", clean=True)
STALE = Outcome(False, "baseline", clean=False, says="stale")
STALE_WITHOUT = Outcome(False, "removed", clean=False, says="stale")
REFUSED = Outcome(False, "baseline", clean=False, says="enough pairs")
NOT_PINNED = Outcome(False, "baseline", clean=False, says="sim-ships")
REPINNED = Outcome(True, "box", clean=True, pinned=False)

EXPECTED: dict[str, tuple[Outcome, Outcome, Outcome]] = {
    "clean": (BUILT, BUILT, BUILT),
    "one box changed": (REBUILT, STALE, REBUILT),
    "a corpus removed": (WITHOUT, STALE, WITHOUT),
    "the corpus back": (BUILT, STALE_WITHOUT, BUILT),
    "gate failed": (REFUSED, STALE, REFUSED),
    "run killed": (REBUILT, STALE, REBUILT),
    "releases deleted": (BUILT, BUILT, BUILT),
    "data edited by hand": (NOT_PINNED, NOT_PINNED, REPINNED),
}
"""By the job, the release asset alone, and plain `dvc repro`."""


@pytest.fixture(scope="session")
def contents(baseline: Checkout, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The content hash of the baseline, with the changed box and without the corpus, each built from nothing."""
    hashes = {"baseline": baseline.content_hash()}
    for name, change in (("box", one_box_changed), ("removed", a_corpus_removed)):

        def build(folder: Path, change: Callable[[Checkout], None] = change) -> None:
            checkout = copied(baseline, folder, "build", "releases", ".dagster", "runs", "dvc.lock")
            change(checkout)
            checkout.run("orchestration", "release")

        hashes[name] = Checkout(built_once(tmp_path_factory, name, build) / PROJECT).content_hash()
    assert len(set(hashes.values())) == 3
    return hashes


@pytest.fixture
def checkout(baseline: Checkout, state: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Checkout:
    """A copy of the built project in a state, which is brought about once for all routes."""
    made = built_once(tmp_path_factory, state, lambda folder: STATES[state](copied(baseline, folder)))
    return copied(Checkout(made / PROJECT), tmp_path)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("state", STATES)
def test_every_route_through_every_state(
    checkout: Checkout, contents: dict[str, str], state: str, route: str
) -> None:
    pin, releases = checkout.pin(), checkout.versions()
    expected = dict(zip(ROUTES, EXPECTED[state], strict=True))[route]
    done = checkout.build(route)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) == expected.succeeds, output[-4000:]
    assert expected.says in output, output[-4000:]
    assert checkout.content_hash() == contents[expected.content]
    assert (checkout.status() == {}) == expected.clean
    assert (checkout.pin() == pin) == expected.pinned
    assert releases.items() <= checkout.versions().items()
    if not expected.pinned:
        assert checkout.build("job").returncode == 0, "the job refuses what plain dvc repro re-pinned"
    if expected.succeeds and route == "job":
        assert (checkout.root / checkout.publication()["path"] / "MANIFEST.json").is_file()
