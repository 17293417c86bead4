"""Where a release comes from: the commit, the lock, the machine and the libraries that made it."""

import io
import platform
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import sha256_text

TOOLS = (
    "sartext",
    "dvc",
    "great_expectations",
    "numpy",
    "open_clip_torch",
    "pillow",
    "pyarrow",
    "rasterio",
    "scipy",
    "tokenizers",
    "torch",
)
"""The libraries that shape the bytes of a release."""

WRITTEN = ("dvc.lock", "releases.lock")
"""Tracked files that building and pinning write: they make no working tree dirty. The manifest tells of the first
by itself (`lock_state`); the second decides nothing."""


def origin(project: Project) -> dict[str, object]:
    """Return what a manifest says of where a release comes from.

    Commit and state of the working tree, ``dvc.lock`` against the commit's, the corpora as they were read, the
    processor that published it, the threads of its trainings, and the libraries.

    Raises:
        ArtefactError: ``dvc.lock`` is no YAML.
    """
    return {
        "git": git_state(project.root),
        "lock": lock_state(project),
        "corpora_dvc_md5": corpus_hashes(project),
        "processor": processor(),
        "threads": project.parameters.training.threads,
        "tools": tool_versions(),
    }


def git_state(root: Path) -> dict[str, object]:
    """Return the commit and whether other files than those in ``WRITTEN`` differ from it.

    Both are None outside a git repository.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return {"commit": None, "dirty": None}
    changed = _git(root, "status", "--porcelain", "--", ".", *(f":(exclude){name}" for name in WRITTEN))
    return {"commit": commit.strip(), "dirty": None if changed is None else bool(changed.strip())}


def lock_state(project: Project) -> dict[str, object] | None:
    """Return how the part of ``dvc.lock`` that led to the release stands to the commit's; None without one.

    ``sha256`` is that of ``provenance/dvc.lock``. ``state`` is ``as committed``, ``differs from the commit`` or,
    where the commit has none, ``not committed``; ``stages`` are those that differ. A build on another processor
    differs where weights were trained.
    """
    text = used_lock(project)
    if text is None:
        return None
    committed = _git(project.root, "show", "HEAD:./dvc.lock")
    state: dict[str, object] = {"sha256": sha256_text(text), "state": "not committed", "stages": []}
    if committed is not None:
        used, before = _upstream(_read_lock(project)), _upstream(_parsed(committed, "dvc.lock of the commit"))
        stages = sorted(name for name in used.keys() | before.keys() if used.get(name) != before.get(name))
        state |= {"state": "differs from the commit" if stages else "as committed", "stages": stages}
    return state


def otherwise_made(project: Project) -> list[str]:
    """Return the stages that read what the commit's ``dvc.lock`` says that they read, and gave other bytes."""
    committed = _git(project.root, "show", "HEAD:./dvc.lock")
    if committed is None:
        return []
    before = _parsed(committed, "dvc.lock of the commit").get("stages") or {}
    now = _read_lock(project).get("stages") or {}
    inputs = ("cmd", "deps", "params")
    return sorted(
        name
        for name in now.keys() & before.keys()
        if all(now[name].get(part) == before[name].get(part) for part in inputs)
        and now[name].get("outs") != before[name].get("outs")
    )


def processor() -> dict[str, object]:
    """Return the class of this machine's processor, as far as floating-point results depend on it.

    The architecture, the model's name where the system tells it, and the vector instructions that numpy finds.
    """
    import numpy as np

    found = np.show_config(mode="dicts") or {}
    vectors = found.get("SIMD Extensions", {})
    return {
        "machine": platform.machine(),
        "model": _model(Path("/proc/cpuinfo")) or platform.processor() or None,
        "vectors": sorted({*vectors.get("baseline", ()), *vectors.get("found", ())}),
    }


def _model(cpuinfo: Path) -> str | None:
    """The name of the first processor of Linux's list, as x86 writes it."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None)


def used_lock(project: Project) -> str | None:
    """Return the part of ``dvc.lock`` that led to the release, in an order of its own; None without a lock.

    Raises:
        ArtefactError: ``dvc.lock`` is no YAML.
    """
    from ruamel.yaml import YAML

    lock = _read_lock(project)
    if not lock:
        return None
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = False
    yaml.dump({**lock, "stages": _upstream(lock)}, stream)
    return stream.getvalue()


def corpus_hashes(project: Project) -> dict[str, str | None]:
    """Return DVC's MD5 of each corpus folder as it was read, from ``dvc.lock``; None where nothing recorded it.

    Raises:
        ArtefactError: ``dvc.lock`` is no YAML.
    """
    read = {
        str(dep["path"]): str(dep["md5"])
        for stage in _upstream(_read_lock(project)).values()
        for dep in stage.get("deps") or []
        if "md5" in dep
    }
    return {name: read.get(f"data/{name}") for name in project.parameters.corpora}


def _read_lock(project: Project) -> dict[str, Any]:
    """The content of ``dvc.lock``, with its format; empty where the project was not built through DVC."""
    path = project.root / "dvc.lock"
    if not path.is_file():
        return {}
    try:
        return _parsed(path.read_text(encoding="utf-8"), path)
    except UnicodeDecodeError as error:
        raise ArtefactError(f"not valid YAML ({error})", where=path, way_out="restore it with git") from error


@lru_cache(maxsize=2)
def _parsed(text: str, where: Path | str) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return dict(YAML().load(text) or {})
    except YAMLError as error:
        raise ArtefactError(f"not valid YAML ({error})", where=where, way_out="restore it with git") from error


def _upstream(lock: Mapping[str, Any]) -> dict[str, Any]:
    # by name: DVC writes them in the order in which they happened to run
    stages = lock.get("stages") or {}
    return {name: stages[name] for name in sorted(ancestors(stages, "release"))}


def ancestors(stages: Mapping[str, Any], stage: str) -> set[str]:
    """Return a stage and all stages whose outputs it read, directly or not.

    Args:
        stages: the ``stages`` of a ``dvc.lock``.
        stage: the stage to start from; without an entry of it there are no ancestors.
    """
    reached = {stage} & set(stages)
    waiting = list(reached)
    while waiting:
        deps = _paths(stages[waiting.pop()], "deps")
        for name, candidate in stages.items():
            if name not in reached and any(_touch(out, dep) for out in _paths(candidate, "outs") for dep in deps):
                reached.add(name)
                waiting.append(name)
    return reached


def _paths(stage: Mapping[str, Any], part: str) -> list[str]:
    return [str(item["path"]) for item in stage.get(part) or []]


def _touch(out: str, dep: str) -> bool:
    """Whether an output is a dependency, lies in one, or holds one."""
    return f"{out}/".startswith(f"{dep}/") or f"{dep}/".startswith(f"{out}/")


def tool_versions() -> dict[str, str | None]:
    """Return the version of Python and of each library that shapes the bytes of a release."""
    return {"python": platform.python_version(), **{name: _installed(name) for name in TOOLS}}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
