"""Where runs go: the server that ``MLFLOW_TRACKING_URI`` names, else a database of our own in ``mlflow/``."""

import logging
import os
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from sartext.config import Project
from sartext.errors import TrackingError
from sartext.files import atomic_folder, remove_tree

if TYPE_CHECKING:
    from mlflow import MlflowClient

COMMAND = "sartext tracking upload"
VARIABLE = "MLFLOW_TRACKING_URI"
PAGE_VARIABLE = "SARTEXT_MLFLOW_PAGE"
AS_TRAINING = "?workflowType=machine_learning"
"""Lets MLflow's page show trainings; it would show what it has for conversations with language models."""

KIND = {"mlflow.experimentKind": "custom_model_development"}
"""The same, as a tag of the experiment."""

PAGE = "http://127.0.0.1:3001"
EXPERIMENT = "sar-text"
NOTE = (
    "Trainings of the models that write and judge SAR-Text: CLIP and CoCa, first on optical and then on SAR "
    "captions. The newest version of each model has the alias `candidate`."
)
DATABASE = "mlflow/mlflow.db"
ARTIFACTS = "mlflow/artifacts"
ANSWER_SECONDS = 3.0

ARTIFACT_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""The columns of MLflow's database that hold absolute places of artifacts."""


@dataclass(frozen=True)
class Destination:
    """Where runs go: ``uri`` for MLflow, ``name`` for people and records (no password in it)."""

    uri: str
    name: str
    own: bool


def destination(project: Project) -> Destination:
    """Return where this environment sends runs to."""
    told = os.environ.get(VARIABLE, "").strip()
    if told:
        return Destination(told, _without_password(told), own=False)
    return Destination(f"sqlite:///{(project.root / DATABASE).resolve()}", DATABASE, own=True)


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def reach(target: Destination) -> None:
    """Require that a server answers within seconds; a database is only tried when it is used.

    Raises:
        TrackingError: it does not.
    """
    if not target.uri.startswith(("http://", "https://")):
        return
    parts = urlsplit(target.uri)
    address = urlunsplit(
        (parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + "/health", "", "")
    )
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS):  # noqa: S310 - http and https only
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:
            return  # it is there, but its health is not for everybody
        reason = f"status {error.code}"
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
    raise TrackingError(f"the tracking server does not answer ({reason})", where=target.name)


def load_mlflow() -> None:
    """Import mlflow (seconds), silent and without telemetry."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # what waits longer than this is given up; a person may know a slower server
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    import mlflow  # noqa: F401

    logging.getLogger("mlflow").setLevel(logging.WARNING)


def prepare(project: Project, target: Destination) -> None:
    """Make the store of our own if it is absent; one process makes it, the others wait.

    It is made aside and takes its place whole. A project's folder that was moved or copied takes its artifacts
    along: the places in the database are absolute and are set right.

    Raises:
        TrackingError: the database there cannot be read.
    """
    if not target.own:
        return
    database = project.root / DATABASE
    with store_lock(project):
        if not database.is_file():
            _create(project, database)
        _settle(project, database)


@contextmanager
def store_lock(project: Project) -> Iterator[None]:
    """Hold the lock of the store of our own."""
    place = project.root / DATABASE
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(".lock")):
        yield


def _create(project: Project, database: Path) -> None:
    """Run all migrations on a new file, make the experiment, and only then give the file its name."""
    load_mlflow()
    from mlflow import MlflowClient

    making = database.with_name(".making")
    remove_tree(making)  # left behind by a kill
    with atomic_folder(making) as temporary:
        client = MlflowClient(f"sqlite:///{temporary / database.name}")
        create_experiment(client, artifacts_uri(project))
    (making / database.name).replace(database)
    remove_tree(making)


def artifacts_uri(project: Project) -> str:
    """Where the store of our own keeps artifacts, as an address."""
    return (project.root / ARTIFACTS).resolve().as_uri()


def create_experiment(client: "MlflowClient", location: str | None) -> str:
    """Return the id of the experiment of all trainings; it is made if it is absent."""
    return find_or_create_experiment(client, EXPERIMENT, location, NOTE)


def find_or_create_experiment(client: "MlflowClient", name: str, location: str | None, note: str) -> str:
    """Make an experiment with a description, or find it made by another process; return its id."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, location, tags={"mlflow.note.content": note, **KIND}))
        except MlflowException:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _settle(project: Project, database: Path) -> None:
    """Let the absolute places in the database be where the project is now."""
    here = artifacts_uri(project)
    try:
        with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
            query = "SELECT artifact_location FROM experiments WHERE name = ?"
            row = connection.execute(query, (EXPERIMENT,)).fetchone()
            if row is None or row[0] == here or not str(row[0]).endswith(f"/{ARTIFACTS}"):
                return
            for table, column in ARTIFACT_COLUMNS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} LIKE ? || '%'",  # noqa: S608
                    (here, len(row[0]) + 1, row[0]),
                )
    except sqlite3.DatabaseError as error:
        raise TrackingError(
            f"the local store of MLflow cannot be read ({error})",
            where=database,
            way_out="move the file aside; a new one is made, and records in build/tracking stay",
        ) from error


def page_of(project: Project, run_id: str, experiment_id: str) -> str | None:
    """Return the address of a run's page, where the server has one."""
    target = destination(project)
    if target.own:
        base = os.environ.get(PAGE_VARIABLE, PAGE)
    elif target.uri.startswith(("http://", "https://")):
        base = target.name.rstrip("/")
    else:
        return None
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}{AS_TRAINING}"


def serve(project: Project, port: int) -> None:
    """Become MLflow's page over the store of our own, on 127.0.0.1; does not return.

    Raises:
        TrackingError: ``MLFLOW_TRACKING_URI`` names another server, which has its own page.
    """
    target = destination(project)
    if not target.own:
        raise TrackingError(f"runs go elsewhere, and so does their page: {VARIABLE} is {target.name}")
    prepare(project, target)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # a scheduler of its own, for what is not used
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", target.uri, "--no-serve-artifacts"]
    os.execv(sys.executable, [*command, "--default-artifact-root", artifacts_uri(project)])  # noqa: S606


def warn(line: str) -> None:
    """Say one line of warning."""
    sys.stderr.write(f"warning: {line}\n")
    sys.stderr.flush()
