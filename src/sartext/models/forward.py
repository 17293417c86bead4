"""What a network makes of a batch in training: unit features, and for CoCa the scores of the next tokens.

It equals open_clip's own forward on captions that are padded to the whole context, and computes less: captions are
cut to the batch's longest, and only tokens that are scored are projected to the vocabulary. CoCa's class token
stands behind the padding, at the last position of the context; it keeps that position when captions are cut, else
one caption would have different features in different batches.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True)
class Outputs:
    """The network's view of ``n`` pairs: features, float32, n x width, of length 1.

    Of a CoCa also ``logits``, scored tokens x vocabulary: the tokens after the first that are no padding, in
    order; and ``labels``, int64, the tokens that their rows should give.
    """

    image_features: Tensor
    text_features: Tensor
    logits: Tensor | None = None
    labels: Tensor | None = None


def cut(tokens: Tensor, pad: int, longest: int | None = None) -> Tensor:
    """Return captions, int64, n x length, in ``longest`` columns; by default in those that hold a token."""
    longest = longest_of(tokens, pad) if longest is None else longest
    return F.pad(tokens, (0, longest - tokens.shape[1]), value=pad)  # less than nothing cuts


def longest_of(tokens: Tensor, pad: int) -> int:
    """Return the number of tokens of the longest caption."""
    held = (tokens != pad).any(dim=0).nonzero()
    return int(held[-1]) + 1 if len(held) else 1


def forward(network: nn.Module, images: Tensor, tokens: Tensor) -> Outputs:
    """Run a network of open_clip on images, float, n x 3 x side x side, normalised, and captions.

    ``tokens`` are int64, n x length, at most the context, padded behind.
    """
    seen: Any = network.visual(images)  # type: ignore[operator]
    if not hasattr(network, "text_decoder"):
        pooled = seen[0] if isinstance(seen, tuple) else seen
        return Outputs(_unit(pooled), _unit(_clip_text(network, tokens)))
    pooled, image_states = seen
    text, states = _coca_text(network.text, tokens)
    pad = int(network.pad_id)  # type: ignore[arg-type]
    labels = tokens[:, 1:]
    scored = labels != pad
    decoded = _decode(network.text_decoder, image_states, states[:, : tokens.shape[1] - 1])
    return Outputs(_unit(pooled), _unit(text), _project(network.text_decoder, decoded[scored]), labels[scored])


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features.float(), dim=-1)


def _clip_text(network: Any, tokens: Tensor) -> Tensor:  # noqa: ANN401 - open_clip is untyped
    if hasattr(network, "text"):  # a tower of its own: it may look at the padding
        tower = network.text
        room = tower.context_length - tokens.shape[1]
        whole: Tensor = tower(F.pad(tokens, (0, room), value=getattr(tower, "pad_id", 0)))
        return whole
    length = tokens.shape[1]
    states = network.token_embedding(tokens) + network.positional_embedding[:length]
    states = network.transformer(states, attn_mask=network.attn_mask[:length, :length])
    # the end token's place: of the highest number, or of the number that the configuration names
    ends = tokens == network.text_eos_id if network.text_pool_type == "eos" else tokens
    if network.text_pool_type not in {"eos", "argmax"}:
        raise NotImplementedError(f"text pooling '{network.text_pool_type}'")
    pooled = states[torch.arange(len(tokens), device=tokens.device), ends.int().argmax(dim=-1)]
    return _project(network, network.ln_final(pooled))


def _coca_text(tower: Any, tokens: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401 - open_clip is untyped
    """Return the class token's features (n x width) and the token states (n x length x width)."""
    context, pad = tower.context_length, tower.pad_id
    if not tower.correct_cls_mask and tokens.shape[1] < context:
        # open_clip's first mask is one column late, so that the class token sees the first padding too
        tokens = F.pad(tokens, (0, 1), value=pad)
    length = tokens.shape[1]
    states = torch.cat([tower.token_embedding(tokens), tower.cls_emb.expand(len(tokens), 1, -1)], dim=1)
    places = torch.cat([tower.positional_embedding[:length], tower.positional_embedding[context : context + 1]])
    states = tower.transformer(states + places, attn_mask=_coca_mask(tower, tokens, states.dtype))
    pooled = tower.ln_final(states[:, -1])
    return _project(tower, pooled), states[:, :-1]


def _coca_mask(tower: Any, tokens: Tensor, dtype: torch.dtype) -> Tensor:  # noqa: ANN401 - open_clip is untyped
    """Return the additive mask of open_clip's text tower, n * heads x (length + 1) x (length + 1)."""
    count, length = tokens.shape
    held = tokens != tower.pad_id
    if tower.correct_cls_mask:
        keys = torch.cat([held, held.new_ones(count, 1)], dim=1)
    else:
        whole = held[:, -1:] if length == tower.context_length else held.new_zeros(count, 1)
        keys = torch.cat([held.new_ones(count, 1), held[:, :-1], whole], dim=1)
    later = torch.ones(length + 1, length + 1, dtype=torch.bool, device=tokens.device).triu(1)
    hidden = later | ~keys[:, None, :]
    mask = torch.zeros(hidden.shape, dtype=dtype, device=tokens.device).masked_fill_(hidden, float("-inf"))
    return mask.repeat_interleave(tower.heads, dim=0)


def _decode(decoder: Any, image_states: Tensor, states: Tensor) -> Tensor:  # noqa: ANN401 - open_clip is untyped
    """Return the multimodal decoder's states before its projection to the vocabulary, n x length x width."""
    length = states.shape[1]
    mask = decoder.attn_mask[:length, :length]
    for own, cross in zip(decoder.resblocks, decoder.cross_attn, strict=True):
        if decoder.grad_checkpointing and torch.is_grad_enabled():
            states = checkpoint(own, states, None, None, mask, use_reentrant=False)
            states = checkpoint(cross, states, image_states, image_states, None, use_reentrant=False)
        else:
            states = own(states, attn_mask=mask)
            states = cross(states, k_x=image_states, v_x=image_states)
    return decoder.ln_final(states)  # type: ignore[no-any-return]


def _project(tower: Any, states: Tensor) -> Tensor:  # noqa: ANN401 - open_clip is untyped
    projection = tower.text_projection
    if projection is None:
        return states
    return torch.as_tensor(projection(states) if isinstance(projection, nn.Linear) else states @ projection)
