"""Captions of images, written by a CoCa: greedy, by beam search, or drawn from the nucleus."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from sartext.errors import DecodingError
from sartext.models.decoding.beams import OWN, Hypothesis, search
from sartext.models.decoding.compatible import open_clip_tokens
from sartext.models.decoding.picking import Pick, likeliest, nucleus, pick_captions
from sartext.models.decoding.scoring import score
from sartext.models.decoding.towers import Run, evaluating, towers_of
from sartext.models.model import Model

__all__ = ["Caption", "Method", "generate", "hypotheses", "open_clip_tokens", "score"]

Method = Literal["greedy", "beam", "nucleus"]


@dataclass(frozen=True)
class Caption:
    """A caption as tokens.

    Attributes:
        ids: without the start; with the end if it is finished.
        log_probability: natural logarithm, summed over the tokens in ``ids``.
        finished: whether the model ended it; else it ran into the greatest length, and is no whole sentence.
    """

    ids: tuple[int, ...]
    log_probability: float
    finished: bool

    @property
    def mean_log_probability(self) -> float:
        """Per token."""
        return self.log_probability / len(self.ids)


def generate(
    model: Model,
    images: Tensor,
    *,
    method: Method = "greedy",
    length: int,
    beams: int = 1,
    minimum: int = 0,
    top_p: float = 0.9,
    temperature: float = 1.0,
    seed: int = 0,
) -> list[Caption]:
    """Caption images.

    Args:
        model: a CoCa; captions are written where its weights are.
        images: [n, 3, side, side], normalised; encoded together, so n is bounded by memory.
        method: ``greedy`` takes the likeliest token, ``beam`` the caption of the highest mean log-probability of
            those found, ``nucleus`` draws.
        length: most tokens, start and end included.
        beams: of the beam search; one beam gives what ``greedy`` gives.
        minimum: tokens, the start included, before which no caption ends.
        top_p: share of the probability that is drawn from, above 0 to 1.
        temperature: logits are divided by it before a draw.
        seed: of the draws. The same seed and pixels give the same caption, whatever else is in the batch.

    Returns:
        A caption per image, in their order. One that did not end within ``length`` has ``finished=False``.

    Raises:
        DecodingError: a parameter out of range, or a model that writes no captions.
    """
    if method == "beam":
        return [found[0] for found in hypotheses(model, images, length=length, beams=beams, minimum=minimum)]
    if method not in ("greedy", "nucleus"):
        raise DecodingError(f"no method '{method}'", way_out="take greedy, beam or nucleus")
    if not 0 < top_p <= 1 or not temperature > 0:
        raise DecodingError(
            f"top_p {top_p} and temperature {temperature}", way_out="0 < top_p <= 1 and temperature > 0"
        )
    pick: Pick = likeliest
    if method == "nucleus" and len(images):
        pick = nucleus(images, top_p=top_p, temperature=temperature, seed=seed, length=length)
    with _started(model, images, beams=1, length=length, minimum=minimum) as run:
        if run is None:
            return []
        sot, end = model.tokenizer.sot, model.tokenizer.eos
        found = pick_captions(run, pick, length=length, minimum=minimum, start=sot, end=end)
    return [_caption(one, end) for one in found]


def hypotheses(model: Model, images: Tensor, *, length: int, beams: int, minimum: int = 0) -> list[list[Caption]]:
    """Return the captions that a beam search found for each image, best first, at most ``beams``.

    They are ranked by mean log-probability. A search ends with ``beams`` finished captions, or when no open one
    can pass the best. Only an image without a finished caption has unfinished ones.

    Raises:
        DecodingError: a parameter out of range, or a model that writes no captions.
    """
    if beams < 1:
        raise DecodingError(f"{beams} beams", way_out="take at least one")
    with _started(model, images, beams=beams, length=length, minimum=minimum) as run:
        if run is None:
            return []
        sot, end = model.tokenizer.sot, model.tokenizer.eos
        found = search(run, OWN, beams=beams, length=length, minimum=minimum, start=sot, end=end)
    return [[_caption(one, end) for one in ranked] for ranked in found]


def _caption(one: Hypothesis, end: int) -> Caption:
    return Caption((*one.ids, end) if one.finished else one.ids, one.total, one.finished)


@contextmanager
def _started(model: Model, images: Tensor, *, beams: int, length: int, minimum: int) -> Iterator[Run | None]:
    """A run over the images, the network in evaluation mode meanwhile; None where there are no images."""
    towers = towers_of(model.network)
    if not 2 <= length <= towers.context or not 0 <= minimum < length:
        raise DecodingError(
            f"length {length} with minimum {minimum}",
            way_out=f"take a length of 2 to {towers.context}, the model's context, and a smaller minimum",
        )
    with evaluating(model.network):
        yield Run(towers, images.to(model.device), beams=beams, length=length) if len(images) else None
