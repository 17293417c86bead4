"""Run every benchmark, print the table and write ``build/bench.json``."""

import json
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

MODULES = ("a2c", "decode", "training")


def main() -> int:
    """Run the benchmarks named on the command line, or all; 1 if a figure misses its bound."""
    chosen = sys.argv[1:] or MODULES
    rows = [row for name in chosen for row in import_module(f"benchmarks.{name}").measure()]
    table = Table(title="Benchmarks", title_justify="left")
    for heading in ("name", "value", "unit", "against"):
        table.add_column(heading, justify="right" if heading == "value" else "left", overflow="fold")
    for row in rows:
        table.add_row(
            row["name"], "-" if row["value"] is None else f"{row['value']:,.4g}", row["unit"], row["against"]
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    path = Path("build") / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
