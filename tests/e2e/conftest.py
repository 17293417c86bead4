"""A small project, built once: a copy of the working tree with few and small embedded images.

Nothing is trained or narrated in it, so that a route takes seconds; ``trained`` is the one project with models.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.processes import built_once, completed, git_commit

IMAGES = {"ships": 40, "objects": 30, "landcover": 30, "pairs": 20, "optical": 30, "unlabelled": 30}
SMALL = {
    "simulation": {"seed": 5, "size": 64, **IMAGES},
    "gate": {"minimum_pairs": 20},
    "checkpoints": {},
    "models": {},
    "champions": {},
    "optical_captions": [],
    "rewritten": [],
    "narrated": [],
}

PROJECT = "sar-text"
"""The name of a project's folder."""

TINY = {"clip-optical": 512, "clip-sar": 512, "coca-optical": 1600, "coca-sar": 640, "grounder": 960}
"""Pairs that each model sees: as few as optical captions need that are sentences, and a grounder that sees."""

ROUTES = {
    "job": "orchestration release",
    "release asset": "dagster asset materialize --select release -m orchestration.definitions",
    "dvc repro": "dvc repro publication",
}
"""The commands by which a release is built."""


@dataclass(frozen=True)
class Checkout:
    """A project folder of its own, and the commands a user would type in it."""

    root: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = completed(sys.executable, "-m", *arguments, cwd=self.root, env=self.environment())
        if check and done.returncode != 0:
            output = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            pytest.fail(f"{' '.join(arguments)}: exit {done.returncode}\n{output}")
        return done

    def build(self, route: str) -> subprocess.CompletedProcess[str]:
        """Build the release by one of the routes, to whatever end."""
        return self.run(*ROUTES[route].split(), check=False)

    def environment(self) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("SARTEXT_", "DAGSTER_HOME"))
        }
        return {
            **kept,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(self.root / "src"), str(self.root)]),
            "SARTEXT_ROOT": str(self.root),
            "DAGSTER_HOME": str(self.root / ".dagster"),
        }

    def apart(self) -> None:
        """Let DVC keep what it keeps of this folder beside it."""
        (self.root / ".dvc/config.local").write_text(f"[core]\n    site_cache_dir = {self.root.parent / 'site'}\n")

    def parameters(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.root / "params.yaml").read_text()))

    def set_parameters(self, content: dict[str, Any]) -> None:
        (self.root / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))

    def without(self, corpus: str) -> None:
        content = self.parameters()
        del content["corpora"][corpus]
        content["captions"].remove(corpus)
        self.set_parameters(content)

    def status(self) -> dict[str, Any]:
        """What DVC says is stale of the publication and all that it is made from."""
        return dict(json.loads(self.run("dvc", "status", "--json", "--with-deps", "publication").stdout))

    def publication(self) -> dict[str, Any]:
        return dict(json.loads((self.root / "build/publication/publication.json").read_text()))

    def content_hash(self) -> str:
        return str(self.publication()["content_sha256"])

    def assembled(self) -> str | None:
        """The content hash of what lies in build/release, None where nothing does."""
        path = self.root / "build/release/content.json"
        return str(json.loads(path.read_text())["content_sha256"]) if path.is_file() else None

    def pin(self) -> bytes:
        return (self.root / "data.dvc").read_bytes()

    def versions(self) -> dict[str, Path]:
        folder = self.root / "releases" / "sar-text"
        return {item.name: item for item in sorted(folder.iterdir())} if folder.is_dir() else {}

    def move_a_box(self) -> Path:
        """Double the first ship of the first annotated image, a pixel narrower: one wrong box, no exact repeat."""
        for path in sorted((self.root / "data/sim-ships/Annotations").glob("*.xml")):
            text = path.read_text()
            if "<object>" in text:
                start, end = text.index("<object>"), text.index("</object>") + len("</object>")
                narrower = re.sub(r"(?<=<xmin>)\d+", lambda left: str(int(left[0]) + 1), text[start:end])
                path.write_text(text[:end] + narrower + text[end:])
                return path
        raise AssertionError("no annotated image")

    def times(self, *folders: str) -> dict[str, int]:
        """When each file below some folders was written."""
        files = (item for folder in folders for item in (self.root / folder).rglob("*") if item.is_file())
        return {item.relative_to(self.root).as_posix(): item.stat().st_mtime_ns for item in files}


def tracked_files() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The built project; only to be copied."""
    return Checkout(built_once(tmp_path_factory, "baseline", build_baseline) / PROJECT)


@pytest.fixture
def checkout(baseline: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the built project."""
    return copied(baseline, tmp_path)


@pytest.fixture(scope="session")
def trained(baseline: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the built project that trained four tiny models, narrated and released what they said."""
    made = built_once(tmp_path_factory, "trained", lambda folder: train(copied(baseline, folder)))
    return copied(Checkout(made / PROJECT), tmp_path_factory.mktemp("trained"))


def build_baseline(folder: Path) -> None:
    root = folder / PROJECT
    for name in tracked_files():
        if name not in {"dvc.lock", "data.dvc"}:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    checkout = Checkout(root)
    checkout.set_parameters({**checkout.parameters(), **SMALL})
    checkout.apart()
    git_commit(root)
    checkout.run("sartext", "simulate")
    checkout.run("sartext", "corpora", "pin")
    checkout.run("orchestration", "release")


def train(checkout: Checkout) -> None:
    wanted = yaml.safe_load((ROOT / "params.yaml").read_text())
    content = {name: wanted[name] for name in ("optical_captions", "narrated")}
    content["checkpoints"] = {
        name: {**wanted["checkpoints"][name], "samples": samples} for name, samples in TINY.items()
    }
    content["training"] = {**wanted["training"], "batch": 16, "validate_every": 800}
    content["narration"] = {"precision_objects": 0.05, "precision_cover": 0.05, "fewest": 1}
    checkout.set_parameters({**checkout.parameters(), **content})
    checkout.run("orchestration", "release")


def copied(checkout: Checkout, folder: Path, *left_out: str) -> Checkout:
    """A copy of a project in a folder, without some of its folders, which shares nothing with it."""
    shutil.copytree(checkout.root, folder / PROJECT, symlinks=True, ignore=shutil.ignore_patterns(*left_out))
    made = Checkout(folder / PROJECT)
    made.apart()
    return made
