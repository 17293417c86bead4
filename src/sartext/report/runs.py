"""Who made the evaluated models, when and in what time: ``build/log/runs.html``, which is no output of a stage."""

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.evaluation.details import TASKS, Variant
from sartext.files import read_json, write_text
from sartext.report.document import document
from sartext.report.tables import table
from sartext.tracking.record import Record, records
from sartext.tracking.store import page_of

TITLE = "Runs behind the report"
UNKNOWN = "\u2013"


def write_runs(project: Project, variants: Sequence[Variant]) -> Path:
    """Write the page: each training stage with its seconds, its run in MLflow and Dagster's run."""
    path = project.build / "log" / "runs.html"
    stages = list(dict.fromkeys(stage for one in variants for stage in one.stages))
    stages += [f"evaluation@{task}" for task in TASKS]
    rows = "".join(_row(project, stage) for stage in stages)
    heads = ["stage", "began (UTC)", "seconds", "run of MLflow", "run of Dagster"]
    caption = (
        'What trained and evaluated the models of the <a href="../report/index.html">report</a>, as this machine '
        "knows it. A model that came out of DVC's cache has the runs of the machine that trained it."
    )
    drawn = table(caption, heads, f"<tbody>{rows}</tbody>", texts=heads)
    write_text(path, document(TITLE, f"<h1>{TITLE}</h1>\n{drawn}"))
    return path


def _row(project: Project, stage: str) -> str:
    record = _record(project, stage)
    described: dict[str, Any] = record.description() if record else {}
    began = described.get("at")
    cells = (
        UNKNOWN if began is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began / 1000)),
        _seconds(project, stage),
        _mlflow(project, record),
        escape(str(described.get("tags", {}).get("dagster.run_id", UNKNOWN))),
    )
    body = "".join(f'<td class="text">{one}</td>' for one in cells)
    return f'<tr><th scope="row">{escape(stage)}</th>{body}</tr>'


def _record(project: Project, stage: str) -> Record | None:
    """The record of the training that made what is there: its ``training.json`` is that of the stage's output."""
    kind, _, name = stage.partition("@")
    made = project.build / kind / name / "training.json"
    if not made.is_file():
        return None
    told = read_json(made)
    return next((one for one in reversed(records(project, name)) if one.trained() == told), None)


def _seconds(project: Project, stage: str) -> str:
    log = project.build / "log" / f"{stage}.json"
    return f"{read_json(log)['seconds']:,.1f}" if log.is_file() else UNKNOWN


def _mlflow(project: Project, record: Record | None) -> str:
    for state in record.uploads().values() if record else ():
        if "run_id" in state:
            page = page_of(project, str(state["run_id"]), str(state["experiment_id"]))
            run = escape(str(state["run_id"]))
            return f'<a href="{escape(page, quote=True)}">{run}</a>' if page else run
    return UNKNOWN
