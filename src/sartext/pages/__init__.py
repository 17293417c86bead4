"""One kit for every HTML page: templates with autoescape, a style (light and dark), tables, and charts as SVG.

A page is a template filled with plain data, such as the tables and charts of this module.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sartext.pages.marks import Look, swatch

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cell:
    """A cell of a table; a plain string is one too.

    Args:
        text: what it says.
        detail: said smaller after it, such as an interval.
        kind: a class of the style sheet: ``none``, ``soft``, ``better``, ``worse``.
        figure: the name of the figure that it shows, for ``data-figure``.
        note: the number of the table's note that it points to; 0 for none.
        look: drawn before the text, in the first cell of a row.
        mark: ``better``, ``worse`` or ``even``: the text stands in a pill of that colour.
        code: whether it is set as code.
        href: what it links to.
        label: what a reader without sight is told in its place.
        parts: further cells, each with a figure or a kind, in place of the text.
    """

    text: str
    detail: str = ""
    kind: str = ""
    figure: str = ""
    note: int = 0
    look: Look | None = None
    mark: str = ""
    code: bool = False
    href: str = ""
    label: str = ""
    parts: tuple["Cell", ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells, the first of which heads it, and the group that it stands in."""

    cells: Sequence[Cell | str]
    group: str = ""


@dataclass(frozen=True)
class Table:
    """A table, for the macro ``table`` of ``pages/templates/macros.html``.

    Args:
        heads: the titles of its columns.
        rows: in order; neighbours of one group stand together, below its name.
        texts: the titles whose columns hold words, not numbers.
        notes: below it, numbered from 1.
        ruled: whether a line parts the groups, in place of their names.
    """

    heads: Sequence[str]
    rows: Sequence[Row]
    texts: Sequence[str] = ()
    notes: Sequence[str] = ()
    ruled: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart with its heading, for the macro ``charts``."""

    title: str
    unit: str
    svg: Markup = field(repr=False)


def render(template: str, /, **context: object) -> str:
    """Return a page.

    Args:
        template: its path from the package's folder, such as ``report/templates/page.html``; it extends
            ``pages/templates/base.html``, whose title is ``title``, and fills the block ``main``.
        context: plain data; every text of it is escaped.

    Raises:
        jinja2.UndefinedError: the template names what the context lacks.
    """
    return _environment().get_template(template).render(**context)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {"swatch": swatch, "groups": _groups, "cell": _cell, "listed": listed}
    return environment


def _groups(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    complete = (Row([*map(_cell, row.cells)], row.group) for row in rows)
    return [(group, list(members)) for group, members in groupby(complete, key=lambda row: row.group)]


def _cell(content: Cell | str) -> Cell:
    return Cell(content) if isinstance(content, str) else content


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: with commas, and "and" before the last."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
