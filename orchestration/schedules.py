"""The jobs, and what starts them without a person."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    sensor,
)

from orchestration.dvc_adapter import PIN
from orchestration.graph import Graph
from sartext.config.project import Parameters
from sartext.files import sha256_file

REBUILD = "rebuild"
"""The job that is run without a person."""

# selections are objects: strings go through a parser that other packages' pins have broken before
PUBLISHED = AssetSelection.keys("publication").upstream()
REPORTED = AssetSelection.keys("report").upstream() | AssetSelection.keys("report").downstream()
"""The report, what it is made from, and what follows from it: the promotion."""


def jobs(graph: Graph, parameters: Parameters) -> list[Any]:
    """Return the jobs of a graph: ``release``, ``report`` where there is such a stage, and ``rebuild``.

    The last one makes what the others make; the report only where `params.yaml` lists models for it.
    """
    reports = "report" in graph.stages
    selection = PUBLISHED | REPORTED if reports and parameters.models else PUBLISHED
    found = [
        define_asset_job(
            "release", PUBLISHED, description="Everything that the publication is made from, and the publication."
        ),
        define_asset_job(REBUILD, selection, description="What the weekly schedule runs."),
    ]
    if reports:
        told = "The models on the release, the arms of the comparison, their evaluation and the report."
        found.append(define_asset_job("report", REPORTED, description=told))
    return found


# Running by default: unchanged inputs publish nothing, and data/ must equal data.dvc before anything is built.
weekly = ScheduleDefinition(
    name="weekly_rebuild",
    job_name=REBUILD,
    cron_schedule="0 3 * * 1",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Rebuilds what changed, every Monday at 03:00 UTC.",
)


def new_data_sensor(root: Path) -> SensorDefinition:
    """Return a sensor, stopped by default, that requests a rebuild once ``data.dvc`` pins other bytes."""

    @sensor(
        name="new_data",
        job_name=REBUILD,
        minimum_interval_seconds=60,
        description="Rebuilds once data.dvc changes",
    )
    def new_data(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        pin = root / PIN
        digest = sha256_file(pin) if pin.is_file() else ""
        if digest in {"", context.cursor}:
            yield SkipReason("data.dvc pins what it pinned before")
            return
        seen = context.cursor is not None
        context.update_cursor(digest)
        if seen:
            yield RunRequest(run_key=digest)
        else:
            yield SkipReason("from now on a change of data.dvc is noticed")

    return new_data
