"""Code is a dependency: what a stage imports stands in its deps, so that changed code rebuilds.

Trainings, and what feeds them, depend on ``training.recipe`` instead, which is raised by hand: a comment in the
loop must not cost a night on a GPU.
"""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

SOURCE = ROOT / "src"

ENTRIES = {
    "corpus": "sartext.corpora.index",
    "captions": "sartext.narrator.stage",
    "rewritten": "sartext.llm.stage",
    "lists": "sartext.release.inputs",
    "splits": "sartext.release.splits",
    "optical-shards": "sartext.training.shards.writing",
    "sar-shards": "sartext.training.shards.writing",
    "calibration": "sartext.captioner.calibration",
    "optical-captions": "sartext.captioner.optical",
    "narrated": "sartext.captioner.narration",
    "candidate": "sartext.release.candidate",
    "quality": "sartext.release.gate.running",
    "release": "sartext.release.assembly",
    "publication": "sartext.release.publication",
    "release-shards": "sartext.training.shards.writing",
    "evaluation": "sartext.evaluation.stages",
    "report": "sartext.report.stage",
    "promotion": "sartext.tracking.promotion",
}

BY_RECIPE = {"tokenizer", "checkpoint", "model"}
"""Stages that no code of ours is a dependency of."""

COPIES = {"pinned"}
"""Stages that take bytes as they are, which neither code nor recipe decides."""

RECIPE = ("sartext.models", "sartext.training", "sartext.tracking")
"""Packages that the recipe stands for."""

CORE = (
    {f"src/sartext/{name}.py" for name in ("__init__", "errors", "files", "progress", "registry")}
    | {f"src/sartext/config/{name}.py" for name in ("__init__", "arms", "data", "project", "rewriting", "section")}
    | {"src/sartext/config/training.py"}
    | {f"src/sartext/catalogue/{name}.py" for name in ("__init__", "entry", "loading")}
)
"""What every stage stands on; it decides no artefact's content."""

EMPTY = {f"src/sartext/{name}/__init__.py" for name in ("corpora", "release", "tracking")}
"""A docstring each; their modules are dependencies one by one."""


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


def reached(module: str) -> set[str]:
    """Every module of the project that a module can load, lazily too.

    A package of the recipe is not entered, unless it is the module's own.
    """
    todo, seen = {module}, set()
    while todo:
        name = todo.pop()
        seen.add(name)
        path = file_of(name)
        if path is not None and (not _of_recipe(name) or _together(name, module)):
            todo |= imported(path) - seen
    return seen


def _of_recipe(module: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in RECIPE)


def _together(module: str, other: str) -> bool:
    return module.rpartition(".")[0] == other.rpartition(".")[0]


def closure(module: str) -> set[str]:
    """The files of those modules, the recipe's aside."""
    paths = (file_of(name) for name in reached(module) if not _of_recipe(name) or _together(name, module))
    return {path.relative_to(ROOT).as_posix() for path in paths if path is not None}


def stages() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])


@pytest.mark.parametrize("stage", ENTRIES)
def test_what_a_stage_imports_is_among_its_dependencies(stage: str) -> None:
    declared = stages()[stage]
    deps = [dep for dep in declared.get("do", declared)["deps"] if dep.startswith("src/")]
    assert file_of(ENTRIES[stage]), "the entry has moved"
    missing = {
        name
        for name in closure(ENTRIES[stage]) - CORE
        if not any(name == dep or name.startswith(f"{dep}/") for dep in deps) and name not in EMPTY
    }
    assert missing == set()


def test_what_uses_models_or_feeds_them_depends_on_the_recipe() -> None:
    users = {stage for stage, entry in ENTRIES.items() if any(map(_of_recipe, reached(entry)))}
    assert {"calibration", "narrated", "optical-captions"} <= users
    for stage in sorted(users | BY_RECIPE):
        params = stages()[stage].get("do", stages()[stage])["params"]
        assert {"training", "training.recipe"} & set(params), stage


def test_every_stage_is_looked_at() -> None:
    assert set(ENTRIES) | BY_RECIPE | COPIES == set(stages())
