"""What a command says: the counts and the seconds of a stage, and tables."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from sartext.config import Project
from sartext.files import write_json

if TYPE_CHECKING:
    from rich.table import Table

Metrics = Mapping[str, object]


def run_stage(project: Project, name: str, work: Callable[[], Metrics]) -> Metrics:
    """Run a stage, say its metric ``lines`` and its counts, and leave both with its duration in ``build/log``."""
    start = time.monotonic()
    metrics = work()
    seconds = round(time.monotonic() - start, 3)
    log = project.build / "log" / f"{name}.json"
    write_json(log, {"stage": name, "seconds": seconds, "metrics": dict(metrics)})
    lines = metrics.get("lines", ())
    for line in lines if isinstance(lines, list) else ():
        click.echo(line)
    click.echo(f"{name}: {brief(metrics)} ({seconds:.1f} s)")
    return metrics


def brief(metrics: Metrics) -> str:
    """Return the metrics that are one value, as ``key value, ...``; ``done`` if there are none."""
    shown = [f"{key} {value}" for key, value in metrics.items() if isinstance(value, bool | int | float | str)]
    return ", ".join(shown) or "done"


def show(table: "Table") -> None:
    """Print a table as wide as the terminal; 140 columns wide into a pipe or a file."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140).print(table)
