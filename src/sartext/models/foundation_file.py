"""Reading the small YAML files that say what a training starts from."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from sartext.config import explain_validation
from sartext.errors import ModelError

Form = TypeVar("Form", bound=BaseModel)


def read_foundation_file(path: Path, form: type[Form], *, key: str, others: Path) -> Form:
    """Return what a foundation file says.

    Args:
        path: of the file.
        form: what it may say.
        key: of params.yaml that names the file.
        others: the folder of those that come with the package.

    Raises:
        ModelError: the file is absent, no YAML, or says something unknown.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(one.name for one in others.glob("*.yaml")))
        raise ModelError(
            "no such foundation file",
            where=path,
            way_out=f"correct `{key}` in params.yaml; those of the package: {known}",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ModelError(f"not a readable YAML file ({error})", where=path, way_out="correct it") from error
    try:
        return form.model_validate(content)
    except ValidationError as error:
        what, way_out = explain_validation(error, form, path)
        raise ModelError(what, where=path, way_out=way_out) from error
