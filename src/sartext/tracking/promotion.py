"""The stage `promotion`: the report in MLflow, and by which rules a version is the champion of its model."""

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.files import write_json
from sartext.tracking.evaluations import (
    EvaluationUpload,
    Row,
    description_of,
    evaluation_records,
    record_report,
    waiting_evaluations,
)
from sartext.tracking.record import Record
from sartext.tracking.store import COMMAND, connection, destination, version_with_alias, warn
from sartext.tracking.thresholds import Estimate, Figures, Thresholds, regression, shortfall

ALIAS = "champion"
FIGURES_TAG = "evaluation.figures"
BENCHMARK_TAG = "evaluation.benchmark"


Remeasure = Callable[[str], Figures]
"""Measures a version on the benchmark of the evaluation."""


@dataclass(frozen=True)
class Contender:
    """A version of a model with its figures on a benchmark, which is named by the hash of its definition."""

    version: str
    figures: Figures
    benchmark: str


@dataclass(frozen=True)
class Decision:
    """What became of a model's evaluation: of ``version``, if one is registered; ``champion`` has the alias then.

    ``champion``: that is the version; ``stays``: another one keeps it; ``refused``: the version did not pass;
    ``waits``: there is none yet. ``reasons`` are sentences.
    """

    model: str
    outcome: Literal["champion", "stays", "refused", "waits"]
    version: str | None
    champion: str | None
    reasons: tuple[str, ...]

    def line(self) -> str:
        """Return it as one line for a person."""
        version = f" version {self.version}" if self.version else ""
        words = {
            "champion": "is the champion",
            "stays": f"does not replace champion version {self.champion}",
            "refused": "does not become champion",
            "waits": "waits",
        }[self.outcome]
        return f"{self.model}{version} {words}: {'; '.join(self.reasons)}"


def decide(
    model: str,
    contender: Contender,
    thresholds: Thresholds,
    present: Contender | None,
    remeasure: Remeasure,
    *,
    blind: Figures | None = None,
) -> Decision:
    """Decide whether a version becomes the champion of its model.

    Every figure that the thresholds name must reach them, some by being above the ``blind`` answers, and none may
    lie outside the 95 % interval of the present champion's, on its worse side. Where that one was measured on
    another benchmark, by its hash, it is measured anew; where that cannot be done, it stays.
    """
    version, measured = contender.version, contender.figures
    champion = present.version if present else None
    reasons = (
        shortfall(measured.get(name), name, bound, (blind or {}).get(name)) for name, bound in thresholds.items()
    )
    missed = list(filter(None, reasons))
    if missed:
        if champion == version:
            missed.append("it keeps the alias that it has, as no other version takes it")
        elif champion:
            missed.append(f"version {champion} stays champion")
        return Decision(model, "refused", version, champion, tuple(missed))
    passed = f"it passes {'its threshold' if len(thresholds) == 1 else f'all {len(thresholds)} thresholds'}"
    if present is None or champion == version:
        before = "there was no champion" if present is None else "it was the champion before"
        return Decision(model, "champion", version, version, (passed, before))
    figures, how = present.figures, "measured on the same benchmark"
    if present.benchmark != contender.benchmark or not thresholds.keys() <= figures.keys():
        try:
            figures, how = remeasure(present.version), "measured anew on this benchmark"
        except SarTextError as error:
            reason = f"version {champion} was measured on another benchmark and cannot be measured anew: {error}"
            return Decision(model, "stays", version, champion, (passed, reason))
    worse = [text for name in thresholds if (text := regression(measured[name], figures.get(name), name))]
    if worse:
        return Decision(model, "stays", version, champion, (passed, *worse))
    reason = f"it does not fall behind version {champion}, {how}"
    return Decision(model, "champion", version, version, (passed, reason))


def promote(project: Project) -> dict[str, object]:
    """Bring the report to MLflow, decide on champions, and write ``build/promotion/promotion.json``.

    Running it again moves nothing twice. A registry that does not answer costs seconds and unseats nobody: every
    model waits, and the command of the warning decides later. How many models have each outcome is returned.

    Raises:
        ArtefactError: there is no report.
    """
    record = record_report(project)
    try:
        decisions = upload_evaluation(project, record)
    except TrackingError as error:
        warn(f"{error}; the evaluation is kept, upload it later by `{COMMAND}`")
        reason = f"the registry could not be asked; `{COMMAND}` decides"
        decisions = [Decision(model, "waits", None, None, (reason,)) for model in project.parameters.champions]
        _write(project, record, decisions)
    lines = [decision.line() for decision in decisions]
    return {**Counter(decision.outcome for decision in decisions), "lines": lines}


def upload_evaluation(project: Project, record: Record) -> list[Decision]:
    """Bring a report to where runs go (a TrackingError where that fails); decide on champions if none is newer."""
    with connection(project) as client, record.upload_lock():
        upload = EvaluationUpload(project, record, client)
        run_ids = upload.run()
        registry = _Registry(upload)
        registry.describe_versions(run_ids)
        newest = record.id == evaluation_records(project)[-1].id  # an older report must not undo a newer one
        decisions = list(registry.decisions()) if newest else []
        state = {"run_id": run_ids[""], "experiment_id": upload.experiment, "complete": True}
        record.save_upload(destination(project).name, state)
        if newest:
            _write(project, record, decisions)
    return decisions


