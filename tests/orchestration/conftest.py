"""Small DVC projects whose stages are one-line shell commands."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from sartext.config import Project
from sartext.release.gate.suites import SUITES
from sartext.sources import pin
from tests.conftest import ROOT
from tests.processes import dvc, init_dvc

PARAMETERS = """\
corpora:
  alpha: {catalogue: alpha.yaml}
  beta: {catalogue: beta.yaml}
captions: [alpha, beta]
training: {threads: 1}
"""

STAGES = """\
stages:
  corpus:
    foreach: ${corpora}
    do:
      desc: Index of ${key}
      cmd: mkdir -p build/corpus/${key} && cat data/${key}/* > build/corpus/${key}/index && echo indexed ${key}
      deps: ["data/${key}"]
      outs: ["build/corpus/${key}"]
      meta:
        group: corpora
        kinds: [shell, text]
        owners: ["team:toys"]
        pool: readers
  captions:
    foreach: ${captions}
    do:
      cmd: mkdir -p build/captions/${item} && rev build/corpus/${item}/index > build/captions/${item}/captions
      deps: ["build/corpus/${item}"]
      outs: ["build/captions/${item}"]
  candidate:
    desc: All captions
    cmd: python join.py
    deps: [build/captions, join.py]
    params: [captions]
    outs: [build/candidate]
  quality:
    cmd: mkdir -p build/quality && cp verdict.json build/quality/gate.json
    deps: [build/candidate, verdict.json]
    outs: [build/quality]
  release:
    cmd:
      - grep -q '"passed":true,"suites"' build/quality/gate.json || { echo the gate said no; exit 1; }
      - mkdir -p build/release && cp build/candidate/pairs.parquet build/release
    deps: [build/candidate, build/quality]
    outs:
      - build/release:
          cache: false
  publication:
    cmd: mkdir -p build/publication releases/toy/1.0.0 && cp publication.json build/publication/publication.json
    deps: [build/quality, build/release]
    outs:
      - build/publication/publication.json:
          cache: false
          persist: true
"""

JOIN = """\
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
files = sorted(Path("build/captions").glob("*/captions"))
rows = [{"corpus": file.parent.name, "split": "train", "caption": file.read_text()} for file in files]
Path("build/candidate").mkdir(parents=True)
pq.write_table(pa.Table.from_pylist(rows), "build/candidate/pairs.parquet")
"""


def verdict(*failed: str, severity: str = "critical", absent: tuple[str, ...] = ()) -> str:
    """A gate.json whose suites hold one expectation each."""
    suites = []
    for name in SUITES.names:
        held = name not in failed
        row = {"name": f"{name}_hold", "severity": severity, "passed": held, "status": "evaluated"}
        row |= {"figure": 12.5, "unit": "%", "detail": "as expected" if held else "too many"}
        if name not in absent:
            suites.append({"name": name, "passed": held or severity == "warning", "expectations": [row]})
    passed = not absent and all(suite["passed"] for suite in suites)
    return json.dumps({"content_sha256": "0", "passed": passed, "suites": suites}, separators=(",", ":"))


def start(root: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Begin ``python -m orchestration`` in a project."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestration", *arguments],
        cwd=root,
        env={**os.environ, "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(root: Path, *arguments: str) -> tuple[int, str, str]:
    """Run ``python -m orchestration``; return its exit status and what it wrote to both streams."""
    process = start(root, *arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


def rewrite(root: Path, *changes: tuple[str, str]) -> None:
    """Replace text of dvc.yaml."""
    stages = (root / "dvc.yaml").read_text()
    for before, after in changes:
        assert before in stages
        stages = stages.replace(before, after)
    (root / "dvc.yaml").write_text(stages)


def change(root: Path, corpus: str) -> None:
    """Change a corpus, and accept it."""
    (root / "data" / corpus / "boxes").write_text("one box is another\n")
    pin(Project(root))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built toy project."""
    root = tmp_path_factory.mktemp("toy") / "project"
    root.mkdir()
    init_dvc(root, git=True)
    (root / ".gitignore").write_text("build/\ndata/\nreleases/\n.dagster/\n")
    (root / "params.yaml").write_text(PARAMETERS)
    (root / "dvc.yaml").write_text(STAGES)
    (root / "join.py").write_text(JOIN)
    (root / "verdict.json").write_text(verdict())
    (root / "publication.json").write_text('{"version": "1.0.0", "path": "releases/toy/1.0.0"}')
    for corpus in ("alpha", "beta"):
        (root / "data" / corpus).mkdir(parents=True)
        (root / "data" / corpus / "boxes").write_text(f"{corpus} has boxes\n")
        entry = (ROOT / "src/sartext/catalogue/sim-ships.yaml").read_text(encoding="utf-8")
        (root / f"{corpus}.yaml").write_text(entry.replace("sim-ships", corpus), encoding="utf-8")
    pin(Project(root))
    dvc(root, "repro", "--quiet")
    return root


@pytest.fixture
def toy(template: Path, tmp_path: Path) -> Path:
    """A toy project of its own, built and up to date."""
    root = tmp_path / "project"
    shutil.copytree(template, root, symlinks=True)
    return root


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    """A Dagster instance that nobody else sees."""
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see another's project, nor the lock of the run that the tests may be part of."""
    for name in ("SARTEXT_ROOT", "SARTEXT_LOCK_HELD", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parents[2])]))
