"""A build from the command line: the same job that Dagster's page shows, run in this process."""

import os
import socket
import sys
import time
from pathlib import Path

from dagster import AssetKey, DagsterInstance, DagsterRunStatus, Definitions, ExecuteInProcessResult
from rich.console import Console

from orchestration.console import failure_line
from orchestration.dvc_adapter import compare_with_pin
from orchestration.execution import run_command, told
from orchestration.home import close_abandoned, find_root, prepare_home
from orchestration.serving import serve_all
from orchestration.summary import show_summary
from sartext.config import Project
from sartext.errors import SarTextError, SimulationError
from sartext.files import read_json
from sartext.locking import project_lock
from sartext.tracking.store import PAGE_VARIABLE


class BuildError(SarTextError):
    """A run ended without success; the message is the first failed stage's."""


def build(root: Path, job: str, *, asset: str | None = None, start: float) -> None:
    """Run a job, or one asset of it alone, and print what came of it.

    Args:
        root: the project's folder.
        job: ``release`` or ``rebuild``.
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
        before = _published(project)
        result = (
            _definitions(root)
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"lines": {}}},
                asset_selection=[AssetKey(asset.split("/"))] if asset else None,
            )
        )
    _end(result)
    show_summary(
        project,
        console,
        seconds=time.monotonic() - start,
        made=materialised(result),
        published=_published(project) != before,
    )
    if not result.success:
        raise BuildError(failure_line(list(result.all_events)))


def _definitions(root: Path) -> Definitions:
    """What Dagster's page loads too; the module finds the root through the environment."""
    from orchestration.definitions import build_definitions, defs

    return defs if find_root() == root else build_definitions(root)


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
    ended = run_command(
        [sys.executable, "-m", "sartext", "simulate", "--missing"],
        root=project.root,
        log=project.build / "log" / "simulate.txt",
        listen=lambda line: console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True),
    )
    if ended.status != 0:
        raise SimulationError(told(ended.tail), way_out="the whole output is in build/log/simulate.txt")
    _, difference = compare_with_pin(project.root)
    if not difference:  # so that `dvc status` is clean and `dvc checkout data.dvc` can restore it
        run_command(
            [sys.executable, "-m", "dvc", "commit", "--force", "--quiet", "data.dvc"],
            root=project.root,
            log=project.build / "log" / "simulate.txt",
            listen=lambda line: console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True),
        )


def _published(project: Project) -> tuple[object, bool]:
    record = project.build / "publication" / "publication.json"
    if not record.is_file():
        return None, False
    path = read_json(record).get("path")
    return path, bool(path) and (project.root / str(path)).is_dir()


def materialised(result: ExecuteInProcessResult) -> frozenset[str]:
    """The assets that a run made or found unchanged, such as ``captions/ssdd``."""
    events = result.get_asset_materialization_events()
    return frozenset(event.asset_key.to_user_string() for event in events if event.asset_key)


def _end(result: ExecuteInProcessResult) -> None:
    if result.dagster_run.status is DagsterRunStatus.CANCELED:
        raise KeyboardInterrupt
    for event in result.all_events:
        reason = getattr(event.event_specific_data, "failure_reason", None)
        if getattr(reason, "name", "") == "UNEXPECTED_TERMINATION":
            raise KeyboardInterrupt


def serve(root: Path, port: int, mlflow_port: int | None = None) -> int:
    """Serve Dagster's page with its daemon, and MLflow's page, on 127.0.0.1 until one is interrupted.

    MLflow's page is left out where ``MLFLOW_TRACKING_URI`` names a server, which has its own.

    Args:
        root: the project's folder.
        port: of Dagster's page.
        mlflow_port: of MLflow's page; the next one where none is given.

    Returns:
        The exit status.

    Raises:
        BuildError: MLflow's port is taken.
    """
    prepare_home(root)
    try:
        with project_lock(root, wait=False), DagsterInstance.get() as instance:
            close_abandoned(instance)
    except SarTextError:
        pass  # a build is running: its run is no abandoned one
    dagster = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    commands = {f"Dagster on http://127.0.0.1:{port}": [*dagster, "-m", "orchestration.definitions"]}
    if not os.environ.get("MLFLOW_TRACKING_URI", "").strip():
        own = mlflow_port or port + 1
        _require_free(own)
        page = f"http://127.0.0.1:{own}"
        os.environ[PAGE_VARIABLE] = page  # what is built from the page links to it
        commands[f"MLflow on {page}"] = [sys.executable, "-m", "sartext", "tracking", "serve", "--port", str(own)]
    return serve_all(commands, root)


def _require_free(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise BuildError(
                f"port {port}, which MLflow's page would have, is taken",
                way_out="`make ui MLFLOW_PORT=…` takes another",
            ) from error
