"""What one run holds: the project's lock, pinned data, and DVC's answers."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from dagster import InitResourceContext, ResourceDefinition, resource

from orchestration.dvc_adapter import Adapter, compare_with_pin, pin_is_cached
from orchestration.execution import Listener, run_stage
from orchestration.graph import Graph, Stage
from orchestration.home import STARTED_TAG, close_abandoned
from sartext.config import Project
from sartext.errors import PinError
from sartext.files import read_json
from sartext.locking import project_lock
from sartext.prune import prune

PUBLICATION = "publication"


class Session:
    """One run's view of the project.

    DVC is asked once per stage; a stage that ran, and what follows from it, is asked about again. ``corpora``
    holds DVC's hash of each corpus folder, equal to its pin; ``run_id`` is that of Dagster's run.
    """

    def __init__(
        self, project: Project, graph: Graph, corpora: Mapping[str, str], run_id: str | None = None
    ) -> None:
        self.project = project
        self.adapter = Adapter(project.root, graph)
        self.corpora = corpora
        self.run_id = run_id

    def reasons(self, name: str) -> tuple[str, ...]:
        """Why a stage would run; empty when there is nothing to do.

        To DVC's reasons comes one of our own: ``publication`` names a release that is no longer there.
        """
        found = self.adapter.reasons(name)
        if not found and name == PUBLICATION and (gone := missing_release(self.project.root)):
            return (f"{gone} does not exist",)
        return found

    def stale_ancestors(self, name: str) -> tuple[str, ...]:
        """The stages before ``name``, near or far, that are not up to date."""
        return tuple(one for one in self.adapter.graph.ancestors(name) if self.reasons(one))

    def run(self, stage: Stage, listen: Listener) -> None:
        """Make a stage, although DVC sees nothing to do where only we know better.

        Raises:
            StageError: its command failed.
        """
        try:
            force = not self.adapter.reasons(stage.name)
            run_stage(self.project.root, stage, force=force, listen=listen, run_id=self.run_id)
        finally:
            self.adapter.forget(stage.name)


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

    The in-process executor initialises it once per run. With a multiprocess executor it is opened once per
    step, so that steps wait for each other.
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
            yield Session(project, graph, require_pinned(root), context.run.run_id if context.run else None)

    return session
