"""Publishing a release: a version, a card, a manifest, and a folder that never changes again."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import (
    PARTIAL,
    disk_errors,
    read_json,
    remove_tree,
    seal,
    sha256_file,
    sha256_tree,
    write_bytes,
    write_json,
)
from sartext.progress import track
from sartext.release.artefacts import write_artefacts
from sartext.release.comparison import Comparison, compare
from sartext.release.comparison.versions import (
    FIRST,
    format_version,
    next_version,
    parse_version,
    published_versions,
)
from sartext.release.documents import DOCUMENTS
from sartext.release.documents.document import Edition
from sartext.release.gate.verdict import require_passed
from sartext.release.manifest import CONTENT, content_sha256, read_manifest, write_manifest
from sartext.release.origin import origin
from sartext.release.verify import Refused, check


@dataclass(frozen=True)
class Decision:
    """Which version the assembled release gets.

    ``before`` is the highest published version, ``difference`` what changed against it. ``new`` is false where
    that content is published already.
    """

    version: str
    new: bool
    before: str | None = None
    difference: Comparison | None = None


def publish(project: Project) -> dict[str, object]:
    """Publish ``build/release`` as ``releases/<name>/<version>/`` (stage ``publication``).

    Unchanged content publishes nothing. The folder appears whole or not at all; its files are read-only.

    Returns:
        Version, content hash, path, whether it is new, and the counts of what changed.

    Raises:
        GateError: the gate did not pass this very candidate.
        ReleaseError: the assembled release is missing, stale or damaged, or the version exists with other content.
    """
    content = require_assembled(project)
    for left in project.releases.glob(f"{PARTIAL}*"):  # what a killed publication left never had a version's name
        remove_tree(left)
    decision = decide(project, content)
    target = project.releases / decision.version
    if decision.new:
        with _new_folder(target) as folder:
            _fill(project, folder, decision, content)
    record = {
        "name": project.parameters.release.name,
        "version": decision.version,
        "content_sha256": content,
        "path": project.relative(target),
    }
    write_json(_record_path(project), record)
    counts = decision.difference.counts() if decision.difference else {}
    return {**record, "published": decision.new, "before": decision.before, "changes": counts}


def require_assembled(project: Project) -> str:
    """Return the content hash of ``build/release`` after checking that it is whole and of this candidate.

    Raises:
        GateError: as `require_passed`.
        ReleaseError: the release is not assembled, was changed since, or comes from another verdict.
    """
    require_passed(project)
    folder = project.build / "release"
    where, assemble = project.relative(folder), "run `sartext release assemble`"
    if not (folder / CONTENT).is_file():
        raise ReleaseError("no release is assembled", where=where, way_out=assemble)
    stated = read_json(folder / CONTENT)
    files = {path: digest for path, digest in sha256_tree(folder).items() if path != CONTENT}
    content = content_sha256(files)
    if (files, content) != (stated.get("files"), stated.get("content_sha256")):
        raise ReleaseError("the assembled release was changed", where=where, way_out="assemble it again")
    if files.get("quality/gate.json") != sha256_file(project.build / "quality" / "gate.json"):
        raise ReleaseError("the assembled release is of an earlier verdict", where=where, way_out=assemble)
    return content


def decide(project: Project, content: str) -> Decision:
    """Return the version for a content, by what changed against the highest published one.

    Raises:
        ReleaseError: an explicit version exists with other content or does not rise, or the published release
            to compare with is damaged.
    """
    versions = published_versions(project.releases)
    if not versions:
        return Decision(_first(project, content), new=True)
    highest = format_version(versions[-1])
    wanted = project.parameters.release.version
    if _is_published(project.releases / highest, content):
        return Decision(highest, new=False, before=highest)
    difference = compare(project.releases / highest, project.build / "release")
    version = next_version(versions[-1], difference.level) if wanted == "auto" else parse_version(wanted) or FIRST
    if wanted != "auto" and version in versions:
        if _is_published(project.releases / wanted, content):
            return Decision(wanted, new=False, before=highest)
        raise _refused(f"version {wanted} exists with other content")
    if version < versions[-1]:
        raise _refused(f"version {wanted} is below the published {highest}")
    return Decision(format_version(version) if wanted == "auto" else wanted, True, highest, difference)


def _is_published(folder: Path, content: str) -> bool:
    """Whether a published version has this content; one that claims it must be whole."""
    if read_manifest(folder)["content_sha256"] != content:
        return False
    _require_whole(folder)
    return True


def _refused(what: str) -> ReleaseError:
    return ReleaseError(what, where="params.yaml: release.version", way_out="name a higher version, or `auto`")


def _first(project: Project, content: str) -> str:
    """The version where none is published: the explicit one, that of a lost release, or 1.0.0.

    The record of the last publication outlives ``releases/``: the same content gets its version back, other
    content gets the next major one, as there is nothing to compare with and no number is given twice.
    """
    wanted = project.parameters.release.version
    if wanted != "auto":
        return wanted
    path = _record_path(project)
    last = read_json(path) if path.is_file() else {}
    version = parse_version(str(last.get("version", "")))
    if version is None or last.get("name") != project.parameters.release.name:
        return format_version(FIRST)
    return format_version(version if last.get("content_sha256") == content else next_version(version, "major"))


def _record_path(project: Project) -> Path:
    return project.build / "publication" / "publication.json"


def _require_whole(folder: Path) -> None:
    """Raise an error unless every file is the one that the manifest lists, byte for byte."""
    try:
        check(folder, lambda names: track(names, "checking what is published", len(names)))
    except Refused as error:
        raise ReleaseError(
            f"the published release is damaged: {error}",
            where=folder,
            way_out="restore it from a copy, or remove the folder and publish it again",
        ) from error


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield a sibling folder that becomes ``target`` once it is complete, flushed and read-only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{PARTIAL}{target.name}-", dir=target.parent))
    try:
        with disk_errors(target):
            yield temporary
            seal(temporary, target)
    finally:
        remove_tree(temporary)


def _fill(project: Project, folder: Path, decision: Decision, content: str) -> None:
    _copy_files(project.build / "release", folder)
    files = sha256_tree(folder)
    if content_sha256(files) != content:
        raise ReleaseError(
            "the copy is not what was assembled", where=folder, way_out="check the disk and publish again"
        )
    edition = Edition(project, decision.version, content, files, decision.before, decision.difference)
    for document in DOCUMENTS:
        made = document.content(edition)
        if made is not None:
            write_bytes(folder / document.name, made.encode("utf-8") if isinstance(made, str) else made)
    facts = {"name": project.parameters.release.name, "version": decision.version, "content_sha256": content}
    stages = write_artefacts(project, folder) if project.parameters.release.models else {}
    write_manifest(folder, {**facts, **origin(project), "machine_dependent": sorted(stages)}, files)


def _copy_files(source: Path, target: Path) -> None:
    """Copy what was assembled, but its record; file by file, as ``copytree`` hides why it failed (a full disk)."""
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif path != source / CONTENT:
            shutil.copyfile(path, copy)
