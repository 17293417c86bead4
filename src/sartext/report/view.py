"""What every section of the page is made from: the evaluation, how variants look, tables and charts of figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sartext.config.training import EvaluationParameters
from sartext.evaluation.details import Details, Variant
from sartext.evaluation.figures import EVERYTHING, NOT_COMPUTED, Figure, Task
from sartext.evaluation.metrics import Metric
from sartext.evaluation.registry import metric_of, shown
from sartext.pages import Cell, Chart, Row, Table, charts
from sartext.pages.marks import GREY, INK, Look, looks, stem_of
from sartext.report.comparison import FigureIndex, derived
from sartext.report.inputs import Evaluation, Release

PERCENT = (0.0, 100.0)
"""The ends of a scale of percentages."""

DASH = "\u2013"
NOT_MEASURED = Cell(DASH, kind="none", label="not measured")
NARRATOR = "narrator"
"""The model that captions for the release; those of its group beside it learned from the release."""

GROUPS = {
    "foundation": "before any training of ours",
    "arm": "arms of the comparison",
    "model": "models trained on the release",
    "baseline": "baselines",
    "ceiling": "ceilings",
}


@dataclass(frozen=True, eq=False)
class ReportView:
    """Everything that the page shows.

    Args:
        release: that was evaluated.
        index: all figures, those derived from others among them.
        details: what is shown beside them.
        looks: of the variants, the same all over the page.
        pictures: the address of each picture that the details name.
    """

    release: Release
    index: FigureIndex
    details: Details
    looks: Mapping[str, Look]
    pictures: Mapping[str, str]

    def name_cell(self, variant: Variant) -> Cell:
        """Return the cell that heads a variant's row."""
        return Cell(variant.name, look=self.looks[variant.name])


def view_of(evaluation: Evaluation, release: Release, declared: EvaluationParameters) -> ReportView:
    """Put together what the sections need, with the differences and ratios that follow from the figures."""
    details = evaluation.details
    measured = FigureIndex(evaluation.figures, details.variants, details.benchmarks[0].name, declared)
    index = measured.with_more(derived(measured))
    return ReportView(release, index, details, looks_of(details.variants), evaluation.pictures)


def looks_of(variants: Sequence[Variant]) -> dict[str, Look]:
    """Return the look of each variant.

    Models and arms have colours in turn, foundations are grey, baselines grey with dotted lines, ceilings ink. A
    variant whose name goes on after another's has its colour, with dashed lines and hollow marks.
    """
    order = ("model", "arm", "foundation", "baseline", "ceiling")
    ordered = sorted(variants, key=lambda variant: (order.index(variant.role), len(variant.name)))
    by_name = looks(variant.name for variant in ordered if variant.role in {"model", "arm"})
    for variant in ordered[len(by_name) :]:
        further = stem_of(variant.name, by_name) is not None
        match variant.role:
            case "ceiling":
                by_name[variant.name] = Look(INK, dashed=True, hollow=further)
            case "baseline":
                by_name[variant.name] = Look(GREY, hollow=further, dotted=True)
            case _:
                by_name[variant.name] = Look(GREY, dashed=further, hollow=further)
    return by_name


def dots(
    view: ReportView,
    task: Task,
    metric: str,
    *,
    subset: str = EVERYTHING,
    benchmark: str | None = None,
    title: str | None = None,
    reference: tuple[float, str] | None = None,
) -> Chart | None:
    """Return a forest plot of one metric, a row per variant with a value; None where there is none.

    Benchmark and title are those of the tables and of the metric unless others are named; ``reference`` is a value
    to draw a line at, with its name: of a headline figure the best answer that never sees the image.
    """
    known = metric_of(task, metric)
    rows = []
    for variant in view.index.variants:
        figure = view.index.find(task, metric, variant.name, subset=subset, benchmark=benchmark)
        if figure is not None and figure.value is not None:
            ends = (figure.value, figure.low, figure.high)
            rows.append(charts.ForestRow(variant.name, view.looks[variant.name], *ends, *shown(figure)))
    if not rows:
        return None
    name = _raised(title or known.title)
    blind = view.index.best_blind(task, metric, benchmark=benchmark) if subset == EVERYTHING else None
    if reference is None and blind is not None and blind.value is not None:
        reference = blind.value, "best without the image"
    svg = charts.forest(f"{name}, with 95 % intervals", rows, reference=reference, bounds=_bounds(known))
    return Chart(name, known.unit, svg)


