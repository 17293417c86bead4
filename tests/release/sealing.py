"""What a forger would do: give changed files of a published release a manifest and checksums that fit them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_tree, write_json, write_text
from sartext.release.verification import verify
from sartext.release.verify import CHECKSUMS, MANIFEST, SIGNATURES, checksums_of, content_of, content_sha256


def reseal(release: Path) -> None:
    """List the files as they are, their hashes and the content hash."""
    files = {
        path: {"sha256": digest, "size": (release / path).stat().st_size}
        for path, digest in sha256_tree(release).items()
        if path not in {MANIFEST, CHECKSUMS} and not path.startswith(f"{SIGNATURES}/")
    }
    manifest = read_json(release / MANIFEST)
    documents = [name for name in manifest["documents"] if name in files]
    manifest |= {"files": files, "documents": documents}
    write_json(release / MANIFEST, {**manifest, "content_sha256": content_sha256(content_of(manifest))})
    seal_checksums(release)


def seal_checksums(release: Path) -> None:
    """Write the checksums of the manifest as it stands."""
    content = (release / MANIFEST).read_bytes()
    write_text(release / CHECKSUMS, checksums_of(read_json(release / MANIFEST), content))


def edit_manifest(release: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest, and the checksums so that they fit it."""
    manifest = read_json(release / MANIFEST)
    change(manifest)
    write_json(release / MANIFEST, manifest)
    seal_checksums(release)


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
