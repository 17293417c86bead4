"""What a project evaluates: the benchmarks of its release, and the models that it compares on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sartext.config import Project
from sartext.config.arms import ARMS, OPTICAL, PROGRESSIVE, arm_rows
from sartext.config.training import CheckpointParameters, GptParameters
from sartext.errors import ArtefactError, EvaluationError
from sartext.evaluation.benchmarks import Benchmark, Sources, open_benchmarks
from sartext.evaluation.details import BASELINES, Role, Variant
from sartext.files import read_json
from sartext.models.checkpoint import load, start
from sartext.models.construction import read_foundation
from sartext.models.model import Kind, Model, device_of, kind_of
from sartext.models.weights import CONFIG, RECORD
from sartext.progress import track
from sartext.release.pictures import SourcePictures

FOUNDATIONS: Mapping[Kind, str] = {"coca": "foundation", "clip": "foundation-clip"}
NARRATOR = "narrator"
"""The model that captions for the release; it sees more samples than the arms, so it is none of them."""

FURTHER = {
    NARRATOR: ("coca-sar", "captions for the release: optical captions, then annotated SAR captions"),
    "clip-progressive": ("clip-sar", "optical captions, then SAR captions"),
    "clip-optical-only": ("clip-optical", "the optical stage alone"),
}
ON_RELEASE = "trained on the release"


def project_benchmarks(project: Project) -> dict[str, Benchmark]:
    """Return the benchmarks of the assembled release, by name; none of their pictures is withheld from its maker.

    Raises:
        EvaluationError: no release is assembled, or its test split is empty.
        ArtefactError: an index is missing.
    """
    sources = SourcePictures(project)
    return open_benchmarks(
        project.build / "release",
        Sources(
            picture=lambda row: sources.read(row["image_id"]),
            boxes=lambda image_id: list(sources.row(image_id)["objects"]),
        ),
    )


@dataclass(frozen=True)
class ComparedModel:
    """A model to be compared, as `Variant` has it, with its row, None for a foundation, and the foundation that it
    began with.
    """

    name: str
    title: str
    role: Role
    kind: Kind
    row: str | None
    origin: str

    def open(self, project: Project) -> Model:
        """Load it, in evaluation mode.

        Raises:
            ModelError: it cannot be loaded.
        """
        parameters = project.parameters
        device = device_of(parameters.training.device)
        if self.row is not None:
            return load(project.checkpoint(self.row), device=device, expected_kind=self.kind)
        seed, side = parameters.training.seed, parameters.shards.side
        model = start(self.origin, project.root, project.tokenizer, seed=seed, side=side)
        model.network.to(device).eval()
        return model


def compared(project: Project) -> list[ComparedModel]:
    """Return the models to compare, in the order in which tables show them.

    Arms whose row ``checkpoints`` lacks, and models that ``models`` lacks, are left out.

    Raises:
        ArtefactError: a model of the table is not trained.
        EvaluationError: there is none, or one is called as an arm or a baseline is.
    """
    parameters = project.parameters
    models = [*_foundations(project)]
    for name, row, title in _arms(parameters.image_text):
        models.append(_of_row(project, name, row, title, "model" if name == NARRATOR else "arm"))
    for name, row_of_model in parameters.models.items():
        if isinstance(row_of_model, CheckpointParameters):
            narrow = row_of_model.methods and NARRATOR not in row_of_model.methods
            how = f"{ON_RELEASE}, without narrated captions" if narrow else ON_RELEASE
            _check_name(name)
            models.append(_of_row(project, name, name, how, "model"))
    if not models:
        raise EvaluationError(
            "there is no model to evaluate", where="params.yaml", way_out="list one in `checkpoints` or `models`"
        )
    return models


def _arms(rows: Mapping[str, CheckpointParameters]) -> Iterator[tuple[str, str, str]]:
    """Name, row and title of every arm that has a row, and of what stands beside the arms."""
    arms = arm_rows(rows)
    for arm in ARMS:
        if arm.name in arms:
            yield arm.name, arms[arm.name], arm.planned
    for name, (row, title) in FURTHER.items():
        if row in rows and row != arms.get(PROGRESSIVE.name):
            yield name, row, title


def gpt_rows(project: Project) -> dict[str, GptParameters]:
    """Return the rows of ``models`` that answer questions.

    Raises:
        EvaluationError: one is called as a baseline is.
    """
    rows = {name: row for name, row in project.parameters.models.items() if isinstance(row, GptParameters)}
    for name in rows:
        _check_name(name)
    return rows


def described(project: Project, source: ComparedModel, model: Model) -> Variant:
    """Return what the report says of a model.

    Raises:
        ArtefactError: a model that it descends from is not trained.
    """
    lineage = _lineage(project, source.row) if source.row else []
    rows = [project.parameters.trainings[name] for name in lineage]
    seen = [int(training_of(project, name)["samples"]) for name in lineage]
    mixed = any(row.data == "build/shards" for row in rows)
    sar = [samples for row, samples in zip(rows, seen, strict=True) if row.data != "build/shards/optical"]
    return Variant(
        name=source.name,
        title=source.title,
        role=source.role,
        kind=source.kind,
        origin=rows[-1].origin if rows else source.origin,
        samples=sum(seen),
        sar_samples=None if mixed else sum(sar),
        weights=sum(parameter.numel() for parameter in model.network.parameters()),
        model_sha256=model.sha256 if source.row else None,
        stages=tuple(stage_of(project, name) for name in lineage),
        registered=source.row,
        pretrained=read_foundation(project.root / source.origin).pretrained is not None,
    )


def open_models(project: Project) -> Iterator[tuple[str, Variant, Model]]:
    """Yield the name of each model to compare, what the report says of it, and the model, one in memory at a time.

    Raises:
        ArtefactError: one is not trained.
        ModelError: one cannot be loaded.
    """
    torch.set_num_threads(project.parameters.training.threads)  # it is part of the arithmetic
    models = compared(project)
    for source in track(iter(models), "models", len(models)):
        model = source.open(project)
        yield source.name, described(project, source, model), model


def training_of(project: Project, name: str) -> Mapping[str, Any]:
    """Return what the training of a row recorded: it may have stopped before its samples were seen.

    Raises:
        ArtefactError: it has not ended, or its record is damaged.
    """
    path = project.checkpoint(name) / RECORD
    record = read_json(path) if path.is_file() else {}
    if "samples" not in record:
        raise ArtefactError(
            f"{RECORD} does not say what was trained", where=path.parent, way_out=f"run `sartext train {name}`"
        )
    return dict(record)


def stage_of(project: Project, name: str) -> str:
    """Return the stage of ``dvc.yaml`` that makes a checkpoint or model."""
    parameters = project.parameters
    kind = "pinned" if name in parameters.pinned else "checkpoint"
    return f"{'model' if name in parameters.models else kind}@{name}"


def _check_name(name: str) -> None:
    """Refuse a model that tables could not tell from an arm or a baseline."""
    if name in BASELINES or name in {*FOUNDATIONS.values(), *FURTHER, *(arm.name for arm in ARMS)}:
        raise EvaluationError(
            f"'{name}' is the name of an arm or a baseline",
            where=f"params.yaml: models.{name}",
            way_out="give the model another one",
        )


def _foundations(project: Project) -> Iterator[ComparedModel]:
    """The foundation of the progressive arm, and of the CLIP beside it."""
    rows = project.parameters.image_text
    for kind, name in FOUNDATIONS.items():
        row = OPTICAL if kind == "coca" and OPTICAL in rows else f"{kind}-optical"
        if row in rows and not rows[row].origin.startswith("build/"):
            yield ComparedModel(name, "before any training of ours", "foundation", kind, None, rows[row].origin)


def _of_row(project: Project, name: str, row: str, title: str, role: Role) -> ComparedModel:
    folder = project.checkpoint(row)
    if not (folder / CONFIG).is_file():
        raise ArtefactError("the model is not trained", where=folder, way_out=f"run `sartext train {row}`")
    kind = kind_of(read_json(folder / CONFIG)["model_cfg"])
    first = next(iter(_lineage(project, row)))
    return ComparedModel(name, title, role, kind, row, project.parameters.trainings[first].origin)


def _lineage(project: Project, row: str) -> list[str]:
    """The rows that a model descends from, the first one first, itself the last."""
    rows = project.parameters.trainings
    lineage = [row]
    while (origin := rows[lineage[0]].origin).startswith("build/"):
        lineage.insert(0, Path(origin).name)
    return lineage
