"""What the language model of a SAR-GPT starts from, as data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sartext.config.section import Section
from sartext.models.foundation_file import read_foundation_file

FOLDER = Path(__file__).resolve().parent.parent / "languages"
"""Those of the package."""


@dataclass(frozen=True)
class LanguageFoundation:
    """A language model of the Phi family, and its weights or none.

    Args:
        pretrained: None for random weights on purpose; a folder (it begins with ``/``, ``.`` or ``~``; relative to
            the foundation file) or the name of a model on the Hugging Face hub, such as ``microsoft/phi-2``.
        tokenizer: ``trained`` on the questions, answers and captions; or that of the weights.
        vocabulary: tokens of a trained tokenizer at most.
        layers, width, heads: of random weights.
        feature_layer: which hidden states of the image tower are read, as transformers counts them: -2 are those
            before the last block, whose patches the tower's own training still reads.
        source: the file that says so, for messages.
    """

    pretrained: str | None
    tokenizer: Literal["trained", "pretrained"] = "trained"
    vocabulary: int = 1024
    layers: int = 2
    width: int = 128
    heads: int = 4
    feature_layer: int = -2
    source: Path | None = None

    @property
    def place(self) -> str:
        """Where the weights are, as ``from_pretrained`` takes it."""
        told = self.pretrained or ""
        if not told.startswith(("/", ".", "~")):
            return told
        base = self.source.parent if self.source else Path()
        return str(base / Path(told).expanduser())


class _File(Section):
    language: Literal["phi"]
    pretrained: str | None
    tokenizer: Literal["trained", "pretrained"]
    vocabulary: int = Field(1024, ge=300, le=65536)
    layers: int = Field(2, ge=1, le=96)
    width: int = Field(128, ge=8, le=16384)
    heads: int = Field(4, ge=1, le=128)
    feature_layer: int = Field(-2, ge=-64, le=-1)

    @model_validator(mode="before")
    @classmethod
    def _is_language(cls, content: object) -> object:
        if isinstance(content, dict) and "architecture" in content:
            raise ValueError(
                "this is the foundation of a CLIP or CoCa, no language model's; `language` takes one such as "
                "phi-tiny.yaml"
            )
        return content

    @model_validator(mode="after")
    def _fits(self) -> "_File":
        if self.width % (2 * self.heads):
            raise ValueError(f"width: {self.heads} heads do not divide {self.width} into even parts")
        if (self.tokenizer == "pretrained") != (self.pretrained is not None):
            raise ValueError("tokenizer: pretrained weights need their own tokenizer, random ones a trained one")
        return self


def read_language(path: Path) -> LanguageFoundation:
    """Read the foundation file of a language model.

    ``pretrained`` must be said, be it null: weights are never random because a line was forgotten.

    Raises:
        ModelError: the file is absent, no YAML, no language model's, or says something unknown.
    """
    told = read_foundation_file(path, _File, key="language", others=FOLDER)
    return LanguageFoundation(**told.model_dump(exclude={"language"}), source=path)
