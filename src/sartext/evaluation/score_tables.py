"""The scores of a submission for a person: a table on the console, or a file."""

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from sartext.errors import EvaluationError
from sartext.evaluation.blind import best_blind
from sartext.evaluation.details import BASELINES
from sartext.evaluation.figures import EVERYTHING, NOT_COMPUTED, Figure
from sartext.evaluation.metrics import Metric
from sartext.evaluation.registry import in_order, metric_of
from sartext.files import atomic_path, write_json

COLUMNS = (
    *("task", "metric", "variant", "value", "low", "high", "unit", "n", "benchmark", "subset", "reason"),
    *("release", "benchmark_sha256", "seed", "resamples"),
)
"""Of a file: the fields of a figure, its unit, and what it can be traced by."""

CORPUS = "corpus:"

DETAILS = ("class:", "objects:")
"""How parts of a benchmark begin that are many: only a file has them."""


def headline_table(figures: Sequence[Figure], name: str) -> Table:
    """Return a table of the headline metrics of a whole benchmark, the submission's beside the baselines'.

    The last column has the best that never sees the image, which a submission must be above to have looked.
    """
    shown = [figure for figure in figures if figure.subset == EVERYTHING and _metric(figure).headline]
    table = _table("metric", "variant")
    table.add_column("unit")
    table.add_column("best without the image", overflow="fold")
    blind = {figure.metric: figure for figure in best_blind(shown, BASELINES)}
    order = in_order(shown[0].task, {figure.metric for figure in shown}) if shown else []
    for figure in sorted(shown, key=lambda each: order.index(each.metric)):
        if figure.value is not None:
            best = blind.get(figure.metric) if figure.variant == name else None
            beside = f"{best.value:.4g} ({best.variant})" if best else ""
            cells = (_metric(figure).title, figure.variant, *_cells(figure, figure.value), _unit(figure), beside)
            table.add_row(*map(Text, cells))
    _add_reasons(table, [figure for figure in shown if figure.variant == name])
    return table


def figure_table(figures: Sequence[Figure], name: str) -> Table:
    """Return a table of the figures that were computed: those of whole benchmarks first, then their parts.

    Classes and sizes of objects, and the baselines on each corpus, are left to a file. Below stands why others of
    the submission were not computed.
    """
    table = _table("benchmark", "subset", "metric", "variant")
    shown = [
        figure
        for figure in figures
        if not figure.subset.startswith(DETAILS)
        and (figure.variant == name or not figure.subset.startswith(CORPUS))
    ]
    for figure in sorted(shown, key=lambda each: (each.benchmark, each.subset != EVERYTHING, each.subset)):
        if figure.value is not None:
            names = (figure.benchmark, figure.subset, figure.metric, figure.variant)
            table.add_row(*map(Text, (*names, *_cells(figure, figure.value))))
    _add_reasons(table, [figure for figure in shown if figure.variant == name])
    return table


def _table(*names: str) -> Table:
    table = Table(title="Scores", title_justify="left")
    for heading in names:
        table.add_column(heading, overflow="fold")
    for heading in ("value", "95 % interval", "n"):
        table.add_column(heading, justify="right")
    return table


def _add_reasons(table: Table, figures: Sequence[Figure]) -> None:
    """Say below a table why figures were not computed, every reason once; those of corpora are left to a file."""
    metrics: dict[str, dict[str, None]] = {}
    for figure in figures:
        if figure.value is None and not figure.subset.startswith(CORPUS):
            part = "" if figure.subset == EVERYTHING else f" of {figure.subset}"
            metrics.setdefault(figure.reason, {})[figure.metric + part] = None
    if metrics:
        reasons = [f"{', '.join(names)}: {reason}" for reason, names in metrics.items()]
        table.caption = Text("\n".join([f"{NOT_COMPUTED}:", *reasons]))
        table.caption_justify = "left"


def _metric(figure: Figure) -> Metric:
    return metric_of(figure.task, figure.metric)


def _unit(figure: Figure) -> str:
    return _metric(figure).unit or "number"  # of what is counted


def _cells(figure: Figure, value: float) -> tuple[str, str, str]:
    known = figure.low is not None and figure.high is not None
    return f"{value:.4g}", f"{figure.low:.4g} to {figure.high:.4g}" if known else "-", str(figure.n)


def check_target(
    path: Path,
    inputs: Iterable[Path | None],
    folders: Iterable[Path | None],
    option: str = "--out",
    endings: Sequence[str] = (".csv", ".json"),
) -> None:
    """Refuse a file that cannot or must not be written, before anything is scored.

    ``inputs`` are files that must stay as they are, ``folders`` likewise with all that is in them; ``option`` is
    what named the file.

    Raises:
        EvaluationError: it has another ending, is an input or a folder, lies in one of the folders, or cannot be
            written.
    """
    outside = f"name a file in another folder by {option}"
    if path.suffix.casefold() not in endings:
        way_out = f"name a {' or '.join(endings)} file"
        raise EvaluationError(f"no table of type '{path.suffix}'", where=path, way_out=way_out)
    try:
        target = path.resolve()
        if any(file and target == file.resolve() for file in inputs):
            raise EvaluationError("it is the file to score", where=path, way_out=f"name another file by {option}")
        within = next((folder for folder in folders if folder and target.is_relative_to(folder.resolve())), None)
        if within is not None:
            raise EvaluationError(f"it lies in {within}, which stays as it is", where=path, way_out=outside)
        if target.is_dir():
            raise EvaluationError("it is a folder", where=path, way_out=f"name a file by {option}")
        with tempfile.TemporaryFile(dir=next(parent for parent in target.parents if parent.exists())):
            pass
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise EvaluationError(f"it cannot be written ({reason})", where=path, way_out=outside) from error


def write_scores(path: Path, figures: Sequence[Figure], origin: Mapping[str, str | int]) -> None:
    """Write figures as CSV or JSON, by the file's ending, in the order of what they are of, ``origin`` last."""
    ordered = sorted(figures, key=lambda figure: figure.place)
    table = [{**asdict(figure), "unit": _unit(figure), **origin} for figure in ordered]
    rows = [{name: row[name] for name in COLUMNS} for row in table]
    if path.suffix.casefold() == ".json":
        write_json(path, rows)
        return
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
