"""Folders of open_clip: ours, and those that its ``push_to_hf_hub`` made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sartext.evaluation.benchmarks import Pixels
from sartext.submissions.kinds.kind import Asked, ModelKind, Said, Seen, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from sartext.models.model import Model

CONFIG = "open_clip_config.json"


@dataclass(frozen=True)
class OpenClip:
    """A CLIP or a CoCa; only a CoCa writes captions."""

    model: "Model"
    asked: Asked = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def sha256(self) -> str | None:
        """Of the weights file."""
        return self.model.sha256

    @property
    def side(self) -> int:
        """Width and height of the input in pixels."""
        return self.model.side

    def images(self, pictures: Iterable[Pixels]) -> "Tensor":
        """Return the features of pictures."""
        from sartext.evaluation.embedding import embed_images

        return embed_images(self.model, pictures)

    def texts(self, texts: Sequence[str]) -> "tuple[Tensor, int]":
        """Return the features of texts, and how many were cut."""
        from sartext.evaluation.embedding import embed_texts

        return embed_texts(self.model, texts)

    def captions(self, pictures: Iterable[Pixels]) -> Said:
        """Return greedy captions."""
        from sartext.evaluation.stages.captioning import captions_of

        texts, unfinished = captions_of(self.model, pictures)
        said = f"{unfinished} captions were not ended by the model and count as empty"
        return Said(texts, (said,) if unfinished else ())


def _recognises(seen: Seen) -> bool:
    return CONFIG in seen.files


def _embed(folder: Path, settings: Settings) -> OpenClip:
    from sartext.models.checkpoint import load

    return OpenClip(load(folder, device=settings.device))


def _caption(folder: Path, settings: Settings) -> OpenClip:
    from sartext.models.checkpoint import load

    return OpenClip(load(folder, device=settings.device, expected_kind="coca"))


KIND = ModelKind(
    "open-clip",
    "a CLIP or CoCa of open_clip",
    f"{CONFIG}, weights, and unless the tokenizer is CLIP's its files",
    _recognises,
    embed=_embed,
    caption=_caption,
)
