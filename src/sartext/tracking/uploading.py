"""From a record on disk to a run of MLflow and a version in its registry; again and again without doubling.

What was uploaded is noted after each part, so that an interrupted upload goes on. What may have arrived without
being noted is found again: the run by a tag with the record's id, metrics by their equality, the version by its
run.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from rich.table import Table

from sartext.config import Project
from sartext.tracking.record import Moment, Record, State, records
from sartext.tracking.store import (
    Extend,
    connection,
    create_experiment,
    destination,
    no_timeout,
    reach,
    with_timeout,
)

ALIAS = "candidate"
RECORD_TAG = "sartext.record"
FAILURE_TAG = "failure"
LONGEST_TEXT = 5000
"""Characters of a tag or a parameter that every server takes."""

BATCH = 1000
"""Metrics that a server takes at once; a hundred of the parameters and tags."""

REQUEST_SECONDS = 20.0
"""That a part may take, if it carries no large file."""

SLOWEST_BYTES_PER_SECOND = 10e6


def upload(project: Project, record: Record, *, extend: Extend = no_timeout) -> State:
    """Bring a record to where this environment sends runs; return what is noted of it (``run_id``, ``complete``…).

    Args:
        project: the checkout.
        record: a training, ended or not.
        extend: called before each part with the seconds that it may take.

    Raises:
        TrackingError: the server does not answer or refuses; what arrived stays noted.
    """
    with record.upload_lock(), connection(project) as target:
        extend(REQUEST_SECONDS)
        return _Upload(record, target.uri, target.name, extend).run()


def upload_with_timeout(project: Project, record: Record) -> State:
    """Upload, but give up on a server that takes a part and does not answer; it costs seconds, not hours.

    Raises:
        TrackingError: as `upload`, or nothing moved for too long.
    """
    first = 3 * REQUEST_SECONDS  # it loads mlflow and may make the store
    return with_timeout(lambda extend: upload(project, record, extend=extend), first, destination(project).name)


def upload_waiting(project: Project) -> Iterator[str]:
    """Upload the trainings and reports that no server has whole, decide on champions, and yield a line for each.

    Raises:
        TrackingError: the server does not answer or refuses; what it has by then is not sent again.
    """
    from sartext.tracking.evaluations import waiting_evaluations
    from sartext.tracking.promotion import upload_waiting_evaluations

    target = destination(project)
    waiting = [record for record in records(project) if not record.uploaded()]
    if not waiting and not waiting_evaluations(project):
        yield "nothing waits to be uploaded"
        return
    reach(target)
    for record in waiting:
        state = upload(project, record)
        record.clear_model()
        version = f", model version {state['version']}" if "version" in state else ""
        yield f"{record.name} {record.id}: {str(state['status']).lower()}, in {target.name}{version}"
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

    def __init__(self, record: Record, uri: str, server: str, extend: Extend) -> None:
        from mlflow import MlflowClient

        self.record, self.server, self.extend = record, server, extend
        self.client: MlflowClient = MlflowClient(uri)
        self.state: State = record.uploads().get(server, {})

    def run(self) -> State:
        """Send what is missing; return what is noted."""
        if "run_id" in self.state and self._is_gone():
            self.state = {}
        if not self.state.get("complete"):
            description = self.record.description()
            if "run_id" not in self.state:
                self._create_run(description)
            self._send_parameters(description)
            self._send_metrics()
            self._send_inputs(description)
            self._send_files()
            self._send_model()
            self._send_status()
        return self.state

    def _note(self, **known: Any) -> None:  # noqa: ANN401 - what JSON holds
        self.state = {**self.state, **known}
        self.record.save_upload(self.server, self.state)
        self.extend(REQUEST_SECONDS)

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

    def _create_run(self, description: dict[str, Any]) -> None:
        experiment = create_experiment(self.client, None)
        known = self.client.search_runs([experiment], f"tags.`{RECORD_TAG}` = '{self.record.id}'", max_results=1)
        tags = {RECORD_TAG: self.record.id, **description.get("tags", {})}
        run = (
            known[0]
            if known
            else self.client.create_run(
                experiment, start_time=description["at"], tags=tags, run_name=self.record.name
            )
        )
        self._note(run_id=run.info.run_id, experiment_id=experiment, artifacts=run.info.artifact_uri)

    def _send_parameters(self, description: dict[str, Any]) -> None:
        from mlflow.entities import Param

        if not self.state.get("parameters"):
            pairs = iter([Param(key, text[:LONGEST_TEXT]) for key, text in description["parameters"].items()])
            while part := list(islice(pairs, 100)):
                self.client.log_batch(self.state["run_id"], params=part)
            self._note(parameters=True)

    def _send_metrics(self) -> None:
        """Send the lines that are not noted yet; the server drops equal ones that it has."""
        from mlflow.entities import Metric

        sent = int(self.state.get("lines", 0))
        for moments in _batches(islice(self.record.moments(), sent, None), BATCH):
            metrics = [
                Metric(key, value, moment.at, moment.step)
                for moment in moments
                for key, value in moment.metrics.items()
            ]
            self.client.log_batch(self.state["run_id"], metrics=metrics)
            sent += len(moments)
            self._note(lines=sent)

    def _send_inputs(self, description: dict[str, Any]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if self.state.get("inputs"):
            return
        tags = [InputTag("mlflow.data.context", "training")]
        datasets = [
            Dataset(
                name=item["name"],
                digest=item["digest"],
                source_type="local",
                **{field: json.dumps(item[field]) for field in ("source", "schema", "profile")},
            )
            for item in description.get("inputs", [])
        ]
        if datasets:
            self.client.log_inputs(self.state["run_id"], [DatasetInput(dataset, tags) for dataset in datasets])
        self._note(inputs=True)

    def _send_files(self) -> None:
        done = list(self.state.get("files", []))
        for root, above in ((self.record.files, self.record.files), (self.record.model, self.record.folder)):
            for path in sorted(item for item in root.rglob("*") if item.is_file()):
                name = path.relative_to(above)
                if name.as_posix() not in done:
                    self.extend(REQUEST_SECONDS + path.stat().st_size / SLOWEST_BYTES_PER_SECOND)
                    folder = name.parent.as_posix()
                    self.client.log_artifact(self.state["run_id"], str(path), None if folder == "." else folder)
                    done.append(name.as_posix())
                    self._note(files=done)
        if (self.record.files / "images").is_dir():
            self.client.set_tag(self.state["run_id"], "mlflow.loggedImages", "True")  # shown beside the curves

    def _send_model(self) -> None:
        """Make a version in the registry; it gets the alias unless a model that was trained later has it."""
        from mlflow.exceptions import MlflowException

        if not self.record.model.is_dir() or "version" in self.state:
            return
        name, run_id = self.record.name, self.state["run_id"]
        description = self.record.description().get("tags", {}).get("mlflow.note.content", "")
        try:
            self.client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        known = self.client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        version = known[0] if known else self._create_version(name, run_id)
        number = self.client.get_registered_model(name).aliases.get(ALIAS)
        present = None if number is None else self.client.get_model_version(name, str(number))
        # uploads may come late
        if present is None or present.tags.get("trained", "") <= version.tags.get("trained", ""):
            self.client.set_registered_model_alias(name, ALIAS, version.version)
        self._note(version=int(version.version))

    def _create_version(self, name: str, run_id: str) -> Any:  # noqa: ANN401 - mlflow is untyped
        trained = self.record.trained()
        best = [f"{key.replace('_', ' ')} {value:.4g}" for key, value in (trained.get("best") or {}).items()]
        end = self.record.end() or self.record.description()
        tags = {"trained": timestamp(end["at"]), "model_sha256": str(trained.get("model_sha256", ""))}
        return self.client.create_model_version(
            name,
            f"{self.state['artifacts']}/model",
            run_id,
            tags={key: value for key, value in tags.items() if value},
            description=f"best by validation: {', '.join(best)}" if best else None,
        )

    def _send_status(self) -> None:
        """Say how the training stands, by a tag why it failed; one that went on since has none."""
        run_id, end, status = self.state["run_id"], self.record.end(), self.record.status()
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


def timestamp(at: int) -> str:
    """Write milliseconds since 1970 as a date and time (UTC) whose order as text is that of time."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _batches(moments: Iterator[Moment], most: int) -> Iterator[list[Moment]]:
    """Cut moments into lists whose metrics a server takes at once."""
    batch: list[Moment] = []
    size = 0
    for moment in moments:
        if batch and size + len(moment.metrics) > most:
            yield batch
            batch, size = [], 0
        batch.append(moment)
        size += len(moment.metrics)
    if batch:
        yield batch
