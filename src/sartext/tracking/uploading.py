"""From a training's record to a run of MLflow and a version in its registry; again and again without doubling.

An upload that was interrupted is repeated, and what has arrived is found again: the run by a tag with the record's
id, metrics by their equality, the version by its run. Lines of metrics are noted, so that they are sent once.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.table import Table

from sartext.config import Project
from sartext.tracking.record import Record, State, records
from sartext.tracking.store import (
    LONGEST_TEXT,
    connection,
    destination,
    find_or_create_experiment,
    find_or_create_run,
    log_datasets,
    log_values,
    version_with_alias,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIAS = "candidate"
RECORD_TAG = "sartext.record"
FAILURE_TAG = "failure"


def upload(project: Project, record: Record) -> State:
    """Bring a training, ended or not, to where this environment sends runs; return what is noted of it.

    Raises:
        TrackingError: the server does not answer or refuses; what arrived stays.
    """
    with connection(project) as client, record.upload_lock():
        description, server = record.description(), destination(project).name
        experiment = find_or_create_experiment(project, client)
        identity, tags = {RECORD_TAG: record.id}, description.get("tags", {})
        run = find_or_create_run(client, experiment, identity, tags, name=record.name, at=description["at"])
        run_id = str(run.info.run_id)
        state = record.uploads().get(server, {})
        if state.get("run_id") != run_id:  # it is the first upload, or the store is another one than before
            log_values(client, run_id, description["parameters"])
            log_datasets(client, run_id, description.get("inputs", ()), {"mlflow.data.context": "training"})
            state = {"run_id": run_id, "experiment_id": experiment}
        if not state.get("complete"):
            state |= {"lines": _send_metrics(client, record, run_id, int(state.get("lines", 0)))}
            record.save_upload(server, state)
            _send_files(client, record, run_id)
            if record.model.is_dir():
                state["version"] = _register(client, record, f"{run.info.artifact_uri}/model", run_id)
            state |= {"status": _send_status(client, record, run_id), "complete": bool(record.end())}
            record.save_upload(server, state)
        return state


def upload_waiting(project: Project) -> Iterator[str]:
    """Upload the trainings and reports that no server has whole, decide on champions, and yield a line for each.

    Raises:
        TrackingError: the server does not answer or refuses; what it has by then is not sent again.
    """
    from sartext.tracking.evaluations import waiting_evaluations
    from sartext.tracking.promotion import upload_waiting_evaluations

    waiting = [record for record in records(project) if not record.uploaded()]
    if not waiting and not waiting_evaluations(project):
        yield "nothing waits to be uploaded"
    for record in waiting:
        state = upload(project, record)
        record.clear_model()
        version = f", model version {state['version']}" if "version" in state else ""
        server = destination(project).name
        yield f"{record.name} {record.id}: {str(state['status']).lower()}, in {server}{version}"
    yield from upload_waiting_evaluations(project)


def run_table(project: Project) -> Table:
    """Return the recorded trainings as a table for a person."""
    table = Table(title="Trainings", title_justify="left", box=None, pad_edge=False)
    for heading in ("checkpoint", "began", "state", "uploaded to"):
        table.add_column(heading, overflow="fold")
    for record in records(project):
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.description()["at"] / 1000))
        servers = [name for name, state in record.uploads().items() if state.get("complete")]
        table.add_row(record.name, began, record.status().lower(), ", ".join(servers) or "waits")
    return table


def _send_metrics(client: "MlflowClient", record: Record, run_id: str, sent: int) -> int:
    """Send the lines from the given one on; return how many there are by now."""
    from mlflow.entities import Metric

    moments = list(islice(record.moments(), sent, None))
    metrics = [Metric(key, value, row.at, row.step) for row in moments for key, value in row.metrics.items()]
    log_values(client, run_id, {}, metrics)
    return sent + len(moments)


def _send_files(client: "MlflowClient", record: Record, run_id: str) -> None:
    for place, folder in ((None, record.files), ("model", record.model)):
        if folder.is_dir():
            client.log_artifacts(run_id, str(folder), place)
    if (record.files / "images").is_dir():
        client.set_tag(run_id, "mlflow.loggedImages", "True")  # shown beside the curves


def _register(client: "MlflowClient", record: Record, source: str, run_id: str) -> int:
    """Make a version in the registry; it gets the alias unless a model that was trained later has it."""
    from mlflow.exceptions import MlflowException

    name, description = record.name, record.description()
    try:
        note = description.get("tags", {}).get("mlflow.note.content", "")
        client.create_registered_model(name, description=note)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    versions: list[Any] = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    if not versions:
        trained = record.trained()
        best = [f"{key.replace('_', ' ')} {value:.4g}" for key, value in (trained.get("best") or {}).items()]
        # the order of such texts is that of time
        at = datetime.fromtimestamp((record.end() or description)["at"] / 1000, UTC).isoformat(
            timespec="milliseconds"
        )
        tags = {"trained": at, "model_sha256": str(trained.get("model_sha256", ""))}
        tags = {key: value for key, value in tags.items() if value}
        text = f"best by validation: {', '.join(best)}" if best else None
        versions = [client.create_model_version(name, source, run_id, tags=tags, description=text)]
    present = version_with_alias(client, name, ALIAS)
    # uploads may come late
    if present is None or present.tags.get("trained", "") <= versions[0].tags.get("trained", ""):
        client.set_registered_model_alias(name, ALIAS, versions[0].version)
    return int(versions[0].version)


def _send_status(client: "MlflowClient", record: Record, run_id: str) -> str:
    """Say how the training stands, by a tag why it failed; one that went on since has none."""
    end, status = record.end(), record.status()
    if reason := end.get("reason", ""):
        client.set_tag(run_id, FAILURE_TAG, reason[:LONGEST_TEXT])
    elif FAILURE_TAG in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, FAILURE_TAG)
    if status == "RUNNING":
        client.update_run(run_id, status=status)
    else:
        last = max((moment.at for moment in record.moments()), default=record.description()["at"])
        client.set_terminated(run_id, status=status, end_time=end.get("at", last))
    return status
