"""Leaderboards for people: a table of each contest, on the console, as Markdown or as a page."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

from rich.table import Table
from rich.text import Text

from sartext import pages
from sartext.errors import counted
from sartext.evaluation.details import BASELINES
from sartext.evaluation.figures import Figure
from sartext.evaluation.registry import headlines, metric_of, shown
from sartext.submissions.leaderboard import BaselineValue, Contest, Row, Value, contest_of

SHORT = 12
"""Digits of a hash that are shown."""

TEXTS = ("name", "kind", "release", "weights")
NO_VALUE = "-"


@dataclass(frozen=True)
class Sheet:
    """The table of one contest: cells are plain text, of figures a value and its interval."""

    title: str
    note: str
    heads: Sequence[str]
    rows: Sequence[Sequence[tuple[str, str]]]


def sheets(rows: Iterable[Row]) -> list[Sheet]:
    """Return a table for every contest: submissions, best first by the first headline metric, then baselines."""
    ordered = sorted(rows, key=lambda row: (*contest_of(row), row.name))
    return [_sheet(contest, list(of_contest)) for contest, of_contest in groupby(ordered, key=contest_of)]


def _sheet(contest: Contest, rows: Sequence[Row]) -> Sheet:
    metrics = [name for name in headlines(contest.task) if any(_find(row.figures, name) for row in rows)]
    ranked = sorted(rows, key=lambda row: _rank(contest, row, metrics))
    titles = [metric_of(contest.task, name).title for name in metrics]
    body = [_cells(contest, row, metrics) for row in ranked]
    n = max(value.n for row in rows for value in row.figures)
    what = counted(n, "question" if contest.task == "vqa" else "image")
    note = (
        f"{what}; benchmark {contest.benchmark_sha256[:SHORT]}, texts {contest.texts_sha256[:SHORT]}, "
        f"seed {contest.seed}, scoring {contest.scoring}; 95 % intervals"
    )
    return Sheet(
        f"{contest.task} on {contest.benchmark}",
        note,
        ("name", "kind", *titles, "release", "weights"),
        [*body, *_baselines(contest, ranked, metrics)],
    )


def _rank(contest: Contest, row: Row, metrics: Sequence[str]) -> tuple[float, str]:
    best = _find(row.figures, metrics[0]) if metrics else None
    if best is None:
        return float("inf"), row.name
    sign = 1 if metric_of(contest.task, best.metric).higher_is_better is False else -1
    return sign * best.value, row.name


def _find(values: Iterable[Value], metric: str) -> Value | None:
    return next((value for value in values if value.metric == metric), None)


def _cells(contest: Contest, row: Row, metrics: Sequence[str]) -> list[tuple[str, str]]:
    figures = [_figure(contest, _find(row.figures, metric), row.name) for metric in metrics]
    return [(row.name, ""), (row.kind, ""), *figures, (row.release, ""), ((row.sha256 or NO_VALUE)[:SHORT], "")]


def _baselines(contest: Contest, rows: Sequence[Row], metrics: Sequence[str]) -> Iterable[list[tuple[str, str]]]:
    """A line of each baseline, in the order of the registry; all rows have the same, and the first is shown."""
    values: dict[str, dict[str, BaselineValue]] = {}
    for row in rows:
        for value in row.baselines:
            values.setdefault(value.variant, {}).setdefault(value.metric, value)
    for variant in BASELINES:
        of_variant = values.get(variant.name, {})
        if any(metric in of_variant for metric in metrics):
            figures = [_figure(contest, of_variant.get(metric), variant.name) for metric in metrics]
            role = "never looks" if variant.blind else variant.role
            yield [(variant.name, ""), (role, ""), *figures, ("", ""), ("", "")]


def _figure(contest: Contest, value: Value | None, variant: str) -> tuple[str, str]:
    if value is None:
        return NO_VALUE, ""
    return shown(Figure(contest.task, value.metric, variant, value.value, value.low, value.high))


def console(sheet: Sheet) -> Table:
    """Return a table for the console; markup in names is text."""
    table = Table(title=Text(sheet.title), title_justify="left", caption=Text(sheet.note), caption_justify="left")
    for head in sheet.heads:
        words = head in TEXTS
        table.add_column(Text(head), overflow="fold", justify="left" if words else "right")
    for row in sheet.rows:
        table.add_row(*(Text(f"{value} {interval}".strip()) for value, interval in row))
    return table


def markdown(drawn: Iterable[Sheet]) -> str:
    """Return tables in Markdown; what names hold is text there too."""
    return "\n".join(_markdown(sheet) for sheet in drawn)


def _markdown(sheet: Sheet) -> str:
    lines = [" | ".join(_text(head) for head in sheet.heads)]
    lines.append(" | ".join("---" if head in TEXTS else "---:" for head in sheet.heads))
    lines += [" | ".join(_text(f"{value} {interval}".strip()) for value, interval in row) for row in sheet.rows]
    table = "\n".join(f"| {line} |" for line in lines)
    return f"## {_text(sheet.title)}\n\n{_text(sheet.note)}\n\n{table}\n"


def _text(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]()#|~!:@])", r"\\\1", escape(text, quote=False)) if text else text


def page(drawn: Sequence[Sheet]) -> str:
    """Return the tables as one page that opens from disk."""
    tables = [
        (
            sheet.title,
            sheet.note,
            pages.Table(
                sheet.heads,
                [pages.Row([pages.Cell(value, interval) for value, interval in row]) for row in sheet.rows],
                texts=TEXTS,
            ),
        )
        for sheet in drawn
    ]
    return pages.render("submissions/templates/leaderboard.html", title="Leaderboard", tables=tables)
