"""Code is a dependency: what a stage imports stands in its deps, so that changed code rebuilds."""

import ast
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

SOURCE = ROOT / "src"

ENTRIES = {
    "corpus": "sartext.corpora.index",
    "captions": "sartext.narrator.stage",
    "splits": "sartext.release.splits",
    "candidate": "sartext.release.candidate",
    "quality": "sartext.release.gate.running",
    "release": "sartext.release.assembly",
    "publication": "sartext.release.publication",
}

CORE = (
    {f"src/sartext/{name}.py" for name in ("__init__", "errors", "files", "locking", "progress")}
    | {f"src/sartext/config/{name}.py" for name in ("__init__", "data", "project", "section", "training")}
    | {f"src/sartext/catalogue/{name}.py" for name in ("__init__", "entry", "loading")}
)
"""What every stage stands on; it decides no artefact's content."""


def file_of(module: str) -> Path | None:
    path = SOURCE / Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imported(path: Path) -> set[str]:
    """The modules of the project that a file imports anywhere, and the packages above them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] == "sartext":
                found |= {".".join(parts[:end]) for end in range(2, len(parts) + 1)}
    return found


def closure(module: str) -> set[str]:
    """Every file of the project that a module can load, lazily too."""
    todo, seen = {module}, set()
    files: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        path = file_of(name)
        if path is not None:
            files.add(path.relative_to(ROOT).as_posix())
            todo |= imported(path) - seen
    return files


@pytest.mark.parametrize("stage", ENTRIES)
def test_what_a_stage_imports_is_among_its_dependencies(stage: str) -> None:
    declared = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    deps = [dep for dep in declared.get("do", declared)["deps"] if dep.startswith("src/")]
    missing = {
        name
        for name in closure(ENTRIES[stage]) - CORE
        if not any(name == dep or name.startswith(f"{dep}/") for dep in deps)
        and name not in {"src/sartext/release/__init__.py", "src/sartext/corpora/__init__.py"}
    }
    assert missing == set()


def test_every_stage_is_looked_at() -> None:
    assert set(ENTRIES) == set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
