"""The stage `promotion`: the report in MLflow, and the champion of each model in its registry."""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.files import write_json
from sartext.tracking.champion import Contender, Decision, Estimate, Figures, decide
from sartext.tracking.evaluations import (
    EvaluationRecord,
    EvaluationUpload,
    Row,
    evaluation_records,
    record_report,
    waiting_evaluations,
)
from sartext.tracking.store import COMMAND, Extend, connection, destination, no_timeout, warn, with_timeout

ALIAS = "champion"
RUN_TAG = "evaluation.run_id"
RELEASE_TAG = "evaluation.release"

START_SECONDS = 60.0
"""For the first part of an upload, which loads mlflow and may make the store."""

MEASURE_SECONDS = 900.0
"""For the champion of a model, where it must be measured anew."""

NOT_EVALUATED = "no model of this name was evaluated"
NOT_REGISTERED = "no version in the registry has the evaluated weights; its training is not uploaded yet"


def promote(project: Project) -> dict[str, object]:
    """Bring the report to MLflow, decide on champions, and write ``build/promotion/promotion.json``.

    Running it again moves nothing twice. A registry that does not answer costs seconds and unseats nobody: every
    model waits, and the command of the warning decides later.

    Returns:
        How many models have each outcome, and a line on each.

    Raises:
        ArtefactError: there is no report.
    """
    record = record_report(project)
    try:
        name = destination(project).name
        decisions = with_timeout(
            lambda extend: upload_evaluation(project, record, extend=extend), START_SECONDS, name
        )
    except TrackingError as error:
        warn(f"{error}; the evaluation is kept, upload it later by `{COMMAND}`")
        reason = f"the registry could not be asked; `{COMMAND}` decides"
        decisions = [Decision(model, "waits", None, None, (reason,)) for model in project.parameters.champions]
        _write(project, record, decisions)
    counts: Counter[str] = Counter(decision.outcome for decision in decisions)
    return {**counts, "lines": [decision.line() for decision in decisions]}


def upload_evaluation(
    project: Project, record: EvaluationRecord, *, extend: Extend = no_timeout
) -> list[Decision]:
    """Bring a report to where this environment sends runs, and decide on champions if no report is newer.

    Args:
        project: the checkout.
        record: of the report.
        extend: called before each part with the seconds that it may take.

    Raises:
        TrackingError: the server does not answer or refuses.
    """
    with record.upload_lock(), connection(project) as target:
        upload = EvaluationUpload(project, record, target, extend)
        run_ids = upload.run()
        registry = _Registry(upload, run_ids)
        registry.describe_versions()
        newest = record.id == evaluation_records(project)[-1].id  # an older report must not undo a newer one
        decisions = list(registry.decisions()) if newest else []
        state = {"run_id": run_ids[""], "experiment_id": upload.experiment, "complete": True}
        record.save_upload(target.name, state)
        if newest:
            _write(project, record, decisions)
    return decisions


def upload_waiting_evaluations(project: Project) -> Iterator[str]:
    """Upload what waits, decide on champions, and yield a line for each report and model.

    Raises:
        TrackingError: the server does not answer or refuses.
    """
    for record in waiting_evaluations(project):
        decisions = upload_evaluation(project, record)
        yield f"evaluation {record.id}: in {destination(project).name}"
        yield from (decision.line() for decision in decisions)


def _write(project: Project, record: EvaluationRecord, decisions: Sequence[Decision]) -> None:
    content = {"report_sha256": record.description()["sha256"], "decisions": list(map(asdict, decisions))}
    write_json(project.build / "promotion" / "promotion.json", content)


