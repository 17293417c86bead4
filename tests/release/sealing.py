"""What a forger would do: give changed files of a published release a manifest that fits them."""

from pathlib import Path

import pytest

from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_tree, write_json
from sartext.release.manifest import MANIFEST, content_files, content_sha256
from sartext.release.verification import verify


def reseal(release: Path) -> None:
    """List the files as they are, their hashes and the content hash."""
    files = {
        path: {"sha256": digest, "size": (release / path).stat().st_size}
        for path, digest in sha256_tree(release).items()
        if path != MANIFEST
    }
    manifest = {**read_json(release / MANIFEST), "files": files}
    write_json(release / MANIFEST, manifest)
    write_json(release / MANIFEST, {**manifest, "content_sha256": content_sha256(content_files(release))})


def flip(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def assert_refused(release: Path, message: str, error: type[Exception] = ReleaseError) -> None:
    """A verification finds the fault and says it in one line."""
    with pytest.raises(error, match=message):
        verify(release)


def assert_found(release: Path, message: str) -> None:
    """A verification finds the fault although the manifest fits the files."""
    reseal(release)
    assert_refused(release, message)
