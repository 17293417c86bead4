"""What Dagster loads: assets, checks, jobs, a schedule and a sensor, derived from ``dvc.yaml``."""

from collections.abc import Iterator
from pathlib import Path

from dagster import (
    AssetKey,
    AssetSelection,
    DefaultScheduleStatus,
    Definitions,
    JobDefinition,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    colored_console_logger,
    define_asset_job,
    schedule,
    sensor,
)

from orchestration.assets import build_assets
from orchestration.console import lines_logger
from orchestration.dvc_adapter import PIN, read_graph
from orchestration.graph import Graph
from orchestration.plan import open_plan, stages_of
from orchestration.runs import find_root, open_session, stage_executor
from sartext.config import Project
from sartext.errors import SarTextError
from sartext.files import sha256_file

REBUILD = "rebuild"
"""The job that is run without a person."""

JOBS = {
    "release": "Everything that the publication is made from, and the publication.",
    "report": "The models on the release, the arms of the comparison, their evaluation and the report.",
    REBUILD: "What the weekly schedule runs.",
}


def build_definitions(root: Path) -> Definitions:
    """Assemble the definitions of the project at ``root``.

    Raises:
        SarTextError: ``params.yaml`` or ``dvc.yaml`` cannot be used; one line says why.
    """
    parameters = Project(root).parameters  # before DVC, which says less of what is wrong there
    graph = read_graph(root)
    jobs = {name: stages_of(parameters, graph, name) for name in JOBS}
    return Definitions(
        assets=build_assets(graph, root),
        jobs=[
            # a selection by key: strings go through a parser that other packages' pins have broken before
            define_asset_job(
                name,
                AssetSelection.assets(*(AssetKey(graph.stages[stage].key) for stage in stages)),
                description=JOBS[name],
            )
            for name, stages in jobs.items()
            if stages
        ],
        schedules=[_weekly_rebuild(root, graph, jobs[REBUILD])],
        sensors=[_new_data(root, graph, jobs[REBUILD])],
        resources={"session": open_session(root, graph)},
        executor=stage_executor(root, graph),
        loggers={"console": colored_console_logger, "lines": lines_logger(graph)},
    )


def _weekly_rebuild(root: Path, graph: Graph, stages: tuple[str, ...]) -> ScheduleDefinition:
    """The schedule, running by default: unchanged inputs publish nothing, and data is pinned."""

    @schedule(
        name="weekly_rebuild",
        job_name=REBUILD,
        cron_schedule="0 3 * * 1",
        execution_timezone="UTC",
        default_status=DefaultScheduleStatus.RUNNING,
        description="Rebuilds what changed, every Monday at 03:00 UTC.",
    )
    def weekly() -> RunRequest | SkipReason:
        return request_run(root, graph, stages)

    return weekly


def _new_data(root: Path, graph: Graph, stages: tuple[str, ...]) -> SensorDefinition:
    """A sensor, stopped by default, that requests a rebuild once ``data.dvc`` pins other bytes."""

    @sensor(
        name="new_data",
        job_name=REBUILD,
        minimum_interval_seconds=60,
        description="Rebuilds once data.dvc changes",
    )
    def watch(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        pin = root / PIN
        digest = sha256_file(pin) if pin.is_file() else ""
        if digest in {"", context.cursor}:
            yield SkipReason("data.dvc pins what it pinned before")
            return
        seen = context.cursor is not None
        context.update_cursor(digest)
        if seen:
            yield request_run(root, graph, stages, run_key=digest)
        else:
            yield SkipReason("from now on a change of data.dvc is noticed")

    return watch


def request_run(
    root: Path, graph: Graph, stages: tuple[str, ...], run_key: str | None = None
) -> RunRequest | SkipReason:
    """Ask DVC and request a run of what is stale, or skip with the reason.

    Where DVC cannot be asked (another build is running, data/ is not pinned) the whole job is requested: it asks
    when its turn comes, and where it fails it says why.
    """
    try:
        with open_plan(root, graph, wait=False) as plan:
            selection = plan.selection(graph, stages)
    except SarTextError:
        return RunRequest(run_key=run_key)
    if not selection:
        return SkipReason(f"all {len(stages)} stages are up to date")
    return RunRequest(run_key=run_key, asset_selection=[AssetKey(graph.stages[name].key) for name in selection])


def find_job(name: str) -> JobDefinition:
    """Return a job of the project: what the process of a step finds it by."""
    return defs.resolve_job_def(name)


defs = build_definitions(find_root())
defs.get_repository_def()  # once, before the processes of the steps are forked from one that has loaded this
