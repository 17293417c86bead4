"""Captions picked a token at a time: the likeliest one, or one drawn from the nucleus."""

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sartext.models.decoding.beams import SHRINK, Hypothesis, Ids, Steps

Pick = Callable[[Tensor, Ids, int], Tensor]
"""Choose a token per row from logits [rows, vocabulary], given each row's place in the batch and the position."""


def pick_captions(run: Steps, pick: Pick, *, length: int, minimum: int, start: int, end: int) -> list[Hypothesis]:
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
    written = zip(ids, totals.tolist(), lengths, strict=True)
    return [_picked(row[1:until], total, length) for row, total, until in written]


def _picked(ids: Ids, total: float, length: int) -> Hypothesis:
    finished = len(ids) < length - 1
    return Hypothesis(tuple(ids.tolist()), total, total / (len(ids) + finished), finished)


def likeliest(logits: Tensor, rows: Ids, position: int) -> Tensor:
    """Choose the token of the highest logit."""
    return logits.argmax(-1)


def nucleus(images: Tensor, *, top_p: float, temperature: float, seed: int, length: int) -> Pick:
    """Return a draw from the likeliest tokens whose probabilities first reach ``top_p`` together.

    Every image has random numbers of its own, from the seed and its pixels, so that what it is told does not
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
