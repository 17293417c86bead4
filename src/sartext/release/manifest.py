"""The records of a release: its content and identity, and the manifest that lists every file."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_file, write_json, write_text
from sartext.release import verify
from sartext.release.verify import CHECKSUMS, Refused

CONTENT = "content.json"
"""The record of an assembled release (``build/release``): the SHA-256 of every file and of all of them."""

IMAGES = "images"
"""The folder that ``sartext release extract`` writes images to; paths in a release start with it."""

WAY_OUT = "get the release again, or publish it again from its build"

MANIFEST = verify.MANIFEST
content_sha256 = verify.content_sha256
file_problem = verify.file_problem


def content_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file that stands in a release whatever its version is called, by relative path.

    Raises:
        ReleaseError: the folder is neither a published nor an assembled release.
    """
    if (folder / MANIFEST).is_file():
        return verify.content_of(read_manifest(folder))
    path = folder / CONTENT
    if not path.is_file():
        raise ReleaseError(
            f"not a release: neither {MANIFEST} nor {CONTENT} is there",
            where=folder,
            way_out="name the folder of a version, such as releases/sar-text/1.0.0",
        )
    try:
        return {str(name): str(digest) for name, digest in read_json(path)["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(f"{CONTENT} lacks {error}", where=path, way_out="assemble it again") from error


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
    try:
        return verify.read_manifest(path.read_bytes())
    except Refused as error:
        raise ReleaseError(str(error), where=folder, way_out=WAY_OUT) from error


def write_manifest(folder: Path, facts: Mapping[str, object], content: Mapping[str, str]) -> None:
    """Write ``MANIFEST.json`` over every file of a folder, and then ``SHA256SUMS`` over it, too.

    Args:
        folder: a release that is whole but for these two.
        facts: name, version, content hash and origin of it.
        content: the SHA-256 of each file of its content, by path; every other file is a document.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = {
        name: {"sha256": content.get(name) or sha256_file(folder / name), "size": (folder / name).stat().st_size}
        for name in names
    }
    manifest = {**facts, "documents": sorted(files.keys() - content.keys()), "files": files}
    write_json(folder / MANIFEST, manifest)
    write_text(folder / CHECKSUMS, verify.checksums_of(manifest, (folder / MANIFEST).read_bytes()))


def safe_path(text: str, where: object) -> PurePosixPath:
    """Return a relative path that stays inside the folder it is joined to.

    Raises:
        ReleaseError: it is absolute, climbs out, or is written for another system.
    """
    try:
        return verify.safe_path(text)
    except Refused as error:
        raise ReleaseError(str(error), where=where, way_out="do not use this release") from error
