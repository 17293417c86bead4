"""From the record of a report to runs of MLflow: one for the report, one below it for each model."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.tracking.champion import ALIAS, Contender, Decision, Figures, Measured, contender_of, decide
from sartext.tracking.patience import Beat
from sartext.tracking.store import KIND, Destination, artifacts_uri

if TYPE_CHECKING:
    from sartext.tracking.evaluations import EvaluationRecord

EXPERIMENT = "sar-text-evaluation"
NOTE = (
    "Reports on the models of SAR-Text: a run per report with the page as an artifact, below it one per model "
    "with its figures. The version of a model that passed its thresholds has the alias `champion`."
)
RECORD_TAG = "sartext.evaluation"
VARIANT_TAG = "variant"
RUN_TAG = "evaluation.run_id"
RELEASE_TAG = "evaluation.release"
BATCH = 900
DIGEST_CHARACTERS = 36
"""Of a dataset's digest: MLflow takes no more."""

PATIENCE_SECONDS = 60.0
MEASURE_SECONDS = 900.0
"""For the champion of a model, where it must be measured anew."""

Row = Mapping[str, Any]


class Upload:
    """One upload: the record, the report, the client.

    Args:
        project: the checkout.
        record: of the report.
        target: where runs go.
        beat: called before each part with the seconds that it may take.
    """

    def __init__(
        self, project: Project, record: "EvaluationRecord", target: Destination, beat: Beat = lambda allowed: None
    ) -> None:
        from mlflow import MlflowClient

        self.project = project
        self.record = record
        self.target = target
        self.beat = beat
        self.client: MlflowClient = MlflowClient(target.uri)
        self.report = record.report()
        self.description = record.description()

    def run(self) -> tuple[str, str]:
        """Make the runs, or finish what an interrupted upload began; return run and experiment of the report."""
        experiment = self._experiment()
        parent = self._begun(experiment, "", "report", {})
        if parent.info.status != "FINISHED":
            self._datasets(parent.info.run_id, "")
            for path in [*sorted(self.record.folder.glob("*.json")), self.record.folder / "index.html"]:
                if path.name != "uploads.json":
                    self.client.log_artifact(parent.info.run_id, str(path))
        for variant in self.report["variants"]:
            if variant["kind"] != "rule":
                self._variant(experiment, parent.info.run_id, variant)
        self.client.set_terminated(parent.info.run_id, end_time=self.description["at"])
        return parent.info.run_id, experiment

    def champions(self) -> list[Decision]:
        """Decide on the champion of every model that has thresholds, and move aliases accordingly."""
        variants = {one["registered"]: one for one in self.report["variants"] if one["registered"]}
        found = []
        for model, thresholds in sorted(self.description["thresholds"].items()):
            version = self._version(variants[model]) if model in variants else None
            if version is None:
                why = "no model of this name was evaluated" if model not in variants else _NOT_REGISTERED
                found.append(Decision(model, "waits", None, None, (why,)))
                continue
            contender = self._contender(variants[model], str(version.version))
            present = self._present(model)
            remeasure = partial(self._remeasure, model, thresholds)
            decision = decide(model, contender, thresholds, present, remeasure)
            if decision.outcome == "champion" and decision.champion != (present.version if present else None):
                self.client.set_registered_model_alias(model, ALIAS, contender.version)
            found.append(decision)
        return found

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        location = artifacts_uri(self.project) if self.target.own else None
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is None:
            try:
                tags = {"mlflow.note.content": NOTE, **KIND}
                return str(self.client.create_experiment(EXPERIMENT, location, tags=tags))
            except MlflowException:
                found = self.client.get_experiment_by_name(EXPERIMENT)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _begun(self, experiment: str, variant: str, name: str, tags: Mapping[str, str]) -> Any:  # noqa: ANN401
        """The run of this record and variant: the one that an upload began before, else a new one."""
        query = f"tags.`{RECORD_TAG}` = '{self.record.id}' and tags.`{VARIANT_TAG}` = '{variant or 'all'}'"
        known = self.client.search_runs([experiment], query, max_results=1)
        if known:
            return known[0]
        release = self.report["release"]
        told = {
            RECORD_TAG: self.record.id,
            VARIANT_TAG: variant or "all",
            "release": f"{release['name']} {release['version'] or '(not published)'}",
            "release.content_sha256": release["content_sha256"],
            **({"git.commit": release["commit"]} if release["commit"] else {}),
            **self.description.get("tags", {}),
            **tags,
        }
        return self.client.create_run(experiment, start_time=self.description["at"], tags=told, run_name=name)

    def _variant(self, experiment: str, parent: str, variant: Row) -> None:
        from mlflow.entities import Metric, Param

        self.beat(PATIENCE_SECONDS)
        version = self._version(variant)
        tags = {"mlflow.parentRunId": parent, "role": variant["role"], "kind": variant["kind"]}
        tags |= {"mlflow.note.content": f"**{variant['name']}**: {variant['title']}"}
        if variant["model_sha256"]:
            tags["model_sha256"] = variant["model_sha256"]
        if version is not None:
            tags["model"] = f"models:/{variant['registered']}/{version.version}"
        run = self._begun(experiment, variant["name"], variant["name"], tags)
        run_id = run.info.run_id
        if run.info.status != "FINISHED":
            at = self.description["at"]
            metrics = [Metric(key, value, at, 0) for key, value in self._metrics(variant["name"])]
            told = ("origin", "samples", "sar_samples", "weights", "pretrained", "stages")
            params = [Param(key, str(variant[key])[:5000]) for key in told if variant[key] not in (None, "", [])]
            self.client.log_batch(run_id, params=params)
            for start in range(0, len(metrics), BATCH):
                self.client.log_batch(run_id, metrics=metrics[start : start + BATCH])
            self._datasets(run_id, tags.get("model", ""))
            self.client.set_terminated(run_id, end_time=at)
        if version is not None:
            self._tell_version(variant, version, run_id)

    def _metrics(self, variant: str) -> Iterator[tuple[str, float]]:
        """The figures of whole benchmarks, and their bounds; those of further benchmarks begin with their name."""
        main = self.report["benchmarks"][0]["name"]
        for one in self.report["figures"]:
            if one["variant"] == variant and one["subset"] in {"all", "removed"} and one["value"] is not None:
                key = f"{one['task']}/{one['metric']}"
                key = key if one["benchmark"] == main or one["task"] == "physics" else f"{one['benchmark']}/{key}"
                for end, value in (("", one["value"]), ("_low", one["low"]), ("_high", one["high"])):
                    if value is not None:
                        yield f"{key}{end}", float(value)

    def _datasets(self, run_id: str, model: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        tags = [InputTag("mlflow.data.context", "evaluation")]
        if model:
            tags.append(InputTag("model", model))
        inputs = [
            DatasetInput(
                Dataset(
                    name=one["name"],
                    digest=one["sha256"][:DIGEST_CHARACTERS],
                    source_type="local",
                    source=json.dumps(
                        {"release": self.report["release"]["content_sha256"], "sha256": one["sha256"]}
                    ),
                    profile=json.dumps({key: one[key] for key in ("images", "groups", "distinct_facts")}),
                ),
                tags,
            )
            for one in self.report["benchmarks"]
        ]
        self.client.log_inputs(run_id, inputs)

    def _version(self, variant: Row) -> Any:  # noqa: ANN401 - mlflow is untyped
        """The newest version of a model with these very weights; None where there is none."""
        name, digest = variant["registered"], variant["model_sha256"]
        if not name or not digest:
            return None
        known = [
            one
            for one in self.client.search_model_versions(f"name = '{name}'")
            if one.tags.get("model_sha256") == digest
        ]
        return max(known, key=lambda one: int(one.version), default=None)

    def _tell_version(self, variant: Row, version: Any, run_id: str) -> None:  # noqa: ANN401 - mlflow is untyped
        """Let the page of a version say what was measured of it."""
        name = variant["registered"]
        tags = self._contender(variant, str(version.version)).tags()
        tags |= {RUN_TAG: run_id, RELEASE_TAG: self.report["release"]["content_sha256"]}
        for key, value in tags.items():
            if version.tags.get(key) != value:
                self.client.set_model_version_tag(name, version.version, key, value)

    def _contender(self, variant: Row, version: str) -> Contender:
        """A version with the figures that its thresholds name; all that its tags have room for."""
        benchmark = self.report["benchmarks"][0]
        wanted = self.description["thresholds"].get(variant["registered"], {})
        figures = {name: one for name, one in self._figures(variant["name"], benchmark["name"]) if name in wanted}
        return Contender(version, figures, benchmark["sha256"])

    def _figures(self, variant: str, benchmark: str) -> Iterator[tuple[str, Measured]]:
        for one in self.report["figures"]:
            whole = (one["variant"], one["benchmark"], one["subset"]) == (variant, benchmark, "all")
            if whole and one["value"] is not None:
                yield f"{one['task']}/{one['metric']}", Measured(one["value"], one["low"], one["high"])

    def _present(self, model: str) -> Contender | None:
        """The champion, if the registry lists one; that the registry fails is no sign that there is none."""
        version = self.client.get_registered_model(model).aliases.get(ALIAS)
        return None if version is None else contender_of(self.client.get_model_version(model, str(version)))

    def _remeasure(self, model: str, thresholds: Mapping[str, float], version: str) -> Figures:
        """Measure a version as the contender was, and let its tags tell what came out.

        Raises:
            SarTextError: its files cannot be had, or a task cannot be scored from a model alone.
        """
        from mlflow.exceptions import MlflowException

        import mlflow
        from sartext.evaluation.anyone import Asked, score

        self.beat(MEASURE_SECONDS)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        parameters = self.project.parameters
        found: dict[str, Measured] = {}
        with tempfile.TemporaryDirectory() as folder:
            try:
                source = self.client.get_model_version(model, version).source
                place = mlflow.artifacts.download_artifacts(source, dst_path=folder, tracking_uri=self.target.uri)
            except (MlflowException, OSError) as error:
                raise TrackingError("its files cannot be had", where=f"{model} {version}") from error
            for task in sorted({name.partition("/")[0] for name in thresholds}):
                asked = Asked(
                    self.project.build / "release",
                    task,  # type: ignore[arg-type]  # the parameters allow tasks only
                    model=Path(place),
                    images=self.project.data if self.project.data.is_dir() else None,
                    benchmark=self.report["benchmarks"][0]["name"],
                    device=parameters.training.device,
                    resamples=parameters.evaluation.resamples,
                    seed=parameters.evaluation.seed,
                    corpora=parameters.captions,
                    root=self.project.root,
                )
                for one in score(asked).figures:
                    if one.variant == asked.name and one.subset == "all" and one.value is not None:
                        found[f"{one.task}/{one.metric}"] = Measured(one.value, one.low, one.high)
        if missing := sorted(thresholds.keys() - found.keys()):
            raise SarTextError(f"{', '.join(missing)} was not computed", where=f"{model} {version}")
        figures = {name: found[name] for name in thresholds}
        anew = Contender(version, figures, self.report["benchmarks"][0]["sha256"])
        for key, value in anew.tags().items():
            self.client.set_model_version_tag(model, version, key, value)
        return figures


_NOT_REGISTERED = "no version in the registry has the evaluated weights; its training is not uploaded yet"
