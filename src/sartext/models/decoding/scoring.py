"""How likely a model holds a given caption of an image."""

from collections.abc import Sequence

import torch
from torch import Tensor

from sartext.errors import DecodingError
from sartext.models.decoding.towers import evaluating, image_tokens, towers_of
from sartext.models.model import Model

IMAGES_AT_ONCE = 32  # logits of a whole caption are wide: 32 of 32 tokens of CLIP's vocabulary are 200 MB


def score(model: Model, images: Tensor, captions: Sequence[Sequence[int]]) -> Tensor:
    """Return the log-probability of each image's caption, all its tokens given one after the other.

    Args:
        model: a CoCa.
        images: [n, 3, side, side], normalised.
        captions: n lists of token ids, without the start; with the end where they are finished.

    Returns:
        Sums of natural logarithms [n], 64-bit floats on the CPU.

    Raises:
        DecodingError: another number of captions than of images, a caption that is empty or too long, or a model
            that writes none.
    """
    towers = towers_of(model.network)
    if len(captions) != len(images):
        raise DecodingError(
            f"{len(captions)} captions for {len(images)} images", way_out="give one for each image"
        )
    longest = max(map(len, captions), default=1)
    if min(map(len, captions), default=1) < 1 or longest + 1 > towers.context:
        raise DecodingError(
            f"captions of {min(map(len, captions))} to {longest} tokens, start not counted",
            way_out=f"give 1 to {towers.context - 1} tokens",
        )
    chunks = range(0, len(captions), IMAGES_AT_ONCE)
    parts = [_score(model, images[at : at + IMAGES_AT_ONCE], captions[at : at + IMAGES_AT_ONCE]) for at in chunks]
    return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)


def _score(model: Model, images: Tensor, captions: Sequence[Sequence[int]]) -> Tensor:
    towers = towers_of(model.network)
    pad = int(towers.text.pad_id)
    longest = max(map(len, captions))
    ids = torch.tensor([[model.tokenizer.sot, *one] + [pad] * (longest - len(one)) for one in captions])
    images = images.to(model.device)
    ids = ids.to(images.device)
    told = torch.tensor([len(one) for one in captions], device=images.device)
    with evaluating(model.network):
        _, states = towers.text(ids[:, :-1])
        logits = towers.decoder(image_tokens(towers, images), states).float()
        gained = logits.gather(2, ids[:, 1:, None])[:, :, 0] - logits.logsumexp(-1)
        inside = torch.arange(longest, device=images.device) < told[:, None]
        summed: Tensor = gained.double().masked_fill(~inside, 0).sum(1)
    return summed.cpu()
