"""Validated parameters (``params.yaml``) and the places of a project."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sartext.errors import ParameterError, nearest


class Section(BaseModel):
    """A block of ``params.yaml``: unknown names are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SimulationParameters(Section):
    """The embedded corpora: how many images of each, and how they are formed."""

    seed: int = Field(2507, ge=0)
    size: int = Field(64, ge=32, le=1024, description="width and height in pixels")
    ships: int = Field(400, ge=0)
    objects: int = Field(300, ge=0)
    landcover: int = Field(300, ge=0)
    pairs: int = Field(300, ge=0)
    optical: int = Field(2700, ge=0)
    unlabelled: int = Field(200, ge=0)


class CorpusParameters(Section):
    """One corpus of the build: where its catalogue file is, relative to the project."""

    catalogue: str


class NarratorParameters(Section):
    """How facts become text."""

    seed: int = Field(11, ge=0)
    paraphrase: bool = True


class NearDuplicateParameters(Section):
    """What counts as a near-duplicate."""

    hash_distance: int = Field(8, ge=0, le=32, description="bits of the 64-bit perceptual hash that may differ")
    correlation: float = Field(0.95, gt=0, le=1, description="normalised cross-correlation of thumbnails")
    warn_cluster: int = Field(50, ge=2)


class SplitParameters(Section):
    """Shares of the groups, decided by the hash of the group's id."""

    validation: float = Field(0.1, ge=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1)
    salt: str = "sar-text"
    near: NearDuplicateParameters = NearDuplicateParameters.model_validate({})

    @model_validator(mode="after")
    def _leave_room_for_training(self) -> "SplitParameters":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must stay under 1")
        return self


class GateParameters(Section):
    """Thresholds of the quality gate."""

    minimum_pairs: int = Field(1, ge=1)
    caption_words: tuple[int, int] = (3, 80)
    sentence_pattern_share: float = Field(0.5, gt=0, le=1)
    no_object_share: float = Field(0.02, ge=0, le=1)
    image_side: tuple[int, int] = (16, 20000)
    saturated_share: float = Field(0.5, gt=0, le=1)

    @field_validator("caption_words", "image_side")
    @classmethod
    def _bounds_in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1]:
            raise ValueError("the lower bound must be at least 1 and at most the upper one")
        return value


class ReleaseParameters(Section):
    """The published dataset."""

    name: str = Field("sar-text", pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = "SAR-Text"
    version: str = Field("auto", pattern=r"^(auto|\d+\.\d+\.\d+)$")
    formats: tuple[Literal["parquet", "open-clip-csv"], ...] = Field(("parquet", "open-clip-csv"), min_length=1)
    rows_per_file: int = Field(5000, ge=1)


class Parameters(Section):
    """Everything that ``params.yaml`` may say."""

    simulation: SimulationParameters | None = None
    corpora: dict[str, CorpusParameters]
    captions: tuple[str, ...] = ()
    narrator: NarratorParameters = NarratorParameters.model_validate({})
    splits: SplitParameters = SplitParameters.model_validate({})
    gate: GateParameters = GateParameters.model_validate({})
    release: ReleaseParameters = ReleaseParameters.model_validate({})

    @model_validator(mode="after")
    def _captions_name_corpora(self) -> "Parameters":
        for name in self.captions:
            if name not in self.corpora:
                raise ValueError(f"captions: unknown corpus '{name}'; {nearest(name, self.corpora)}")
            if self.captions.count(name) > 1:
                raise ValueError(f"captions: corpus '{name}' is listed twice")
        return self


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

    def relative(self, path: Path) -> str:
        """A path of this project as the tables write it: relative to the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()


def load_parameters(path: Path) -> Parameters:
    """Read and validate a parameter file.

    Raises:
        ParameterError: the file is absent or no YAML, a name is unknown (the nearest known one is named), or
            a value is out of range.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
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
    try:
        return Parameters.model_validate(content)
    except ValidationError as error:
        raise _explain(error, Parameters, path) from error


def explain_validation(error: ValidationError, model: type[BaseModel], where: object) -> tuple[str, str]:
    """Return what is wrong and the way out for the first problem that pydantic found."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown name '{place}'", nearest(str(problem["loc"][-1]), _fields_at(model, problem["loc"][:-1]))
    message = problem["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(problem["input"], dict | list) else f" (got {problem['input']!r})"
    return f"{place}: {message}{shown}" if place else f"{message}", "correct the value"


def _explain(error: ValidationError, model: type[BaseModel], path: Path) -> ParameterError:
    what, way_out = explain_validation(error, model, path)
    return ParameterError(what, where=path, way_out=way_out)


def _fields_at(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    current: Any = model
    for part in place:
        fields = getattr(current, "model_fields", {})
        if part not in fields:
            continue
        current = next(iter(_models_in(fields[part].annotation)), current)
    return list(getattr(current, "model_fields", {}))


def _models_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type expression
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in getattr(annotation, "__args__", ()) for found in _models_in(part)]
