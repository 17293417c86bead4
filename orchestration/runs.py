"""One run: Dagster's home, the project's lock, the plan of what is stale, and a process for each step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Executor,
    ExecutorDefinition,
    InitExecutorContext,
    InitResourceContext,
    ResourceDefinition,
    RunsFilter,
    executor,
    multiple_process_executor_requirements,
    multiprocess_executor,
    resource,
)

from orchestration.dvc_adapter import data_version
from orchestration.graph import Graph
from orchestration.plan import Plan, open_plan, plan_path, read_plan, write_plan
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import write_text
from sartext.progress import workers

ROOT_VARIABLE = "SARTEXT_ROOT"
STARTED_TAG = "sartext/started"
DATA_VERSION_TAG = "dagster/data_version"
CONFIGURATION = Path(__file__).with_name("dagster.yaml")

MOST_PLACES = 4
"""More stages at a time would share memory and disk, and most of them use several cores themselves."""

PRELOADED = [
    "orchestration.definitions",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.workspace.context",
]
"""What is loaded once, in the process that steps are forked from; Dagster's storage would cost each a second."""

_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class Session:
    """What a step needs to know: the project, its stages, and the plan of the run."""

    project: Project
    graph: Graph
    plan: Plan


def find_root() -> Path:
    """Return the project's root: ``SARTEXT_ROOT``, else the current folder.

    Raises:
        ArtefactError: there is no ``dvc.yaml``.
    """
    named = os.environ.get(ROOT_VARIABLE)
    root = Path(named).expanduser().resolve() if named else Path.cwd()
    if not (root / "dvc.yaml").is_file():
        raise ArtefactError(
            "there is no dvc.yaml", where=root, way_out=f"go to the project's folder, or set {ROOT_VARIABLE} to it"
        )
    return root


def prepare_home(root: Path) -> Path:
    """Make ``.dagster/`` with the project's configuration, name it and the root in the environment, return it."""
    home = root / ".dagster"
    home.mkdir(exist_ok=True)
    target = home / "dagster.yaml"
    text = CONFIGURATION.read_text(encoding="utf-8").replace("TRAININGS", str(trainings(Project(root))))
    if not target.is_file() or target.read_text(encoding="utf-8") != text:
        write_text(target, text)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[ROOT_VARIABLE] = str(root)
    return home


def places() -> int:
    """How many stages are made at a time: as many as there are cores (``SARTEXT_WORKERS``), at most four."""
    return min(workers(), MOST_PLACES)


def trainings(project: Project) -> int:
    """How many models are trained at a time: a GPU is not shared, and on a CPU each has ``training.threads``."""
    training = project.parameters.training
    return max(1, workers() // training.threads) if training.device == "cpu" else 1


def close_abandoned(instance: DagsterInstance, *, own: str | None = None) -> list[str]:
    """Mark runs as failed whose process was killed, and return their ids; call it only with the lock in hand.

    A run is tagged once it holds the project's lock. So for the next holder every other tagged run that is not
    finished is dead; left alone it would keep the queue's only place, and its trainings the slots of their pool.
    """
    runs = instance.get_runs(RunsFilter(statuses=_UNFINISHED, tags={STARTED_TAG: "yes"}))
    abandoned = [run for run in runs if run.run_id != own]
    for run in abandoned:
        instance.report_run_failed(run, "The process of this run ended without a word.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in abandoned]


def stage_executor(root: Path, graph: Graph) -> ExecutorDefinition:
    """Return Dagster's multiprocess executor with what a run does once, in its own process, before the first step.

    In this order: lock, prune, compare with the pin, ask DVC. Steps are forked from a process that has loaded the
    definitions, as many at a time as there are places.
    """

    class StageExecutor(Executor):
        def __init__(self, steps: Executor) -> None:
            self._steps = steps

        @property
        def retries(self) -> Any:  # noqa: ANN401 - Dagster does not export its type
            return self._steps.retries

        def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:  # noqa: ANN401 - nor these
            run: DagsterRun = plan_context.dagster_run
            with _begun(root, graph, plan_context.instance, run) as plan:
                path = plan_path(root, run.run_id)
                write_plan(path, plan)
                try:
                    yield from self._steps.execute(plan_context, execution_plan)
                finally:
                    path.unlink(missing_ok=True)
                    plan_context.instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)

    @executor(name="stages", requirements=multiple_process_executor_requirements())
    def stages(context: InitExecutorContext) -> Executor:
        start_method = {"forkserver": {"preload_modules": PRELOADED}}
        config = {"max_concurrent": places(), "start_method": start_method, "retries": {"enabled": {}}}
        inner = InitExecutorContext(context.job, multiprocess_executor, config, context.instance)
        create = multiprocess_executor.executor_creation_fn
        assert create is not None
        return StageExecutor(create(inner))

    return stages


def open_session(root: Path, graph: Graph) -> ResourceDefinition:
    """Return the resource ``session``: a step's process reads the run's plan, a process of all steps makes it."""

    @resource(description="The project, its stages, and what DVC knew of them when the run began.")
    def session(context: InitResourceContext) -> Iterator[Session]:
        project, run, instance = Project(root), context.run, context.instance
        if run is None or instance is None:  # as in a test of the definitions
            with open_plan(root, graph) as plan:
                yield Session(project, graph, plan)
        elif (path := plan_path(root, run.run_id)).is_file():
            yield Session(project, graph, read_plan(path))
        else:
            with _begun(root, graph, instance, run) as plan:
                yield Session(project, graph, plan)

    return session


@contextmanager
def _begun(root: Path, graph: Graph, instance: DagsterInstance, run: DagsterRun) -> Iterator[Plan]:
    with open_plan(root, graph) as plan:
        instance.add_run_tags(run.run_id, {STARTED_TAG: "yes"})
        close_abandoned(instance, own=run.run_id)
        yield plan


def report_unchanged(instance: DagsterInstance, graph: Graph, plan: Plan, names: tuple[str, ...]) -> None:
    """Tell Dagster's page of stages that need no step.

    What it knows already is observed as unchanged; what was built without Dagster counts as materialised from now.
    """
    keys = {name: AssetKey(graph.stages[name].key) for name in names}
    latest = instance.get_latest_materialization_events(list(keys.values()))
    for name, key in keys.items():
        version = data_version(plan.outs.get(name, {}))
        entry = latest.get(key)
        known = entry.asset_materialization.tags if entry and entry.asset_materialization else {}
        kind = AssetObservation if (known or {}).get(DATA_VERSION_TAG) == version else AssetMaterialization
        tags, metadata = {DATA_VERSION_TAG: version}, {"outcome": "unchanged", "because": "nothing changed"}
        instance.report_runless_asset_event(kind(key, tags=tags, metadata=metadata))
