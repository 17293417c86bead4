"""Forget corpora and models that ``params.yaml`` no longer lists, and what killed commands left half-written."""

from collections.abc import Mapping
from io import StringIO

from ruamel.yaml import YAML

from sartext.config import Project
from sartext.files import PARTIAL, remove_tree, write_text


def prune(project: Project) -> list[str]:
    """Remove what belongs to unlisted corpora and checkpoints; return the names of the stages that were forgotten.

    Only the outs ``build/<stage>/<name>`` of unlisted names, their entries in ``dvc.lock`` and half-written
    temporaries are touched; DVC's cache keeps the outs. Corpora in ``data/`` and releases are not touched, nor are
    ``build/resume`` and ``build/tracking``: what an unfinished training computed and what no server has received
    yet exist nowhere else, and nothing reads them unless the name is listed again.
    """
    _remove_partial(project)
    parameters = project.parameters
    listed = {
        "corpus": set(parameters.corpora),
        "captions": set(parameters.captions),
        "checkpoint": set(parameters.checkpoints),
        "model": set(parameters.models),
        "optical-captions": set(parameters.optical_captions),
        "narrated": set(parameters.narrated),
    }
    forgotten: set[str] = set()
    for stage, names in listed.items():
        parent = project.build / stage
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            if folder.is_dir() and folder.name not in names:
                remove_tree(folder)
                forgotten.add(f"{stage}@{folder.name}")
    forgotten |= _prune_lock(project, listed)
    return sorted(forgotten)


def _prune_lock(project: Project, listed: Mapping[str, set[str]]) -> set[str]:
    path = project.root / "dvc.lock"
    if not path.is_file():
        return set()
    text = path.read_text(encoding="utf-8")
    stages = (YAML(typ="safe").load(text) or {}).get("stages") or {}
    foreign = {key for key in stages if _is_foreign(key, listed)}
    if foreign:
        yaml = YAML()  # keeps the layout, and takes long
        lock = yaml.load(text)
        for key in foreign:
            del lock["stages"][key]
        stream = StringIO()
        yaml.dump(lock, stream)
        write_text(path, stream.getvalue())
    return foreign


def _is_foreign(key: str, listed: Mapping[str, set[str]]) -> bool:
    stage, _, name = key.partition("@")
    return bool(name) and stage in listed and name not in listed[stage]


def _remove_partial(project: Project) -> None:
    folders = [
        project.root,
        project.data,
        project.build,
        *(item for item in project.build.glob("*") if item.is_dir()),
        *project.build.glob("resume/*"),
    ]
    for folder in folders:
        for item in folder.glob(f"{PARTIAL}*"):
            if item.is_dir():
                remove_tree(item)
            else:
                item.unlink(missing_ok=True)
