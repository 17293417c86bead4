"""The stage ``report``: from the evaluations to one page and the same figures as JSON.

Beside them it leaves ``build/log/runs.html``, which is no output: who made the models, when, and in what time.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sartext.config import Project
from sartext.evaluation.details import TASKS, Variant
from sartext.files import atomic_folder, read_json, write_json, write_text
from sartext.pages import Cell, Row, Table, render
from sartext.report.inputs import evaluated_release, read_evaluation
from sartext.report.page import page
from sartext.report.view import DASH, ReportView, view_of
from sartext.tracking.record import Record, record_of
from sartext.tracking.store import page_of

PAGE = "index.html"
FIGURES = "report.json"


def write_report(project: Project) -> dict[str, object]:
    """Write ``build/report``: ``index.html`` and ``report.json``, byte-identical for equal inputs.

    Raises:
        ArtefactError: an evaluation or the release is missing or damaged; the message names the command.
    """
    evaluation = read_evaluation(project.build / "evaluation")
    view = view_of(evaluation, evaluated_release(project), project.parameters.evaluation)
    with atomic_folder(project.build / "report") as folder:
        write_text(folder / PAGE, page(view))
        write_json(folder / FIGURES, as_json(view))
        size = (folder / PAGE).stat().st_size
    write_runs(project, evaluation.details.variants)
    figures = view.index.figures
    return {
        "figures": len(figures),
        "not_computed": sum(figure.value is None for figure in figures),
        "variants": len(view.details.variants),
        "benchmarks": len(view.details.benchmarks),
        "pictures": len(evaluation.pictures),
        "page_bytes": size,
    }


def as_json(view: ReportView) -> dict[str, Any]:
    """Return the content of ``report.json``: the release, benchmarks, variants, every figure of the page, and
    of each headline metric the best that never sees the image.
    """
    return {
        "release": asdict(view.release),
        "benchmarks": [asdict(benchmark) for benchmark in view.details.benchmarks],
        "variants": [asdict(variant) for variant in view.details.variants],
        "figures": [asdict(figure) for figure in sorted(view.index.figures, key=lambda figure: figure.place)],
        "blind": [asdict(figure) for figure in view.index.blind.values()],
    }


def write_runs(project: Project, variants: Sequence[Variant]) -> None:
    """Write ``build/log/runs.html``: each stage with its seconds, its run in MLflow and Dagster's run."""
    path = project.build / "log" / "runs.html"
    stages = list(dict.fromkeys(stage for variant in variants for stage in variant.stages))
    stages += [f"evaluation@{task}" for task in TASKS]
    heads = ["stage", "began (UTC)", "seconds", "run of MLflow", "run of Dagster"]
    table = Table(heads, [Row([stage, *_run_of(project, stage)]) for stage in stages], texts=heads)
    write_text(path, render("report/templates/runs.html", title="Runs behind the report", runs=table))


def _run_of(project: Project, stage: str) -> Iterator[Cell | str]:
    record = record_of(project, stage.partition("@")[2])
    described: dict[str, Any] = record.description() if record else {}
    began, log = described.get("at"), project.build / "log" / f"{stage}.json"
    yield DASH if began is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began / 1000))
    yield f"{read_json(log)['seconds']:,.1f}" if log.is_file() else DASH
    yield _mlflow(project, record)
    yield str(described.get("tags", {}).get("dagster.run_id", DASH))


def _mlflow(project: Project, record: Record | None) -> Cell:
    for state in record.uploads().values() if record else ():
        if "run_id" in state:
            run, experiment = str(state["run_id"]), str(state["experiment_id"])
            return Cell(run, href=page_of(project, run, experiment) or "")
    return Cell(DASH)
