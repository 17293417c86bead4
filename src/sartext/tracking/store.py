"""Where runs go: the server that ``MLFLOW_TRACKING_URI`` names, else a database of our own in ``mlflow/``.

A server that is away, or takes a request and never answers, costs seconds, not hours: `connection` asks first, and
every request of MLflow's client has a timeout.
"""

import json
import logging
import os
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from filelock import FileLock

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.files import atomic_folder, remove_tree

if TYPE_CHECKING:
    from mlflow.entities import Metric

    from mlflow import MlflowClient

COMMAND = "sartext tracking upload"
VARIABLE = "MLFLOW_TRACKING_URI"
PAGE_VARIABLE = "SARTEXT_MLFLOW_PAGE"
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Lets MLflow's page show trainings; it would show what it has for conversations with language models."""

PAGE = "http://127.0.0.1:3001"
EXPERIMENT = "sar-text"
NOTE = (
    "Trainings of the models that write and judge SAR-Text: CLIP and CoCa, first on optical and then on SAR "
    "captions. The newest version of each model has the alias `candidate`."
)
DATABASE = "mlflow/mlflow.db"
ARTIFACTS = "mlflow/artifacts"
ANSWER_SECONDS = 3.0

LONGEST_TEXT = 5000
"""Characters of a tag or a parameter that every server takes."""

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
}
"""Of MLflow's client, where the environment says nothing else; a person may know a slower server."""

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
    uri = os.environ.get(VARIABLE, "").strip()
    if not uri:
        return Destination(f"sqlite:///{(project.root / DATABASE).resolve()}", DATABASE, own=True)
    parts = urlsplit(uri)
    name = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri
    return Destination(uri, name, own=False)


@contextmanager
def connection(project: Project) -> Iterator["MlflowClient"]:
    """Yield a client of where runs go, once that answers and is ready.

    Raises:
        TrackingError: it does not answer, or anything in the block fails.
    """
    target = destination(project)
    _reach(target)
    try:
        load_mlflow()
        from mlflow import MlflowClient

        if target.own:
            prepare(project)
        yield MlflowClient(target.uri)
    except SarTextError:
        raise
    except Exception as error:  # of MLflow, requests, SQLAlchemy
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        what = f"the upload failed ({reason[:300]})"
        if "timed out" in reason:
            what = "the server takes requests and does not answer"
        raise TrackingError(what, where=target.name) from error


def _reach(target: Destination) -> None:
    """Require that a server answers within seconds; a database is only tried when it is used."""
    if not target.uri.startswith(("http://", "https://")):
        return
    try:
        urllib.request.urlopen(f"{target.name.rstrip('/')}/health", timeout=ANSWER_SECONDS).close()  # noqa: S310
    except (OSError, ValueError) as error:
        # below 500 it is there, but its health is not for everybody
        if not isinstance(error, urllib.error.HTTPError) or error.code >= 500:
            reason = str(getattr(error, "reason", error))
            raise TrackingError(f"the tracking server does not answer ({reason})", where=target.name) from error


