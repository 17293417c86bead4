"""What a terminal shows of a run: a line per stage, and why it failed."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetCheckSeverity, DagsterEvent, DagsterEventType, InitLoggerContext, LoggerDefinition
from dagster_shared.error import SerializableErrorInfo
from rich.console import Console

from orchestration.graph import Graph

EVERY_SECONDS = 10.0
_ERROR_CLASS = re.compile(r"^(?:\w+\.)+\w+: ")


class RunDisplay(logging.Handler):
    """Prints a line when a stage is done, and every ten seconds what one that takes long said last.

    Each step's process has its own, so that stages made beside each other all show how far they are.
    """

    def __init__(self, titles: Mapping[str, str], console: Console) -> None:
        super().__init__()
        self._titles = titles
        self._console = console
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
            outcome, seconds = metadata["outcome"].value, metadata["seconds"].value
            took = f" in {seconds:.1f} s" if outcome != "unchanged" else ""
            self.print_line(f"{title:<{self._width}}  {outcome}{took}")
        elif event.event_type is DagsterEventType.STEP_FAILURE:
            self.print_line(f"{title:<{self._width}}  failed")

    def _message(self, title: str, text: str, level: int) -> None:
        if text.startswith("Dependencies for step"):
            return  # Dagster's word for what follows from the failure already shown
        if level >= logging.WARNING:
            self.print_line(text, style="yellow")
        elif title and time.monotonic() - self._shown >= EVERY_SECONDS:
            self._shown = time.monotonic()
            self.print_line(f"{title}: {text}")

    def print_line(self, line: str, style: str = "") -> None:
        """Print a line as it is."""
        self._console.print(f"  {line}", style=style, markup=False, highlight=False)


def lines_logger(graph: Graph) -> LoggerDefinition:
    """Return the logger ``lines``, which ``python -m orchestration`` asks for instead of Dagster's own."""
    titles = {stage.op: stage.title for stage in graph}

    def lines(_context: InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("sartext.lines", logging.DEBUG)  # Dagster's events are DEBUG
        logger.addHandler(RunDisplay(titles, Console(soft_wrap=True)))
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
