"""Reports in MLflow: a run per report, below it one per model, tied to model versions and benchmarks.

As with trainings, the record on disk comes first: ``build/tracking/evaluation/<id>/`` holds ``report.json``,
``index.html``, ``evaluation.json`` (when, and of which report) and ``uploads.json``.
"""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json, sha256_file
from sartext.tracking.record import DAGSTER_RUN, Record, begin, records
from sartext.tracking.store import find_or_create_experiment, find_or_create_run, log_datasets, log_values

if TYPE_CHECKING:
    from mlflow import MlflowClient

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

DIGEST_CHARACTERS = 36
"""Of a dataset's digest: MLflow takes no more."""

Row = Mapping[str, Any]


def description_of(record: Record) -> dict[str, Any]:
    """Return of a report's record ``at`` (milliseconds since 1970), ``sha256`` of the report and ``tags``."""
    return dict(read_json(record.folder / DESCRIPTION))


def record_report(project: Project) -> Record:
    """Record the report in ``build/report``, or return the last record if it is of the same report.

    Raises:
        ArtefactError: there is no report.
    """
    source = project.build / "report"
    if not (source / "report.json").is_file():
        raise ArtefactError("there is no report", where=source, way_out="run `sartext report`")
    digest = sha256_file(source / "report.json")
    known = evaluation_records(project)
    if known and description_of(known[-1])["sha256"] == digest:
        return known[-1]
    run = os.environ.get(DAGSTER_RUN)
    description = {"sha256": digest, "tags": {"dagster.run_id": run} if run else {}}
    return begin(project, FOLDER, description, file=DESCRIPTION, copies=[source / name for name in FILES])


def evaluation_records(project: Project) -> list[Record]:
    """Return the records of all reports, the oldest first."""
    return records(project, FOLDER, DESCRIPTION)


def waiting_evaluations(project: Project) -> list[Record]:
    """Return the reports that no server has whole, the oldest first."""
    return [record for record in evaluation_records(project) if not record.uploaded()]


class EvaluationUpload:
    """Makes the runs of one report; again without doubling, and after an interruption what is missing."""

    def __init__(self, project: Project, record: Record, client: "MlflowClient") -> None:
        self.project, self.record, self.client = project, record, client
        self.report: dict[str, Any] = read_json(record.folder / "report.json")
        self.description = description_of(record)
        self.experiment = find_or_create_experiment(project, client, EXPERIMENT, NOTE)

    def run(self) -> dict[str, str]:
        """Make or finish the runs; return their ids by variant, that of the report under an empty name."""
        parent = self._find_or_create_run("all", "report", {})
        run_ids = {"": str(parent.info.run_id)}
        unfinished = parent.info.status != "FINISHED"
        if unfinished:
            self._log_datasets(run_ids[""], "")
            for name in (DESCRIPTION, *FILES):
                self.client.log_artifact(run_ids[""], str(self.record.folder / name))
        for variant in self.report["variants"]:
            if variant["kind"] != "rule":
                run_ids[variant["name"]] = self._log_variant(run_ids[""], variant)
        if unfinished:
            self.client.set_terminated(run_ids[""], end_time=self.description["at"])
        return run_ids

    def version(self, variant: Row) -> Any:  # noqa: ANN401 - mlflow is untyped
        """Return the newest version of a model with these very weights; None where there is none."""
        name, digest = variant["registered"], variant["model_sha256"]
        versions = self.client.search_model_versions(f"name = '{name}'") if name and digest else ()
        same = [version for version in versions if version.tags.get("model_sha256") == digest]
        return max(same, key=lambda version: int(version.version), default=None)

    def _find_or_create_run(self, variant: str, name: str, tags: Mapping[str, str]) -> Any:  # noqa: ANN401
        release = self.report["release"]
        every = {
            "release": f"{release['name']} {release['version'] or '(not published)'}",
            "release.content_sha256": release["content_sha256"],
            **({"git.commit": release["commit"]} if release["commit"] else {}),
            **self.description.get("tags", {}),
            **tags,
        }
        identity = {RECORD_TAG: self.record.id, VARIANT_TAG: variant}
        return find_or_create_run(
            self.client, self.experiment, identity, every, name=name, at=self.description["at"]
        )

    def _log_variant(self, parent: str, variant: Row) -> str:
        from mlflow.entities import Metric

        version = self.version(variant)
        model = "" if version is None else f"models:/{variant['registered']}/{version.version}"
        tags = {
            "mlflow.parentRunId": parent,
            "role": variant["role"],
            "kind": variant["kind"],
            "mlflow.note.content": f"**{variant['name']}**: {variant['title']}",
            **({"model_sha256": variant["model_sha256"]} if variant["model_sha256"] else {}),
            **({"model": model} if model else {}),
        }
        run = self._find_or_create_run(variant["name"], variant["name"], tags)
        run_id, at = str(run.info.run_id), self.description["at"]
        if run.info.status != "FINISHED":
            fields = {key: variant[key] for key in VARIANT_FIELDS if variant[key] not in (None, "", [])}
            metrics = [Metric(key, value, at, 0) for key, value in self._metrics(variant["name"])]
            log_values(self.client, run_id, fields, metrics)
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
                for field, end in (("value", ""), ("low", "_low"), ("high", "_high")):
                    if figure[field] is not None:
                        yield f"{key}{end}", float(figure[field])

    def _log_datasets(self, run_id: str, model: str) -> None:
        release = self.report["release"]["content_sha256"]
        datasets = [
            {
                "name": benchmark["name"],
                "digest": benchmark["sha256"][:DIGEST_CHARACTERS],
                "source": {"release": release, "sha256": benchmark["sha256"]},
                "profile": {key: benchmark[key] for key in ("images", "groups", "distinct_facts")},
            }
            for benchmark in self.report["benchmarks"]
        ]
        tags = {"mlflow.data.context": "evaluation", **({"model": model} if model else {})}
        log_datasets(self.client, run_id, datasets, tags)
