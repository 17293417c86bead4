"""A build from the command line: the same job that Dagster's page shows, its steps in processes of their own.

The sample is built from small real corpora, in a scratch clone that leaves the checkout alone.
"""

import shutil
import subprocess
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

from orchestration.console import failure_line, show_summary
from orchestration.dvc_adapter import compare_with_pin, read_graph
from orchestration.execution import failure_reason, run_command
from orchestration.graph import Graph
from orchestration.plan import open_plan, show_plan, stages_of
from orchestration.runs import close_abandoned, prepare_home, report_unchanged
from sartext.checkout import project_lock, run_module
from sartext.config import Project
from sartext.errors import CorpusError, SarTextError, SimulationError, nearest
from sartext.files import read_json, require_folder
from sartext.release.origin import otherwise_made

SAMPLE_FOLDERS = {
    "ssdd": "SSDD",
    "hrsid": "HRSID",
    "sar-aircraft": "SAR-AIRcraft-1.0",
    "ls-ssdd": "LS-SSDD",
    "oil-spill": "OilSpill-M4D",
    "terramesh": "TerraMesh-examples",
    "sen1floods11": "Sen1Floods11-sample",
    "sen1-2": "SEN1-2",
    "rsicd": "RSICD",
    "dsn-tsx": "DSN",
    "dsn-slc": "DSN",
    "polsf": "PolSF",
    "luojiaset-osfcr": "LuojiaSET-OSFCR",
}
"""The folder of each corpus of ``conf/sample.yaml`` below the folder of real corpora."""

LEFT_OUT = {"dvc.lock", "data.dvc"}


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
            stages = stages_of(project.parameters, graph, job)
            wanted = _named(graph, asset, stages) if asset else plan.selection(graph, stages)
            unchanged = tuple(name for name in stages if name not in wanted) if not asset else ()
            if not wanted:
                console.print(f"  nothing to do: {len(unchanged)} stages are unchanged", highlight=False)
            elif unchanged:
                names = ", ".join(graph.stages[name].title for name in unchanged)
                console.print(f"  unchanged: {names}", markup=False, highlight=False, soft_wrap=True)
            report_unchanged(instance, graph, plan, unchanged)
            result = _run(instance, graph, job, wanted) if wanted else None
    if result is not None and _interrupted(result):
        raise KeyboardInterrupt
    made = {graph.stages[name].title for name in unchanged} | (materialised(result) if result else set())
    seconds = time.monotonic() - start
    show_summary(project, console, seconds=seconds, made=made, published=_published(project) != before)
    if result is not None and (other := otherwise_made(project)):
        why = "as another processor may: see 'Weights are made once' in docs/operations.md"
        line = f"  not as in the dvc.lock of the commit, from the same inputs: {', '.join(other)}; {why}"
        console.print(line, style="yellow", markup=False, highlight=False, soft_wrap=True)
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
        status, tail = run_command(
            [sys.executable, "-m", *command],
            root=project.root,
            log=log,
            listen=lambda line: console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True),
        )
        if status != 0:
            raise SimulationError(failure_reason(tail), way_out=f"the whole output is in build/log/{log.name}")

    run("sartext", "simulate", "--missing")
    _, difference = compare_with_pin(project.root)
    if not difference:  # so that `dvc status` is clean and `dvc checkout data.dvc` can restore it
        run("dvc", "commit", "--force", "--quiet", "data.dvc")


def _published(project: Project) -> tuple[object, bool]:
    record = project.build / "publication" / "publication.json"
    path = read_json(record).get("path") if record.is_file() else None
    return path, bool(path) and (project.root / str(path)).is_dir()


def build_sample(root: Path, realdata: Path, job: str, profile: Path) -> int:
    """Build the sample in ``build/sample`` and return the exit code of its build.

    Args:
        root: the checkout; it is only read.
        realdata: the folder that holds one folder per real corpus.
        job: ``release``, or ``report`` for the report of its models too.
        profile: its parameters.

    Raises:
        SarTextError: the real corpora or git are absent.
    """
    require_folder(realdata, "pass the folder of real corpora: make sample REALDATA=...")
    scratch = root / "build" / "sample"
    _refresh(root, scratch)
    shutil.copyfile(profile, scratch / "params.yaml")
    for name, folder in SAMPLE_FOLDERS.items():
        origin = realdata.resolve() / folder
        if not origin.is_dir():
            raise CorpusError(f"corpus '{name}' is missing", where=origin, way_out="complete the folder")
        copy = scratch / "data" / name
        if not copy.is_dir() or _sizes(origin) != _sizes(copy):
            command = ["sartext", "corpora", "add", name, "--replace", "--from", str(origin)]
            if run_module(scratch, *command) != 0:
                raise CorpusError(f"'{name}' could not be added", where=origin, way_out="see the line above")
    return run_module(scratch, "orchestration", job)


def _refresh(root: Path, scratch: Path) -> None:
    """Make ``scratch`` a clone of the checkout with the working tree's tracked files, as they are now.

    ``dvc.lock`` and ``data.dvc`` are not taken over; what the scratch clone built before stays.
    """
    if not (scratch / ".git").exists():
        scratch.parent.mkdir(parents=True, exist_ok=True)
        _git(root, "clone", "--quiet", "--no-checkout", ".", str(scratch))
    else:
        _git(scratch, "fetch", "--quiet", str(root), "HEAD")
        _git(scratch, "update-ref", "HEAD", "FETCH_HEAD")
    tracked = {name for name in _git(root, "ls-files", "-z").split("\0") if name} - LEFT_OUT
    for name in sorted(tracked):
        source, target = root / name, scratch / name
        if not source.is_file():
            target.unlink(missing_ok=True)
        elif not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in _git(scratch, "ls-files", "-z").split("\0"):
        if name and name not in tracked | LEFT_OUT:
            (scratch / name).unlink(missing_ok=True)
    _git(scratch, "read-tree", "HEAD")


def _sizes(folder: Path) -> dict[str, int]:
    files = (item for item in folder.rglob("*") if item.is_file())
    return {item.relative_to(folder).as_posix(): item.stat().st_size for item in files}


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, encoding="utf-8"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        message = getattr(error, "stderr", "") or str(error)
        raise SarTextError(f"git {arguments[0]} failed: {message.strip()}", where=folder) from error
    return done.stdout
