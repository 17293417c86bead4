"""Where runs go: the server that ``MLFLOW_TRACKING_URI`` names, else a database of our own in ``mlflow/``.

A server may be away, or take a part and never answer: it costs seconds, not hours.
"""

import logging
import os
import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
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


T = TypeVar("T")

Extend = Callable[[float], None]
"""Called before each part of an upload with the seconds that it may take."""


def no_timeout(seconds: float) -> None:
    """Let a part take what it takes."""


@dataclass(frozen=True)
class Destination:
    """Where runs go: ``uri`` for MLflow, ``name`` for people and records (no password in it)."""

    uri: str
    name: str
    own: bool


def destination(project: Project) -> Destination:
    """Return where this environment sends runs to."""
    uri = os.environ.get(VARIABLE, "").strip()
    if uri:
        return Destination(uri, _without_password(uri), own=False)
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


def with_timeout(work: Callable[[Extend], T], seconds: float, server: str) -> T:
    """Return what work gives, done in a thread beside.

    Args:
        work: calls what it is given before each part.
        seconds: that the first part may take.
        server: named in the error.

    Raises:
        TrackingError: a part took longer than it may.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    deadline = [time.monotonic() + seconds]

    def extend(seconds: float) -> None:
        deadline[0] = time.monotonic() + seconds

    def run() -> None:
        try:
            results.append(work(extend))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="upload", daemon=True)
    thread.start()
    while thread.is_alive() and time.monotonic() < deadline[0]:
        thread.join(0.1)
    if errors:
        raise errors[0]
    if not results:
        raise TrackingError("the server took a part and does not answer", where=server)
    return results[0]


@contextmanager
def connection(project: Project) -> Iterator[Destination]:
    """Yield where runs go once it answers and is ready.

    Raises:
        TrackingError: it does not answer, or anything in the block fails.
    """
    target = destination(project)
    reach(target)
    try:
        load_mlflow()
        prepare(project, target)
        yield target
    except SarTextError:
        raise
    except Exception as error:  # of MLflow, requests, SQLAlchemy
        reason = " ".join(str(error).split())[:300]
        raise TrackingError(f"the upload failed ({type(error).__name__}: {reason})", where=target.name) from error


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
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(".lock")):
        if not database.is_file():
            _create(project, database)
        _settle(project, database)


def _create(project: Project, database: Path) -> None:
    """Run all migrations on a new file, make the experiment, and only then give the file its name."""
    load_mlflow()
    from mlflow import MlflowClient

    partial = database.with_name(".making")
    remove_tree(partial)  # left behind by a kill
    with atomic_folder(partial) as temporary:
        client = MlflowClient(f"sqlite:///{temporary / database.name}")
        create_experiment(client, artifacts_uri(project))
    (partial / database.name).replace(database)
    remove_tree(partial)


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
