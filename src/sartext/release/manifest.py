"""The records of a release: its content and identity, and the manifest that says where it comes from."""

import io
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError, ReleaseError
from sartext.files import canonical_json, read_json, sha256_file, sha256_text, write_text

CONTENT = "content.json"
"""The record of an assembled release (``build/release``): the SHA-256 of every file and of all of them."""

MANIFEST = "MANIFEST.json"
"""The record of a published release: SHA-256 and size of every file, and where it comes from."""

IMAGES = "images"
"""The folder that ``sartext release extract`` writes images to; paths in a release start with it."""

WAY_OUT = "get the release again, or publish it again from its build"

_UNVERSIONED = frozenset({"README.md", MANIFEST, "CHANGES.md", CONTENT, "quality/report.md"})

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


def content_sha256(files: Mapping[str, str]) -> str:
    """Return the identity of a release: the SHA-256 over the SHA-256 of each of its files by relative path."""
    return sha256_text(canonical_json(dict(files)))


def content_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that stands in a release whatever its version is called, by relative path.

    Raises:
        ReleaseError: the folder is neither a published nor an assembled release.
    """
    record = next((folder / name for name in (MANIFEST, CONTENT) if (folder / name).is_file()), None)
    if record is None:
        raise ReleaseError(
            f"not a release: neither {MANIFEST} nor {CONTENT} is there",
            where=folder,
            way_out="name the folder of a version, such as releases/sar-text/1.0.0",
        )
    try:
        return {
            path: str(listed["sha256"] if isinstance(listed, dict) else listed)
            for path, listed in read_json(record)["files"].items()
            if path not in _UNVERSIONED and not path.startswith("provenance/")
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            f"{record.name} lacks {error}", where=record, way_out="get the release again"
        ) from error


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a published release.

    Raises:
        ReleaseError: it is absent, of another form, or names a path outside the release.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise ReleaseError(
            f"there is no {MANIFEST}", where=folder, way_out="name the folder of a published version"
        )
    manifest = read_json(path)
    try:
        for name, listed in manifest["files"].items():
            safe_path(name, path)
            if not (isinstance(listed["size"], int) and isinstance(listed["sha256"], str)):
                raise TypeError(name)
        if not all(isinstance(manifest[key], str) for key in ("name", "version", "content_sha256")):
            raise TypeError("name, version and content_sha256 are texts")
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"not a manifest ({error!r})", where=path, way_out=WAY_OUT) from error
    return dict(manifest)


def file_problem(path: Path, listed: Mapping[str, Any]) -> str:
    """Say in what a file differs from what a manifest lists of it, or return an empty text."""
    if path.is_symlink() or not path.is_file():
        return "a link or no plain file"
    size = path.stat().st_size
    if size != listed["size"]:
        return f"changed ({size:,} bytes instead of {listed['size']:,})"
    return "" if sha256_file(path) == listed["sha256"] else "changed (same size, other bytes)"


def safe_path(text: str, where: object) -> PurePosixPath:
    """Return a relative path that stays inside the folder it is joined to.

    Raises:
        ReleaseError: it is absolute, climbs out, or is written for another system.
    """
    path = PurePosixPath(text)
    foreign = path.is_absolute() or any(character in text for character in "\\:\0") or path.as_posix() != text
    if not text or foreign or {".", ".."} & set(path.parts):
        raise ReleaseError(f"unsafe path {text!r}", where=where, way_out="do not use this release")
    return path


def write_provenance(project: Project, folder: Path) -> None:
    """Write ``dvc.yaml``, ``params.yaml``, ``data.dvc`` and the part of ``dvc.lock`` that led to the release.

    A file that the project does not have is left out.
    """
    from ruamel.yaml import YAML

    folder.mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", "data.dvc"):
        if (project.root / name).is_file():
            shutil.copyfile(project.root / name, folder / name)
    lock = _read_lock(project)
    if lock:
        yaml, stream = YAML(), io.StringIO()
        yaml.default_flow_style = False
        yaml.dump({**lock, "stages": _upstream(lock)}, stream)
        write_text(folder / "dvc.lock", stream.getvalue())


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
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = project.root / "dvc.lock"
    if not path.is_file():
        return {}
    try:
        return dict(YAML().load(path.read_text(encoding="utf-8")) or {})
    except (YAMLError, UnicodeDecodeError) as error:
        raise ArtefactError(f"not valid YAML ({error})", where=path, way_out="restore it with git") from error


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
