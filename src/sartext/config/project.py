"""The whole of ``params.yaml``, and the places of a project."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Discriminator, Tag, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from sartext.config.arms import check_arms
from sartext.config.data import (
    CorpusParameters,
    GateParameters,
    NarratorParameters,
    ReleaseParameters,
    SimulationParameters,
    SplitParameters,
)
from sartext.config.rewriting import RewritingParameters
from sartext.config.section import Section, explain_validation, forbid_circles, parse_yaml
from sartext.config.training import (
    Champions,
    CheckpointParameters,
    EvaluationParameters,
    GptParameters,
    GrounderParameters,
    NarrationParameters,
    ShardParameters,
    StudyParameters,
    TokenizerParameters,
    TrainingParameters,
)
from sartext.errors import ParameterError, nearest


def _kind(row: Any) -> str:  # noqa: ANN401 - a row before it is validated
    """A row that names a language model is a SAR-GPT, one that names a task is a grounder."""
    names = row if isinstance(row, Mapping) else getattr(row, "__dict__", {})
    return GPT if "language" in names else GROUNDER if "task" in names else OPEN_CLIP


OPEN_CLIP, GPT, GROUNDER = "open_clip", "gpt", "grounder"
FORMS: dict[str, type[Section]] = {
    OPEN_CLIP: CheckpointParameters,
    GPT: GptParameters,
    GROUNDER: GrounderParameters,
}

AnyCheckpoint = Annotated[
    Annotated[CheckpointParameters, Tag(OPEN_CLIP)] | Annotated[GrounderParameters, Tag(GROUNDER)],
    Discriminator(_kind),
]
"""A row of ``checkpoints``: trained by open_clip's losses, or as a grounder."""

ModelParameters = Annotated[
    Annotated[CheckpointParameters, Tag(OPEN_CLIP)] | Annotated[GptParameters, Tag(GPT)], Discriminator(_kind)
]
"""A row of ``models``: trained on the release, by open_clip's losses or as SAR-GPT."""


class Parameters(Section):
    """Everything that ``params.yaml`` may say."""

    simulation: SimulationParameters | None = None
    corpora: dict[str, CorpusParameters]
    captions: tuple[str, ...] = ()
    optical_captions: tuple[str, ...] = ()
    narrated: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    rewriting: RewritingParameters | None = None
    tokenizer: TokenizerParameters = TokenizerParameters.model_validate({})
    shards: ShardParameters = ShardParameters.model_validate({})
    training: TrainingParameters = TrainingParameters.model_validate({})
    pinned: dict[str, str] = {}
    checkpoints: dict[str, AnyCheckpoint] = {}
    models: dict[str, ModelParameters] = {}
    narration: NarrationParameters = NarrationParameters.model_validate({})
    evaluation: EvaluationParameters = EvaluationParameters.model_validate({})
    champions: Champions = {}
    study: StudyParameters | None = None
    narrator: NarratorParameters = NarratorParameters.model_validate({})
    splits: SplitParameters = SplitParameters.model_validate({})
    gate: GateParameters = GateParameters.model_validate({})
    release: ReleaseParameters = ReleaseParameters.model_validate({})

    @model_validator(mode="after")
    def _lists_name_corpora(self) -> "Parameters":
        for section in ("captions", "optical_captions", "narrated", "rewritten"):
            names: tuple[str, ...] = getattr(self, section)
            for name in names:
                if name not in self.corpora:
                    raise ValueError(f"{section}: unknown corpus '{name}'; {nearest(name, self.corpora)}")
                if names.count(name) > 1:
                    raise ValueError(f"{section}: corpus '{name}' is listed twice")
        return self

    @model_validator(mode="after")
    def _rewritten_corpora_are_captioned_by_rules(self) -> "Parameters":
        for name in self.rewritten:
            if name not in self.captions:
                raise ValueError(f"rewritten: list '{name}' in `captions` too, whose rules are fallen back to")
        if self.rewritten and self.rewriting is None:
            raise ValueError("rewritten: there is no section `rewriting`; docs/rewriting.md shows one")
        return self

    @model_validator(mode="after")
    def _checkpoints_descend_from_known_ones(self) -> "Parameters":
        for name, row in self.checkpoints.items():
            if row.parent is None and row.origin.startswith("build/"):
                raise ValueError(f"checkpoints.{name}.from: '{row.origin}' is no checkpoint and no foundation")
            if name in self.pinned:
                raise ValueError(f"pinned.{name}: a row of `checkpoints` has that name too; remove one")
            if row.parent is not None and row.parent not in self.at_hand:
                near = nearest(row.parent, self.at_hand)
                raise ValueError(f"checkpoints.{name}.from: no checkpoint '{row.parent}'; {near}")
        forbid_circles("checkpoints", {name: row.parent or "" for name, row in self.checkpoints.items()})
        check_arms(self.image_text)
        return self

    @model_validator(mode="after")
    def _models_descend_from_known_ones(self) -> "Parameters":
        folders = {f"build/{'model' if name in self.models else 'checkpoint'}/{name}" for name in self.trainings}
        for name, row in self.models.items():
            if name in self.checkpoints:
                raise ValueError(f"models.{name}: there is a checkpoint of that name; give it another one")
            others = folders - {f"build/model/{name}"}
            if row.origin.startswith("build/") and row.origin not in others:
                raise ValueError(f"models.{name}.from: no '{row.origin}'; {nearest(row.origin, others)}")
        forbid_circles(
            "models", {name: row.origin.removeprefix("build/model/") for name, row in self.models.items()}
        )
        return self

    @property
    def image_text(self) -> dict[str, CheckpointParameters]:
        """The checkpoints that are trained by open_clip's losses."""
        return {name: row for name, row in self.checkpoints.items() if isinstance(row, CheckpointParameters)}

    @property
    def at_hand(self) -> set[str]:
        """The names of all that a build has in ``build/checkpoint``: pinned or trained."""
        return {*self.pinned, *self.checkpoints}

    @property
    def grounder(self) -> str | None:
        """The name of the checkpoint that grounds statements, if any; a pinned one is called `grounder`."""
        trained = (name for name, row in self.checkpoints.items() if isinstance(row, GrounderParameters))
        return next(trained, GROUNDER if GROUNDER in self.pinned else None)

    @property
    def trainings(self) -> dict[str, CheckpointParameters]:
        """Everything that is trained by open_clip's losses: the checkpoints, and models on the release."""
        of_release = {name: row for name, row in self.models.items() if isinstance(row, CheckpointParameters)}
        return {**self.image_text, **of_release}


