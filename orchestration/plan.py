"""What a build has to make and why, asked of DVC once and kept for the steps of the run."""

import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from orchestration.dvc_adapter import BusyError, compare_with_pin, read_lock, read_reasons, require_pinned
from orchestration.graph import Graph
from sartext.checkout import project_lock, prune
from sartext.config import Parameters, Project
from sartext.errors import PinError
from sartext.files import read_json, write_json

PUBLICATION = "publication"
GATE = "quality"
BUSY_SECONDS = 2.0
GUARDED = frozenset({"release", PUBLICATION})
"""What the gate holds back: made in a run that holds the gate's checks too, and never on stale upstreams."""

TARGETS: Mapping[str, tuple[str, ...]] = {
    "release": (PUBLICATION,),
    "report": ("report", "promotion"),
    "rebuild": (PUBLICATION, "report", "promotion"),
}
"""What each job makes, with all that it is made from; `rebuild` leaves the report out where no model is listed."""


@dataclass(frozen=True)
class Plan:
    """DVC's answer at one moment.

    Args:
        reasons: why each stale stage is to be made, one phrase each, by name.
        outs: the hash of each out in ``dvc.lock``, by stage and path.
        corpora: DVC's hash of each corpus folder, equal to its pin.
    """

    reasons: Mapping[str, tuple[str, ...]]
    outs: Mapping[str, Mapping[str, str]]
    corpora: Mapping[str, str]

    def stale(self, graph: Graph, stages: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the stages that a run of these has to look at, with the reasons: the stale, and what follows.

        What follows from a stale stage is made only if that one's outs come out different.
        """
        stale: dict[str, tuple[str, ...]] = {}
        for name in graph.ordered:
            upstream = [graph.stages[other].title for other in graph.upstream[name] if other in stale]
            follows = (f"follows from {', '.join(upstream)}",) if upstream else ()
            if name in stages and (reasons := self.reasons.get(name, ()) or follows):
                stale[name] = reasons
        return {name: stale[name] for name in graph.stages if name in stale}

    def selection(self, graph: Graph, stages: Collection[str]) -> tuple[str, ...]:
        """Return the stages that a run of these holds: the stale, what follows, and the gate before a release."""
        stale = self.stale(graph, stages)
        gate = {GATE} & set(stages) if GUARDED & set(stale) else set()
        return tuple(name for name in graph.stages if name in stale or name in gate)

    def reasons_now(self, graph: Graph, name: str, outs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        """Return why a stage is to be made once others of its run are, whose outs ``dvc.lock`` records by now."""
        changed = (
            path
            for other in graph.upstream[name]
            for path, digest in outs.get(other, {}).items()
            if self.outs.get(other, {}).get(path) != digest and graph.stages[name].reads(path)
        )
        return self.reasons.get(name, ()) or tuple(f"{path} modified" for path in changed)

    def stale_ancestors(self, graph: Graph, name: str, stages: Collection[str]) -> tuple[str, ...]:
        """Return what a stage is made from, near or far, that is stale and not made in a run of ``stages``."""
        stale = self.stale(graph, stages)
        outside = (other for other in graph.ancestors(name) if other not in stages)
        return tuple(other for other in outside if other in self.reasons or stale.keys() & graph.upstream[other])


_OPEN: ContextVar[tuple[Path, Plan] | None] = ContextVar("plan", default=None)


@contextmanager
def open_plan(root: Path, graph: Graph, *, wait: bool = True) -> Iterator[Plan]:
    """Hold the project's lock and yield a plan made under it; within another such block, that one's.

    What ``params.yaml`` no longer lists is forgotten first, and ``data/`` must equal its pin.

    Raises:
        PinError: ``data/`` is not what ``data.dvc`` pins.
        ArtefactError: DVC cannot tell; or another build is running and ``wait`` is false.
    """
    outer = _OPEN.get()
    if outer and outer[0] == root:
        yield outer[1]
        return
    with project_lock(root, wait=wait):
        prune(Project(root))
        corpora = require_pinned(root)
        plan = _ask_in_turn(root, corpora, wait)
        token = _OPEN.set((root, plan))
        try:
            yield plan
        finally:
            _OPEN.reset(token)


def _ask(root: Path, corpora: Mapping[str, str]) -> Plan:
    """Ask DVC about every stage; to its reasons comes ours that ``publication`` names a release that is gone."""
    reasons = read_reasons(root)
    if PUBLICATION not in reasons and (lost := missing_release(root)):
        reasons[PUBLICATION] = (f"{lost} does not exist",)
    return Plan(reasons, read_lock(root), corpora)


def _ask_in_turn(root: Path, corpora: Mapping[str, str], wait: bool) -> Plan:
    """Ask once no other process, such as a person's `dvc repro`, makes a stage."""
    said = False
    while True:
        try:
            return _ask(root, corpora)
        except BusyError:
            if not wait:
                raise
            if not said:
                sys.stderr.write("waiting for a stage that another process makes\n")
            said = True
            time.sleep(BUSY_SECONDS)


def missing_release(root: Path) -> str | None:
    """Return the folder that ``publication.json`` names if it is not there."""
    record = root / "build" / PUBLICATION / "publication.json"
    path = read_json(record).get("path") if record.is_file() else None
    return str(path) if path and not (root / path).is_dir() else None


def plan_path(root: Path, run_id: str) -> Path:
    """Return the file that the steps of a run read its plan from."""
    return root / "build" / "plan" / f"{run_id}.json"


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan for the steps of a run."""
    write_json(path, asdict(plan))


def read_plan(path: Path) -> Plan:
    """Read the plan of a run."""
    content = read_json(path)
    reasons = {name: tuple(phrases) for name, phrases in content["reasons"].items()}
    return Plan(reasons, content["outs"], content["corpora"])


def stages_of(parameters: Parameters, graph: Graph, job: str) -> tuple[str, ...]:
    """Return the stages of the job ``release``, ``report`` or ``rebuild``, in the order of ``dvc.yaml``."""
    targets = TARGETS["release" if job == "rebuild" and not parameters.models else job]
    present = [name for name in targets if name in graph.stages]
    wanted = {*present, *graph.ancestors(*present)}
    return tuple(name for name in graph.stages if name in wanted)


def show_plan(project: Project, graph: Graph, job: str, console: Console) -> None:
    """Print every stage that a job would make, why, and how long it took last time."""
    stages = stages_of(project.parameters, graph, job)
    try:
        _, difference = compare_with_pin(project.root)
        warning = f"data/ is not what data.dvc pins: {difference}; a build stops at that" if difference else ""
    except PinError as error:
        warning = str(error)
    if warning:
        console.print(f"warning: {warning}", markup=False, highlight=False, soft_wrap=True)
    stale = _ask(project.root, {}).stale(graph, stages)
    if not stale:
        console.print(f"nothing to do: all {len(stages)} stages of {job} are up to date", highlight=False)
        return
    table = Table(title=f"What {job} would make", title_justify="left")
    table.add_column("stage", no_wrap=True)
    table.add_column("why", overflow="fold")
    table.add_column("took last time", justify="right", no_wrap=True)
    logs = {name: project.build / "log" / f"{name}.json" for name in stale}
    seconds = {name: read_json(log).get("seconds") if log.is_file() else None for name, log in logs.items()}
    for name, reasons in stale.items():
        took = seconds[name]
        table.add_row(graph.stages[name].title, "; ".join(reasons), "" if took is None else _duration(took))
    known = [took for took in seconds.values() if took is not None]
    unknown = len(seconds) - len(known)
    table.add_section()
    table.add_row(
        f"{len(stale)} of {len(stages)}", f"{unknown} of unknown length" if unknown else "", _duration(sum(known))
    )
    console.print(table)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.{0 if seconds >= 600 else 1}f} min"
