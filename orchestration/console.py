"""What a terminal shows of a run: a line per stage, why it failed, and the tables at its end."""

import logging
import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import AssetCheckSeverity, DagsterEvent, DagsterEventType, InitLoggerContext, LoggerDefinition
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console, JustifyMethod
from rich.table import Table

from orchestration.graph import Graph
from orchestration.metadata import HEADLINES
from sartext.config import Project
from sartext.files import read_json
from sartext.release.gate.verdict import Outcome, judged_nothing, outcome

EVERY_SECONDS = 10.0
DETAIL_CHARACTERS = 60
SPLITS = ("train", "validation", "test")
COLOURS: Mapping[Outcome, str] = {"passed": "green", "failed": "red", "not judged": "yellow"}
_ERROR_CLASS = re.compile(r"^(?:\w+\.)+\w+: ")


class RunDisplay(logging.Handler):
    """Prints a line when a stage is done, and every ten seconds what one that takes long said last.

    Each step's process has its own, so that stages made beside each other all show how far they are.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        super().__init__()
        self._titles = titles
        self._console = Console(soft_wrap=True)
        self._width = max((len(title) for title in titles.values()), default=0)
        self._shown = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record; an error in showing it is reported and stops no run."""
        try:
            self._show(record, record.dagster_meta)  # type: ignore[attr-defined]
        except Exception:
            self.handleError(record)

    def _show(self, record: logging.LogRecord, meta: Mapping[str, Any]) -> None:
        title = self._titles.get(meta["step_key"] or "", "")
        event: DagsterEvent | None = meta["dagster_event"]
        if event is None:
            self._message(title, str(meta["orig_message"]), record.levelno)
        elif event.event_type is DagsterEventType.ASSET_MATERIALIZATION:
            metadata = event.step_materialization_data.materialization.metadata
            result, seconds = metadata["outcome"].value, metadata["seconds"].value
            took = f" in {seconds:.1f} s" if result != "unchanged" else ""
            self._print(f"{title:<{self._width}}  {result}{took}")
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self._print(f"{title:<{self._width}}  failed")

    def _message(self, title: str, text: str, level: int) -> None:
        if text.startswith("Dependencies for step"):
            return  # Dagster's word for what follows from the failure already shown
        if level >= logging.WARNING:
            self._print(text, style="yellow")
        elif title and time.monotonic() - self._shown >= EVERY_SECONDS:
            self._shown = time.monotonic()
            self._print(f"{title}: {text}")

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(f"  {line}", style=style, markup=False, highlight=False)


