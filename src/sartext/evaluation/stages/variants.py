"""Which models a project's evaluation compares: foundations, arms of the comparison, and models on the release."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.config.arms import ARMS, PROGRESSIVE, arm_rows
from sartext.config.training import CheckpointParameters, GptParameters
from sartext.errors import ArtefactError, EvaluationError
from sartext.evaluation.details import Role, Variant
from sartext.evaluation.figures import RESERVED
from sartext.files import read_json
from sartext.models.checkpoint import load, start
from sartext.models.foundation import read_foundation
from sartext.models.model import Kind, Model, device_of, kind_of
from sartext.models.weights import CONFIG, RECORD

FOUNDATIONS = {"coca": "foundation", "clip": "foundation-clip"}
NARRATOR = "narrator"
"""The model that captions for the release; it sees more samples than the arms, so it is none of them."""

FURTHER = {
    NARRATOR: ("coca-sar", "captions for the release: optical captions, then annotated SAR captions"),
    "clip-progressive": ("clip-sar", "optical captions, then SAR captions"),
    "clip-optical-only": ("clip-optical", "the optical stage alone"),
}
ON_RELEASE = "trained on the release"


@dataclass(frozen=True)
class Compared:
    """A model to be compared.

    Args:
        name: of the variant.
        title: what it is, in a few words.
        role: of the variant.
        kind: of the network.
        row: its name in ``checkpoints`` or ``models``; None for a foundation.
        origin: the foundation file that its lineage began with, relative to the root.
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


def compared(project: Project) -> list[Compared]:
    """Return the models to compare, in the order in which tables show them.

    Arms whose row ``checkpoints`` lacks, and models that ``models`` lacks, are left out.

    Raises:
        ArtefactError: a model of the table is not trained.
        EvaluationError: there is none, or one is called as an arm or a baseline is.
    """
    parameters = project.parameters
    found = [*_foundations(project)]
    for name, row, title in _arms(parameters.checkpoints):
        found.append(_of_row(project, name, row, title, "model" if name == NARRATOR else "arm"))
    for name, one in parameters.models.items():
        if isinstance(one, CheckpointParameters):
            narrow = one.methods and NARRATOR not in one.methods
            how = f"{ON_RELEASE}, without narrated captions" if narrow else ON_RELEASE
            _check_name(name)
            found.append(_of_row(project, name, name, how, "model"))
    if not found:
        raise EvaluationError(
            "there is no model to evaluate", where="params.yaml", way_out="list one in `checkpoints` or `models`"
        )
    return found


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


def described(project: Project, one: Compared, model: Model) -> Variant:
    """Return what the report says of a model.

    Raises:
        ArtefactError: a model that it descends from is not trained.
    """
    lineage = _lineage(project, one.row) if one.row else []
    rows = [project.parameters.trainings[name] for name in lineage]
    seen = [int(training_of(project, name)["samples"]) for name in lineage]
    mixed = any(row.data == "build/shards" for row in rows)
    sar = [samples for row, samples in zip(rows, seen, strict=True) if row.data != "build/shards/optical"]
    return Variant(
        name=one.name,
        title=one.title,
        role=one.role,
        kind=one.kind,
        origin=rows[-1].origin if rows else one.origin,
        samples=sum(seen),
        sar_samples=None if mixed else sum(sar),
        weights=sum(parameter.numel() for parameter in model.network.parameters()),
        model_sha256=model.sha256 if one.row else None,
        stages=tuple(stage_of(project, name) for name in lineage),
        registered=one.row,
        pretrained=read_foundation(project.root / one.origin).pretrained is not None,
    )


def training_of(project: Project, name: str) -> Mapping[str, Any]:
    """Return what the training of a row tells of itself: it may have stopped before its samples were seen.

    Raises:
        ArtefactError: it has not ended, or its record is damaged.
    """
    path = project.checkpoint(name) / RECORD
    told = read_json(path) if path.is_file() else {}
    if "samples" not in told:
        raise ArtefactError(
            f"{RECORD} does not tell what was trained", where=path.parent, way_out=f"run `sartext train {name}`"
        )
    return dict(told)


def stage_of(project: Project, name: str) -> str:
    """Return the stage of ``dvc.yaml`` that trains a row."""
    return f"{'model' if name in project.parameters.models else 'checkpoint'}@{name}"


def _check_name(name: str) -> None:
    """Refuse a model that tables could not tell from an arm or a baseline."""
    if name in RESERVED or name in {*FOUNDATIONS.values(), *FURTHER, *(arm.name for arm in ARMS)}:
        raise EvaluationError(
            f"'{name}' is the name of an arm or a baseline",
            where=f"params.yaml: models.{name}",
            way_out="give the model another one",
        )


def _foundations(project: Project) -> Iterator[Compared]:
    """The foundation of the progressive arm, and of the CLIP beside it."""
    rows = project.parameters.checkpoints
    for kind, name in FOUNDATIONS.items():
        row = f"{kind}-optical"
        if row in rows and not rows[row].origin.startswith("build/"):
            told: Kind = "coca" if kind == "coca" else "clip"
            yield Compared(name, "before any training of ours", "foundation", told, None, rows[row].origin)


def _of_row(project: Project, name: str, row: str, title: str, role: Role) -> Compared:
    folder = project.checkpoint(row)
    if not (folder / CONFIG).is_file():
        raise ArtefactError("the model is not trained", where=folder, way_out=f"run `sartext train {row}`")
    kind = kind_of(read_json(folder / CONFIG)["model_cfg"])
    first = next(iter(_lineage(project, row)))
    return Compared(name, title, role, kind, row, project.parameters.trainings[first].origin)


def _lineage(project: Project, row: str) -> list[str]:
    """The rows that a model descends from, the first one first, itself the last."""
    rows = project.parameters.trainings
    found = [row]
    while (origin := rows[found[0]].origin).startswith("build/"):
        found.insert(0, Path(origin).name)
    return found
