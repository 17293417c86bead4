"""Figures for a person: a table on the console, or a file."""

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from sartext.errors import EvaluationError
from sartext.evaluation.figures import EVERYTHING, NOT_COMPUTED, Figure
from sartext.evaluation.measures import measure
from sartext.files import atomic_path, write_json

COLUMNS = (
    *("task", "metric", "variant", "value", "low", "high", "unit", "n", "benchmark", "subset", "reason"),
    *("release", "benchmark_sha256", "seed", "resamples"),
)
"""Of a file: the fields of a figure, its unit, and what it can be traced by."""

NUMBER = "number"
"""The unit of what is counted."""

OUTSIDE = "name a file in another folder by --out"

CORPUS = "corpus:"

DETAILS = ("class:", "objects:")
"""How parts of a benchmark begin that are many: a file tells them, the console does not."""


def figure_table(figures: Sequence[Figure], name: str) -> Table:
    """Return a table of the figures that were computed: those of whole benchmarks first, then their parts.

    Classes and sizes of objects, and the baselines on each corpus, are left to a file. Below stands why others of
    the model were not computed.

    Args:
        figures: of a model and of baselines.
        name: of the model.
    """
    table = Table(title="Scores", title_justify="left")
    for heading in ("benchmark", "subset", "metric", "variant"):
        table.add_column(heading, overflow="fold")
    for heading in ("value", "95 % interval", "n"):
        table.add_column(heading, justify="right")
    shown = [
        one
        for one in figures
        if not one.subset.startswith(DETAILS) and (one.variant == name or not one.subset.startswith(CORPUS))
    ]
    for one in sorted(shown, key=lambda one: (one.benchmark, one.subset != EVERYTHING, one.subset)):
        if one.value is not None:
            cells = (one.benchmark, one.subset, one.metric, one.variant, *_cells(one, one.value))
            table.add_row(*map(Text, cells))
    reasons = _reasons([one for one in shown if one.variant == name])
    if reasons:
        table.caption = Text("\n".join([f"{NOT_COMPUTED}:", *reasons]))
        table.caption_justify = "left"
    return table


def _reasons(figures: Sequence[Figure]) -> list[str]:
    """Every reason once, with the metrics that it holds for; those of corpora are left to a file."""
    metrics: dict[str, dict[str, None]] = {}
    for one in figures:
        if one.value is None and not one.subset.startswith(CORPUS):
            part = "" if one.subset == EVERYTHING else f" of {one.subset}"
            metrics.setdefault(one.reason, {})[one.metric + part] = None
    return [f"{', '.join(names)}: {reason}" for reason, names in metrics.items()]


def _cells(one: Figure, value: float) -> tuple[str, str, str]:
    interval = "-" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}"
    return f"{value:.4g}", interval, str(one.n)


def check_target(path: Path, inputs: Iterable[Path | None], folders: Iterable[Path | None]) -> None:
    """Refuse a file that `write_scores` cannot or must not write, before anything is scored.

    Args:
        path: of the file to write.
        inputs: files that must stay as they are.
        folders: likewise, with all that is in them.

    Raises:
        EvaluationError: it ends neither in ``.csv`` nor in ``.json``, is an input or a folder, lies in one of the
            folders, or cannot be written.
    """
    if path.suffix.casefold() not in {".csv", ".json"}:
        raise EvaluationError(f"no table of type '{path.suffix}'", where=path, way_out="name a .csv or .json file")
    try:
        target = path.resolve()
        if any(one and target == one.resolve() for one in inputs):
            raise EvaluationError("it is the file to score", where=path, way_out="name another file by --out")
        within = next((one for one in folders if one and target.is_relative_to(one.resolve())), None)
        if within is not None:
            raise EvaluationError(f"it lies in {within}, which stays as it is", where=path, way_out=OUTSIDE)
        if target.is_dir():
            raise EvaluationError("it is a folder", where=path, way_out="name a file by --out")
        with tempfile.TemporaryFile(dir=next(one for one in target.parents if one.exists())):
            pass
    except (OSError, RuntimeError) as error:
        told = getattr(error, "strerror", None) or error
        raise EvaluationError(f"it cannot be written ({told})", where=path, way_out=OUTSIDE) from error


def write_scores(path: Path, figures: Sequence[Figure], origin: Mapping[str, str | int]) -> None:
    """Write figures as CSV or JSON, by the ending of the file, in the order of what they are of.

    Args:
        path: that `check_target` takes.
        figures: to write.
        origin: the last columns, see `COLUMNS`.
    """
    rows = [_row(one, origin) for one in sorted(figures, key=lambda one: one.place)]
    if path.suffix.casefold() == ".json":
        write_json(path, rows)
        return
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _row(one: Figure, origin: Mapping[str, str | int]) -> dict[str, object]:
    row = {**asdict(one), "unit": measure(one.task, one.metric).unit or NUMBER, **origin}
    return {name: row[name] for name in COLUMNS}
