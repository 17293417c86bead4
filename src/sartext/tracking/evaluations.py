"""Evaluations in MLflow: a run per report, below it one per model, tied to model versions and benchmarks.

As with trainings, the record on disk comes first: ``build/tracking/evaluation/<id>/`` holds ``report.json``,
``index.html``, ``evaluation.json`` (when, and the thresholds) and ``uploads.json``. A server that does not answer
never fails the stage; ``sartext tracking upload`` tries again. Champions are decided with the upload, as only the
registry knows the versions, and told in ``build/log/champion.json``.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from sartext.config import Project
from sartext.errors import ArtefactError, SarTextError, TrackingError
from sartext.files import atomic_folder, read_json, sha256_file, write_json
from sartext.tracking.champion import Decision, summary
from sartext.tracking.patience import Beat, patiently
from sartext.tracking.record import home, link_or_copy, now
from sartext.tracking.store import destination, load_mlflow, prepare, reach
from sartext.tracking.tracker import COMMAND, DAGSTER_RUN, warn

FOLDER = "evaluation"
DESCRIPTION = "evaluation.json"
FILES = ("report.json", "index.html")
PATIENCE_SECONDS = 60.0
"""For the first part, which loads mlflow and may make the store."""

Thresholds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class EvaluationRecord:
    """The record of one report; its folder's name is its id."""

    folder: Path

    @property
    def id(self) -> str:
        """What tells this report from every other."""
        return self.folder.name

    def description(self) -> dict[str, Any]:
        """``at`` (milliseconds since 1970), ``sha256`` of the report, ``thresholds`` and ``tags``."""
        content: dict[str, Any] = read_json(self.folder / DESCRIPTION)
        return content

    def report(self) -> dict[str, Any]:
        """The content of ``report.json``."""
        content: dict[str, Any] = read_json(self.folder / "report.json")
        return content

    def uploads(self) -> dict[str, dict[str, Any]]:
        """The run of each server that has the whole of it, by the server's address."""
        path = self.folder / "uploads.json"
        return dict(read_json(path)) if path.is_file() else {}

    def keep_upload(self, server: str, state: Mapping[str, Any]) -> None:
        """Note that a server has the whole of it."""
        write_json(self.folder / "uploads.json", {**self.uploads(), server: dict(state)})

    def lock(self) -> FileLock:
        """Held by whoever uploads."""
        return FileLock(self.folder / ".upload")


def track_report(project: Project, champions: Thresholds) -> list[str]:
    """Record the report in ``build/report``, upload it, and decide on champions; whatever goes wrong is a warning.

    Args:
        project: the checkout.
        champions: the thresholds, see ``config.evaluation.Champions``.

    Returns:
        A line for a person on each model with thresholds.
    """
    try:
        record = keep_report(project, champions)
        decisions = _patiently(project, record)
    except Exception as error:  # a record is never worth a report
        what = error if isinstance(error, SarTextError) else f"{type(error).__name__}: {error}"
        warn(f"{' '.join(str(what).split())}; the evaluation is kept, upload it later by `{COMMAND}`")
        return _postponed(project, champions)
    return [one.line() for one in decisions]


def keep_report(project: Project, champions: Thresholds) -> EvaluationRecord:
    """Record the report that is there, or return the last record if it is of the same report and thresholds.

    Raises:
        ArtefactError: there is no report.
    """
    source = project.build / "report"
    if not (source / "report.json").is_file():
        raise ArtefactError("there is no report", where=source, way_out="run `sartext report`")
    told = {
        "sha256": sha256_file(source / "report.json"),
        "thresholds": {k: dict(v) for k, v in champions.items()},
    }
    known = evaluation_records(project)
    if known and {key: known[-1].description()[key] for key in told} == told:
        return known[-1]
    at = now()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1000))
    folder = home(project) / FOLDER / f"{stamp}{at % 1000:03d}-{uuid.uuid4().hex[:8]}"
    with atomic_folder(folder) as temporary:
        for name in FILES:
            link_or_copy(source / name, temporary / name)
        write_json(temporary / DESCRIPTION, {**told, "at": at, "tags": _tags()})
    return EvaluationRecord(folder)


def evaluation_records(project: Project) -> list[EvaluationRecord]:
    """Return the records of all reports, the oldest first."""
    return [EvaluationRecord(path.parent) for path in sorted((home(project) / FOLDER).glob(f"*/{DESCRIPTION}"))]


def waiting_evaluations(project: Project) -> list[EvaluationRecord]:
    """Return the reports that no server has whole, the oldest first."""
    return [one for one in evaluation_records(project) if not one.uploads()]


def upload_waiting_evaluations(project: Project) -> Iterator[str]:
    """Upload what waits, decide on champions, and yield a line for each report and model.

    Raises:
        TrackingError: the server does not answer or refuses.
    """
    for record in waiting_evaluations(project):
        decisions = upload_evaluation(project, record)
        yield f"evaluation {record.id}: in {destination(project).name}"
        yield from (one.line() for one in decisions)


def upload_evaluation(
    project: Project, record: EvaluationRecord, *, beat: Beat = lambda allowed: None
) -> list[Decision]:
    """Bring a report to where this environment sends runs, and decide on champions; again without doubling.

    Args:
        project: the checkout.
        record: of the report.
        beat: called before each part with the seconds that it may take.

    Raises:
        TrackingError: the server does not answer or refuses.
    """
    from sartext.tracking.evaluation_runs import Upload

    target = destination(project)
    reach(target)
    with record.lock():
        try:
            load_mlflow()
            prepare(project, target)
            upload = Upload(project, record, target, beat)
            run_id, experiment = upload.run()
            newest = record.id == evaluation_records(project)[-1].id  # an older report must not undo a newer one
            decisions = upload.champions() if newest else []
        except SarTextError:
            raise
        except Exception as error:  # of MLflow, requests, SQLAlchemy
            reason = " ".join(str(error).split())[:300]
            raise TrackingError(
                f"the upload failed ({type(error).__name__}: {reason})", where=target.name
            ) from error
        record.keep_upload(target.name, {"run_id": run_id, "experiment_id": experiment, "complete": True})
        if newest:
            _tell(project, record.description()["sha256"], summary(decisions))
    return decisions


def _patiently(project: Project, record: EvaluationRecord) -> list[Decision]:
    """Upload, but give up on a server that takes a part and does not answer."""
    name = destination(project).name
    return patiently(lambda beat: upload_evaluation(project, record, beat=beat), PATIENCE_SECONDS, name)


def _postponed(project: Project, champions: Thresholds) -> list[str]:
    """Say that nothing was decided; never raises, as it follows an error."""
    reason = f"the registry could not be asked; `{COMMAND}` decides"
    waits = [Decision(model, "waits", None, None, (reason,)) for model in champions]
    report = project.build / "report" / "report.json"
    try:
        _tell(project, sha256_file(report) if report.is_file() else "", summary(waits))
    except (OSError, SarTextError) as error:
        warn(" ".join(str(error).split()))
    return [one.line() for one in waits]


def _tell(project: Project, report: str, decisions: list[dict[str, Any]]) -> None:
    write_json(project.build / "log" / "champion.json", {"report_sha256": report, "decisions": decisions})


def _tags() -> dict[str, str]:
    import os

    run = os.environ.get(DAGSTER_RUN)
    return {"dagster.run_id": run} if run else {}
