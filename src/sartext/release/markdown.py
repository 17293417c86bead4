"""Markdown from the templates beside this module: the dataset card, the changes, the report of the gate."""

from collections.abc import Iterable, Sequence
from functools import cache

import jinja2


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("sartext.release", "templates")
    environment = jinja2.Environment(
        loader=loader,
        autoescape=jinja2.select_autoescape(),  # of HTML only
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    return environment


def render(template: str, **values: object) -> str:
    """Return a template filled with values; a value that is missing is an error."""
    return _environment().get_template(template).render(**values)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