def load_mlflow() -> None:
    """Import mlflow (seconds), silent and without telemetry."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401

    for name, level in (("mlflow", logging.WARNING), ("alembic", logging.WARNING), ("urllib3", logging.ERROR)):
        logging.getLogger(name).setLevel(level)


def prepare(project: Project) -> None:
    """Make the store of our own if it is absent; one process makes it, the others wait.

    It is made aside and takes its place whole. A project's folder that was moved or copied takes its artifacts
    along: the places in the database are absolute and are set right.

    Raises:
        TrackingError: the database there cannot be read.
    """
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
        find_or_create_experiment(project, MlflowClient(f"sqlite:///{temporary / database.name}"))
    (partial / database.name).replace(database)
    remove_tree(partial)


def _settle(project: Project, database: Path) -> None:
    """Let the absolute places in the database be where the project is now."""
    here = _artifacts_uri(project)
    try:
        with closing(sqlite3.connect(database, timeout=20)) as store, store:
            query = "SELECT artifact_location FROM experiments WHERE name = ?"
            row = store.execute(query, (EXPERIMENT,)).fetchone()
            if row is None or row[0] == here or not str(row[0]).endswith(f"/{ARTIFACTS}"):
                return
            for table, column in ARTIFACT_COLUMNS:
                store.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} LIKE ? || '%'",  # noqa: S608
                    (here, len(row[0]) + 1, row[0]),
                )
    except sqlite3.DatabaseError as error:
        raise TrackingError(
            f"the local store of MLflow cannot be read ({error})",
            where=database,
            way_out="move the file aside; a new one is made, and records in build/tracking stay",
        ) from error


def _artifacts_uri(project: Project) -> str:
    return (project.root / ARTIFACTS).resolve().as_uri()


def find_or_create_experiment(
    project: Project, client: "MlflowClient", name: str = EXPERIMENT, note: str = NOTE
) -> str:
    """Make an experiment with a description, or find it made by another process; return its id."""
    from mlflow.exceptions import MlflowException

    experiment: Any = client.get_experiment_by_name(name)
    if experiment is None:
        location = _artifacts_uri(project) if destination(project).own else None
        try:
            return str(client.create_experiment(name, location, tags={"mlflow.note.content": note, **KIND}))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = client.get_experiment_by_name(name)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def find_or_create_run(
    client: "MlflowClient",
    experiment: str,
    identity: Mapping[str, str],
    tags: Mapping[str, str],
    *,
    name: str,
    at: int,
) -> Any:  # noqa: ANN401 - mlflow is untyped
    """Return the run that has the tags of ``identity``; it is made, with ``tags`` too, if it is absent."""
    query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in identity.items())
    runs = client.search_runs([experiment], query, max_results=1)
    if runs:
        return runs[0]
    return client.create_run(experiment, start_time=at, tags={**identity, **tags}, run_name=name)


def log_values(
    client: "MlflowClient", run_id: str, parameters: Mapping[str, object], metrics: Sequence["Metric"] = ()
) -> None:
    """Send parameters, cut to what a server takes, and metrics; equal ones that it has are not doubled."""
    from mlflow.entities import Param

    pairs = [Param(key, str(value)[:LONGEST_TEXT]) for key, value in parameters.items()]
    for start in range(0, len(pairs), 100):
        client.log_batch(run_id, params=pairs[start : start + 100])
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def log_datasets(
    client: "MlflowClient", run_id: str, datasets: Iterable[Mapping[str, Any]], tags: Mapping[str, str]
) -> None:
    """Send datasets: ``name``, ``digest`` and, as JSON, ``source``, ``schema``, ``profile``."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    labels = [InputTag(key, value) for key, value in tags.items()]
    fields = [
        {key: value if isinstance(value, str) else json.dumps(value) for key, value in dataset.items()}
        for dataset in datasets
    ]
    if fields:
        inputs = [DatasetInput(Dataset(source_type="local", **texts), labels) for texts in fields]
        client.log_inputs(run_id, inputs)


def version_with_alias(client: "MlflowClient", model: str, alias: str) -> Any:  # noqa: ANN401 - mlflow is untyped
    """Return the version that has an alias, None where the registry lists none; its failure is no such sign."""
    number = client.get_registered_model(model).aliases.get(alias)
    return None if number is None else client.get_model_version(model, str(number))


def page_of(project: Project, run_id: str, experiment_id: str) -> str | None:
    """Return the address of a run's page, where the server has one."""
    target = destination(project)
    if target.own:
        base = os.environ.get(PAGE_VARIABLE, PAGE)
    elif target.uri.startswith(("http://", "https://")):
        base = target.name.rstrip("/")
    else:
        return None
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"


def serve(project: Project, port: int) -> None:
    """Become MLflow's page over the store of our own, on 127.0.0.1; does not return.

    Raises:
        TrackingError: ``MLFLOW_TRACKING_URI`` names another server, which has its own page.
    """
    target = destination(project)
    if not target.own:
        raise TrackingError(f"runs go elsewhere, and so does their page: {VARIABLE} is {target.name}")
    prepare(project)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # a scheduler of its own, for what is not used
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", target.uri, "--no-serve-artifacts"]
    os.execv(sys.executable, [*command, "--default-artifact-root", _artifacts_uri(project)])  # noqa: S606


def warn(line: str) -> None:
    """Say one line of warning."""
    sys.stderr.write(f"warning: {line}\n")
    sys.stderr.flush()
