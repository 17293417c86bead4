"""A checkout has one builder at a time, and forgets what ``params.yaml`` no longer lists.

``build/.lock`` is shared by make, the commands that write ``data/`` and Dagster.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from filelock import FileLock, Timeout
from ruamel.yaml import YAML

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import PARTIAL, remove_tree, write_text

HELD = "SARTEXT_LOCK_HELD"


@contextmanager
def project_lock(root: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the project's lock; a process started by the holder passes through.

    Args:
        root: the project's folder.
        wait: wait for another holder, after saying so, instead of raising an error.

    Raises:
        ArtefactError: another run holds the lock and ``wait`` is false.
    """
    mark = str(root.resolve())
    if os.environ.get(HELD) == mark:
        yield
        return
    path = root / "build" / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        if not wait:
            raise ArtefactError(
                "another build of this project is running", where=path, way_out="wait for it, or cancel it"
            ) from error
        sys.stderr.write("waiting for another build of this project\n")
        lock.acquire()
    before = os.environ.get(HELD)
    os.environ[HELD] = mark
    try:
        yield
    finally:
        os.environ.pop(HELD, None)
        if before is not None:
            os.environ[HELD] = before
        lock.release()


def prune(project: Project) -> list[str]:
    """Remove what belongs to unlisted corpora and checkpoints; return the names of the stages that were forgotten.

    These are the outs ``build/<stage>/<name>``, which DVC's cache keeps, their entries in ``dvc.lock`` and
    half-written temporaries. Not touched are corpora in ``data/``, releases, and ``build/resume`` and
    ``build/tracking``: what an unfinished training computed and what no server has yet exist nowhere else.
    """
    _remove_partial(project)
    parameters = project.parameters
    listed = {
        "corpus": set(parameters.corpora),
        "captions": set(parameters.captions),
        "checkpoint": parameters.at_hand,
        "pinned": set(parameters.pinned),
        "model": set(parameters.models),
        "optical-captions": set(parameters.optical_captions),
        "narrated": set(parameters.narrated),
        "rewritten": set(parameters.rewritten),
    }
    forgotten: set[str] = set()
    for stage, names in listed.items():
        parent = project.build / stage
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            if folder.is_dir() and folder.name not in names:
                remove_tree(folder)
                forgotten.add(f"{stage}@{folder.name}")
    return sorted(forgotten | _prune_lock(project, listed))


def _prune_lock(project: Project, listed: Mapping[str, set[str]]) -> set[str]:
    path = project.root / "dvc.lock"
    if not path.is_file():
        return set()
    text = path.read_text(encoding="utf-8")
    stages = (YAML(typ="safe").load(text) or {}).get("stages") or {}
    names = {key: key.partition("@") for key in stages if "@" in key}
    foreign = {key for key, (stage, _, name) in names.items() if stage in listed and name not in listed[stage]}
    if foreign:
        yaml = YAML()  # keeps the layout, and takes long
        lock = yaml.load(text)
        for key in foreign:
            del lock["stages"][key]
        stream = StringIO()
        yaml.dump(lock, stream)
        write_text(path, stream.getvalue())
    return foreign


def _remove_partial(project: Project) -> None:
    for place in ("", "data/", "build/", "build/*/", "build/resume/*/"):
        for item in project.root.glob(f"{place}{PARTIAL}*"):
            if item.is_dir():
                remove_tree(item)
            else:
                item.unlink(missing_ok=True)


def run_module(root: Path, *command: str) -> int:
    """Run a module with the code of another checkout first on the path, and no lock held; return its exit code."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SARTEXT_", "DAGSTER_HOME"))}
    path = os.pathsep.join([str(root / "src"), str(root)])
    environment = {**kept, "PYTHONPATH": path, "SARTEXT_ROOT": str(root)}
    return subprocess.run([sys.executable, "-m", *command], cwd=root, env=environment, check=False).returncode
