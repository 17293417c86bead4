"""What a document of a release is, and what it is made from."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.files import read_json
from sartext.release.comparison import Comparison
from sartext.tables import PAIRS, read_rows


@dataclass(frozen=True)
class Edition:
    """A version about to be published: what the documents beside its content are made from.

    Args:
        project: where it was built.
        version: as ``MAJOR.MINOR.PATCH``.
        content_sha256: the identity of its content.
        content: the SHA-256 of each file of its content, by relative path.
        before: the version that it follows, None for the first.
        difference: what changed against that one.
    """

    project: Project
    version: str
    content_sha256: str
    content: Mapping[str, str]
    before: str | None = None
    difference: Comparison | None = None

    @property
    def folder(self) -> Path:
        """The assembled release, which holds the content."""
        return self.project.build / "release"

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """The content of ``statistics.json``."""
        return dict(read_json(self.folder / "statistics.json"))

    @cached_property
    def verdict(self) -> dict[str, Any]:
        """The content of ``quality/gate.json``."""
        return dict(read_json(self.folder / "quality" / "gate.json"))

    @cached_property
    def licences(self) -> list[dict[str, str]]:
        """The rows of ``LICENSES.csv``."""
        with (self.folder / "LICENSES.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def pairs(self) -> list[dict[str, Any]]:
        """The rows of the candidate."""
        return read_rows(self.project.build / "candidate" / "pairs.parquet", PAIRS)


@dataclass(frozen=True)
class Document:
    """A file that a version has beside its content.

    Args:
        name: its path in the release: at the top, or in ``provenance/`` or ``quality/``.
        description: one sentence of what it tells.
        content: makes it, the same bytes for the same edition; None where this one has none.
    """

    name: str
    description: str
    content: Callable[[Edition], str | bytes | None]
