"""From a training's record to a run of MLflow and a version in its registry; again and again without doubling.

What was uploaded is noted after each part, so that an interrupted upload goes on. What may have arrived without
being noted is found again: the run by a tag with the record's id, metrics by their equality, the version by its
run.
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
        TrackingError: the server does not answer or refuses; what arrived stays noted.
    """
    with connection(project) as client, record.upload_lock():
        return _Upload(project, record, client).run()


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


class _Upload:
    """One upload: the record, the client, and what is noted of it."""

    def __init__(self, project: Project, record: Record, client: "MlflowClient") -> None:
        self.project, self.record, self.client = project, record, client
        self.server = destination(project).name
        self.state: State = record.uploads().get(self.server, {})

    def run(self) -> State:
        """Send what is missing; return what is noted."""
        if "run_id" in self.state and self._is_gone():
            self.state = {}
        if not self.state.get("complete"):
            if "run_id" not in self.state:
                self._begin()
            for send in (self._send_metrics, self._send_files, self._send_model, self._send_status):
                send(self.state["run_id"])
        return self.state

    def _note(self, **known: Any) -> None:  # noqa: ANN401 - what JSON holds
        self.state = {**self.state, **known}
        self.record.save_upload(self.server, self.state)

    def _is_gone(self) -> bool:
        """Whether the run that is noted is not there: the store was removed, or is another one at this address."""
        from mlflow.exceptions import MlflowException

        try:
            run = self.client.get_run(self.state["run_id"])
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return True
            raise
        return bool(run.data.tags.get(RECORD_TAG) != self.record.id)

    def _begin(self) -> None:
        """Make the run with what is known from the start: tags, parameters and the data that it reads."""
        description = self.record.description()
        experiment, name = find_or_create_experiment(self.project, self.client), self.record.name
        identity, tags = {RECORD_TAG: self.record.id}, description.get("tags", {})
        run = find_or_create_run(self.client, experiment, identity, tags, name=name, at=description["at"])
        log_values(self.client, run.info.run_id, description["parameters"])
        context = {"mlflow.data.context": "training"}
        log_datasets(self.client, run.info.run_id, description.get("inputs", ()), context)
        self._note(run_id=run.info.run_id, experiment_id=experiment, artifacts=run.info.artifact_uri)

    def _send_metrics(self, run_id: str) -> None:
        """Send the lines that are not noted yet."""
        from mlflow.entities import Metric

        sent = int(self.state.get("lines", 0))
        moments = list(islice(self.record.moments(), sent, None))
        metrics = [Metric(key, value, row.at, row.step) for row in moments for key, value in row.metrics.items()]
        log_values(self.client, run_id, {}, metrics)
        self._note(lines=sent + len(moments))

    def _send_files(self, run_id: str) -> None:
        for place, folder in (("", self.record.files), ("model", self.record.model)):
            names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
            if names != self.state.get("files", {}).get(place, []):
                self.client.log_artifacts(run_id, str(folder), place or None)
                self._note(files={**self.state.get("files", {}), place: names})
        if (self.record.files / "images").is_dir():
            self.client.set_tag(run_id, "mlflow.loggedImages", "True")  # shown beside the curves

    def _send_model(self, run_id: str) -> None:
        """Make a version in the registry; it gets the alias unless a model that was trained later has it."""
        from mlflow.exceptions import MlflowException

        if not self.record.model.is_dir() or "version" in self.state:
            return
        name = self.record.name
        description = self.record.description().get("tags", {}).get("mlflow.note.content", "")
        try:
            self.client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        versions = self.client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        version = versions[0] if versions else self._create_version(name, run_id)
        present = version_with_alias(self.client, name, ALIAS)
        # uploads may come late
        if present is None or present.tags.get("trained", "") <= version.tags.get("trained", ""):
            self.client.set_registered_model_alias(name, ALIAS, version.version)
        self._note(version=int(version.version))

    def _create_version(self, name: str, run_id: str) -> Any:  # noqa: ANN401 - mlflow is untyped
        trained = self.record.trained()
        best = [f"{key.replace('_', ' ')} {value:.4g}" for key, value in (trained.get("best") or {}).items()]
        at = (self.record.end() or self.record.description())["at"]
        # the order of such texts is that of time
        trained_at = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
        tags = {"trained": trained_at, "model_sha256": str(trained.get("model_sha256", ""))}
        return self.client.create_model_version(
            name,
            f"{self.state['artifacts']}/model",
            run_id,
            tags={key: value for key, value in tags.items() if value},
            description=f"best by validation: {', '.join(best)}" if best else None,
        )

    def _send_status(self, run_id: str) -> None:
        """Say how the training stands, by a tag why it failed; one that went on since has none."""
        end, status = self.record.end(), self.record.status()
        if reason := end.get("reason", ""):
            self.client.set_tag(run_id, FAILURE_TAG, reason[:LONGEST_TEXT])
        elif FAILURE_TAG in self.client.get_run(run_id).data.tags:
            self.client.delete_tag(run_id, FAILURE_TAG)
        if status == "RUNNING":
            self.client.update_run(run_id, status=status)
        else:
            last = (moment.at for moment in self.record.moments())
            at = end["at"] if end else max(last, default=self.record.description()["at"])
            self.client.set_terminated(run_id, status=status, end_time=at)
        self._note(status=status, complete=bool(end))
