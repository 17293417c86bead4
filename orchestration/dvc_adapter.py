"""The only module that imports DVC, and only to read: the graph, what is stale, what was made, what is pinned."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from orchestration.graph import DATA, Graph, Stage
from sartext.errors import ArtefactError, PinError, SarTextError
from sartext.files import canonical_json, sha256_text

TEAM = "team:sar-text"
PIN = "data.dvc"

os.environ.setdefault("DVC_NO_ANALYTICS", "1")
logging.getLogger("dvc").setLevel(logging.ERROR)  # it warns of every lock that a killed stage left, and frees it


class BusyError(ArtefactError):
    """Another process makes a stage, so that DVC cannot tell yet."""


def read_reasons(root: Path) -> dict[str, tuple[str, ...]]:
    """Return why each stage that is not up to date would be run: what changed, one phrase each.

    Raises:
        BusyError: a stage is being made by another process.
        ArtefactError: DVC cannot tell.
    """
    with _opened(root) as repo, repo.lock:
        reasons = {stage.name: tuple(_phrases(repo, stage)) for stage in _stages(repo)}
    return {name: phrases for name, phrases in reasons.items() if phrases}


def read_lock(root: Path) -> dict[str, dict[str, str]]:
    """Return the hash of each out that ``dvc.lock`` records, by stage and path.

    Raises:
        ArtefactError: it cannot be read.
    """
    path = root / "dvc.lock"
    with _opened(root) as repo, repo.lock:  # DVC does not write it atomically
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        content = YAML(typ="safe").load(text)
        stages = (content or {}).get("stages") or {}
        return {
            str(name): {str(out["path"]): str(out["md5"]) for out in entry.get("outs") or ()}
            for name, entry in stages.items()
        }
    except (YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ArtefactError("it cannot be read", where=path, way_out="`git checkout dvc.lock`") from error


def data_version(outs: Mapping[str, str]) -> str:
    """Return the SHA-256 over the outs of a stage in ``dvc.lock``."""
    return sha256_text(canonical_json(dict(sorted(outs.items()))))


def read_graph(root: Path) -> Graph:
    """Return the stages of ``dvc.yaml`` with their parameters filled in.

    Raises:
        ArtefactError: ``dvc.yaml``, ``params.yaml`` or ``dvc.lock`` cannot be read, or the stages contradict
            each other.
    """
    with _opened(root) as repo:
        repo.index.check_graph()
        stages = [_stage(repo, stage) for stage in _stages(repo)]
    return Graph({stage.name: stage for stage in stages})


def folder_hash(root: Path, corpus: str) -> str | None:
    """Return DVC's hash of a corpus folder as it is now (``….dir``), or nothing if it is absent."""
    if not (root / DATA / corpus).is_dir():
        return None
    with _opened(root) as repo:
        return str(_tree(repo, root / DATA / corpus).hash_info.value)


def compare_with_pin(root: Path) -> tuple[dict[str, str], str]:
    """Return DVC's hash of each corpus folder as it is now, and in words what tells ``data/`` from ``data.dvc``.

    Raises:
        PinError: there is no pin, or it does not say which corpora it holds.
    """
    from sartext.sources import folder_hashes

    recorded, pinned = _read_pin(root / PIN)
    present: dict[str, str] = {}
    if (root / DATA).is_dir():
        with _opened(root) as repo:
            tree = _tree(repo, root / DATA)
        present = folder_hashes(tree.as_list())
        if tree.hash_info.value == recorded:  # the names in the pin are older where plain `dvc repro` re-pinned
            return present, ""
    differences = {
        "changed": [name for name in present if pinned.get(name, present[name]) != present[name]],
        "not pinned": [name for name in present if name not in pinned],
        "absent": [name for name in pinned if name not in present],
    }
    words = [f"{word} {', '.join(sorted(names))}" for word, names in differences.items() if names]
    return present, "; ".join(words) or "files outside the corpus folders"


