"""How a suite is declared: frames of measured columns, expectations on them, and what the measures read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Parameters, Project
from sartext.corpora.quarantine import read_quarantine
from sartext.files import read_json
from sartext.release.audit.figures import Figures, audit_figures
from sartext.release.audit.storing import Candidate, other_candidates, stored_ratings
from sartext.release.identity import candidate_sha256
from sartext.release.inputs import read_splits
from sartext.tables import INDEX, LEDGER, read_rows, read_table

_OF_FILE = ["image_id", "sha256", "pixels_sha256", "width", "height", "modality", "benchmark"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Candidate, ledger, splits, indexes, catalogue and parameters of a project.

    Each table is read on first use, so that a damaged one crashes only the checks that need it.
    """

    project: Project

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
        """The candidate as it is, whatever its columns."""
        return pq.read_table(self.project.build / "candidate" / "pairs.parquet")

    @cached_property
    def pairs(self) -> list[dict[str, Any]]:
        """The rows of the candidate."""
        return list(self.table.to_pylist())

    @cached_property
    def ledger(self) -> list[dict[str, Any]]:
        """The rows of the ledger."""
        return read_rows(self.project.build / "ledger.parquet", LEDGER)

    @property
    def released_corpora(self) -> list[str]:
        """The corpora that the candidate holds pairs of, sorted."""
        return sorted(set(self.column("corpus")))

    @cached_property
    def splits(self) -> dict[str, dict[str, Any]]:
        """The rows of the split table, by image id."""
        return read_splits(self.project)

    @cached_property
    def index(self) -> dict[str, dict[str, Any]]:
        """What the indexes say of each file, by image id; without the annotations, which are many."""
        tables = (read_table(self.project.corpus(name) / "index.parquet", INDEX) for name in self.corpora)
        return {row["image_id"]: row for table in tables for row in table.select(_OF_FILE).to_pylist()}

    @cached_property
    def quarantined(self) -> dict[str, int]:
        """The number of images in each corpus's quarantine; boxes and annotations are no images."""
        tables = {name: self.project.corpus(name) / "quarantine.csv" for name in self.corpora}
        return {name: len({fault.path for fault in read_quarantine(tables[name], "image")}) for name in tables}

    @cached_property
    def narrated(self) -> dict[str, dict[str, Any]]:
        """What the narrator counted of each corpus that it captioned."""
        return {name: read_json(self.project.narrated(name) / "metrics.json") for name in self.parameters.narrated}

    @cached_property
    def sha256(self) -> str:
        """The identity of the candidate."""
        return candidate_sha256(self.project)

    @cached_property
    def audit(self) -> Figures:
        """What people said of this very candidate; empty where nobody did."""
        return audit_figures(self.pairs, stored_ratings(self.project, Candidate(self.sha256, self.pairs)))

    @property
    def other_audits(self) -> int:
        """How many other candidates have ratings."""
        return other_candidates(self.project, self.sha256)

    @cached_property
    def catalogue(self) -> dict[str, Entry]:
        """The catalogue entries of the listed corpora."""
        return {corpus: find_entry(self.project, corpus) for corpus in self.corpora}

    def column(self, name: str) -> list[Any]:
        """One column of the candidate.

        Raises:
            KeyError: the candidate has no such column.
        """
        return list(self.table.column(name).to_pylist())


Severity = Literal["critical", "warning"]
Measure = Callable[[Inputs], Sequence[Any]]
Unjudged = Callable[[Inputs], tuple[Sequence[str], str]]
Limit = Callable[[Parameters], float]
Bounds = Callable[[Parameters], tuple[float | None, float | None]]


@dataclass(frozen=True)
class Frame:
    """A table to validate: one row per subject, one column per measure.

    Args:
        name: of the frame within its suite.
        rows: what one row is, in the plural (``pairs``, ``corpora``).
        subjects: what each row is about (an image id, a corpus, a column).
        columns: the measures by column name; each gives one value per subject, in their order. A measure that
            raises makes its column absent, and the expectations on it crash.
    """

    name: str
    rows: str
    subjects: Measure
    columns: Mapping[str, Measure]


@dataclass(frozen=True)
class Check:
    """One expectation of Great Expectations on a column of a frame, and how its figure reads.

    Args:
        name: what is expected.
        frame: the frame it is evaluated on.
        column: the column of that frame.
        unit: the unit of the figure.
        expectation: the class in ``great_expectations.expectations``.
        arguments: its arguments beside the column, given the parameters, which hold the thresholds.
        severity: a critical one blocks the release.
        figure: the number of rows that fail, or the value that was observed.
        unjudged: the subjects that are too small to be judged, and why; their values are such that they pass.
    """

    name: str
    frame: str
    column: str
    unit: str
    expectation: str
    arguments: Callable[[Parameters], dict[str, Any]] = lambda _: {}
    severity: Severity = "critical"
    figure: Literal["failing", "observed"] = "failing"
    unjudged: Unjudged | None = None


@dataclass(frozen=True)
class Suite:
    """A suite: its name, what it expects in one sentence, its frames and the expectations on them."""

    name: str
    description: str
    frames: tuple[Frame, ...]
    checks: tuple[Check, ...]


def of_column(name: str, judge: Callable[[Any], Any] = lambda value: value) -> Measure:
    """Measure the values of one column of the candidate: as they are, or what is said of each."""
    return lambda inputs: [judge(value) for value in inputs.column(name)]


def of_pairs(judge: Callable[[Mapping[str, Any]], Any]) -> Measure:
    """Measure the rows of the candidate by what is said of each."""
    return lambda inputs: [judge(row) for row in inputs.pairs]


def among(
    name: str,
    frame: str,
    column: str,
    unit: str,
    values: Sequence[object],
    *,
    severity: Severity = "critical",
    unjudged: Unjudged | None = None,
) -> Check:
    """Expect every value of a column to be one of some values."""
    arguments = {"value_set": list(values)}
    kind = "ExpectColumnValuesToBeInSet"
    return Check(name, frame, column, unit, kind, lambda _: arguments, severity, unjudged=unjudged)


def without(
    name: str,
    frame: str,
    column: str,
    unit: str,
    *,
    severity: Severity = "critical",
    unjudged: Unjudged | None = None,
) -> Check:
    """Expect a column of complaints to be empty; its text says what is wrong with a row."""
    return among(name, frame, column, unit, [""], severity=severity, unjudged=unjudged)


def within(name: str, frame: str, column: str, unit: str, bounds: Bounds) -> Check:
    """Expect every value of a column to lie between two bounds, either of which may be None."""

    def arguments(parameters: Parameters) -> dict[str, Any]:
        return dict(zip(("min_value", "max_value"), bounds(parameters), strict=True))

    return Check(name, frame, column, unit, "ExpectColumnValuesToBeBetween", arguments)


def extreme(
    name: str,
    frame: str,
    column: str,
    unit: str,
    *,
    side: Literal["Min", "Max"],
    limit: Limit,
    severity: Severity = "critical",
    unjudged: Unjudged | None = None,
) -> Check:
    """Expect the smallest value of a column to reach a limit, or its largest not to pass one; it is the figure."""

    def arguments(parameters: Parameters) -> dict[str, Any]:
        return {f"{side.lower()}_value": limit(parameters)}

    expectation = f"ExpectColumn{side}ToBeBetween"
    return Check(name, frame, column, unit, expectation, arguments, severity, "observed", unjudged)
