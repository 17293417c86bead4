"""Run every benchmark, print the table and write ``build/bench.json``."""

import json
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row

MODULES = ("a2c", "decode", "narrate", "retrieval", "rewrite", "training")


def main() -> int:
    """Run the benchmarks named on the command line, or all; 1 if a figure misses its bound or was not measured.

    Figures of benchmarks that do not run stay in ``build/bench.json``.
    """
    chosen = sys.argv[1:] or MODULES
    if unknown := [name for name in chosen if name not in MODULES]:
        sys.stderr.write(f"error: no benchmark '{unknown[0]}'; take some of {', '.join(MODULES)}\n")
        return 2
    measured: list[tuple[str, Row]] = []
    for name in chosen:
        sys.stderr.write(f"measuring {name}\n")
        measured += [(f"python -m benchmarks {name}", row) for row in _measure(name)]
    Console(width=None if sys.stdout.isatty() else 140).print(_table([row for _, row in measured]))
    path = Path("build") / "bench.json"
    path.parent.mkdir(exist_ok=True)
    commands = {command for command, _ in measured}
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    rows = [row for row in before if row["command"] not in commands]
    rows += [row.as_json(command) for command, row in measured]
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    missed = [row for _, row in measured if row.verdict in {"missed", "not measured"}]
    for row in missed:
        sys.stderr.write(f"error: {row.name}: {row.verdict}, {row.bound or row.against}\n")
    return 1 if missed else 0


def _measure(name: str) -> list[Row]:
    try:
        rows: list[Row] = import_module(f"benchmarks.{name}").measure()
    except Exception as error:  # what the others measured is not lost
        return [Row(name, None, "", f"{type(error).__name__}: {error}")]
    return rows


def _table(rows: list[Row]) -> Table:
    table = Table(title="Benchmarks", title_justify="left")
    for heading in ("name", "value", "unit", "bound", "against"):
        table.add_column(heading, justify="right" if heading == "value" else "left", overflow="fold")
    for row in rows:
        value = "-" if row.value is None else f"{row.value:,.4g}"
        bound = f"{row.bound}: {row.verdict}" if row.bound else ""
        table.add_row(row.name, value, row.unit, bound, row.against)
    return table


if __name__ == "__main__":
    sys.exit(main())