def lines_logger(graph: Graph) -> LoggerDefinition:
    """Return the logger ``lines``, which ``python -m orchestration`` asks for instead of Dagster's own."""
    titles = {stage.op: stage.title for stage in graph}

    def lines(_context: InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("sartext.lines", logging.DEBUG)  # Dagster's events are DEBUG
        logger.addHandler(RunDisplay(titles))
        return logger

    return LoggerDefinition(lines, description="A line per stage on standard output.")


def failure_line(events: Sequence[DagsterEvent]) -> str:
    """Return the one line that says why a run failed: the gate, a failed stage, or what kept it from starting."""
    refusals = [
        f"{check.check_name} ({check.description})"
        for event in events
        if event.event_type is DagsterEventType.ASSET_CHECK_EVALUATION
        and not (check := event.asset_check_evaluation_data).passed
        and check.severity is AssetCheckSeverity.ERROR
    ]
    if refusals:
        return f"the quality gate refuses the candidate: {'; '.join(refusals)}; see build/quality/gate.json"
    for event in events:
        if event.event_type is DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data and data.user_failure_data.description:
                return data.user_failure_data.description
            return f"{event.step_key}: {_reason(data.error)}"
    for event in events:
        if event.event_type is DagsterEventType.RUN_FAILURE and event.job_failure_data.error:
            return _reason(event.job_failure_data.error)
    return "the run failed"


def _reason(error: SerializableErrorInfo | None) -> str:
    if error is None:
        return "no reason was given"
    while error.cause is not None:
        error = error.cause
    return " ".join(_ERROR_CLASS.sub("", error.message).split())


def show_summary(
    project: Project, console: Console, *, seconds: float, made: Collection[str], published: bool
) -> None:
    """Print models and their captions, pairs, the gate, and the release with its path and the run's duration.

    Shown is of the assets that the run made or found unchanged, not what earlier runs left; ``published`` tells
    whether it published the release.
    """
    if models := list(summarise_models(project, made)):
        figures = ("pairs seen", "best step", "validation loss")
        console.print(_table("Models", ("checkpoint", "from", *figures), models, figures))
    if narrations := list(summarise_narrations(project, made)):
        columns = ("corpus", "method", "images", "captions", "left out, mostly")
        console.print(_table("Captions by models", columns, narrations, ("images", "captions")))
    if "candidate" in made:
        console.print(_pairs_table(count_pairs(project.build / "candidate" / "pairs.parquet")))
    if "quality" in made:
        suites = summarise_gate(read_json(project.build / "quality" / "gate.json"))
        headings = ("suite", "verdict", "expectations", "figure")
        console.print(_table("Quality gate", headings, suites, ("expectations",)))
    if "publication" in made:
        console.print()
        record = read_json(project.build / "publication" / "publication.json")
        how = "newly published" if published else "nothing changed, nothing published"
        console.print(f"release   {record['version']} ({how})", highlight=False)
        console.print(f"path      {record['path']}", highlight=False, soft_wrap=True)
    if "report" in made:
        show_report(project, console)
    console.print(f"duration  {seconds:.1f} s", highlight=False)


def _table(title: str, columns: Iterable[str], rows: Iterable[Sequence[str]], figures: Collection[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(columns):
        whole = place == 0  # the name
        justify: JustifyMethod = "right" if heading in figures else "left"
        table.add_column(heading, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*row)
    return table


def summarise_models(project: Project, made: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield each checkpoint and model of a run: name, origin, pairs seen, best step of how many, loss there."""
    parameters = project.parameters
    for name, row in {**parameters.checkpoints, **parameters.models}.items():
        if {f"checkpoint/{name}", f"model/{name}"} & set(made):
            training = read_json(project.checkpoint(name) / "training.json")
            loss = (training["best"] or {}).get("loss")
            origin = Path(row.origin).stem if row.origin.endswith(".yaml") else Path(row.origin).name
            steps = f"{training['best_step']:,} of {training['steps']:,}"
            yield name, origin, f"{training['samples']:,}", steps, "" if loss is None else f"{loss:.4f}"


def summarise_narrations(project: Project, made: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Yield what models captioned in a run: corpus, method, images, captions, why most others have none."""
    folders = [
        *((f"rewritten/{name}", "with_source") for name in project.parameters.rewritten),
        *((f"optical-captions/{name}", "captioned_halves") for name in project.parameters.optical_captions),
        *((f"narrated/{name}", "narrated") for name in project.parameters.narrated),
    ]
    for asset, seen in folders:
        if asset in made:
            metrics = read_json(project.build / asset / "metrics.json")
            reasons = Counter(metrics["uncaptioned"]).most_common(2)
            reason = "; ".join(f"{count:,} {_short(text)}" for text, count in reasons)
            counts = (f"{metrics[seen]:,}", f"{metrics['captions']:,}")
            yield metrics["corpus"], metrics["method"], *counts, reason


def count_pairs(path: Path) -> dict[str, Counter[str]]:
    """Count the pairs of a candidate per corpus and split."""
    import pyarrow.parquet as pq

    pairs: dict[str, Counter[str]] = {}
    for row in pq.read_table(path, columns=["corpus", "split"]).to_pylist():
        pairs.setdefault(row["corpus"], Counter())[row["split"]] += 1
    return dict(sorted(pairs.items()))


def _pairs_table(pairs: Mapping[str, Counter[str]]) -> Table:
    def row(name: str, counts: Counter[str]) -> tuple[str, ...]:
        return name, *(f"{counts[split]:,}" for split in SPLITS), f"{counts.total():,}"

    rows = [row(corpus, counts) for corpus, counts in pairs.items()]
    table = _table("Image-text pairs", ("corpus", *SPLITS, "all"), rows, (*SPLITS, "all"))
    table.add_section()
    table.add_row(*row("all", sum(pairs.values(), Counter())))
    return table


def summarise_gate(gate: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield each suite: name, verdict, number of expectations, and the one that tells most, with its figure."""
    for suite in gate["suites"]:
        rows = suite["expectations"]
        verdict: Outcome = "failed" if not suite["passed"] else "not judged" if judged_nothing(rows) else "passed"
        yield str(suite["name"]), f"[{COLOURS[verdict]}]{verdict}[/]", str(len(rows)), _worst(rows)


def _worst(expectations: Sequence[Mapping[str, Any]]) -> str:
    """What failed comes before what holds, critical before warning, figures before none."""
    if not expectations:
        return "judged nothing"
    if judged_nothing(expectations):
        return _short(str(expectations[0]["detail"]))
    worst = min(
        expectations,
        key=lambda row: (bool(row["passed"]), row["severity"] != "critical", row.get("figure") is None),
    )
    if worst["passed"]:
        unjudged = sum(outcome(row) == "not judged" for row in expectations)
        held = f"all hold, {unjudged} not judged" if unjudged else "all hold"
        measured = [row for row in expectations if row.get("figure")][:2]
        figures = [f"{row['name']} {row['figure']:,.4g} {row.get('unit') or ''}".rstrip() for row in measured]
        return "; ".join([held, *figures])
    figure = "" if worst.get("figure") is None else f" {worst['figure']:.4g} {worst.get('unit') or ''}"
    detail = str(worst.get("detail") or worst["status"])
    return f"{worst['name']}{figure.rstrip()} ({worst['severity']}: {_short(detail)})"


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS else f"{text[:DETAIL_CHARACTERS].rstrip()}…"


def show_report(project: Project, console: Console) -> None:
    """Print the headline figures of the first benchmark by variant, and the path of the page."""
    content: Mapping[str, Any] = read_json(project.build / "report" / "report.json")
    benchmark = content["benchmarks"][0]
    values = {
        (figure["task"], figure["metric"], figure["variant"]): figure["value"]
        for figure in content["figures"]
        if figure["benchmark"] == benchmark["name"] and figure["subset"] == "all"
    }
    shown = {place: column for place, column in HEADLINES.items() if column}
    headings = [heading for heading, _ in shown.values()]
    title = f"{benchmark['name']}, {benchmark['images']:,} images"
    table = _table(title, ("variant", *headings), (), headings)
    table.box, table.columns[0].no_wrap = None, True
    for name in dict.fromkeys(variant["name"] for variant in content["variants"]):
        figures = [(values.get((*place, name)), form) for place, (_, form) in shown.items()]
        cells = ["" if value is None else format(value, form) for value, form in figures]
        if any(cells):
            table.add_row(name, *cells)
    blind = {
        (figure["task"], figure["metric"]): figure["value"]
        for figure in content.get("blind", ())
        if figure["benchmark"] == benchmark["name"]
    }
    best = [format(blind[place], form) if place in blind else "" for place, (_, form) in shown.items()]
    if any(best):
        table.add_row("best without the image", *best)
    console.print(table)
    page = project.relative(project.build / "report" / "index.html")
    console.print(f"report    {page}", highlight=False, soft_wrap=True)
