"""A published release as the explorer reads it: each file proven against the manifest before it is opened."""

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.files import read_json
from sartext.release.inputs import data_files
from sartext.release.manifest import WAY_OUT, read_manifest
from sartext.release.verify import file_problem

NEEDED = ("image_id", "image", "caption", "corpus", "split", "method", "facts", "width", "height")


@dataclass(frozen=True)
class Release:
    """A published release.

    Raises:
        ReleaseError: of every property: what it reads is missing, a link, or not what the manifest lists.
    """

    folder: Path

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """Its manifest."""
        return read_manifest(self.folder)

    @property
    def identity(self) -> str:
        """Its name and version."""
        return f"{self.manifest['name']} {self.manifest['version']}"

    @cached_property
    def tables(self) -> list[Path]:
        """The Parquet files of its pairs, which hold at least the columns that a page needs."""
        paths = data_files(self.folder) if self.manifest else []
        if not paths:
            raise ReleaseError("no data/*.parquet", where=self.folder, way_out="name the folder of a version")
        for path in paths:
            self.proven(f"data/{path.name}")
            try:
                names = pq.read_schema(path).names
            except (OSError, pa.ArrowInvalid) as error:
                raise ReleaseError(f"cannot be read ({error})", where=path, way_out=WAY_OUT) from error
            if absent := [name for name in NEEDED if name not in names]:
                raise ReleaseError(
                    f"has no column '{absent[0]}'", where=path, way_out="explore it by the version that made it"
                )
        return paths

    @cached_property
    def verdict(self) -> Mapping[str, Any]:
        """What the gate said."""
        return dict(read_json(self.proven("quality/gate.json")))

    @cached_property
    def licences(self) -> list[dict[str, str]]:
        """The rows of ``LICENSES.csv``, one for each corpus."""
        with self.proven("LICENSES.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def left_out(self) -> list[tuple[str, str, str, int]]:
        """Corpus, stage, reason and number of source images that are not in the release, from its ledger."""
        table = pq.ParquetFile(self.proven("ledger.parquet")).read(columns=["corpus", "fate", "stage", "reason"])
        rows = (tuple(row.values()) for row in table.to_pylist())
        counts = Counter((corpus, stage, reason) for corpus, fate, stage, reason in rows if fate != "released")
        return [(*key, count) for key, count in sorted(counts.items())]

    def require_outside(self, target: Path) -> None:
        """Refuse a place in the release, which holds no file more than its manifest lists, by a ReleaseError."""
        if target.resolve().is_relative_to(self.folder.resolve()):
            raise ReleaseError(
                "lies in the release, which holds no file more than its manifest lists",
                where=target,
                way_out="name a folder outside it",
            )

    def proven(self, name: str) -> Path:
        """Return a file of the release that is what the manifest lists.

        Raises:
            ReleaseError: it is not listed, missing, a link, or changed.
        """
        listed = self.manifest["files"].get(name)
        path = self.folder / name
        problem = "not in the manifest" if listed is None else file_problem(path, listed)
        if problem:
            raise ReleaseError(problem, where=path, way_out=WAY_OUT)
        return path
