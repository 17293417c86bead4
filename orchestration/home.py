"""Where things are: the project's root, and Dagster's home in ``.dagster/`` below it."""

import os
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from sartext.errors import ArtefactError
from sartext.files import write_text

ROOT_VARIABLE = "SARTEXT_ROOT"
STARTED_TAG = "sartext/started"
CONFIGURATION = Path(__file__).with_name("dagster.yaml")

_UNFINISHED = [
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def find_root() -> Path:
    """Return the project's root: ``SARTEXT_ROOT``, else the current folder.

    Raises:
        ArtefactError: there is no ``dvc.yaml``.
    """
    told = os.environ.get(ROOT_VARIABLE)
    root = Path(told).expanduser().resolve() if told else Path.cwd()
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
    wanted = CONFIGURATION.read_text(encoding="utf-8")
    if not target.is_file() or target.read_text(encoding="utf-8") != wanted:
        write_text(target, wanted)
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[ROOT_VARIABLE] = str(root)
    return home


def close_abandoned(instance: DagsterInstance, *, own: str | None = None) -> list[str]:
    """Mark runs as failed whose process was killed, and return their ids; call it only with the lock in hand.

    A run is tagged once it holds the project's lock. So for the next holder every other tagged run that is not
    finished is dead; left alone it would keep the queue's only place.
    """
    closed = []
    for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED, tags={STARTED_TAG: "yes"})):
        if run.run_id != own:
            instance.report_run_failed(run, "The process of this run ended without a word.")
            closed.append(run.run_id)
    return closed
