"""Stage 0 of the transfer as data: an architecture, its weights or none, and its tokenizer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sartext.config import explain_validation
from sartext.errors import ModelError

FOLDER = Path(__file__).parent / "foundations"
"""The foundation files that come with the package."""

FILE_SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")


@dataclass(frozen=True)
class Foundation:
    """What a training starts from.

    Args:
        architecture: a configuration of this package, or one of open_clip's by its name.
        pretrained: None for random weights on purpose; a tag that open_clip knows for this architecture; a folder
            with weights; or a file with weights (.safetensors, .bin, .pt). A path that is not absolute is relative
            to the foundation file.
        tokenizer: ``trained`` on the corpora's captions, or ``clip``, which pretrained weights need.
        image_size: width and height of the input in pixels, where it is not the configuration's.
        patch_size: width and height of the image tower's patches in pixels, where it is not the configuration's.
        source: the file that says so, for messages.
    """

    architecture: str
    pretrained: str | None = None
    tokenizer: Literal["trained", "clip"] = "trained"
    image_size: int | None = None
    patch_size: int | None = None
    source: Path | None = None

    @property
    def weights(self) -> Path | None:
        """The place of the weights if ``pretrained`` names one: it has a slash or the ending of a weights file."""
        place = self.pretrained
        if place is None or not ("/" in place or place.startswith(("~", ".")) or place.endswith(FILE_SUFFIXES)):
            return None
        base = self.source.parent if self.source else Path()
        return base / Path(place).expanduser()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    architecture: str = Field(min_length=1)
    pretrained: str | None
    tokenizer: Literal["trained", "clip"]
    image_size: int | None = Field(None, ge=16, le=4096)
    patch_size: int | None = Field(None, ge=2, le=1024)


def read_foundation(path: Path) -> Foundation:
    """Read a foundation file.

    ``pretrained`` must be said, be it null: weights are never random because a line was forgotten.

    Raises:
        ModelError: the file is absent, no YAML, or says something unknown.
    """
    content = read_foundation_file(path, _File, key="from", others=FOLDER)
    return Foundation(**content.model_dump(), source=path)


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
        known = ", ".join(sorted(path.name for path in others.glob("*.yaml")))
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
