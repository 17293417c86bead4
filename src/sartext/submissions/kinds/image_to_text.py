"""Models of transformers that describe a picture without being told what to do: BLIP, GIT, encoder-decoders."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sartext.evaluation.benchmarks import Pixels
from sartext.submissions.kinds.kind import Asked, ModelKind, Said, Seen, Settings

BATCH = 16
SIDE = 224
"""Of pictures whose processor does not state a size."""


@dataclass(frozen=True)
class ImageToText:
    """A network with the processors of its pictures and of its texts, and the hash of its weights."""

    network: Any
    pictures: Any
    tokenizer: Any
    sha256: str | None
    warnings: tuple[str, ...] = ()
    asked: Asked = field(default_factory=dict)

    @property
    def side(self) -> int:
        """Width of what it sees in pixels."""
        return side_of(self.pictures)

    def captions(self, pictures: Iterable[Pixels]) -> Said:
        """Return a caption of each picture."""
        from sartext.evaluation.embedding import batches
        from sartext.submissions.kinds.generation import ends, generate, text_of
        from sartext.submissions.kinds.transformers_folder import to_image

        texts: list[str] = []
        unfinished = 0
        ending = ends(self.network, self.tokenizer)
        for batch in batches(pictures, BATCH):
            inputs = self.pictures(images=[to_image(picture) for picture in batch], return_tensors="pt")
            for tokens in generate(self.network, inputs.to(self.network.device)):
                text, finished = text_of(tokens, self.tokenizer, ending, begun=True)
                unfinished += not finished
                texts.append(" ".join(text.split()) if finished else "")
        return Said(texts, unfinished_warning(unfinished))


def unfinished_warning(count: int) -> tuple[str, ...]:
    """Return what is said of captions without an end."""
    return (f"{count} captions were not ended by the model and count as empty",) if count else ()


def side_of(pictures: Any) -> int:  # noqa: ANN401 - transformers is untyped
    """Return the width in pixels that a processor of pictures makes of them, as far as it says."""
    size: Any = getattr(pictures, "size", None)
    stated = size.get("width") or size.get("shortest_edge") if hasattr(size, "get") else size
    return int(stated) if stated else SIDE


def _recognises(seen: Seen) -> bool:
    if "model_type" not in seen.config:
        return False
    from sartext.submissions.kinds.transformers_folder import class_of

    return class_of(seen, "writer") is not None


def _caption(folder: Path, settings: Settings) -> ImageToText:
    from sartext.submissions.kinds.transformers_folder import load_network, load_parts

    network, digest, warnings = load_network(folder, "writer", settings.device)
    pictures, tokenizer = load_parts(folder)
    return ImageToText(network, pictures, tokenizer, digest, warnings)


KIND = ModelKind(
    "image-to-text",
    "an image-to-text model of transformers, such as BLIP or GIT",
    "config.json, weights and the files of its processor",
    _recognises,
    caption=_caption,
)
