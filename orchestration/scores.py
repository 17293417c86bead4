"""The table at the end of `make report`: what every model and baseline reached, and where the page is."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from sartext.config import Project
from sartext.files import read_json

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "recall": ("retrieval", "duplicate_aware.mean_recall", ".1f"),
    "one": ("retrieval", "one_positive.mean_recall", ".1f"),
    "BLEU-4": ("captioning", "bleu_4", ".3f"),
    "CIDEr-D": ("captioning", "cider_d", ".3f"),
    "facts": ("captioning", "fact_precision", ".1f"),
    "OA": ("vqa", "oa", ".1f"),
    "AA": ("vqa", "aa", ".1f"),
}
"""Heading, task, metric and format: mean recall by equal facts and by one positive, precision of facts, VQA."""


def show_report(project: Project, console: Console) -> None:
    """Print the figures of the first benchmark by variant, and the path of the page."""
    told: Mapping[str, Any] = read_json(project.build / "report" / "report.json")
    benchmark = told["benchmarks"][0]
    console.print(_table(told["variants"], told["figures"], benchmark))
    page = project.relative(project.build / "report" / "index.html")
    console.print(f"report    {page}", highlight=False, soft_wrap=True)


def _table(
    variants: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]], benchmark: Mapping[str, Any]
) -> Table:
    whole = {
        (one["task"], one["metric"], one["variant"]): one["value"]
        for one in figures
        if one["benchmark"] == benchmark["name"] and one["subset"] == "all"
    }
    table = Table(title=f"{benchmark['name']}, {benchmark['images']:,} images", title_justify="left", box=None)
    table.add_column("variant", no_wrap=True)
    for heading in COLUMNS:
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(one["name"] for one in variants):
        cells = [_cell(whole.get((task, metric, name)), form) for task, metric, form in COLUMNS.values()]
        if any(cells):
            table.add_row(name, *cells)
    return table


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