def upload_waiting_evaluations(project: Project) -> Iterator[str]:
    """Upload what waits as `upload_evaluation` does, and yield a line for each report and model."""
    for record in waiting_evaluations(project):
        decisions = upload_evaluation(project, record)
        yield f"evaluation {record.id}: in {destination(project).name}"
        yield from (decision.line() for decision in decisions)


def _write(project: Project, record: Record, decisions: Sequence[Decision]) -> None:
    content = {"report_sha256": description_of(record)["sha256"], "decisions": list(map(asdict, decisions))}
    write_json(project.build / "promotion" / "promotion.json", content)


class _Registry:
    """The versions of the evaluated models in MLflow's registry."""

    def __init__(self, upload: EvaluationUpload) -> None:
        self.upload, self.project, self.client, self.report = upload, upload.project, upload.client, upload.report
        self.thresholds = self.project.parameters.champions
        self.benchmark = self.report["benchmarks"][0]
        self.blind = {
            f"{row['task']}/{row['metric']}": Estimate(row["value"], row["low"], row["high"])
            for row in self.report.get("blind", ())
            if row["benchmark"] == self.benchmark["name"]
        }

    def describe_versions(self, run_ids: Mapping[str, str]) -> None:
        """Let the page of every evaluated version say what was measured of it."""
        for variant in self.report["variants"]:
            version = self.upload.version(variant) if variant["kind"] != "rule" else None
            if version is not None:
                tags = {"evaluation.release": self.report["release"]["content_sha256"]}
                tags["evaluation.run_id"] = run_ids[variant["name"]]
                self._tag(version, self._measured(variant), tags)

    def decisions(self) -> Iterator[Decision]:
        """Decide on the champion of every model that has thresholds, and move its alias accordingly."""
        variants = {variant["registered"]: variant for variant in self.report["variants"] if variant["registered"]}
        for model, thresholds in sorted(self.thresholds.items()):
            version = self.upload.version(variants[model]) if model in variants else None
            if version is None:
                reason = "no version in the registry has the evaluated weights; its training is not uploaded yet"
                if model not in variants:
                    reason = "no model of this name was evaluated"
                yield Decision(model, "waits", None, None, (reason,))
                continue
            contender = Contender(str(version.version), self._measured(variants[model]), self.benchmark["sha256"])
            present = _contender_of(version_with_alias(self.client, model, ALIAS))
            remeasure = partial(self._remeasure, model)
            decision = decide(model, contender, thresholds, present, remeasure, blind=self.blind)
            if decision.outcome == "champion" and decision.champion != (present.version if present else None):
                self.client.set_registered_model_alias(model, ALIAS, contender.version)
            yield decision

    def _tag(self, version: Any, figures: Figures, tags: Mapping[str, str]) -> None:  # noqa: ANN401
        """Let a version carry its figures on the benchmark, so that the next evaluation can compare with it."""
        values = {name: asdict(figure) for name, figure in sorted(figures.items())}
        for key, value in {
            FIGURES_TAG: json.dumps(values),
            BENCHMARK_TAG: self.benchmark["sha256"],
            **tags,
        }.items():
            if version.tags.get(key) != value:
                self.client.set_model_version_tag(version.name, version.version, key, value)

    def _measured(self, variant: Row) -> Figures:
        """The figures that the thresholds of a variant's model name: all that a tag has room for."""
        place = (variant["name"], self.benchmark["name"], "all")
        figures = {
            f"{figure['task']}/{figure['metric']}": Estimate(figure["value"], figure["low"], figure["high"])
            for figure in self.report["figures"]
            if (figure["variant"], figure["benchmark"], figure["subset"]) == place and figure["value"] is not None
        }
        named = self.thresholds.get(variant["registered"], {})
        return {name: figures[name] for name in named if name in figures}

    def _remeasure(self, model: str, number: str) -> Figures:
        """Measure a version as the contender was, and let its tags tell what came out."""
        from mlflow.exceptions import MlflowException

        import mlflow

        thresholds = self.thresholds[model]
        uri = destination(self.project).uri
        with tempfile.TemporaryDirectory() as folder:
            try:
                version = self.client.get_model_version(model, number)
                place = mlflow.artifacts.download_artifacts(version.source, dst_path=folder, tracking_uri=uri)
            except (MlflowException, OSError) as error:
                raise TrackingError("its files cannot be had", where=f"{model} {number}") from error
            tasks = sorted({name.partition("/")[0] for name in thresholds})
            scored = dict(pair for task in tasks for pair in self._score(task, Path(place)))
        if missing := sorted(thresholds.keys() - scored.keys()):
            raise SarTextError(f"{', '.join(missing)} was not computed", where=f"{model} {number}")
        figures = {name: scored[name] for name in thresholds}
        self._tag(version, figures, {})
        return figures

    def _score(self, task: str, model: Path) -> Iterator[tuple[str, Estimate]]:
        from sartext.submissions.scoring import score
        from sartext.submissions.submission import Submission

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


def _contender_of(version: Any) -> Contender | None:  # noqa: ANN401 - mlflow is untyped
    """A version of the registry with the figures of its tags; none where it was not evaluated."""
    if version is None:
        return None
    figures = {name: Estimate(**row) for name, row in json.loads(version.tags.get(FIGURES_TAG, "{}")).items()}
    return Contender(str(version.version), figures, version.tags.get(BENCHMARK_TAG, ""))
