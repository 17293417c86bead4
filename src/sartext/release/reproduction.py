"""Building a release again from what it says of itself, and comparing what came out, hash by hash.

The commit that the manifest names is cloned, its parameters and pins are those of ``provenance``, data come from
the project's own ``data/`` and are proven against the pin by the build itself. What is compared is what bears no
version.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sartext.checkout import run_module
from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.release.artefacts import FOLDER, Stages, copy_out, machine_dependent, read_stages
from sartext.release.differences import Difference, differences
from sartext.release.manifest import WAY_OUT, content_files, read_manifest
from sartext.release.origin import tool_versions
from sartext.release.verification import verify
from sartext.sources import keep

GIVEN = ("params.yaml", "data.dvc", "dvc.yaml")
"""Of ``provenance``: what decided the build beside the code of the commit."""


@dataclass(frozen=True)
class Reproduction:
    """What came of building a release again.

    Args:
        folder: the clone that it was built in.
        files: how many files were compared.
        differing: what differs, by file; none where every byte is the same.
        other_weights: machine-dependent stages that gave other bytes here than in the build of the release.
        notes: what a reader should know of the comparison, a sentence each.
    """

    folder: Path
    files: int
    differing: tuple[Difference, ...]
    other_weights: tuple[str, ...]
    notes: tuple[str, ...]


def reproduce(
    release: Path,
    folder: Path,
    project: Project,
    *,
    with_models: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Reproduction:
    """Build a release again in a new folder, and compare.

    Args:
        release: a published version; it is only read.
        folder: a new or empty one, for the clone.
        project: the checkout whose git history holds the commit, and whose ``data/`` holds the corpora.
        with_models: take over trained weights and what they caption from the release instead of making them.
        say: hears what is done.

    Raises:
        ReleaseError: the release is damaged or names no commit, the commit is unknown, a corpus is missing, the
            release holds no models, or the build failed.
    """
    release, folder = release.resolve(), folder.resolve()
    verify(release)
    manifest = read_manifest(release)
    commit, dirty = _commit(manifest, release)
    provenance = release / "provenance"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ReleaseError("the folder is not empty", where=folder, way_out="name a new one")
    say(f"cloning {commit[:12]} into {folder}")
    _git("clone", "--quiet", "--no-checkout", str(project.root.resolve()), str(folder), where=project.root)
    _git("-C", str(folder), "checkout", "--quiet", commit, where=project.root)
    notes = [_changed_note(changed)] if (changed := _give(provenance, folder)) else []
    if dirty:
        notes.append(
            "the release was made from a tree with uncommitted changes: its code is not all in the commit"
        )
    notes += _other_tools(manifest)
    made = read_stages(provenance / "dvc.lock")
    taken = machine_dependent(read_stages(provenance / "dvc.yaml"), made)
    if with_models:
        _take_over(release, folder, taken, made)
        say(f"taken over: {', '.join(taken) or 'nothing, as no model took part'}")
    else:
        (folder / "dvc.lock").unlink(missing_ok=True)
    _bring_data(project, folder, say)
    say("building it again")
    if run_module(folder, "orchestration", "release") != 0:
        raise ReleaseError(
            "the build failed", where=folder, way_out="see the lines above; go on there by `make release`"
        )
    again = folder / "build" / "release"
    before, after = content_files(release), content_files(again)
    here = read_stages(folder / "dvc.lock")
    return Reproduction(
        folder=folder,
        files=len(before.keys() | after.keys()),
        differing=tuple(differences(release, again, before, after)),
        other_weights=tuple(name for name in taken if _outs(made, name) != _outs(here, name)),
        notes=tuple(notes),
    )


def _commit(manifest: Mapping[str, object], release: Path) -> tuple[str, bool]:
    git = manifest.get("git")
    commit = git.get("commit") if isinstance(git, dict) else None
    if not isinstance(commit, str) or not isinstance(git, dict):
        raise ReleaseError(
            "it was made outside a git repository, so nobody can build it again",
            where=release,
            way_out="publish from a clone",
        )
    return commit, bool(git.get("dirty"))


def _give(provenance: Path, folder: Path) -> list[str]:
    """Put what decided the build into the clone; return the names of what the commit has otherwise."""
    changed = []
    for name in GIVEN:
        source, target = provenance / name, folder / name
        if source.is_file() and (not target.is_file() or source.read_bytes() != target.read_bytes()):
            shutil.copyfile(source, target)
            changed.append(name)
    return changed


def _changed_note(names: Sequence[str]) -> str:
    return f"not as committed, and taken from the release: {', '.join(names)}"


def _other_tools(manifest: Mapping[str, object]) -> list[str]:
    """Say which libraries have other versions here than where the release was made."""
    stated = manifest.get("tools")
    theirs: Mapping[str, object] = stated if isinstance(stated, dict) else {}
    ours = tool_versions()
    other = [
        f"{name} {theirs[name]} there, {ours.get(name)} here" for name in theirs if theirs[name] != ours.get(name)
    ]
    return [f"other versions: {'; '.join(other)}"] if other else []


def _take_over(release: Path, folder: Path, taken: Mapping[str, Sequence[str]], made: Stages) -> None:
    """Put the machine-dependent artefacts of a release, and the lock that vouches for them, into a clone."""
    clone = Project(folder)
    for name, paths in taken.items():
        locked = dict(_outs(made, name))
        for path in paths:
            source = release / "provenance" / path
            if not source.exists():
                raise ReleaseError(
                    f"it does not hold {path}", where=release / FOLDER, way_out="leave out --with-models"
                )
            copy_out(source, folder / path)
            if keep(clone, folder / path) != locked[path]:
                raise ReleaseError(
                    f"{path} is not what its dvc.lock names", where=release / FOLDER, way_out=WAY_OUT
                )
    shutil.copyfile(release / "provenance" / "dvc.lock", folder / "dvc.lock")


def _bring_data(project: Project, folder: Path, say: Callable[[str], None]) -> None:
    """Copy the corpora that the build cannot render itself; the build proves them against ``data.dvc``."""
    from sartext.catalogue.loading import find_entry

    clone = Project(folder)
    for name in clone.parameters.corpora:
        if find_entry(clone, name).embedded:
            continue
        source = project.source(name)
        if not source.is_dir():
            raise ReleaseError(
                f"corpus '{name}' is missing", where=source, way_out=f"`sartext corpora add {name} --from …` first"
            )
        say(f"copying data/{name}")
        shutil.copytree(source, clone.source(name), symlinks=True)


def _outs(stages: Stages, name: str) -> list[tuple[str, str]]:
    """The paths and hashes of the outs of a stage."""
    return [(str(out["path"]), str(out["md5"])) for out in stages.get(name, {}).get("outs") or []]


def _git(*arguments: str, where: Path) -> None:
    try:
        subprocess.run(["git", *arguments], check=True, capture_output=True, text=True, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError) as error:
        message = " ".join((getattr(error, "stderr", "") or str(error)).split())
        raise ReleaseError(
            f"git cannot give the commit of the release ({message})",
            where=where,
            way_out="run it in a clone whose history holds the commit (`git fetch` it)",
        ) from error
