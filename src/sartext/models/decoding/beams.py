"""Beam search over a run of captions, with the rules of our own search or of open_clip's.

A step takes the ``2 x beams`` best continuations of an image. One that ends the caption is a finished hypothesis
if it is among the first ``beams``; the first ``beams`` others are the next beams. A hypothesis is scored by its
total over its length, and an image keeps its best ``beams`` hypotheses.

`open_clip_tokens` gives the tokens of open_clip's own ``generate`` without its work. What open_clip 3.3.0 does
under transformers 4.56.2, and what is done here instead:

- It encodes an image once per beam and reads the whole caption again at every step: here once, with a cache.
- Nothing distinguishes its groups of beams (no diversity penalty), so all find the same; one is run, of
  ``beams // groups`` beams. At equal score it takes the last hypothesis found, which is the same of every group.
- It adds raw logits to the scores of the beams, and divides them by the number of tokens, start and end included.
- A caption still open at ``length`` tokens competes with the finished ones and is cut off.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sartext.errors import DecodingError
from sartext.models.decoding.kv_cache import Ids, Run, evaluating, towers_of

SHRINK = 0.75  # of the images in a batch: with no more than these still open, the others are taken out
NO_BEAM = -1e9  # the total of beams that do not exist yet: at the start all would say the same


@dataclass(frozen=True)
class Hypothesis:
    """A caption found: ``ids`` with neither start nor end, ``total`` over its tokens, ``score`` per token."""

    ids: tuple[int, ...]
    total: float
    score: float
    finished: bool


@dataclass
class _Best:
    """The best hypotheses of one image, at most ``most``, in the order they were found."""

    most: int
    hypotheses: list[Hypothesis] = field(default_factory=list)

    def add(self, ids: Ids, total: float, counted: int, *, finished: bool) -> None:
        """Keep what scores ``total / counted`` if it fits or beats the worst, which goes, the first of equals."""
        if len(self.hypotheses) < self.most or total / counted > self.worst:
            self.hypotheses.append(Hypothesis(tuple(ids.tolist()), total, total / counted, finished))
            if len(self.hypotheses) > self.most:
                self.hypotheses.remove(min(self.hypotheses, key=lambda hypothesis: hypothesis.score))

    @property
    def worst(self) -> float:
        """The lowest score."""
        return min(hypothesis.score for hypothesis in self.hypotheses)

    def ranked(self) -> list[Hypothesis]:
        """By falling score; of equals the last found is first."""
        last_first = self.hypotheses[::-1]
        return sorted(last_first, key=lambda hypothesis: hypothesis.score, reverse=True)


def search(
    run: Run, *, beams: int, length: int, minimum: int, start: int, end: int, open_clip: bool = False
) -> list[list[Hypothesis]]:
    """Search captions of at most ``length`` tokens, start and end included, and ``minimum`` before the end.

    By our own rules log-probabilities are added and divided by the number of tokens behind the start; an image is
    done when ``beams`` hypotheses are finished, or when the best of them scores at least what the best open beam
    would if the rest of its tokens cost nothing.

    By ``open_clip``'s rules raw logits are added and divided by the number of all tokens, and an image is done
    when the worst of ``beams`` finished hypotheses scores at least what the best continuation of the step does.

    Returns:
        The hypotheses of every image, best first. Beams still open at ``length`` come in as unfinished ones by
        open_clip's rules, and else only for an image that finished none.
    """
    before = 0 if open_clip else 1  # tokens that do not count in the length that a total is divided by
    best = [_Best(beams) for _ in range(run.images)]
    state = _Beams.begin(run.images, beams, length, start)
    for position in range(1, length):
        logits = run.step(state.ids[:, :, position - 1], state.origin)
        scores = logits if open_clip else logits.log_softmax(-1)
        if position < minimum:
            scores[:, :, end] = -torch.inf
        continuations = _continuations(scores, state.totals)
        ends = (continuations.tokens == end) & state.open[:, None]
        for row, rank in zip(*np.nonzero(ends[:, :beams]), strict=True):
            ids = state.ids[row, continuations.origin[row, rank], 1:position]
            total = float(continuations.totals[row, rank])
            best[state.image[row]].add(ids, total, position + 1 - before, finished=True)
        state.advance(continuations, position, end)
        for row in np.flatnonzero(state.open):
            if (mine := best[state.image[row]]).hypotheses:
                full = len(mine.hypotheses) == beams
                if open_clip:
                    done = full and mine.worst >= float(continuations.totals[row, 0]) / (position + 1)
                else:
                    done = full or mine.ranked()[0].score >= float(state.totals[row].max()) / (length - 1)
                state.open[row] = not done
        kept = np.flatnonzero(state.open)
        if not kept.size:
            break
        if kept.size <= SHRINK * state.open.size:
            state.keep(kept)
            run.keep(kept)
    for row in np.flatnonzero(state.open):
        mine = best[state.image[row]]
        if open_clip or not mine.hypotheses:
            for ids, total in zip(state.ids[row, :, 1:], state.totals[row].tolist(), strict=True):
                mine.add(ids, total, length - before, finished=False)
    return [hypotheses.ranked() for hypotheses in best]


class _Continuations(NamedTuple):
    """The best ``2 x beams`` of every image, best first: arrays [images, 2 x beams]."""

    totals: npt.NDArray[np.float32]
    tokens: Ids
    origin: Ids


def _continuations(scores: Tensor, totals: npt.NDArray[np.float32]) -> _Continuations:
    """Rank every token after every beam: ``scores`` is [images, beams, vocabulary], ``totals`` [images, beams]."""
    images, beams, vocabulary = scores.shape
    added = scores + torch.from_numpy(totals).to(scores.device)[:, :, None]
    highest, flat = added.view(images, beams * vocabulary).topk(2 * beams, dim=1)
    where: Ids = flat.cpu().numpy()
    return _Continuations(highest.cpu().numpy(), where % vocabulary, where // vocabulary)


@dataclass
class _Beams:
    """The open beams: ``ids`` [images, beams, length], ``totals`` [images, beams], ``origin`` of the last step.

    ``image`` is each row's place in the batch asked for, ``open`` whether it goes on.
    """

    ids: Ids
    totals: npt.NDArray[np.float32]
    origin: Ids | None
    image: Ids
    open: npt.NDArray[np.bool_]

    @classmethod
    def begin(cls, images: int, beams: int, length: int, start: int) -> "_Beams":
        ids = np.zeros((images, beams, length), dtype=np.int64)
        ids[:, :, 0] = start
        totals = np.full((images, beams), NO_BEAM, dtype=np.float32)
        totals[:, 0] = 0
        return cls(ids, totals, None, np.arange(images), np.ones(images, dtype=bool))

    def advance(self, continuations: _Continuations, position: int, end: int) -> None:
        """Go on with the best continuations that do not end the caption."""
        order = np.argsort(continuations.tokens == end, axis=1, kind="stable")[:, : self.ids.shape[1]]
        self.origin = np.take_along_axis(continuations.origin, order, axis=1)
        self.totals = np.take_along_axis(continuations.totals, order, axis=1)
        self.ids = self.ids[np.arange(len(self.ids))[:, None], self.origin]
        self.ids[:, :, position] = np.take_along_axis(continuations.tokens, order, axis=1)

    def keep(self, rows: Ids) -> None:
        """Go on with these images alone."""
        self.ids, self.totals = self.ids[rows], self.totals[rows]
        self.image, self.open = self.image[rows], self.open[rows]
        self.origin = None if self.origin is None else self.origin[rows]


def open_clip_tokens(
    network: nn.Module,
    images: Tensor,
    *,
    length: int = 30,
    minimum: int = 5,
    beams: int = 6,
    groups: int = 3,
    sot: int,
    eos: int,
    pad: int,
) -> Tensor:
    """Return token ids as ``network.generate(images, seq_len=length, min_seq_len=minimum, ...)`` would.

    Args:
        network: a CoCa of open_clip.
        images: [n, 3, side, side], normalised.
        length: most tokens, start and end included; the caption may be cut there.
        minimum: tokens, the start included, before which the end is not chosen.
        beams: of all groups together.
        groups: into which the beams are divided; it must divide them.
        sot: id of the start token.
        eos: id of the end token.
        pad: id that shorter captions are filled up with, to the longest: int64, on the images' device.

    Raises:
        DecodingError: the beams cannot be divided so, the length does not fit, or the network is no CoCa.
    """
    if beams < 2 or groups < 1 or beams % groups:
        raise DecodingError(
            f"{beams} beams in {groups} groups", way_out="take at least 2 beams, divided by the groups"
        )
    if length <= minimum:
        raise DecodingError(
            f"a length of {length} with a minimum of {minimum}", way_out="let the length be greater"
        )
    towers = towers_of(network)
    if length - 1 > towers.context:
        raise DecodingError(
            f"length {length}: the model reads at most {towers.context} tokens", way_out="shorten it"
        )
    with evaluating(network):
        run = Run(towers, images, beams=beams // groups, length=length)
        ids = as_open_clip(run, length=length, minimum=minimum, sot=sot, eos=eos, pad=pad, group=beams // groups)
    return ids.to(images.device)


def as_open_clip(run: Run, *, length: int, minimum: int, sot: int, eos: int, pad: int, group: int) -> Tensor:
    """Search with one group of ``group`` beams and lay the captions out as transformers does."""
    ranked = search(run, beams=group, length=length, minimum=minimum, start=sot, end=eos, open_clip=True)
    best = [[sot, *hypotheses[0].ids] for hypotheses in ranked]
    longest = max((len(ids) for ids in best), default=0)
    width = min(longest + 1, length)
    laid = torch.full((len(best), width), pad, dtype=torch.long)
    for row, ids in zip(laid, best, strict=True):
        ended = [*ids, eos][:width]
        row[: len(ended)] = torch.tensor(ended)
    return laid
