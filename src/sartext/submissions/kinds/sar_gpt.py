"""SAR-GPT: a LLaVA of our own training, which is asked as it was taught."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sartext.submissions.kinds.kind import Asked, ModelKind, Read, Said, Seen, Settings

if TYPE_CHECKING:
    from sartext.models.gpt.model import Gpt

MARK = "sees_images"
"""What its training writes into ``config.json``, and no other LLaVA has."""


@dataclass(frozen=True)
class SarGpt:
    """A SAR-GPT."""

    model: "Gpt"
    asked: Asked = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def sha256(self) -> str | None:
        """Of the weights file."""
        return self.model.sha256

    def answers(self, questions: Sequence[tuple[str, str]], read: Read) -> Said:
        """Return greedy answers."""
        from sartext.models.gpt.model import answer_each

        asked = [(str(number), image_id, text) for number, (image_id, text) in enumerate(questions)]
        given = answer_each(self.model, asked, read)
        return Said([given[number] for number, _, _ in asked])


def _recognises(seen: Seen) -> bool:
    return seen.config.get("model_type") == "llava" and MARK in seen.config


def _answer(folder: Path, settings: Settings) -> SarGpt:
    from sartext.models.gpt.checkpoint import load_gpt

    return SarGpt(load_gpt(folder, device=settings.device))


KIND = ModelKind(
    "sar-gpt", "a SAR-GPT", f"config.json with model_type llava and {MARK}", _recognises, answer=_answer
)