@dataclass(frozen=True)
class Project:
    """A checkout: its parameters and the places that stages read and write.

    Args:
        root: the folder that holds ``params.yaml``.
    """

    root: Path

    @cached_property
    def parameters(self) -> Parameters:
        """The validated content of ``params.yaml``."""
        return load_parameters(self.root / "params.yaml")

    @property
    def data(self) -> Path:
        """The source corpora, one folder each."""
        return self.root / "data"

    @property
    def build(self) -> Path:
        """The outputs of the stages."""
        return self.root / "build"

    @property
    def audit(self) -> Path:
        """What people said of candidates: in git, as it cannot be built again."""
        return self.root / "audit"

    @property
    def releases(self) -> Path:
        """The published releases of the dataset that ``params.yaml`` names."""
        return self.root / "releases" / self.parameters.release.name

    def source(self, corpus: str) -> Path:
        """The folder of a source corpus."""
        return self.data / corpus

    def corpus(self, corpus: str) -> Path:
        """The folder of a corpus's index."""
        return self.build / "corpus" / corpus

    def captions(self, corpus: str) -> Path:
        """The folder of a corpus's captions."""
        return self.build / "captions" / corpus

    def optical_captions(self, corpus: str) -> Path:
        """The folder of the captions that a model wrote for the optical halves of a corpus of pairs."""
        return self.build / "optical-captions" / corpus

    def narrated(self, corpus: str) -> Path:
        """The folder of the captions that the narrator wrote for an unlabelled corpus."""
        return self.build / "narrated" / corpus

    def rewritten(self, corpus: str) -> Path:
        """The folder of the captions that a language model rewrote for a corpus of pairs."""
        return self.build / "rewritten" / corpus

    @property
    def endpoint(self) -> Path:
        """The file that says how a language model is reached; no stage depends on it."""
        return self.root / "endpoint.yaml"

    @property
    def tokenizer(self) -> Path:
        """The folder of the tokenizer that was trained on the corpora's captions."""
        return self.build / "tokenizer"

    def shards(self, data: str) -> Path:
        """The folder of the shards of ``optical`` or ``sar`` pairs, or of the ``release``'s."""
        return self.build / "release-shards" if data == "release" else self.build / "shards" / data

    def checkpoint(self, name: str) -> Path:
        """The folder of a checkpoint, or of a model that was trained on the release."""
        return self.build / ("model" if name in self.parameters.models else "checkpoint") / name

    def evaluation(self, task: str) -> Path:
        """The folder of the figures of ``retrieval``, ``captioning``, ``vqa`` or ``grounding``."""
        return self.build / "evaluation" / task

    @property
    def calibration(self) -> Path:
        """The folder of the narrator's thresholds."""
        return self.build / "calibration"

    def relative(self, path: Path) -> str:
        """A path of this project as the tables write it: relative to the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def load_parameters(path: Path, *, over: Path | None = None) -> Parameters:
    """Read and validate a parameter file.

    Args:
        path: the file.
        over: another one, whose sections hold where ``path`` has none of that name.

    Raises:
        ParameterError: the file is absent or no YAML, a name is unknown (the nearest known one is named), or
            a value is out of range.
    """
    content = {**(_content(over) if over else {}), **_content(path)}
    try:
        return Parameters.model_validate(content)
    except ValidationError as error:
        raise _explain(error, Parameters, path) from error


def _content(path: Path) -> dict[str, Any]:
    try:
        content = parse_yaml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ParameterError(
            "no parameter file", where=path, way_out="run the command in the project's folder, or pass --root"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"not valid YAML ({error})", where=path, way_out="correct that place") from error
    if not isinstance(content, dict):
        raise ParameterError(
            "it holds no parameters", where=path, way_out="restore it: `git checkout params.yaml`"
        )
    return content


def _explain(error: ValidationError, model: type[BaseModel], path: Path) -> ParameterError:
    problem = error.errors()[0]
    match problem["loc"]:
        case ("models" | "checkpoints" as section, name, str(kind), *rest) if kind in FORMS:
            model = FORMS[kind]  # the kind of a row stands in no file
            details = InitErrorDetails(
                type=problem["type"],
                loc=(section, name, *rest),
                input=problem["input"],
                ctx=problem.get("ctx", {}),
            )
            error = ValidationError.from_exception_data(error.title, [details])
    what, way_out = explain_validation(error, model, path)
    return ParameterError(what, where=path, way_out=way_out)
