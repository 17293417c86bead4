"""The figures of an audit as tables, for the terminal, the gate's page and the card."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sartext.pages import Row, Table
from sartext.release.audit.ratings import SCALES

if TYPE_CHECKING:
    from rich.table import Table as ConsoleTable

WHOLE = "the whole candidate"
UNDEFINED = "-"

Figures = Mapping[str, Any]


def means_table(figures: Figures) -> Table:
    """Return a row for the whole candidate, then one per corpus and method."""
    rows = [
        Row(
            [
                group["corpus"] or WHOLE,
                group["method"] or "",
                f"{group['pairs']:,}",
                f"{group['images']:,}",
                *(_mean(group[scale]) for scale in SCALES),
            ]
        )
        for group in figures.get("groups", [])
    ]
    return Table(("Corpus", "Method", "Pairs", "Rated", *map(str.capitalize, SCALES)), rows, texts=("Method",))


def agreement_table(figures: Figures) -> Table:
    """Return a row for each pair of raters, and one for each rater who rated images twice."""
    every = [(" and ".join(row["raters"]), row) for row in figures.get("agreement", [])]
    every += [(f"{row['rater']}, twice", row) for row in figures.get("self_agreement", [])]
    rows = [
        Row([who, str(row[SCALES[0]]["items"]), *(_agreement(row[scale]) for scale in SCALES)])
        for who, row in every
        if row[SCALES[0]]["equal"] is not None
    ]
    return Table(("Raters", "Images", *map(str.capitalize, SCALES)), rows)


def failure_table(failed: Sequence[tuple[str, str, int, str]]) -> Table:
    """Return a row for each rating that failed, with its comment."""
    rows = [Row([image_id, rater, str(value), comment]) for image_id, rater, value, comment in failed]
    return Table(("Image", "Rater", "Correctness", "Comment"), rows, texts=("Rater", "Comment"))


def console(table: Table, title: str) -> "ConsoleTable":
    """Return a table for the terminal."""
    from rich.markup import escape
    from rich.table import Table as ConsoleTable

    drawn = ConsoleTable(title=title, title_justify="left")
    for place, head in enumerate(table.heads):
        words = place == 0 or head in table.texts
        drawn.add_column(head, justify="left" if words else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(escape(_printable(str(cell))) for cell in row.cells))
    return drawn


def _printable(text: str) -> str:
    """What a terminal shows of it and does not obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _mean(figure: Figures) -> str:
    if figure["value"] is None:
        return UNDEFINED
    interval = "" if figure["low"] is None else f" [{figure['low']:.2f}, {figure['high']:.2f}]"
    return f"{figure['value']:.2f}{interval}"


def _agreement(figure: Figures) -> str:
    if figure["equal"] is None:
        return UNDEFINED
    kappa = "kappa not defined" if figure["kappa"] is None else f"kappa {figure['kappa']:.2f}"
    return f"{figure['equal']:.0%}, {kappa}"
