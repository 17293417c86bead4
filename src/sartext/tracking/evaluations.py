"""Reports in MLflow: a run per report, below it one per model, tied to model versions and benchmarks.

As with trainings, the record on disk comes first: ``build/tracking/evaluation/<id>/`` holds ``report.json``,
``index.html``, ``evaluation.json`` (when, and of which report) and ``uploads.json``.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, read_json, sha256_file, write_json
from sartext.tracking.record import DAGSTER_RUN, Uploadable, home, link_or_copy, new_folder, now
from sartext.tracking.store import Destination, Extend, artifacts_uri, find_or_create_experiment

EXPERIMENT = "sar-text-evaluation"
NOTE = (
    "Reports on the models of SAR-Text: a run per report with the page as an artifact, below it one per model "
    "with its figures. The version of a model that passed its thresholds has the alias `champion`."
)
RECORD_TAG = "sartext.evaluation"
VARIANT_TAG = "variant"
FOLDER = "evaluation"
DESCRIPTION = "evaluation.json"
FILES = ("report.json", "index.html")
VARIANT_FIELDS = ("origin", "samples", "sar_samples", "weights", "pretrained", "stages")
"""What a report says of a model that becomes a parameter of its run."""

BATCH = 900
"""Metrics per request."""

DIGEST_CHARACTERS = 36
"""Of a dataset's digest: MLflow takes no more."""

