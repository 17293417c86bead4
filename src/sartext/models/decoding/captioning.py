"""Captions of images, written by a CoCa: greedy, by beam search, or drawn from the nucleus; how likely one is."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sartext.errors import DecodingError
from sartext.models.decoding.beams import SHRINK, search
from sartext.models.decoding.kv_cache import Ids, Run, evaluating, image_tokens, towers_of
from sartext.models.model import Model

Method = Literal["greedy", "beam", "nucleus"]


@dataclass(frozen=True)
class Caption:
    """A caption as tokens.

    ``ids`` are without the start, and with the end if the model ``finished`` it; else it ran into the greatest
    length, and is no whole sentence. ``log_probability`` is the natural logarithm, summed over ``ids``.
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
    """Return a caption per image, in their order; one that did not end within ``length`` is not ``finished``.

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

    Raises:
        DecodingError: a parameter out of range, or a model that writes no captions.
    """
    if method == "beam":
        return [ranked[0] for ranked in hypotheses(model, images, length=length, beams=beams, minimum=minimum)]
    if method not in ("greedy", "nucleus"):
        raise DecodingError(f"no method '{method}'", way_out="take greedy, beam or nucleus")
    if not 0 < top_p <= 1 or not temperature > 0:
        raise DecodingError(
            f"top_p {top_p} and temperature {temperature}", way_out="0 < top_p <= 1 and temperature > 0"
        )
    pick: Pick = _likeliest
    if method == "nucleus" and len(images):
        pick = _nucleus(images, top_p=top_p, temperature=temperature, seed=seed, length=length)
    with _started(model, images, beams=1, length=length, minimum=minimum) as run:
        if run is None:
            return []
        tokenizer = model.tokenizer
        return _pick_captions(run, pick, length, minimum, start=tokenizer.sot, end=tokenizer.eos)


def hypotheses(model: Model, images: Tensor, *, length: int, beams: int, minimum: int = 0) -> list[list[Caption]]:
    """Return the captions that a beam search found for each image, best first, at most ``beams``.

    They are ranked by mean log-probability. A search ends with ``beams`` finished captions, or when no open one
    can pass the best. Only an image without a finished caption has unfinished ones. Errors are as of `generate`.
    """
    if beams < 1:
        raise DecodingError(f"{beams} beams", way_out="take at least one")
    with _started(model, images, beams=beams, length=length, minimum=minimum) as run:
        if run is None:
            return []
        sot, end = model.tokenizer.sot, model.tokenizer.eos
        searched = search(run, beams=beams, length=length, minimum=minimum, start=sot, end=end)
    return [[_caption(ended.ids, ended.total, ended.finished, end) for ended in ranked] for ranked in searched]


def _caption(ids: Sequence[int], total: float, finished: bool, end: int) -> Caption:
    return Caption((*ids, end) if finished else tuple(ids), total, finished)


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


Pick = Callable[[Tensor, Ids, int], Tensor]
"""Choose a token per row from logits [rows, vocabulary], given each row's place in the batch and the position."""


def _pick_captions(run: Run, pick: Pick, length: int, minimum: int, *, start: int, end: int) -> list[Caption]:
    """Write one caption per image, of at most ``length`` tokens, start and end included.

    The end is not chosen before there are ``minimum`` tokens, the start included. Totals are log-probabilities
    of the model as it is, whatever the choice was restricted to.
    """
    images = run.images
    ids = np.zeros((images, length), dtype=np.int64)
    ids[:, 0] = start
    totals = np.zeros(images)
    lengths = np.full(images, length)
    rows = np.arange(images)  # of the batch, that the run still has
    going = np.ones(images, dtype=bool)  # of those rows
    for position in range(1, length):
        logits = run.step(ids[rows, position - 1][:, None])[:, 0]
        allowed = logits
        if position < minimum:
            allowed = logits.clone()
            allowed[:, end] = -torch.inf
        chosen = pick(allowed, rows, position)
        gained = logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1)
        tokens = chosen.cpu().numpy()
        ids[rows, position] = tokens
        totals[rows[going]] += gained.cpu().numpy()[going]
        ended = going & (tokens == end)
        lengths[rows[ended]] = position
        going &= ~ended
        kept = np.flatnonzero(going)
        if not kept.size:
            break
        if kept.size <= SHRINK * going.size:
            run.keep(kept)
            rows, going = rows[kept], going[kept]
    written = zip(ids.tolist(), totals.tolist(), lengths.tolist(), strict=True)
    return [_caption(row[1:until], total, until < length, end) for row, total, until in written]


