"""The tokens that open_clip's own ``generate`` gives, without its work.

What open_clip 3.3.0 does under transformers 4.56.2, and what is done here instead:

- It encodes an image once per beam and reads the whole caption again at every step: here once, with a cache.
- Its groups of beams are told apart by nothing (no diversity penalty), so all find the same; one is run, of
  ``beams // groups`` beams. At equal score it takes the last hypothesis found, which is the same of every group.
- It adds raw logits to the scores of the beams, and divides them by the number of tokens, start and end included.
- A caption still open at ``length`` tokens competes with the finished ones and is cut off.
"""

import torch
from torch import Tensor, nn

from sartext.errors import DecodingError
from sartext.models.decoding.beams import OPEN_CLIP, Steps, search
from sartext.models.decoding.towers import Run, evaluating, towers_of


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
        pad: id that shorter captions are filled up with.

    Returns:
        [n, longest caption], 64-bit integers on the images' device.

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


def as_open_clip(run: Steps, *, length: int, minimum: int, sot: int, eos: int, pad: int, group: int) -> Tensor:
    """Search with one group of ``group`` beams and lay the captions out as transformers does."""
    found = search(run, OPEN_CLIP, beams=group, length=length, minimum=minimum, start=sot, end=eos)
    best = [[sot, *hypotheses[0].ids] for hypotheses in found]
    longest = max((len(ids) for ids in best), default=0)
    width = min(longest + 1, length)
    laid = torch.full((len(best), width), pad, dtype=torch.long)
    for row, ids in zip(laid, best, strict=True):
        ended = [*ids, eos][:width]
        row[: len(ended)] = torch.tensor(ended)
    return laid