REQUEST_SECONDS = 60.0
"""That the requests for one model may take."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class EvaluationRecord(Uploadable):
    """The record of one report."""

    def description(self) -> dict[str, Any]:
        """Return ``at`` (milliseconds since 1970), ``sha256`` of the report and ``tags``."""
        return dict(read_json(self.folder / DESCRIPTION))

    def report(self) -> dict[str, Any]:
        """Return the content of ``report.json``."""
        return dict(read_json(self.folder / "report.json"))


def record_report(project: Project) -> EvaluationRecord:
    """Record the report in ``build/report``, or return the last record if it is of the same report.

    Raises:
        ArtefactError: there is no report.
    """
    source = project.build / "report"
    if not (source / "report.json").is_file():
        raise ArtefactError("there is no report", where=source, way_out="run `sartext report`")
    digest = sha256_file(source / "report.json")
    known = evaluation_records(project)
    if known and known[-1].description()["sha256"] == digest:
        return known[-1]
    at = now()
    folder = new_folder(home(project) / FOLDER, at)
    run = os.environ.get(DAGSTER_RUN)
    with atomic_folder(folder) as temporary:
        for name in FILES:
            link_or_copy(source / name, temporary / name)
        tags = {"dagster.run_id": run} if run else {}
        write_json(temporary / DESCRIPTION, {"sha256": digest, "at": at, "tags": tags})
    return EvaluationRecord(folder)


def evaluation_records(project: Project) -> list[EvaluationRecord]:
    """Return the records of all reports, the oldest first."""
    return [EvaluationRecord(path.parent) for path in sorted((home(project) / FOLDER).glob(f"*/{DESCRIPTION}"))]


def waiting_evaluations(project: Project) -> list[EvaluationRecord]:
    """Return the reports that no server has whole, the oldest first."""
    return [record for record in evaluation_records(project) if not record.uploaded()]


class EvaluationUpload:
    """Makes the runs of one report; again without doubling, and after an interruption what is missing.

    Args:
        project: the checkout.
        record: of the report.
        target: where runs go.
        extend: called before each part with the seconds that it may take.
    """

    def __init__(self, project: Project, record: EvaluationRecord, target: Destination, extend: Extend) -> None:
        from mlflow import MlflowClient

        self.project, self.record, self.target, self.extend = project, record, target, extend
        self.client: MlflowClient = MlflowClient(target.uri)
        self.report = record.report()
        self.description = record.description()

    def run(self) -> dict[str, str]:
        """Make or finish the runs; return their ids by variant, that of the report under an empty name."""
        location = artifacts_uri(self.project) if self.target.own else None
        self.experiment = find_or_create_experiment(self.client, EXPERIMENT, location, NOTE)
        parent = self._find_or_create_run("", "report", {})
        run_ids = {"": str(parent.info.run_id)}
        if parent.info.status != "FINISHED":
            self._log_datasets(run_ids[""], "")
            for name in (DESCRIPTION, *FILES):
                self.client.log_artifact(run_ids[""], str(self.record.folder / name))
        for variant in self.report["variants"]:
            if variant["kind"] != "rule":
                self.extend(REQUEST_SECONDS)
                run_ids[variant["name"]] = self._log_variant(run_ids[""], variant)
        if parent.info.status != "FINISHED":
            self.client.set_terminated(run_ids[""], end_time=self.description["at"])
        return run_ids

    def version(self, variant: Row) -> Any:  # noqa: ANN401 - mlflow is untyped
        """Return the newest version of a model with these very weights; None where there is none."""
        name, digest = variant["registered"], variant["model_sha256"]
        if not name or not digest:
            return None
        versions = self.client.search_model_versions(f"name = '{name}'")
        same = [version for version in versions if version.tags.get("model_sha256") == digest]
        return max(same, key=lambda version: int(version.version), default=None)

    def _find_or_create_run(self, variant: str, name: str, tags: Mapping[str, str]) -> Any:  # noqa: ANN401
        query = f"tags.`{RECORD_TAG}` = '{self.record.id}' and tags.`{VARIANT_TAG}` = '{variant or 'all'}'"
        known = self.client.search_runs([self.experiment], query, max_results=1)
        if known:
            return known[0]
        release = self.report["release"]
        every = {
            RECORD_TAG: self.record.id,
            VARIANT_TAG: variant or "all",
            "release": f"{release['name']} {release['version'] or '(not published)'}",
            "release.content_sha256": release["content_sha256"],
            **({"git.commit": release["commit"]} if release["commit"] else {}),
            **self.description.get("tags", {}),
            **tags,
        }
        start = self.description["at"]
        return self.client.create_run(self.experiment, start_time=start, tags=every, run_name=name)

    def _log_variant(self, parent: str, variant: Row) -> str:
        from mlflow.entities import Metric, Param

        version = self.version(variant)
        model = "" if version is None else f"models:/{variant['registered']}/{version.version}"
        tags = {"mlflow.parentRunId": parent, "role": variant["role"], "kind": variant["kind"]}
        tags |= {"mlflow.note.content": f"**{variant['name']}**: {variant['title']}"}
        tags |= {"model_sha256": variant["model_sha256"]} if variant["model_sha256"] else {}
        tags |= {"model": model} if model else {}
        run = self._find_or_create_run(variant["name"], variant["name"], tags)
        run_id, at = str(run.info.run_id), self.description["at"]
        if run.info.status != "FINISHED":
            metrics = [Metric(key, value, at, 0) for key, value in self._metrics(variant["name"])]
            fields = {key: variant[key] for key in VARIANT_FIELDS if variant[key] not in (None, "", [])}
            self.client.log_batch(run_id, params=[Param(key, str(value)[:5000]) for key, value in fields.items()])
            for start in range(0, len(metrics), BATCH):
                self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])
            self._log_datasets(run_id, model)
            self.client.set_terminated(run_id, end_time=at)
        return run_id

    def _metrics(self, variant: str) -> Iterator[tuple[str, float]]:
        """The figures of whole benchmarks, and their bounds; those of further benchmarks begin with their name."""
        main = self.report["benchmarks"][0]["name"]
        for figure in self.report["figures"]:
            whole = figure["variant"] == variant and figure["subset"] in {"all", "removed"}
            if whole and figure["value"] is not None:
                key = f"{figure['task']}/{figure['metric']}"
                if figure["benchmark"] != main and figure["task"] != "physics":
                    key = f"{figure['benchmark']}/{key}"
                for end, value in (("", figure["value"]), ("_low", figure["low"]), ("_high", figure["high"])):
                    if value is not None:
                        yield f"{key}{end}", float(value)

    def _log_datasets(self, run_id: str, model: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        tags = [InputTag("mlflow.data.context", "evaluation"), *([InputTag("model", model)] if model else [])]
        release = self.report["release"]["content_sha256"]
        inputs = [
            Dataset(
                name=benchmark["name"],
                digest=benchmark["sha256"][:DIGEST_CHARACTERS],
                source_type="local",
                source=json.dumps({"release": release, "sha256": benchmark["sha256"]}),
                profile=json.dumps({key: benchmark[key] for key in ("images", "groups", "distinct_facts")}),
            )
            for benchmark in self.report["benchmarks"]
        ]
        self.client.log_inputs(run_id, [DatasetInput(dataset, tags) for dataset in inputs])
