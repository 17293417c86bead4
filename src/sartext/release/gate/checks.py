"""How a suite is declared: frames of measured columns, and expectations on them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sartext.config import Parameters
from sartext.release.gate.inputs import Inputs

Severity = Literal["critical", "warning"]
Measure = Callable[[Inputs], Sequence[Any]]
Unjudged = Callable[[Inputs], tuple[Sequence[str], str]]
Arguments = Callable[[Parameters], dict[str, Any]]
Limit = Callable[[Parameters], float]


@dataclass(frozen=True)
class Frame:
    """A table to validate: one row per subject, one column per measure.

    Args:
        name: what it is called in the Data Docs.
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
    """One expectation of Great Expectations on a frame, and how its figure reads.

    Args:
        name: what is expected.
        frame: the frame it is evaluated on.
        expectation: the class in ``great_expectations.expectations``.
        arguments: its arguments, given the parameters, which hold the thresholds.
        unit: the unit of the figure.
        severity: a critical one blocks the release.
        figure: the number of rows that fail, or the value that was observed.
        unjudged: the subjects that are too small to be judged, and why; their values are such that they pass.
    """

    name: str
    frame: str
    expectation: str
    arguments: Arguments
    unit: str
    severity: Severity = "critical"
    figure: Literal["failing", "observed"] = "failing"
    unjudged: Unjudged | None = None


@dataclass(frozen=True)
class Suite:
    """The frames and expectations of one suite."""

    name: str
    frames: tuple[Frame, ...]
    checks: tuple[Check, ...]


def without(name: str, frame: str, column: str, unit: str, severity: Severity = "critical") -> Check:
    """Expect a column of complaints to be empty; its text says what is wrong with a row."""
    return Check(
        name,
        frame,
        "ExpectColumnValuesToBeInSet",
        lambda _: {"column": column, "value_set": [""]},
        unit,
        severity,
    )


def most(
    name: str,
    frame: str,
    column: str,
    unit: str,
    limit: Limit,
    *,
    severity: Severity = "critical",
    unjudged: Unjudged | None = None,
) -> Check:
    """Expect the largest value of a column to stay at or under a limit; the figure is that value."""
    return _bounded("Max", name, frame, column, unit, limit=limit, severity=severity, unjudged=unjudged)


def least(
    name: str,
    frame: str,
    column: str,
    unit: str,
    limit: Limit,
    *,
    severity: Severity = "critical",
    unjudged: Unjudged | None = None,
) -> Check:
    """Expect the smallest value of a column to reach a limit; the figure is that value."""
    return _bounded("Min", name, frame, column, unit, limit=limit, severity=severity, unjudged=unjudged)


def _bounded(
    extreme: Literal["Max", "Min"],
    name: str,
    frame: str,
    column: str,
    unit: str,
    *,
    limit: Limit,
    severity: Severity,
    unjudged: Unjudged | None,
) -> Check:
    return Check(
        name,
        frame,
        f"ExpectColumn{extreme}ToBeBetween",
        lambda parameters: {"column": column, f"{extreme.lower()}_value": limit(parameters)},
        unit,
        severity,
        figure="observed",
        unjudged=unjudged,
    )
