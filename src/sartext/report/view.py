"""What every section of the page is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sartext.evaluation.details import Details
from sartext.evaluation.figures import EVERYTHING, Figure, Task
from sartext.evaluation.measures import measure
from sartext.report import forest
from sartext.report.comparison import derived
from sartext.report.figure_index import FigureIndex
from sartext.report.marks import Look, looks
from sartext.report.pictures import Pictures
from sartext.report.reading import Evaluation
from sartext.report.release import Release

PERCENT = (0.0, 100.0)
"""The ends of a scale of percentages."""


@dataclass(frozen=True, eq=False)
class View:
    """Everything that the page shows.

    Args:
        release: that was evaluated.
        index: all figures, those derived from others among them.
        details: what is shown beside them.
        looks: of the variants.
        pictures: that the details name.
    """

    release: Release
    index: FigureIndex
    details: Details
    looks: Mapping[str, Look]
    pictures: Pictures


def view_of(evaluation: Evaluation, release: Release) -> View:
    """Put together what the sections need, with the differences and ratios that follow from the figures."""
    details = evaluation.details
    measured = FigureIndex(evaluation.figures, details.variants, details.benchmarks[0].name)
    return View(
        release,
        measured.with_more(derived(measured)),
        details,
        looks(details.variants),
        Pictures(evaluation.pictures),
    )


def dots(
    view: View,
    task: Task,
    metric: str,
    *,
    subset: str = EVERYTHING,
    title: str | None = None,
    reference: tuple[float, str] | None = None,
    also: Sequence[str] = (),
) -> str:
    """Return a chart of one metric, a row per variant with a value; nothing where there is none.

    Args:
        view: of the page.
        task: of the metric.
        metric: to draw.
        subset: of the benchmark.
        title: where not that of the measure.
        reference: a line to draw, with its name.
        also: further metrics of the same scale, whose variants follow.
    """
    found = [
        figure
        for one in (metric, *also)
        for variant in view.index.variants
        if (figure := view.index.find(task, one, variant.name, subset=subset)) is not None
    ]
    rows: list[Figure] = [one for one in found if one.value is not None]
    if not rows:
        return ""
    known = measure(task, metric)
    told = title or f"{known.title[0].upper()}{known.title[1:]}"
    bounds = PERCENT if known.unit.startswith(("%", "0 to 100")) else None
    drawn = forest.draw(f"{told}, with 95 % intervals", rows, view.looks, reference=reference, bounds=bounds)
    return f'<figure><h4>{escape(told)} <span class="range">{escape(known.unit)}</span></h4>{drawn}</figure>'


def charts(drawn: Sequence[str], *, small: bool = False) -> str:
    """Return charts beside each other, as many as the width allows; nothing where there is none.

    Args:
        drawn: figures; empty ones are left out.
        small: whether three fit beside each other.
    """
    kept = "".join(one for one in drawn if one)
    return f'<div class="charts{" three" if small else ""}">{kept}</div>' if kept else ""


def section(name: str, title: str, parts: Sequence[str]) -> str:
    """Return a section with its heading; nothing where all of its parts are empty."""
    kept = [one for one in parts if one]
    if not kept:
        return ""
    return f'<section id="{name}" aria-labelledby="{name}-title"><h2 id="{name}-title">{title}</h2>' + (
        "\n".join(kept) + "</section>"
    )


def paragraph(text: str) -> str:
    """Return a paragraph of HTML."""
    return f"<p>{text}</p>"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: with commas, and "and" before the last."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def chosen(view: View, name: str) -> str:
    """Return how the examples of a field were chosen, as the evaluation tells it."""
    text = view.details.chosen.get(name, "")
    return f'<p class="soft">{escape(text)}</p>' if text else ""


def unfolded(title: str, content: str) -> str:
    """Return content that opens on a click; nothing where there is none."""
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""
