"""The weights of a transformer block, taken out once, as a step over few rows is soon dominated by look-ups."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name everybody knows)

from sartext.models.compatibility import open_clip

Part = Any
"""A module of open_clip, whose own parts are reached by name."""

Norm = open_clip.transformer.LayerNorm


@dataclass(frozen=True)
class Linear:
    """Weight and bias of a linear layer."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, state: Tensor) -> Tensor:
        """Apply it to the last dimension."""
        return F.linear(state, self.weight, self.bias)


@dataclass(frozen=True)
class Layer:
    """One of open_clip's residual attention blocks.

    ``ask`` projects to queries, or of self-attention to queries, keys and values; ``offer`` projects an image to
    keys and values. A scale that a block does not have is None.
    """

    heads: int
    first: Part
    ask: Linear
    offer: Linear | None
    offered: Part
    join: Linear
    first_scale: Part
    second: Part
    widen: Linear
    bend: Part
    narrow: Linear
    second_scale: Part

    def after(self, state: Tensor, found: Tensor) -> Tensor:
        """Finish the block; ``found`` by its attention is [images, heads, beams, width of a head]."""
        joined = self.join(found.transpose(1, 2).reshape(state.shape))
        state = state + (joined if self.first_scale is None else self.first_scale(joined))
        bent = self.narrow(self.bend(self.widen(normalised(self.second, state))))
        return state + (bent if self.second_scale is None else self.second_scale(bent))


def layer_of(block: Part) -> Layer:
    """Take a ``ResidualAttentionBlock`` apart."""
    attn, crossing = block.attn, hasattr(block, "ln_1_kv")
    width = attn.embed_dim if crossing else 3 * attn.embed_dim
    weight, bias = attn.in_proj_weight, attn.in_proj_bias
    return Layer(
        heads=int(attn.num_heads),
        first=block.ln_1,
        ask=Linear(weight[:width], None if bias is None else bias[:width]),
        offer=Linear(weight[width:], None if bias is None else bias[width:]) if crossing else None,
        offered=block.ln_1_kv if crossing else None,
        join=_linear(attn.out_proj),
        first_scale=_scale(block.ls_1),
        second=block.ln_2,
        widen=_linear(block.mlp.c_fc),
        bend=_bend(block.mlp.gelu),
        narrow=_linear(block.mlp.c_proj),
        second_scale=_scale(block.ls_2),
    )


def normalised(norm: Part, state: Tensor) -> Tensor:
    """Apply a layer norm as open_clip's does: the result has the type of ``state``."""
    if type(norm) is not Norm:
        return torch.as_tensor(norm(state))
    told = F.layer_norm(state, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return told if told.dtype == state.dtype else told.to(state.dtype)


def _linear(part: Part) -> Linear:
    return Linear(part.weight, part.bias)


def _scale(part: Part) -> Part:
    return None if isinstance(part, nn.Identity) else part


def _bend(part: Part) -> Part:
    return F.gelu if isinstance(part, nn.GELU) and part.approximate == "none" else part
