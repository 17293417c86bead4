"""What another machine may make otherwise: trained weights, and what they caption.

Stages whose ``meta`` in ``dvc.yaml`` says ``machine_dependent: true`` give the same bytes on one type of processor
with the same threads, and may give others elsewhere (or, of a language model, another day). A release holds what
they gave in its build, in ``provenance/build``, so that everything else can be made again to the byte.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.config.section import parse_yaml
from sartext.errors import ReleaseError
from sartext.release.origin import ancestors

FOLDER = "provenance/build"
"""Of a release: a mirror of those parts of ``build/``."""

Stages = Mapping[str, Any]


def machine_dependent(graph: Stages, lock: Stages) -> dict[str, list[str]]:
    """Return the machine-dependent stages that a release was made from, and the paths of their outs.

    Args:
        graph: the ``stages`` of a ``dvc.yaml``.
        lock: the ``stages`` of a ``dvc.lock``.
    """
    marked = {
        name
        for name, stage in graph.items()
        if ((stage.get("do") or stage).get("meta") or {}).get("machine_dependent")
    }
    reached = sorted(ancestors(lock, "release"))
    named = [name for name in reached if name.partition("@")[0] in marked]
    return {name: [str(out["path"]) for out in lock[name].get("outs") or []] for name in named}


def write_artefacts(project: Project, folder: Path) -> dict[str, list[str]]:
    """Copy what the machine-dependent stages of a build gave into a release; return their outs by stage.

    Args:
        project: the checkout that the release was built in, by DVC; of another one nothing is known to copy.
        folder: of the release; ``provenance/build`` is written.

    Raises:
        ReleaseError: an out that ``dvc.lock`` records is gone.
    """
    stages = machine_dependent(read_stages(project.root / "dvc.yaml"), read_stages(project.root / "dvc.lock"))
    for paths in stages.values():
        for path in paths:
            copy_out(project.root / path, folder / "provenance" / path)
    return stages


def copy_out(source: Path, target: Path) -> None:
    """Copy an out of a stage, a file or a folder of files.

    Raises:
        ReleaseError: it is absent, or holds links.
    """
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if not path.is_dir())
    if not files or any(path.is_symlink() for path in files):
        what = "what a stage made is gone" if not files else "what a stage made holds links"
        raise ReleaseError(what, where=source, way_out="run `make release`")
    for path in files:
        copy = target if path == source else target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def read_stages(path: Path) -> Stages:
    """Return the ``stages`` of a ``dvc.yaml`` or ``dvc.lock``; none where there is no such file."""
    if not path.is_file():
        return {}
    content = parse_yaml(path.read_text(encoding="utf-8"))
    return dict((content or {}).get("stages") or {})
