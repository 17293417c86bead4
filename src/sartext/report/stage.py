"""The stage ``report``: from the evaluations to one page and the same figures as JSON."""

from dataclasses import asdict
from typing import Any

from sartext.config import Project
from sartext.files import atomic_folder, write_json, write_text
from sartext.report.page import page
from sartext.report.reading import read_evaluation
from sartext.report.release import evaluated_release
from sartext.report.runs import write_runs
from sartext.report.view import View, view_of

PAGE = "index.html"
FIGURES = "report.json"


def write_report(project: Project) -> dict[str, object]:
    """Write ``build/report``: ``index.html`` and ``report.json``, byte-identical for equal inputs.

    ``build/log/runs.html`` beside it tells what may not stand there: runs, times, durations.

    Raises:
        ArtefactError: an evaluation or the release is missing or damaged; the message names the command.
    """
    evaluation = read_evaluation(project.build / "evaluation")
    view = view_of(evaluation, evaluated_release(project))
    with atomic_folder(project.build / "report") as folder:
        write_text(folder / PAGE, page(view))
        write_json(folder / FIGURES, as_json(view))
        size = (folder / PAGE).stat().st_size
    write_runs(project, evaluation.details.variants)
    figures = view.index.figures
    return {
        "figures": len(figures),
        "not_computed": sum(one.value is None for one in figures),
        "variants": len(view.details.variants),
        "benchmarks": len(view.details.benchmarks),
        "pictures": len(evaluation.pictures),
        "page_bytes": size,
    }


def as_json(view: View) -> dict[str, Any]:
    """Return the content of ``report.json``: the release, benchmarks, variants, and every figure of the page."""
    return {
        "release": view.release.as_json(),
        "benchmarks": [asdict(one) for one in view.details.benchmarks],
        "variants": [asdict(one) for one in view.details.variants],
        "figures": [asdict(one) for one in sorted(view.index.figures, key=lambda one: one.place)],
    }