def _raised(title: str) -> str:
    return f"{title[0].upper()}{title[1:]}"


def _bounds(metric: Metric) -> tuple[float, float] | None:
    return PERCENT if metric.unit.startswith(("%", "0 to 100")) else None


def curves(
    view: ReportView,
    task: Task,
    metric: str,
    subsets: Mapping[str, str],
    *,
    by: str,
    below: str,
    variants: Iterable[Variant],
    benchmark: str | None = None,
) -> Chart | None:
    """Return a line chart of one metric over subsets of a benchmark, which stand at equal distances.

    Args:
        view: of the page.
        task: of the metric.
        metric: to draw.
        subsets: with the words below their places, in order.
        by: what they differ by, for the title.
        below: what the horizontal axis means.
        variants: to draw, as far as they have values.
        benchmark: where not that of the tables.
    """
    lines = []
    step = 1 / max(1, len(subsets) - 1)
    for variant in variants:
        figures = (
            (at, view.index.find(task, metric, variant.name, subset=subset, benchmark=benchmark))
            for at, subset in enumerate(subsets)
        )
        points = [
            charts.Point(at * step, figure.value, figure.low, figure.high)
            for at, figure in figures
            if figure is not None and figure.value is not None
        ]
        if points:
            lines.append(charts.Line(variant.name, view.looks[variant.name], points))
    if not lines:
        return None
    known = metric_of(task, metric)
    title = f"{_raised(known.title)} by {by}"
    places = [(at * step, words) for at, words in enumerate(subsets.values())]
    svg = charts.lines(f"{title}, with 95 % intervals", lines, places, below, bounds=_bounds(known))
    return Chart(title, known.unit, svg)


def drawn(every: Iterable[Chart | None]) -> list[Chart]:
    """Return the charts that there are."""
    return [chart for chart in every if chart is not None]


@dataclass(frozen=True)
class Column:
    """A column of figures: of one metric in one part of a benchmark."""

    title: str
    task: Task
    metric: str
    subset: str = EVERYTHING
    benchmark: str | None = None


@dataclass
class Reasons:
    """Why figures of one table were not computed: the notes below it."""

    notes: list[str] = field(default_factory=list)

    def cell(self, figure: Figure | None) -> Cell:
        """Return the cell of a figure: its value and interval, or that it was not computed, or a dash."""
        if figure is None:
            return NOT_MEASURED
        if figure.value is None:
            if figure.reason not in self.notes:
                self.notes.append(figure.reason)
            note = self.notes.index(figure.reason) + 1
            return Cell(NOT_COMPUTED, kind="none", figure=place(figure), note=note)
        text, interval = shown(figure)
        return Cell(text, interval, figure=place(figure))


def place(figure: Figure) -> str:
    """Return what a cell says of the figure that it shows."""
    return "|".join(figure.place)


def variants_table(
    view: ReportView,
    columns: Sequence[Column],
    *,
    facts: Mapping[str, Sequence[str]] | None = None,
    heads: Sequence[str] = (),
) -> Table:
    """Return a table with a row for each variant that was measured in any column, grouped by the variants' roles.

    ``facts`` are further cells of each variant, by name, that stand before the figures, ``heads`` their titles.
    """
    reasons = Reasons()
    rows: list[tuple[Variant, list[Cell | str]]] = []
    for variant in view.index.variants:
        figures = [
            view.index.find(
                column.task, column.metric, variant.name, subset=column.subset, benchmark=column.benchmark
            )
            for column in columns
        ]
        if any(figure is not None for figure in figures):
            known = (facts or {}).get(variant.name, ())
            rows.append((variant, [view.name_cell(variant), *known, *map(reasons.cell, figures)]))
    titles = dict(GROUPS)
    models = [variant.name for variant, _ in rows if variant.role == "model"]
    if NARRATOR in models:
        titles["model"] = f"the narrator, and {titles['model']}" if len(models) > 1 else "the narrator"
    return Table(
        ["variant", *heads, *(column.title for column in columns)],
        [Row(cells, titles[variant.role]) for role in GROUPS for variant, cells in rows if variant.role == role],
        notes=reasons.notes,
    )