def require_pinned(root: Path) -> dict[str, str]:
    """Require ``data/`` to equal ``data.dvc`` and return DVC's hash of each corpus folder.

    Raises:
        PinError: they differ; the corpora that do are named.
    """
    corpora, difference = compare_with_pin(root)
    if difference:
        recorded, _ = _read_pin(root / PIN)
        with _opened(root) as repo:
            cached = Path(repo.cache.local.oid_to_path(recorded)).is_file()
        restore = (
            "`dvc checkout --force data.dvc` restores it"
            if cached
            else "to restore an embedded corpus remove its folder and run `sartext simulate --missing`, "
            "for another `sartext corpora add --replace`"
        )
        raise PinError(
            f"data/ is not what data.dvc pins: {difference}",
            way_out=f"`sartext corpora pin` accepts it; {restore}",
        )
    return corpora


def _read_pin(path: Path) -> tuple[str, dict[str, str]]:
    accept = "look at data/ and accept it by `sartext corpora pin`"
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        recorded = str(content["outs"][0]["md5"])
        return recorded, {str(name): str(value) for name, value in content["meta"]["corpora"].items()}
    except FileNotFoundError as error:
        raise PinError("there is no pin of data/", where=PIN, way_out=accept) from error
    except (YAMLError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise PinError("the pin does not name its corpora", where=PIN, way_out=accept) from error


@contextmanager
def _opened(root: Path) -> Iterator[Repo]:
    """Open the project with DVC; its errors become one line each."""
    if not (root / "dvc.yaml").is_file():
        raise ArtefactError(
            "there is no dvc.yaml", where=root, way_out="go to the project's folder or set SARTEXT_ROOT"
        )
    try:
        with Repo(str(root), _wait_for_lock=True) as repo:
            yield repo
    except SarTextError:
        raise
    except LockError as error:
        raise BusyError(_one_line(error), where=root) from error
    except DvcException as error:
        raise ArtefactError(_one_line(error), where=root, way_out="correct it; `dvc status` says more") from error


def _one_line(error: BaseException) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ and str(error.__cause__) not in str(error) else ""
    return " ".join(f"{error}{cause}".split())


def _stages(repo: Repo) -> Iterator[PipelineStage]:
    return (stage for stage in repo.index.stages if isinstance(stage, PipelineStage))


def _stage(repo: Repo, stage: PipelineStage) -> Stage:
    meta: Mapping[str, Any] = stage.meta or {}
    params = [name for dep in stage.params for name in dep.params]
    parametric = {id(dep) for dep in stage.params}
    return Stage(
        name=stage.name,
        cmd=stage.cmd if isinstance(stage.cmd, str) else "; ".join(stage.cmd),
        desc=" ".join((stage.desc or "").split()),
        deps=tuple(sorted(_relative(repo, dep) for dep in stage.deps if id(dep) not in parametric)),
        outs=tuple(sorted(_relative(repo, out) for out in stage.outs)),
        params=tuple(sorted(params)),
        group=str(meta.get("group", stage.name.split("@")[0])),
        kinds=tuple(str(kind) for kind in meta.get("kinds", ("dvc",))),
        owners=tuple(str(owner) for owner in meta.get("owners", (TEAM,))),
        pool=meta.get("pool"),
    )


def _relative(repo: Repo, item: Any) -> str:  # noqa: ANN401 - DVC has no types
    return Path(os.path.relpath(item.fs_path, repo.root_dir)).as_posix()


def _tree(repo: Repo, folder: Path) -> Any:  # noqa: ANN401 - DVC has no types
    from dvc_data.hashfile.build import build

    _, _, tree = build(repo.cache.local, str(folder), repo.fs, "md5", ignore=repo.dvcignore, dry_run=True)
    return tree


def _phrases(repo: Repo, stage: PipelineStage) -> Iterator[str]:
    """Turn DVC's status of a stage into phrases such as ``data/ssdd modified``."""
    # DVC writes paths, and the stage's name, relative to the current folder
    places = {str(item): _relative(repo, item) for item in (*stage.deps, *stage.outs)}
    for entry in stage.status().get(stage.addressing, []):
        if isinstance(entry, str):
            yield entry
            continue
        for changes in entry.values():
            for path, change in changes.items():
                place = places.get(path, path)
                if isinstance(change, Mapping):
                    yield from (f"{place}: {name} {how}" for name, how in change.items())
                else:
                    yield f"{place} {change}"
