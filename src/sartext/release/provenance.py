"""Where a release comes from: the commit, the graph, the parameters, and the data that was read."""

import io
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import write_text

COPIED = ("dvc.yaml", "params.yaml", "data.dvc")
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
STAGE = "release"


def write_provenance(project: Project, folder: Path) -> None:
    """Write ``dvc.yaml``, ``params.yaml``, ``data.dvc`` and the part of ``dvc.lock`` that led to the release.

    A file that the project does not have is left out.
    """
    folder.mkdir(parents=True)
    for name in COPIED:
        if (project.root / name).is_file():
            shutil.copyfile(project.root / name, folder / name)
    lock = read_lock(project)
    if lock is not None:
        stages = lock.get("stages") or {}
        # by name: DVC writes them in the order in which they happened to run
        upstream = {name: stages[name] for name in sorted(ancestors(stages, STAGE))}
        write_text(folder / "dvc.lock", _dump({**lock, "stages": upstream}))


def read_lock(project: Project) -> dict[str, Any] | None:
    """Return the content of ``dvc.lock``, or None where the project was not built through DVC.

    Raises:
        ArtefactError: the file is no YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = project.root / "dvc.lock"
    if not path.is_file():
        return None
    try:
        content = YAML().load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise ArtefactError(f"not valid YAML ({error})", where=path, way_out="restore it with git") from error
    return dict(content or {})


def _dump(content: Mapping[str, Any]) -> str:
    from ruamel.yaml import YAML

    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(dict(content), stream)
    return stream.getvalue()


def ancestors(stages: Mapping[str, Any], stage: str) -> set[str]:
    """Return a stage and all stages whose outputs it read, directly or not.

    Args:
        stages: the ``stages`` of a ``dvc.lock``.
        stage: the stage to start from; without an entry of it there are no ancestors.
    """
    if stage not in stages:
        return set()
    reached, waiting = {stage}, [stage]
    while waiting:
        deps = _paths(stages[waiting.pop()], "deps")
        for name, candidate in stages.items():
            if name not in reached and _touch(_paths(candidate, "outs"), deps):
                reached.add(name)
                waiting.append(name)
    return reached


def _paths(stage: Mapping[str, Any], part: str) -> list[str]:
    return [str(item["path"]) for item in stage.get(part) or []]


def _touch(outs: Iterable[str], deps: Iterable[str]) -> bool:
    """Whether an output is a dependency, lies in one, or holds one."""
    wanted = list(deps)
    return any(
        out == dep or out.startswith(f"{dep}/") or dep.startswith(f"{out}/") for out in outs for dep in wanted
    )


def corpus_hashes(project: Project) -> dict[str, str | None]:
    """Return DVC's MD5 of each corpus folder as it was read, from ``dvc.lock``; None where nothing recorded it."""
    stages = (read_lock(project) or {}).get("stages") or {}
    read = {
        str(dep["path"]): str(dep["md5"])
        for name in sorted(ancestors(stages, STAGE))
        for dep in stages[name].get("deps") or []
        if "md5" in dep
    }
    return {name: read.get(f"data/{name}") for name in project.parameters.corpora}


def tool_versions() -> dict[str, str | None]:
    """Return the version of Python and of each library that shapes the bytes of a release."""
    return {"python": platform.python_version(), **{name: _installed(name) for name in TOOLS}}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def git_state(root: Path) -> dict[str, object]:
    """Return the commit and whether tracked files differ from it; both None outside a git repository.

    ``dvc.lock`` is left out of the comparison: the build itself writes it, and provenance holds it.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return {"commit": None, "dirty": None}
    changed = _git(root, "status", "--porcelain", "--", ".", ":(exclude)dvc.lock")
    return {"commit": commit.strip(), "dirty": None if changed is None else bool(changed.strip())}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
