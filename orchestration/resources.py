"""What one run holds: the project's lock, pinned data, and DVC's answers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from dagster import InitResourceContext, ResourceDefinition, resource

from orchestration.checks import QUALITY
from orchestration.dvc_adapter import Adapter, compare_with_pin, pin_is_cached
from orchestration.execution import TRAINING, Leash, Listener, run_stage
from orchestration.graph import Graph, Stage
from orchestration.home import STARTED_TAG, close_abandoned
from orchestration.workshop import Task, Workshop
from sartext.config import Project
from sartext.errors import PinError, SarTextError
from sartext.files import read_json
from sartext.locking import project_lock
from sartext.progress import WORKERS, workers
from sartext.prune import prune
from sartext.tracking.record import DAGSTER_RUN

PUBLICATION = "publication"
HELD_BACK = frozenset({QUALITY, "release", PUBLICATION})
"""Made alone and in their turn: the gate, and what obeys it. What follows from a release needs it up to date."""

MOST_PLACES = 4
"""More stages at a time would share memory and disk, and most of them use several cores themselves."""


class Session:
    """One run's view of the project.

    DVC is asked once per stage; a stage that ran, and what follows from it, is asked about again. ``corpora``
    holds DVC's hash of each corpus folder, equal to its pin; ``run_id`` is that of Dagster's run.

    Dagster asks for one stage after the other. While it waits for one, others of its run that are stale and whose
    upstreams are up to date are made beside it; asked for later, they are there. What the gate holds back is never
    made ahead.
    """

    def __init__(
        self, project: Project, graph: Graph, corpora: Mapping[str, str], run_id: str | None = None
    ) -> None:
        self.project = project
        self.adapter = Adapter(project.root, graph)
        self.corpora = corpora
        self.run_id = run_id
        self._workshop = Workshop(places(), {TRAINING: trainings(project)})
        self._hindrance = ""  # the error in looking ahead that was told last

    def reasons(self, name: str) -> tuple[str, ...]:
        """Why a stage would run; empty when there is nothing to do.

        To DVC's reasons comes one of our own: ``publication`` names a release that is no longer there.
        """
        found = self.adapter.reasons(name)
        if not found and name == PUBLICATION and (gone := missing_release(self.project.root)):
            return (f"{gone} does not exist",)
        return found

    def stale_ancestors(self, name: str) -> tuple[str, ...]:
        """The stages before ``name``, near or far, that are not up to date, or are just being made so."""
        changing = self._changing()
        return tuple(one for one in self.adapter.graph.ancestors(name) if one in changing or self.reasons(one))

    def make(self, stage: Stage, listen: Listener, ahead: Collection[str] = ()) -> tuple[tuple[str, ...], float]:
        """Make a stage if there is a reason to, and meanwhile others.

        Args:
            stage: the stage that is waited for.
            listen: called with each line that it says.
            ahead: names of the stages that may be made beside it.

        Returns:
            Why it was made (empty if there was nothing to do), and the seconds that took.

        Raises:
            StageError: its command failed.
        """
        alone = stage.name in HELD_BACK  # a publication tells how all stand that it was made from
        if stage.name not in self._workshop.tasks:
            if alone and self._workshop.busy:
                listen(f"{stage.title} waits for {', '.join(sorted(self._workshop.busy))}")
            while self._workshop.busy if alone else stage.name in self._changing():
                self._turn(listen)
            reasons = self.reasons(stage.name)
            if not reasons:
                return (), 0.0
            if not self._workshop.has_place_for(stage):
                listen(f"{stage.title} waits for {', '.join(sorted(self._workshop.busy))}")
            while not self._workshop.has_place_for(stage):
                self._turn(listen)
                self._look_ahead(ahead, listen, beside=[stage])
            self._start(stage, reasons)
        task = self._workshop.tasks[stage.name]
        listen(f"{stage.title} is made anew: {'; '.join(task.reasons)}")
        try:
            while task.seconds is None:
                if not alone:
                    self._look_ahead(ahead, listen)
                self._turn(listen, task)
        finally:
            task.leash.let_go()  # left by an error of another's, it would go on unheard
        self._tell(task, listen)
        if task.error is not None:
            raise task.error
        return task.reasons, task.seconds

    def close(self) -> None:
        """End what was made ahead and is still at work."""
        self._workshop.close()

    def _turn(self, listen: Listener, task: Task | None = None) -> None:
        """Wait until a stage has ended, and tell the lines of one meanwhile."""
        ended = None
        while ended is None:
            if task is not None:
                self._tell(task, listen)
            ended = self._workshop.wait()
        self.adapter.forget(ended)

    def _tell(self, task: Task, listen: Listener) -> None:
        while task.lines:
            listen(task.lines.popleft())

    def _changing(self) -> frozenset[str]:
        """The stages at work and all that follow from them: DVC cannot tell anything of these."""
        busy = self._workshop.busy
        return busy.union(*(self.adapter.graph.descendants(name) for name in busy))

    def _look_ahead(self, names: Collection[str], listen: Listener, beside: Sequence[Stage] = ()) -> None:
        """Begin stages that are ready, as long as there are places; an error is their own and comes up in time."""
        waiting = [
            stage
            for stage in self.adapter.graph
            if stage.name in names and stage.name not in HELD_BACK and stage.name not in self._workshop.tasks
        ]
        try:
            for stage in waiting:
                if self._workshop.has_place_for(stage, beside) and (reasons := self._ready(stage.name)):
                    self._start(stage, reasons)
                    listen(f"{stage.title} is begun beside it, its lines go to build/log/{stage.name}.txt")
        except (SarTextError, RuntimeError) as error:
            if str(error) != self._hindrance:
                self._hindrance = str(error)
                listen(f"nothing more is begun beside it for now: {error}")

    def _ready(self, name: str) -> tuple[str, ...]:
        """Why a stage is to be made, if all is there that it is made from."""
        changing, tasks = self._changing(), self._workshop.tasks
        before = self.adapter.graph.ancestors(name)
        if name in changing or any(one in tasks and tasks[one].error for one in before):
            return ()
        self.adapter.learn([*before, name])
        return () if any(map(self.reasons, before)) else self.reasons(name)

    def _start(self, stage: Stage, reasons: tuple[str, ...]) -> None:
        variables = {DAGSTER_RUN: self.run_id} if self.run_id else {}
        if self._workshop.busy:  # made beside another, it has its share of the cores
            variables[WORKERS] = str(max(1, workers() // places()))
        root, force = self.project.root, not self.adapter.reasons(stage.name)  # only we know better

        def work(listen: Listener, leash: Leash) -> None:
            run_stage(root, stage, force=force, listen=listen, variables=variables, leash=leash)

        self._workshop.start(stage, reasons, work)


def places() -> int:
    """How many stages are made at a time: as many as there are cores (``SARTEXT_WORKERS``), at most four."""
    return min(workers(), MOST_PLACES)


def trainings(project: Project) -> int:
    """How many models are trained at a time: a GPU is not shared, and on a CPU each has ``training.threads``."""
    told = project.parameters.training
    return max(1, workers() // told.threads) if told.device == "cpu" else 1


def missing_release(root: Path) -> str | None:
    """Return the folder that ``publication.json`` names if it is not there."""
    record = root / "build" / "publication" / "publication.json"
    if not record.is_file():
        return None
    named = read_json(record).get("path")
    return str(named) if named and not (root / named).is_dir() else None


def require_pinned(root: Path) -> dict[str, str]:
    """Require ``data/`` to equal ``data.dvc`` and return DVC's hash of each corpus folder.

    Raises:
        PinError: they differ; the corpora that do are named.
    """
    corpora, difference = compare_with_pin(root)
    if difference:
        restore = (
            "`dvc checkout --force data.dvc` restores it"
            if pin_is_cached(root)
            else "to restore an embedded corpus remove its folder and run `sartext simulate --missing`, "
            "for another `sartext corpora add --replace`"
        )
        raise PinError(
            f"data/ is not what data.dvc pins: {difference}",
            way_out=f"`sartext corpora pin` accepts it; {restore}",
        )
    return corpora


def open_session(root: Path, graph: Graph) -> ResourceDefinition:
    """Return the resource ``session``: per run, in the order lock, prune, compare with the pin, ask DVC.

    The in-process executor initialises it once per run. With a multiprocess executor each step would have a
    session of its own, and end what it began ahead.
    """

    @resource(description="The project's lock, its pinned data and what DVC knows of its stages, for one run.")
    def session(context: InitResourceContext) -> Iterator[Session]:
        with project_lock(root):
            if context.instance and context.run:
                context.instance.add_run_tags(context.run.run_id, {STARTED_TAG: "yes"})
                close_abandoned(context.instance, own=context.run.run_id)
            project = Project(root)
            forgotten = prune(project)
            if forgotten and context.log:
                context.log.info(f"forgotten, as params.yaml no longer lists them: {', '.join(forgotten)}")
            found = Session(project, graph, require_pinned(root), context.run.run_id if context.run else None)
            try:
                yield found
            finally:
                found.close()

    return session
