"""``releases.lock``: hashes of published versions in the repository, an anchor outside the releases' own folders.

Who forges a release can make its manifest and checksums fit; the lines of the repository stay as they were
committed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from sartext.config.section import Section, explain_validation, parse_yaml
from sartext.errors import ReleaseError
from sartext.files import sha256_file, write_text
from sartext.release.manifest import read_manifest
from sartext.release.verify import MANIFEST

LOCK = "releases.lock"

HEAD = "# Published versions: `sartext release pin FOLDER` adds one, `sartext release verify FOLDER` compares.\n"

_HASH = Field(pattern="^[0-9a-f]{64}$")


class Anchor(Section):
    """What is pinned of one version."""

    name: str
    version: str
    content_sha256: str = _HASH
    manifest_sha256: str = _HASH


def read_anchors(root: Path) -> list[Anchor]:
    """Return what a project's ``releases.lock`` pins, in its order; nothing where there is none.

    Raises:
        ReleaseError: it is no list of versions, or names one twice.
    """
    path = root / LOCK
    if not path.is_file():
        return []
    way_out = f"restore it: `git checkout {LOCK}`"
    try:
        anchors = TypeAdapter(list[Anchor]).validate_python(parse_yaml(path.read_text(encoding="utf-8")) or [])
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ReleaseError(f"not valid YAML ({error})", where=path, way_out=way_out) from error
    except ValidationError as error:
        raise ReleaseError(explain_validation(error, Anchor, path)[0], where=path, way_out=way_out) from error
    named = [(anchor.name, anchor.version) for anchor in anchors]
    twice = next((anchor for anchor in anchors if named.count((anchor.name, anchor.version)) > 1), None)
    if twice is not None:
        raise ReleaseError(f"names {twice.name} {twice.version} twice", where=path, way_out="keep one of the two")
    return anchors


def anchor_of(folder: Path) -> Anchor:
    """Return what would be pinned of a release, as it lies there.

    Raises:
        ReleaseError: it has no manifest.
    """
    manifest: Mapping[str, Any] = read_manifest(folder)
    facts = {name: manifest[name] for name in ("name", "version", "content_sha256")}
    return Anchor(**facts, manifest_sha256=sha256_file(folder / MANIFEST))


def check_anchor(root: Path, folder: Path) -> bool:
    """Whether ``releases.lock`` names the version of a release that was verified, with these very hashes.

    Raises:
        ReleaseError: it names the version with other ones, or cannot be read.
    """
    own = anchor_of(folder)
    pinned = next((one for one in read_anchors(root) if (one.name, one.version) == (own.name, own.version)), None)
    if pinned is None or pinned == own:
        return pinned is not None
    same = pinned.content_sha256 == own.content_sha256
    what = "another manifest (the content is the same)" if same else "other content"
    raise ReleaseError(
        f"{LOCK} pins {own.name} {own.version} with {what}",
        where=folder,
        way_out=f"get the release again; if it was meant, take its lines out of {LOCK} and pin it again",
    )


def anchored(root: Path, folder: Path) -> str:
    """Say whether ``releases.lock`` names the version of a release that was verified.

    Raises:
        ReleaseError: as `check_anchor`.
    """
    if check_anchor(root, folder):
        return f"anchored in {LOCK}"
    own = anchor_of(folder)
    same = [one for one in read_anchors(root) if (one.name, one.content_sha256) == (own.name, own.content_sha256)]
    if same:
        return f"not anchored: {LOCK} has its content as {same[0].version}, and no {own.version}"
    return f"not anchored: no {LOCK} here has it"


def pin(root: Path, folder: Path) -> Anchor:
    """Add a release that was verified to ``releases.lock``; one that is there already stays.

    Raises:
        ReleaseError: as `check_anchor`.
    """
    own = anchor_of(folder)
    if not check_anchor(root, folder):
        anchors = sorted([*read_anchors(root), own], key=lambda one: (one.name, _number(one.version)))
        rows = [anchor.model_dump() for anchor in anchors]
        write_text(root / LOCK, HEAD + yaml.safe_dump(rows, sort_keys=False))
    return own


def _number(version: str) -> tuple[tuple[int, ...], str]:
    parts = version.split(".")
    return (tuple(map(int, parts)) if all(part.isdigit() for part in parts) else (), version)
