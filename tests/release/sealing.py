"""What a forger would do: give changed files of a published release a manifest that fits them."""

from pathlib import Path

from sartext.files import read_json, sha256_tree, write_json
from sartext.release.manifest import MANIFEST, content_files, content_sha256


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
