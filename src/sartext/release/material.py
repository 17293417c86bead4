"""What a release is made from: the pairs, and the image of each pair that may be given on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.corpora.images import Unusable, release_bytes
from sartext.errors import ReleaseError

SPLITS = ("train", "validation", "test")
_SUFFIXES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"))

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReleasedImage:
    """An image as the release holds it: the bytes of a PNG or JPEG file, and the file's name.

    ``path`` is ``<corpus>/<stem>.<png or jpg>``; the stem is the image id's.
    """

    content: bytes
    path: str
    sha256: str


@dataclass(frozen=True)
class Material:
    """The pairs of a candidate by split, and access to their images one at a time.

    Args:
        project: where the images lie.
        catalogue: the entry of each corpus.
        pairs: the rows of the candidate, sorted by image id.
    """

    project: Project
    catalogue: Mapping[str, Entry]
    pairs: Sequence[Row]
    _paths: dict[str, str] = field(default_factory=dict)

    def splits(self) -> dict[str, list[Row]]:
        """The pairs of each split that has any, in the order train, validation, test."""
        found = {split: [row for row in self.pairs if row["split"] == split] for split in SPLITS}
        return {split: rows for split, rows in found.items() if rows}

    def image(self, row: Row) -> ReleasedImage | None:
        """Return the image of a pair, or None where the licence does not let it be given on.

        Raises:
            ReleaseError: the source file is absent, damaged, or not the one that was indexed and checked.
        """
        if not may_be_given_on(row):
            return None
        where = row["path"]
        try:
            source = (self.project.root / where).read_bytes()
        except OSError as error:
            raise ReleaseError(
                f"the source image cannot be read ({error.strerror})", where=where, way_out="run `make release`"
            ) from error
        if hashlib.sha256(source).hexdigest() != row["sha256"]:
            raise ReleaseError(
                "the source image changed after it was indexed", where=where, way_out="run `make release`"
            )
        try:
            content = release_bytes(self.project.root, row, self.catalogue[row["corpus"]])
        except Unusable as error:
            raise ReleaseError(
                f"the source image cannot be rendered ({error})", where=where, way_out="run `make release`"
            ) from error
        path = row["image_id"] + _suffix(content, where)
        self._paths[row["image_id"]] = path
        return ReleasedImage(content, path, hashlib.sha256(content).hexdigest())

    def image_path(self, row: Row) -> str | None:
        """Return the name of a pair's image in the release, or None where the image is withheld."""
        if not may_be_given_on(row):
            return None
        if row["image_id"] not in self._paths:
            self.image(row)
        return self._paths[row["image_id"]]


def may_be_given_on(row: Row) -> bool:
    """Whether the release may hold the image: its licence is stated and gives the right to redistribute."""
    return bool(row["redistribution"]) and row["licence"] not in {None, "", "not-stated"}


def _suffix(content: bytes, where: str) -> str:
    for start, suffix in _SUFFIXES:
        if content.startswith(start):
            return suffix
    raise ReleaseError(
        "the image is neither PNG nor JPEG", where=where, way_out="report the format of this corpus"
    )
