"""A block of a parameter file, and what is said of a value that does not fit."""

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sartext.errors import nearest

HIDDEN = "hidden_value"
"""The type of an error whose value is not shown."""

YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The fast one where it is there: ``corpora list`` reads two dozen files."""


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - what YAML holds
    """Return what a parameter or catalogue file holds."""
    return yaml.load(text, Loader=YAML_LOADER)  # noqa: S506 - one of the two safe loaders


class Section(BaseModel):
    """A block of ``params.yaml``: unknown names are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def explain_validation(error: ValidationError, model: type[BaseModel], where: object) -> tuple[str, str]:
    """Return what is wrong and the way out for the first problem that pydantic found."""
    return explain_problems(error, model)[0]


def explain_problems(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Return what is wrong and the way out for each problem that pydantic found."""
    return [_explain(problem, model) for problem in error.errors()]


def _explain(problem: Any, model: type[BaseModel]) -> tuple[str, str]:  # noqa: ANN401 - pydantic's dictionary
    place = ".".join(str(part) for part in problem["loc"])
    known = _fields_at(model, problem["loc"][:-1])
    if problem["type"] == "extra_forbidden":
        return f"unknown name '{place}'", nearest(str(problem["loc"][-1]), known)
    if problem["type"] == "missing":
        return f"{place}: {problem['msg']}", "add it"
    message = problem["msg"].removeprefix("Value error, ")
    hidden = problem["type"] == HIDDEN or isinstance(problem["input"], dict | list)
    shown = "" if hidden else f" (got {problem['input']!r})"
    return f"{place}: {message}{shown}" if place else f"{message}", "correct the value"


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
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def forbid_circles(section: str, parents: Mapping[str, str]) -> None:
    """Raise a ValueError where a row of a section descends from itself; ``parents`` are the rows' own by name."""
    for name in parents:
        lineage = [name]
        while (parent := parents[lineage[-1]]) in parents:
            if parent in lineage:
                raise ValueError(f"{section}.{name}.from: it descends from itself")
            lineage.append(parent)