def _likeliest(logits: Tensor, rows: Ids, position: int) -> Tensor:
    return logits.argmax(-1)


def _nucleus(images: Tensor, *, top_p: float, temperature: float, seed: int, length: int) -> Pick:
    """A draw from the likeliest tokens whose probabilities first reach ``top_p`` together.

    Every image has random numbers of its own, from the seed and its pixels, so that its caption does not
    depend on the images beside it. Holtzman et al. 2020, The Curious Case of Neural Text Degeneration.
    """
    numbers = np.stack([_numbers(image, seed, length) for image in images])

    def draw(logits: Tensor, rows: Ids, position: int) -> Tensor:
        shares, tokens = (logits / temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
        reached = shares.cumsum(-1)
        shares = shares.masked_fill(reached - shares >= top_p, 0)
        inside = shares.cumsum(-1)
        number = torch.from_numpy(numbers[rows, position]).to(inside)[:, None]
        place = (inside <= number * inside[:, -1:]).sum(-1, keepdim=True)
        last = (shares > 0).sum(-1, keepdim=True) - 1  # rounding must not lead out of the nucleus
        return tokens.gather(1, place.minimum(last))[:, 0]

    return draw


def _numbers(image: Tensor, seed: int, length: int) -> npt.NDArray[np.float64]:
    """Random numbers from 0 to 1, one per position, from the seed and the pixels."""
    digest = hashlib.sha256(f"{seed}/".encode())
    digest.update(image.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big")).random(length)


IMAGES_AT_ONCE = 32  # logits of a whole caption are wide: 32 of 32 tokens of CLIP's vocabulary are 200 MB


def score(model: Model, images: Tensor, captions: Sequence[Sequence[int]]) -> Tensor:
    """Return the natural log-probability of each image's caption, all its tokens given: [n], float64 on the CPU.

    Args:
        model: a CoCa.
        images: [n, 3, side, side], normalised.
        captions: n lists of token ids, without the start; with the end where they are finished.

    Raises:
        DecodingError: another number of captions than of images, a caption that is empty or too long, or a model
            that writes none.
    """
    towers = towers_of(model.network)
    if len(captions) != len(images):
        raise DecodingError(
            f"{len(captions)} captions for {len(images)} images", way_out="give one for each image"
        )
    lengths = [len(caption) for caption in captions] or [1]
    if min(lengths) < 1 or max(lengths) + 1 > towers.context:
        raise DecodingError(
            f"captions of {min(lengths)} to {max(lengths)} tokens, start not counted",
            way_out=f"give 1 to {towers.context - 1} tokens",
        )
    chunks = range(0, len(captions), IMAGES_AT_ONCE)
    parts = [_score(model, images[at : at + IMAGES_AT_ONCE], captions[at : at + IMAGES_AT_ONCE]) for at in chunks]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def _score(model: Model, images: Tensor, captions: Sequence[Sequence[int]]) -> Tensor:
    towers = towers_of(model.network)
    rows = [torch.tensor([model.tokenizer.sot, *caption]) for caption in captions]
    pad = int(towers.text.pad_id)
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad).to(model.device)
    lengths = torch.tensor([len(caption) for caption in captions], device=model.device)
    with evaluating(model.network):
        _, states = towers.text(ids[:, :-1])
        logits = towers.decoder(image_tokens(towers, images.to(model.device)), states).float()
        gained = logits.gather(2, ids[:, 1:, None])[:, :, 0] - logits.logsumexp(-1)
        inside = torch.arange(gained.shape[1], device=model.device) < lengths[:, None]
        summed: Tensor = gained.double().masked_fill(~inside, 0).sum(1)
    return summed.cpu()
