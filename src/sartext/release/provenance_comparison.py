"""In what two releases differ by where they come from, and why builds of one commit gave other bytes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sartext.config.section import parse_yaml
from sartext.release.manifest import read_manifest
from sartext.release.verify import MANIFEST

SHOWN = 5
"""Stages and parameters that a line names."""

Stages = Mapping[str, Mapping[str, Any]]


def origin_differences(old: Path, new: Path) -> list[str]:
    """Return a line for each thing in which the origins of two published releases differ.

    Commit, state of working tree and lock, processor, threads, libraries; of the stages that led there, those that
    gave other outputs of the same inputs (as trainings on another processor do), and what was put in from outside.

    Raises:
        ReleaseError: a manifest cannot be read.
    """
    if not all((folder / MANIFEST).is_file() for folder in (old, new)):
        return []  # what is only assembled has no origin yet
    before, after = read_manifest(old), read_manifest(new)
    lines = [
        f"{name}: {_shown(a)} / {_shown(b)}"
        for name, a, b in zip(_FACTS, _facts(before), _facts(after), strict=True)
        if a != b
    ]
    tools, others = before.get("tools") or {}, after.get("tools") or {}
    lines += [
        f"{name}: {_shown(tools.get(name))} / {_shown(others.get(name))}"
        for name in sorted(tools.keys() | others.keys())
        if tools.get(name) != others.get(name)
    ]
    return [*lines, *_stage_differences(_stages(old), _stages(new))]


_FACTS = ("commit", "uncommitted changes", "dvc.lock", "processor", "vector instructions", "threads of trainings")


def _facts(manifest: Mapping[str, Any]) -> list[object]:
    git, lock, processor = (manifest.get(name) or {} for name in ("git", "lock", "processor"))
    model = ", ".join(str(part) for part in (processor.get("model"), processor.get("machine")) if part)
    vectors = " ".join(processor.get("vectors") or ())
    return [git.get("commit"), git.get("dirty"), lock.get("state"), model, vectors, manifest.get("threads")]


def _shown(value: object) -> str:
    known = {None: "unknown", "": "unknown", True: "yes", False: "no"}
    return known.get(value, str(value)) if isinstance(value, bool | str | None) else str(value)


def _stages(folder: Path) -> Stages:
    path = folder / "provenance" / "dvc.lock"
    return dict((parse_yaml(path.read_text(encoding="utf-8")) or {}).get("stages") or {}) if path.is_file() else {}


def _stage_differences(old: Stages, new: Stages) -> Iterator[str]:
    """Say by what the differences of two locks begin: what follows from them is not told."""
    if not old or not new:
        return
    common = sorted(old.keys() & new.keys())
    other_outputs = {name for name in common if _hashes(old[name], "outs") != _hashes(new[name], "outs")}
    made = {path for name in new for path in _hashes(new[name], "outs")}
    same_inputs = [name for name in common if name in other_outputs and _inputs(old[name]) == _inputs(new[name])]
    changed: set[str] = set()
    for name in common:
        before, after = _hashes(old[name], "deps"), _hashes(new[name], "deps")
        changed |= {path for path in before.keys() & after.keys() if before[path] != after[path]}
    outside = sorted(path for path in changed if not any(_within(path, out) for out in made))
    parameters = sorted({name for stage in common for name in _changed_parameters(old[stage], new[stage])})
    yield from _listed("other outputs of the same inputs", same_inputs)
    yield from _listed("other inputs", outside)
    yield from _listed("other parameters", parameters)
    yield from _listed("stages in one only", sorted(old.keys() ^ new.keys()))


def _within(path: str, out: str) -> bool:
    return f"{path}/".startswith(f"{out}/") or f"{out}/".startswith(f"{path}/")


def _hashes(stage: Mapping[str, Any], part: str) -> dict[str, str]:
    return {str(item["path"]): str(item.get("md5")) for item in stage.get(part) or ()}


def _inputs(stage: Mapping[str, Any]) -> tuple[object, ...]:
    return stage.get("cmd"), _hashes(stage, "deps"), stage.get("params")


def _changed_parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    before, after = (
        {name: value for file in (stage.get("params") or {}).values() for name, value in file.items()}
        for stage in (old, new)
    )
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _listed(what: str, names: list[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield f"{what}: {', '.join(names[:SHOWN])}{more}"
