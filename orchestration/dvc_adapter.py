"""The only module that imports DVC, and only to read: the graph, what is stale, what was made."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage

from orchestration.graph import DATA, Graph, Stage
from sartext.errors import ArtefactError, PinError, SarTextError
from sartext.files import canonical_json, sha256_text

TEAM = "team:sar-text"
PIN = "data.dvc"

os.environ.setdefault("DVC_NO_ANALYTICS", "1")
logging.getLogger("dvc").setLevel(logging.ERROR)  # it warns of every lock that a killed stage left, and frees it


@dataclass(frozen=True)
class PinDifference:
    """What tells ``data/`` from ``data.dvc``: corpora whose bytes changed, not pinned ones, absent ones."""

    changed: tuple[str, ...] = ()
    unpinned: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    strays: bool = False

    def __str__(self) -> str:
        parts = [
            f"{word} {', '.join(names)}"
            for word, names in (("changed", self.changed), ("not pinned", self.unpinned), ("absent", self.absent))
            if names
        ]
        return "; ".join([*parts, *(["files outside the corpus folders"] if self.strays else [])])

    def __bool__(self) -> bool:
        return bool(self.changed or self.unpinned or self.absent or self.strays)


class Adapter:
    """What DVC knows of a project, asked once per stage until that stage or one before it is made anew."""

    def __init__(self, root: Path, graph: Graph) -> None:
        self.root = root
        self.graph = graph
        self._asked = False
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._made: dict[str, dict[str, str]] = {}

    def reasons(self, name: str) -> tuple[str, ...]:
        """Why a stage would be run: what changed, one phrase each; empty when there is nothing to do.

        Raises:
            ArtefactError: DVC cannot tell, for instance because a stage is running elsewhere.
        """
        if name not in self._reasons:
            self._ask([name] if self._asked else self.graph.stages)
            self._asked = True
        return self._reasons[name]

    def learn(self, names: Iterable[str]) -> None:
        """Ask of all of these that are not known, at once: opening the project takes longer than asking.

        Raises:
            ArtefactError: DVC cannot tell, for instance because one of them is running.
        """
        if unknown := [one for one in names if one not in self._reasons]:
            self._ask(unknown)

    def made(self, name: str) -> Mapping[str, str]:
        """DVC's hash (MD5) of each out of a stage as ``dvc.lock`` records it; empty before its first run."""
        if name not in self._made:
            self._ask([name])
        return self._made[name]

    def data_version(self, name: str) -> str:
        """SHA-256 over the outs of a stage in ``dvc.lock``."""
        return sha256_text(canonical_json(dict(self.made(name))))

    def forget(self, name: str) -> None:
        """Drop what is known of a stage that ran, and of all that follows from it."""
        for one in (name, *self.graph.descendants(name)):
            self._reasons.pop(one, None)
            self._made.pop(one, None)

    def _ask(self, names: Iterable[str]) -> None:
        wanted = set(names)
        with _opened(self.root) as repo, repo.lock:
            for stage in repo.index.stages:
                if isinstance(stage, PipelineStage) and stage.name in wanted:
                    self._reasons[stage.name] = tuple(_phrases(repo, stage))
                    made = {_relative(repo, out): str(out.hash_info.value) for out in stage.outs if out.hash_info}
                    self._made[stage.name] = dict(sorted(made.items()))


def read_graph(root: Path) -> Graph:
    """Return the stages of ``dvc.yaml`` with their parameters filled in.

    Raises:
        ArtefactError: ``dvc.yaml``, ``params.yaml`` or ``dvc.lock`` cannot be read, or the stages contradict
            each other.
    """
    with _opened(root) as repo:
        repo.index.check_graph()
        found = [_stage(repo, one) for one in repo.index.stages if isinstance(one, PipelineStage)]
    return Graph({one.name: one for one in found})


def folder_hash(root: Path, corpus: str) -> str | None:
    """Return DVC's hash of a corpus folder as it is now (``….dir``), or nothing if it is absent."""
    if not (root / DATA / corpus).is_dir():
        return None
    with _opened(root) as repo:
        return str(_tree(repo, root / DATA / corpus).hash_info.value)


def compare_with_pin(root: Path) -> tuple[dict[str, str], PinDifference]:
    """Return DVC's hash of each corpus folder as it is now, and what tells ``data/`` from ``data.dvc``.

    Raises:
        PinError: there is no pin, or it does not say which corpora it holds.
    """
    from sartext.sources import folder_hashes

    recorded, pinned = _read_pin(root / PIN)
    if not (root / DATA).is_dir():
        return {}, PinDifference(absent=tuple(sorted(pinned)))
    with _opened(root) as repo:
        tree = _tree(repo, root / DATA)
    present = folder_hashes(tree.as_list())
    if tree.hash_info.value == recorded:  # the names in the pin are older where plain `dvc repro` re-pinned
        return present, PinDifference()
    names = sorted(set(pinned) | set(present))
    found = PinDifference(
        changed=tuple(one for one in names if one in pinned and one in present and pinned[one] != present[one]),
        unpinned=tuple(one for one in names if one not in pinned),
        absent=tuple(one for one in names if one not in present),
    )
    return present, found if found else PinDifference(strays=True)


def pin_is_cached(root: Path) -> bool:
    """Tell whether DVC's cache holds what ``data.dvc`` pins, so that ``dvc checkout data.dvc`` restores it."""
    recorded, _ = _read_pin(root / PIN)
    with _opened(root) as repo:
        return Path(repo.cache.local.oid_to_path(recorded)).is_file()


def _read_pin(path: Path) -> tuple[str, dict[str, str]]:
    accept = "look at data/ and accept it by `sartext corpora pin`"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        recorded = str(content["outs"][0]["md5"])
        return recorded, {str(name): str(value) for name, value in content["meta"]["corpora"].items()}
    except FileNotFoundError as error:
        raise PinError("there is no pin of data/", where=PIN, way_out=accept) from error
    except (yaml.YAMLError, KeyError, IndexError, TypeError, AttributeError) as error:
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
    except DvcException as error:
        raise ArtefactError(_one_line(error), where=root, way_out="correct it; `dvc status` says more") from error


def _one_line(error: BaseException) -> str:
    cause = f" ({error.__cause__})" if error.__cause__ and str(error.__cause__) not in str(error) else ""
    return " ".join(f"{error}{cause}".split())


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
