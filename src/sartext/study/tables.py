"""The tables of a study: ``cells.csv``, ``table.csv`` and ``study.json``."""

import csv
import io
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from rich.table import Table

from sartext.bootstrap import Interval
from sartext.files import write_json, write_text
from sartext.study.cells import diverged
from sartext.study.figures import (
    MAIN,
    METRICS,
    ArmRow,
    Findings,
    StudyMetric,
    find,
    groups_of,
    lineage_total,
    total,
)
from sartext.study.running import ArmResult, Finished
from sartext.study.worlds import world_of

LIBRARIES = ("torch", "open_clip_torch", "numpy", "tokenizers", "pillow")
CAPTIONS = ("captions", "finished", "readable", "undecided")


def write_tables(finished: Finished) -> Findings:
    """Write all three to the study's folder, and return the figures.

    Only ``seconds``, the last column, differs between two runs.
    """
    findings = find(finished)
    output = finished.design.output
    write_text(output / "cells.csv", _csv(_cell_row(finished, entry) for entry in finished.entries))
    write_text(output / "table.csv", _csv(_flat(_table_row(row)) for row in findings.rows))
    write_json(output / "study.json", summary(finished, findings))
    return findings


def console_table(findings: Findings) -> Table:
    """Return every arm at every share with the main figures, for a terminal."""
    table = Table("SAR captions", "arm", box=None, pad_edge=False)
    for heading in ("samples", "seconds", *(metric.title for metric in MAIN)):
        table.add_column(heading, justify="right")
    blind = [f"{findings.blind[metric.name]:.1f}" if metric.name in findings.blind else "" for metric in MAIN]
    before = findings.rows[0].fraction
    for row in findings.rows:
        if row.fraction != before:
            table.add_section()
        before = row.fraction
        figures = ["diverged" if row.diverged else _shown(row.metrics[metric.name], metric) for metric in MAIN]
        table.add_row(f"{100 * row.fraction:g} %", row.arm.name, count(row.samples), count(row.seconds), *figures)
    table.add_section()
    table.add_row("", "blind", "", "", *blind)
    return table


def count(value: float | None) -> str:
    """Return a number without decimals for a table; a dash where every seed diverged."""
    return "-" if value is None else f"{value:,.0f}"


def _shown(interval: Interval, metric: StudyMetric) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "not computed"
    digits = metric.digits
    return f"{interval.value:.{digits}f} ({interval.low:.{digits}f} to {interval.high:.{digits}f})"


def summary(finished: Finished, findings: Findings) -> dict[str, Any]:
    """Return everything that the study found, with what it was made from."""
    design = finished.design
    study = design.study
    return {
        "data": design.data,
        "hash": design.digest,
        "seeds": list(study.seeds),
        "development_seeds": list(study.development_seeds),
        "fractions": sorted(study.fractions),
        "resamples": study.resamples,
        "learning_rates": {"grid": list(study.learning_rates), "rows": finished.rates.as_json()},
        "rows": {name: row.model_dump(mode="json", by_alias=True) for name, row in design.rows.items()},
        "training": design.parameters.training.model_dump(mode="json"),
        "worlds": {str(seed): world_of(design, seed).counts for seed in study.seeds},
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "table": [_table_row(row) for row in findings.rows],
        "blind": dict(findings.blind),
        "differences": [
            {
                "arm": difference.arm.name,
                "control": difference.control.name,
                "fraction": difference.fraction,
                "metric": difference.metric.name,
                "arm_minus_control": difference.interval.value,
                "low": difference.interval.low,
                "high": difference.interval.high,
                "seeds_better": difference.seeds,
                "verdict": difference.verdict,
            }
            for difference in findings.differences
        ],
    }


def _cell_row(finished: Finished, entry: ArmResult) -> dict[str, Any]:
    result = finished.result(entry.cell)
    lost = diverged(result)
    nothing: dict[str, Any] = {"ceiling": None, "captions": dict.fromkeys(CAPTIONS)}
    examined = nothing if lost else nothing | result["examination"]
    sums = total(groups_of(result).values())
    return {
        "hash": finished.design.digest,
        "data": finished.design.data,
        "seed": entry.cell.seed,
        "arm": entry.arm.name,
        "fraction": entry.fraction,
        "diverged": int(lost),
        "sar_pairs": result.get("sar_pairs"),
        "test_pairs": sums["pairs"],
        "learning_rate": entry.cell.learning_rate,
        "samples": None if lost else int(lineage_total(finished, entry.cell, "samples")),
        "sar_samples": None if lost else int(lineage_total(finished, entry.cell, "sar_samples")),
        "kept_samples": result.get("kept_samples"),
        "validation_loss": result["validation_loss"],
        **{metric.name: metric.of(sums) for metric in METRICS},
        "ceiling": examined["ceiling"],
        **examined["captions"],
        "seconds": None if lost else round(lineage_total(finished, entry.cell, "seconds"), 1),
    }


def _table_row(row: ArmRow) -> dict[str, Any]:
    return {
        "arm": row.arm.name,
        "fraction": row.fraction,
        "diverged": row.diverged,
        "sar_pairs": row.pairs,
        "learning_rate": row.learning_rate,
        "samples": row.samples,
        "sar_samples": row.sar_samples,
        "kept_samples": row.kept,
        **{name: asdict(interval) for name, interval in row.metrics.items()},
        "seconds": None if row.seconds is None else round(row.seconds, 1),
    }


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]}
        else:
            flat[name] = value
    return flat


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    every: Sequence[Mapping[str, Any]] = list(rows)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, every[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in every:
        texts = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        writer.writerow(texts)
    return stream.getvalue()
