"""A build from the command line: the same job that Dagster's page shows, its steps in processes of their own."""

import sys
import time
from pathlib import Path

from dagster import (
    AssetKey,
    DagsterInstance,
    DagsterRunStatus,
    JobExecutionResult,
    build_reconstructable_job,
    execute_job,
)
from rich.console import Console

from orchestration.console import failure_line
from orchestration.dvc_adapter import compare_with_pin, read_graph
from orchestration.execution import failure_reason, run_command
from orchestration.graph import Graph
from orchestration.plan import open_plan, show_plan, stages_of
from orchestration.runs import close_abandoned, prepare_home, report_unchanged
from orchestration.summary import show_summary
from sartext.config import Project
from sartext.errors import SarTextError, SimulationError, nearest
from sartext.files import read_json
from sartext.locking import project_lock


class BuildError(SarTextError):
    """A run ended without success; the message is the first failed stage's."""


def build(root: Path, job: str, *, asset: str | None = None, start: float) -> None:
    """Run what is stale of a job, or one asset of it alone, and print what came of it.

    Args:
        root: the project's folder.
        job: ``release``, ``report`` or ``rebuild``.
        asset: the only asset of the job to make, such as ``captions/ssdd``.
        start: the moment of ``time.monotonic`` that the duration counts from.

    Raises:
        SarTextError: it failed; one line says why.
        KeyboardInterrupt: it was interrupted; its processes are gone.
    """
    console = Console()
    project = Project(root)
    prepare_home(root)
    with project_lock(root), DagsterInstance.get() as instance:
        close_abandoned(instance)
        simulate_missing(project, console)
        graph = read_graph(root)
        before = _published(project)
        with open_plan(root, graph) as plan:
            stages = stages_of(graph, job, models=bool(project.parameters.models))
            wanted = _named(graph, asset, stages) if asset else plan.selection(graph, stages)
            unchanged = tuple(name for name in stages if name not in wanted) if not asset else ()
            _show_unchanged(graph, unchanged, wanted, console)
            report_unchanged(instance, graph, plan, unchanged)
            result = _run(instance, graph, job, wanted) if wanted else None
    if result is not None and _interrupted(result):
        raise KeyboardInterrupt
    made = {graph.stages[name].title for name in unchanged} | (materialised(result) if result else set())
    seconds = time.monotonic() - start
    show_summary(project, console, seconds=seconds, made=made, published=_published(project) != before)
    if result is not None and not result.success:
        raise BuildError(failure_line(list(result.all_events)))


def _named(graph: Graph, asset: str, stages: tuple[str, ...]) -> tuple[str, ...]:
    titles = {graph.stages[name].title: name for name in stages}
    if asset not in titles:
        raise BuildError(f"there is no asset '{asset}' in this job", way_out=nearest(asset, titles))
    return (titles[asset],)


def _run(instance: DagsterInstance, graph: Graph, job: str, names: tuple[str, ...]) -> JobExecutionResult:
    return execute_job(
        build_reconstructable_job("orchestration.definitions", "find_job", (job,)),
        instance=instance,
        run_config={"loggers": {"lines": {}}},
        asset_selection=[AssetKey(graph.stages[name].key) for name in names],
    )


def _show_unchanged(graph: Graph, unchanged: tuple[str, ...], wanted: tuple[str, ...], console: Console) -> None:
    if not wanted:
        console.print(f"  nothing to do: {len(unchanged)} stages are unchanged", highlight=False)
    elif unchanged:
        names = ", ".join(graph.stages[name].title for name in unchanged)
        console.print(f"  unchanged: {names}", markup=False, highlight=False, soft_wrap=True)


def materialised(result: JobExecutionResult) -> set[str]:
    """The assets that a run made or found unchanged, such as ``captions/ssdd``."""
    events = (event for event in result.all_events if event.is_step_materialization)
    return {event.asset_key.to_user_string() for event in events if event.asset_key}


def _interrupted(result: JobExecutionResult) -> bool:
    if result.dagster_run.status is DagsterRunStatus.CANCELED:
        return True
    reasons = (getattr(event.event_specific_data, "failure_reason", None) for event in result.all_events)
    return any(getattr(reason, "name", "") == "UNEXPECTED_TERMINATION" for reason in reasons)


def plan(root: Path, job: str) -> None:
    """Print what a job would make, why, and how long each stage took last time; nothing is changed.

    Raises:
        ArtefactError: a build is running, so that DVC cannot tell.
    """
    with project_lock(root, wait=False):
        show_plan(Project(root), read_graph(root), job, Console(width=None if sys.stdout.isatty() else 140))


def simulate_missing(project: Project, console: Console) -> None:
    """Make the embedded corpora that ``params.yaml`` lists and ``data/`` lacks.

    Raises:
        SimulationError: the command failed, or made other bytes than are pinned.
    """
    from sartext.catalogue import find_entry

    parameters = project.parameters
    missing = [name for name in parameters.corpora if not project.source(name).is_dir()]
    embedded = [name for name in missing if find_entry(project, name).embedded]
    if parameters.simulation is None or not embedded:
        return
    console.print(f"  making the embedded corpora {', '.join(embedded)}", highlight=False, soft_wrap=True)
    log = project.build / "log" / "simulate.txt"

    def run(*command: str) -> None:
        ended = run_command(
            [sys.executable, "-m", *command],
            root=project.root,
            log=log,
            listen=lambda line: console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True),
        )
        if ended.status != 0:
            raise SimulationError(
                failure_reason(ended.tail), way_out=f"the whole output is in build/log/{log.name}"
            )

    run("sartext", "simulate", "--missing")
    if not compare_with_pin(project.root)[
        1
    ]:  # so that `dvc status` is clean and `dvc checkout data.dvc` can restore it
        run("dvc", "commit", "--force", "--quiet", "data.dvc")


def _published(project: Project) -> tuple[object, bool]:
    record = project.build / "publication" / "publication.json"
    if not record.is_file():
        return None, False
    path = read_json(record).get("path")
    return path, bool(path) and (project.root / str(path)).is_dir()
