"""Dual encoders of transformers: CLIP, SigLIP, SigLIP 2, and whatever else has features of images and of texts.

Pictures and texts go through the folder's own processor: its size, normalisation and tokenizer. Every text is
padded to the whole context, as SigLIP was taught; a model that masks its padding has the same features without it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sartext.errors import ModelError
from sartext.evaluation.benchmarks import Pixels
from sartext.submissions.kinds.kind import Asked, ModelKind, Seen, Settings

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64
LONGEST = 8192
"""Tokens of a context; a tokenizer that says more says nothing."""


@dataclass(frozen=True)
class DualEncoder:
    """A dual encoder of transformers.

    Args:
        network: has ``get_image_features`` and ``get_text_features``.
        processor: of its pictures and texts.
        context: tokens of the longest text.
        sha256: of its weights.
        warnings: of its loading.
    """

    network: Any
    processor: Any
    context: int
    sha256: str | None
    warnings: tuple[str, ...] = ()
    asked: Asked = field(default_factory=dict)

    def images(self, pictures: Iterable[Pixels]) -> "Tensor":
        """Return the features of pictures."""
        from sartext.evaluation.embedding import batches, whole
        from sartext.submissions.kinds.transformers_folder import to_image

        parts = (
            self._features("get_image_features", images=[to_image(picture) for picture in batch])
            for batch in batches(pictures, BATCH)
        )
        return whole(parts, "pictures")

    def texts(self, texts: Sequence[str]) -> "tuple[Tensor, int]":
        """Return the features of texts, and how many were cut."""
        from sartext.evaluation.embedding import batches, distinct, whole

        unique, at = distinct(texts)
        how = {"padding": "max_length", "truncation": True, "max_length": self.context}
        parts = (self._features("get_text_features", text=batch, **how) for batch in batches(unique, BATCH))
        features = whole(parts, "texts")
        lengths = [len(ids) for ids in self.processor.tokenizer(unique, verbose=False)["input_ids"]]
        return features[at], sum(lengths[place] > self.context for place in at.tolist())

    def _features(self, method: str, **what: Any) -> "Tensor":  # noqa: ANN401 - what the processor takes
        """Normalised features of a batch."""
        import torch

        from sartext.submissions.kinds.transformers_folder import quiet

        with quiet(), torch.inference_mode():
            try:
                inputs = self.processor(**what, return_tensors="pt").to(self.network.device)
                found = getattr(self.network, method)(**inputs)
            except Exception as error:  # a stranger's processor and network may fit in no way
                raise ModelError(
                    f"{method} fails ({type(error).__name__}: {str(error)[:200]})",
                    where=type(self.network).__name__,
                    way_out="its processor and its network must fit: save both from one model",
                ) from error
            rows = found if torch.is_tensor(found) else found.pooler_output
            if rows.ndim != 2:
                raise ModelError(
                    f"{method} gives {tuple(rows.shape)}, not one feature of each",
                    where=type(self.network).__name__,
                    way_out="take a model of the CLIP or SigLIP kind",
                )
            return torch.nn.functional.normalize(rows.float(), dim=-1).cpu()


def _recognises(seen: Seen) -> bool:
    if "model_type" not in seen.config:
        return False
    from sartext.submissions.kinds.transformers_folder import class_of

    return class_of(seen, "encoder") is not None


def _embed(folder: Path, settings: Settings) -> DualEncoder:
    from sartext.submissions.kinds.transformers_folder import load_network, load_processor

    network, digest, warnings = load_network(folder, "encoder", settings.device)
    processor = load_processor(folder)
    return DualEncoder(network, processor, _context(folder, network, processor), digest, warnings)


def _context(folder: Path, network: Any, processor: Any) -> int:  # noqa: ANN401 - transformers is untyped
    """The fewest tokens that tokenizer, processor and network allow."""
    text = getattr(network.config, "text_config", network.config)
    stated = (
        processor.tokenizer.model_max_length,
        (getattr(type(processor), "text_kwargs", None) or {}).get("max_length"),
        getattr(text, "max_position_embeddings", None),
    )
    known = [int(length) for length in stated if length is not None and 0 < length <= LONGEST]
    if not known:
        raise ModelError(
            "nothing says how long a text may be",
            where=folder / "tokenizer_config.json",
            way_out="write model_max_length into it",
        )
    size = getattr(text, "vocab_size", None)
    if size is not None and len(processor.tokenizer) > size:
        raise ModelError(
            f"the tokenizer knows {len(processor.tokenizer)} tokens, the network {size}",
            where=folder,
            way_out="take the tokenizer that the model was trained with",
        )
    return min(known)


KIND = ModelKind(
    "dual-encoder",
    "a dual encoder of transformers, such as CLIP or SigLIP",
    "config.json, weights and the files of its processor",
    _recognises,
    embed=_embed,
)
