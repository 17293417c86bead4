"""What the gate reads: each table on first use, so that a damaged one crashes only the checks that need it."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Parameters, Project
from sartext.corpora.quarantine import read_quarantine
from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.tables import INDEX, LEDGER, SPLITS, read_rows, read_table

_OF_FILE = ["image_id", "sha256", "pixels_sha256", "width", "height", "modality", "benchmark"]


@dataclass(frozen=True)
class Inputs:
    """Candidate, ledger, splits, indexes, catalogue and parameters of a project.

    ``shared`` keeps what one measure found for the others.
    """

    project: Project
    shared: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> Parameters:
        """The parameters, which hold the thresholds."""
        return self.project.parameters

    @property
    def corpora(self) -> list[str]:
        """The corpora of ``params.yaml``, in its order."""
        return list(self.project.parameters.corpora)

    @cached_property
    def table(self) -> pa.Table:
        """The candidate as it is, whatever its columns.

        Raises:
            ArtefactError: the file is absent or damaged.
        """
        path = self.project.build / "candidate" / "pairs.parquet"
        try:
            return pq.read_table(path)
        except FileNotFoundError as error:
            raise ArtefactError("there is no candidate", where=path, way_out="run `make release`") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise ArtefactError(
                f"not a readable Parquet file ({error})", where=path, way_out="remove it and build it again"
            ) from error

    @cached_property
    def pairs(self) -> list[dict[str, Any]]:
        """The rows of the candidate."""
        rows: list[dict[str, Any]] = self.table.to_pylist()
        return rows

    @cached_property
    def ledger(self) -> list[dict[str, Any]]:
        """The rows of the ledger."""
        return read_rows(self.project.build / "ledger.parquet", LEDGER)

    @cached_property
    def splits(self) -> dict[str, dict[str, Any]]:
        """The rows of the split table, by image id."""
        rows = read_rows(self.project.build / "splits" / "splits.parquet", SPLITS)
        return {row["image_id"]: row for row in rows}

    @cached_property
    def index(self) -> dict[str, dict[str, Any]]:
        """What the indexes say of each file, by image id; without the annotations, which are many."""
        found: dict[str, dict[str, Any]] = {}
        for corpus in self.corpora:
            table = read_table(self.project.corpus(corpus) / "index.parquet", INDEX)
            rows = table.select(_OF_FILE).to_pylist()
            found.update((row["image_id"], row) for row in rows)
        return found

    @cached_property
    def quarantined(self) -> dict[str, int]:
        """The number of images in each corpus's quarantine; boxes and annotations are no images."""
        counts = {}
        for corpus in self.corpora:
            faults = read_quarantine(self.project.corpus(corpus) / "quarantine.csv", "image")
            counts[corpus] = len({fault.path for fault in faults})
        return counts

    @cached_property
    def narrated(self) -> dict[str, dict[str, Any]]:
        """What the narrator counted of each corpus that it captioned."""
        corpora = self.parameters.narrated
        return {corpus: dict(read_json(self.project.narrated(corpus) / "metrics.json")) for corpus in corpora}

    @cached_property
    def catalogue(self) -> dict[str, Entry]:
        """The catalogue entries of the listed corpora."""
        return {corpus: find_entry(self.project, corpus) for corpus in self.corpora}

    def column(self, name: str) -> list[Any]:
        """One column of the candidate.

        Raises:
            KeyError: the candidate has no such column.
        """
        values: list[Any] = self.table.column(name).to_pylist()
        return values
