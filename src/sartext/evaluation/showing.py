"""Figures for a person: a table on the console, or a file."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from rich.table import Table

from sartext.errors import EvaluationError
from sartext.evaluation.figures import EVERYTHING, NOT_COMPUTED, Figure, write_figures
from sartext.files import atomic_path

COLUMNS = tuple(one.name for one in fields(Figure))


def figure_table(figures: Sequence[Figure]) -> Table:
    """Return a table of figures: those of whole benchmarks first, then their parts."""
    table = Table(title="Scores", title_justify="left")
    for heading in ("benchmark", "subset", "metric", "variant"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "95 % interval", "n"):
        table.add_column(heading, justify="right")
    ordered = sorted(figures, key=lambda one: (one.benchmark, one.subset != EVERYTHING, one.subset))
    for one in ordered:
        table.add_row(one.benchmark, one.subset, one.metric, one.variant, *_cells(one))
    reasons = sorted({f"{one.metric}: {one.reason}" for one in figures if one.value is None})
    if reasons:
        table.caption = f"{NOT_COMPUTED}: " + "; ".join(reasons)
        table.caption_justify = "left"
    return table


def check_ending(path: Path) -> None:
    """Refuse a file that `write_scores` cannot write, before anything is scored.

    Raises:
        EvaluationError: it ends neither in ``.csv`` nor in ``.json``.
    """
    if path.suffix not in {".csv", ".json"}:
        raise EvaluationError(f"no table of type '{path.suffix}'", where=path, way_out="name a .csv or .json file")


def write_scores(path: Path, figures: Sequence[Figure]) -> None:
    """Write figures as CSV or JSON, by the ending of the file.

    Raises:
        EvaluationError: see `check_ending`.
    """
    check_ending(path)
    if path.suffix == ".json":
        write_figures(path, figures)
        return
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(one) for one in sorted(figures, key=lambda one: one.place))


def _cells(one: Figure) -> tuple[str, str, str]:
    if one.value is None:
        return "-", NOT_COMPUTED, str(one.n or "-")
    interval = "-" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}"
    return f"{one.value:.4g}", interval, str(one.n)
