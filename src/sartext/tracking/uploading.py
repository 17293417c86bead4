"""From a record on disk to a run of MLflow and a version in its registry; again and again without doubling.

What was uploaded is noted after each part, so that an interrupted upload goes on. What may have arrived without
being noted is found again: the run by a tag with the record's id, metrics by their equality, the version by its
run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.tracking.patience import Beat, patiently
from sartext.tracking.record import Moment, Record, State
from sartext.tracking.store import Destination, create_experiment, destination, load_mlflow, prepare, reach

ALIAS = "candidate"
RECORD_TAG = "sartext.record"
FAILURE_TAG = "failure"
LONGEST_TAG = 5000
"""Characters of a tag that every server takes."""

BATCH = 1000
"""Metrics that a server takes at once; a hundred of the parameters and tags."""

PATIENCE_SECONDS = 20.0
SLOWEST_BYTES_PER_SECOND = 10e6


def upload(project: Project, record: Record, *, beat: Beat = lambda allowed: None) -> State:
    """Bring a record to where this environment sends runs; return what is noted of it (``run_id``, ``complete``…).

    Args:
        project: the checkout.
        record: a training, ended or not.
        beat: called before each part with the seconds that it may take.

    Raises:
        TrackingError: the server does not answer or refuses; what arrived stays noted.
    """
    target = destination(project)
    reach(target)
    with record.upload_lock():
        try:
            load_mlflow()
            prepare(project, target)
            beat(PATIENCE_SECONDS)
            return _Upload(record, target, beat).run()
        except SarTextError:
            raise
        except Exception as error:  # of MLflow, requests, SQLAlchemy
            reason = " ".join(str(error).split())[:300]
            raise TrackingError(
                f"the upload failed ({type(error).__name__}: {reason})", where=target.name
            ) from error


def upload_patiently(project: Project, record: Record) -> State:
    """Upload, but give up on a server that takes a part and does not answer; it costs seconds, not hours.

    Raises:
        TrackingError: as `upload`, or nothing moved for too long.
    """
    first = 3 * PATIENCE_SECONDS  # it loads mlflow and may make the store
    return patiently(lambda beat: upload(project, record, beat=beat), first, destination(project).name)


class _Upload:
    """One upload: the record, the client, and what is noted of it."""

    def __init__(self, record: Record, target: Destination, beat: Beat) -> None:
        from mlflow import MlflowClient

        self.record = record
        self.target = target
        self.beat = beat
        self.client: MlflowClient = MlflowClient(target.uri)
        self.state: State = record.uploads().get(target.name, {})

    def run(self) -> State:
        if self.state.get("complete") and not self._gone():
            return self.state
        description = self.record.description()
        self._create(description)
        self._parameters(description)
        self._metrics()
        self._inputs(description)
        self._files()
        self._model()
        self._finish()
        return self.state

    def _note(self, **known: Any) -> None:  # noqa: ANN401 - what JSON holds
        self.state = {**self.state, **known}
        self.record.keep_upload(self.target.name, self.state)
        self.beat(PATIENCE_SECONDS)

    def _gone(self) -> bool:
        """Whether the run that is noted is not there: the store was removed, or is another one at this address."""
        from mlflow.exceptions import MlflowException

        try:
            run = self.client.get_run(self.state["run_id"])
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return True
            raise
        return bool(run.data.tags.get(RECORD_TAG) != self.record.id)

    def _create(self, description: dict[str, Any]) -> None:
        if "run_id" in self.state and not self._gone():
            return
        self.state = {}
        experiment = create_experiment(self.client, None)
        known = self.client.search_runs([experiment], f"tags.`{RECORD_TAG}` = '{self.record.id}'", max_results=1)
        run = known[0] if known else self._new_run(experiment, description)
        self._note(run_id=run.info.run_id, experiment_id=experiment, artifacts=run.info.artifact_uri)

    def _new_run(self, experiment: str, description: dict[str, Any]) -> Any:  # noqa: ANN401 - mlflow is untyped
        tags = {RECORD_TAG: self.record.id, **description.get("tags", {})}
        return self.client.create_run(
            experiment, start_time=description["at"], tags=tags, run_name=self.record.name
        )

    def _parameters(self, description: dict[str, Any]) -> None:
        from mlflow.entities import Param

        if self.state.get("parameters"):
            return
        pairs = iter([Param(key, text[:5000]) for key, text in description["parameters"].items()])
        while part := list(islice(pairs, 100)):
            self.client.log_batch(self.state["run_id"], params=part)
        self._note(parameters=True)

    def _metrics(self) -> None:
        """Send the lines that are not noted yet; the server drops equal ones that it has."""
        from mlflow.entities import Metric

        sent = int(self.state.get("lines", 0))
        for lines in _parts(islice(self.record.moments(), sent, None), BATCH):
            metrics = [Metric(key, value, one.at, one.step) for one in lines for key, value in one.metrics.items()]
            self.client.log_batch(self.state["run_id"], metrics=metrics)
            sent += len(lines)
            self._note(lines=sent)

    def _inputs(self, description: dict[str, Any]) -> None:
        import json

        from mlflow.entities import Dataset, DatasetInput, InputTag

        if self.state.get("inputs"):
            return
        tags = [InputTag("mlflow.data.context", "training")]
        datasets = [
            Dataset(
                name=one["name"],
                digest=one["digest"],
                source_type="local",
                source=json.dumps(one["source"]),
                schema=json.dumps(one["schema"]),
                profile=json.dumps(one["profile"]),
            )
            for one in description.get("inputs", [])
        ]
        if datasets:
            self.client.log_inputs(self.state["run_id"], [DatasetInput(one, tags) for one in datasets])
        self._note(inputs=True)

    def _files(self) -> None:
        done = list(self.state.get("files", []))
        for root in (self.record.files, self.record.model):
            for path in sorted(item for item in root.rglob("*") if item.is_file()):
                name = path.relative_to(root if root == self.record.files else self.record.folder)
                if name.as_posix() in done:
                    continue
                self.beat(PATIENCE_SECONDS + path.stat().st_size / SLOWEST_BYTES_PER_SECOND)
                folder = name.parent.as_posix()
                self.client.log_artifact(self.state["run_id"], str(path), None if folder == "." else folder)
                done.append(name.as_posix())
                self._note(files=done)
        if (self.record.files / "images").is_dir():
            self.client.set_tag(self.state["run_id"], "mlflow.loggedImages", "True")  # shown beside the curves

    def _model(self) -> None:
        if not self.record.model.is_dir() or "version" in self.state:
            return
        name, run_id = self.record.name, self.state["run_id"]
        self._register(name)
        known = self.client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
        version = known[0] if known else self._new_version(name, run_id)
        self._nominate(name, version)
        self._note(version=int(version.version))

    def _new_version(self, name: str, run_id: str) -> Any:  # noqa: ANN401 - mlflow is untyped
        told = self.record.trained()
        best = {key: f"{value:.4g}" for key, value in (told.get("best") or {}).items()}
        end = self.record.end() or self.record.description()
        known = {"trained": written(end["at"]), "model_sha256": str(told.get("model_sha256", ""))}
        text = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in best.items())
        return self.client.create_model_version(
            name,
            f"{self.state['artifacts']}/model",
            run_id,
            tags={key: value for key, value in known.items() if value},
            description=f"best by validation: {text}" if text else None,
        )

    def _register(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        description = self.record.description().get("tags", {}).get("mlflow.note.content", "")
        try:
            self.client.create_registered_model(name, description=description)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _nominate(self, name: str, version: Any) -> None:  # noqa: ANN401 - mlflow is untyped
        """Give the alias, unless a model that was trained later has it: uploads may come late."""
        number = self.client.get_registered_model(name).aliases.get(ALIAS)
        present = None if number is None else self.client.get_model_version(name, str(number))
        if present is None or present.tags.get("trained", "") <= version.tags.get("trained", ""):
            self.client.set_registered_model_alias(name, ALIAS, version.version)

    def _finish(self) -> None:
        end = self.record.end()
        status = self.record.status()
        at = None if status == "RUNNING" else end["at"] if end else _last(self.record)
        self._tell_reason((end or {}).get("reason", ""))
        if status == "RUNNING":
            self.client.update_run(self.state["run_id"], status="RUNNING")
        else:
            self.client.set_terminated(self.state["run_id"], status=status, end_time=at)
        self._note(status=status, complete=end is not None)

    def _tell_reason(self, reason: str) -> None:
        """Let a tag say why a training failed; one that went on since has none."""
        run_id = self.state["run_id"]
        if reason:
            self.client.set_tag(run_id, FAILURE_TAG, reason[:LONGEST_TAG])
        elif FAILURE_TAG in self.client.get_run(run_id).data.tags:
            self.client.delete_tag(run_id, FAILURE_TAG)


def _last(record: Record) -> int:
    began: int = record.description()["at"]
    return max([began, *(moment.at for moment in record.moments())])


def written(at: int) -> str:
    """Write milliseconds since 1970 as a date and time (UTC) whose order as text is that of time."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def _parts(moments: Iterator[Moment], most: int) -> Iterator[list[Moment]]:
    """Cut moments into lists whose metrics a server takes at once."""
    part: list[Moment] = []
    size = 0
    for moment in moments:
        if part and size + len(moment.metrics) > most:
            yield part
            part, size = [], 0
        part.append(moment)
        size += len(moment.metrics)
    if part:
        yield part