class _Registry:
    """The versions of the evaluated models in MLflow's registry."""

    def __init__(self, upload: EvaluationUpload, run_ids: Mapping[str, str]) -> None:
        self.upload, self.run_ids = upload, run_ids
        self.project, self.client, self.report = upload.project, upload.client, upload.report
        self.thresholds = self.project.parameters.champions
        self.benchmark = self.report["benchmarks"][0]

    def describe_versions(self) -> None:
        """Let the page of every evaluated version say what was measured of it."""
        for variant in self.report["variants"]:
            version = self.upload.version(variant) if variant["kind"] != "rule" else None
            if version is not None:
                tags = self._contender(variant, str(version.version)).tags()
                tags[RUN_TAG] = self.run_ids[variant["name"]]
                tags[RELEASE_TAG] = self.report["release"]["content_sha256"]
                self._tag(variant["registered"], version, tags)

    def decisions(self) -> Iterator[Decision]:
        """Decide on the champion of every model that has thresholds, and move its alias accordingly."""
        variants = {variant["registered"]: variant for variant in self.report["variants"] if variant["registered"]}
        for model, thresholds in sorted(self.thresholds.items()):
            version = self.upload.version(variants[model]) if model in variants else None
            if version is None:
                reason = NOT_REGISTERED if model in variants else NOT_EVALUATED
                yield Decision(model, "waits", None, None, (reason,))
                continue
            contender = self._contender(variants[model], str(version.version))
            present = self._present(model)
            decision = decide(model, contender, thresholds, present, partial(self._remeasure, model))
            if decision.outcome == "champion" and decision.champion != (present.version if present else None):
                self.client.set_registered_model_alias(model, ALIAS, contender.version)
            yield decision

    def _tag(self, model: str, version: Any, tags: Mapping[str, str]) -> None:  # noqa: ANN401 - mlflow is untyped
        for key, value in tags.items():
            if version.tags.get(key) != value:
                self.client.set_model_version_tag(model, version.version, key, value)

    def _contender(self, variant: Row, version: str) -> Contender:
        """A version with the figures that its thresholds name; all that its tags have room for."""
        place = (variant["name"], self.benchmark["name"], "all")
        figures = {
            f"{figure['task']}/{figure['metric']}": Estimate(figure["value"], figure["low"], figure["high"])
            for figure in self.report["figures"]
            if (figure["variant"], figure["benchmark"], figure["subset"]) == place and figure["value"] is not None
        }
        named = self.thresholds.get(variant["registered"], {})
        return Contender(
            version, {name: figures[name] for name in named if name in figures}, self.benchmark["sha256"]
        )

    def _present(self, model: str) -> Contender | None:
        """The champion, if the registry lists one; that the registry fails is no sign that there is none."""
        number = self.client.get_registered_model(model).aliases.get(ALIAS)
        return None if number is None else Contender.of_version(self.client.get_model_version(model, str(number)))

    def _remeasure(self, model: str, number: str) -> Figures:
        """Measure a version as the contender was, and let its tags tell what came out.

        Raises:
            SarTextError: its files cannot be had, or a task cannot be scored from a model alone.
        """
        from mlflow.exceptions import MlflowException

        import mlflow

        thresholds = self.thresholds[model]
        self.upload.extend(MEASURE_SECONDS)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        with tempfile.TemporaryDirectory() as folder:
            try:
                version = self.client.get_model_version(model, number)
                place = mlflow.artifacts.download_artifacts(
                    version.source, dst_path=folder, tracking_uri=self.upload.target.uri
                )
            except (MlflowException, OSError) as error:
                raise TrackingError("its files cannot be had", where=f"{model} {number}") from error
            scored = {
                name: figure
                for task in sorted({name.partition("/")[0] for name in thresholds})
                for name, figure in self._score(task, Path(place))
            }
        if missing := sorted(thresholds.keys() - scored.keys()):
            raise SarTextError(f"{', '.join(missing)} was not computed", where=f"{model} {number}")
        figures = {name: scored[name] for name in thresholds}
        self._tag(model, version, Contender(number, figures, self.benchmark["sha256"]).tags())
        return figures

    def _score(self, task: str, model: Path) -> Iterator[tuple[str, Estimate]]:
        from sartext.evaluation.submissions import Submission, score

        parameters = self.project.parameters
        request = Submission(
            self.project.build / "release",
            task,  # type: ignore[arg-type]  # the parameters allow tasks only
            model=model,
            images=self.project.data if self.project.data.is_dir() else None,
            benchmark=self.benchmark["name"],
            device=parameters.training.device,
            resamples=parameters.evaluation.resamples,
            seed=parameters.evaluation.seed,
            corpora=parameters.captions,
            root=self.project.root,
        )
        for figure in score(request).figures:
            if figure.variant == request.name and figure.subset == "all" and figure.value is not None:
                yield f"{figure.task}/{figure.metric}", Estimate(figure.value, figure.low, figure.high)
