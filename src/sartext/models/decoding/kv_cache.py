"""CoCa a token at a time: keys and values of the tokens before, and of the image, are kept.

Why that is exact: in open_clip's CoCa the class token stands behind the text and attention is causal, so the state
of a token depends on the tokens before it alone; and what the decoder attends to in the image is the same at
every step and for every beam. Caches are never moved between beams: a slot (position, beam) stays where it was
written, and a table says which slots are a beam's own history. The weights of a block are taken out once, because
a step over few rows is soon dominated by look-ups.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name for it

from sartext.errors import DecodingError
from sartext.models.compatibility import open_clip

Part = Any
"""A module of open_clip, whose own parts are reached by name."""

Norm = open_clip.transformer.LayerNorm


Linear = Callable[[Tensor], Tensor]
"""A linear layer, its weight and bias taken out."""


class Layer:
    """One of open_clip's residual attention blocks, taken apart.

    ``to_queries`` projects to queries, or of self-attention to queries, keys and values; ``to_keys`` projects an
    image to keys and values. A scale that a block does not have is None.
    """

    def __init__(self, block: Part) -> None:
        attn, mlp, gelu, crossing = block.attn, block.mlp, block.mlp.gelu, hasattr(block, "ln_1_kv")
        width = attn.embed_dim if crossing else 3 * attn.embed_dim
        weight, bias = attn.in_proj_weight, attn.in_proj_bias
        self.heads = int(attn.num_heads)
        self.attention_norm, self.mlp_norm = block.ln_1, block.ln_2
        self.to_queries = _linear(weight[:width], None if bias is None else bias[:width])
        if crossing:
            self.key_norm = block.ln_1_kv
            self.to_keys = _linear(weight[width:], None if bias is None else bias[width:])
        self.project = _linear(attn.out_proj.weight, attn.out_proj.bias)
        self.widen = _linear(mlp.c_fc.weight, mlp.c_fc.bias)
        self.activation = F.gelu if isinstance(gelu, nn.GELU) and gelu.approximate == "none" else gelu
        self.narrow = _linear(mlp.c_proj.weight, mlp.c_proj.bias)
        self.first_scale = None if isinstance(block.ls_1, nn.Identity) else block.ls_1
        self.second_scale = None if isinstance(block.ls_2, nn.Identity) else block.ls_2

    def after(self, state: Tensor, attended: Tensor) -> Tensor:
        """Finish the block; ``attended``, by its attention, is [images, heads, beams, width of a head]."""
        joined = self.project(attended.transpose(1, 2).reshape(state.shape))
        state = state + (joined if self.first_scale is None else self.first_scale(joined))
        widened = self.narrow(self.activation(self.widen(layer_norm(self.mlp_norm, state))))
        return state + (widened if self.second_scale is None else self.second_scale(widened))


def layer_norm(norm: Part, state: Tensor) -> Tensor:
    """Apply a layer norm as open_clip's does: the result has the type of ``state``."""
    if type(norm) is not Norm:
        return torch.as_tensor(norm(state))
    scaled = F.layer_norm(state, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
    return scaled if scaled.dtype == state.dtype else scaled.to(state.dtype)


def _linear(weight: Tensor, bias: Tensor | None) -> Linear:
    return partial(F.linear, weight=weight, bias=bias)


Ids = npt.NDArray[np.int64]

CoCa = open_clip.coca_model.CoCa
Block = open_clip.transformer.ResidualAttentionBlock
TextTower = open_clip.transformer.TextTransformer


@dataclass(frozen=True)
class Towers:
    """The parts of a CoCa that captions are made with; ``context`` tokens fit, start and end included."""

    visual: Part
    text: Part
    decoder: Part
    context: int


def towers_of(network: nn.Module) -> Towers:
    """Take a CoCa apart.

    Raises:
        DecodingError: the network is no CoCa of open_clip, or one whose token states depend on later tokens.
    """
    if not isinstance(network, CoCa):
        raise DecodingError(
            f"{type(network).__name__} writes no captions", way_out="name a checkpoint of a CoCa, e.g. coca-sar"
        )
    text, decoder = network.text, network.text_decoder
    texts = getattr(getattr(text, "transformer", None), "resblocks", [])
    blocks = [*texts, *decoder.resblocks, *decoder.cross_attn]
    plain = isinstance(text, TextTower) and text.attn_mask is not None
    if not plain or not all(isinstance(block, Block) and block.attn.batch_first for block in blocks):
        raise DecodingError(
            "this CoCa's text tower is not open_clip's causal one, which the decoder's cache needs",
            way_out="use a CoCa with open_clip's own text tower, causal and of standard blocks",
        )
    context = min(text.context_length, decoder.context_length)
    return Towers(network.visual, text, decoder, int(context))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, without gradients, for a while."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(training)


def image_tokens(towers: Towers, images: Tensor) -> Tensor:
    """Return what the decoder attends to in normalised ``images`` [n, 3, side, side]: [n, tokens, width]."""
    _, tokens = towers.visual(images.to(dtype=towers.text.transformer.get_cast_dtype()))
    return torch.as_tensor(tokens)


class Run:
    """The state of captions being written: ``beams`` for each of the ``images``, all of one length."""

    def __init__(self, towers: Towers, images: Tensor, *, beams: int, length: int) -> None:
        self._towers = towers
        self._beams = beams
        self._length = length
        self._position = 0
        self._pad = int(towers.text.pad_id)
        tokens = image_tokens(towers, images)
        self.images = int(tokens.shape[0])
        self._device = tokens.device
        self._dtype = towers.text.transformer.get_cast_dtype()
        self._texts = [Layer(block) for block in towers.text.transformer.resblocks]
        self._owns = [Layer(block) for block in towers.decoder.resblocks]
        self._crosses = [Layer(block) for block in towers.decoder.cross_attn]
        self._image = [_image_cache(layer, tokens) for layer in self._crosses]
        self._caches: list[Tensor | None] = [None] * (len(self._texts) + len(self._owns))
        self._slots = np.zeros((self.images, beams, length), dtype=np.int64)
        self._open = np.ones((self.images, length, beams), dtype=bool)
        self._last: Ids | None = None

    def step(self, tokens: Ids, origin: Ids | None = None) -> Tensor:
        """Append ``tokens`` [images, beams]; return the logits of the next, float32 [images, beams, vocabulary].

        ``origin`` [images, beams] is the beam that each continues; None if each continues itself.
        """
        history, texts = self._masks(tokens, origin)
        text, decoder = self._towers.text, self._towers.decoder
        ids = torch.from_numpy(np.ascontiguousarray(tokens)).to(self._device).view(-1)
        state = text.token_embedding(ids).to(self._dtype)
        state = state + text.positional_embedding[self._position].to(self._dtype)
        for at, layer in enumerate(self._texts):
            state = self._own(layer, state, at, texts)
        for at, (own, cross, cache) in enumerate(zip(self._owns, self._crosses, self._image, strict=True)):
            state = self._own(own, state, len(self._texts) + at, history)
            state = self._cross(cross, state, cache)
        logits = torch.as_tensor(decoder.ln_final(state) @ decoder.text_projection)
        self._position += 1
        return logits.float().view(self.images, self._beams, -1)

    def keep(self, images: Ids) -> None:
        """Go on with these images alone (indices into the present ones, ascending)."""
        rows = torch.from_numpy(images).to(self._device)
        used = slice(0, self._position)
        for at, cache in enumerate(self._caches):
            if cache is not None:
                kept = cache.new_empty((2, len(images), *cache.shape[2:]))
                kept[:, :, :, used] = cache[:, :, :, used].index_select(1, rows)
                self._caches[at] = kept
        self._image = [cache.index_select(1, rows) for cache in self._image]
        self._slots, self._open = self._slots[images], self._open[images]
        self._last = None if self._last is None else self._last[images]
        self.images = len(images)

    def _masks(self, tokens: Ids, origin: Ids | None) -> tuple[Tensor | None, Tensor | None]:
        """Note the new slots; return what the decoder and the text tower add to their attention, if anything."""
        at, rows = self._position, np.arange(self.images)[:, None]
        if origin is not None:
            self._slots = self._slots[rows, origin]
            self._last = None if self._last is None else self._last[rows, origin]
        self._slots[:, :, at] = np.arange(self._beams)
        # open_clip's mask of the padding stands one too far right in the text tower, unless told to be correct
        masking = tokens if self._towers.text.correct_cls_mask else self._last
        if masking is not None:
            self._open[:, at] = masking != self._pad
        self._last = tokens
        used = slice(0, at + 1)
        if self._beams == 1:
            own = None if self._open[:, used].all() else self._open[:, None, None, used, 0]
            return None, self._additive(own)
        history = self._slots[:, None, :, used, None] == np.arange(self._beams)
        seen = history & self._open[:, None, None, used]
        flat = (self.images, 1, self._beams, -1)
        first = self._additive(history.reshape(flat))
        return first, first if self._open[:, used].all() else self._additive(seen.reshape(flat))

    def _additive(self, seen: npt.NDArray[np.bool_] | None) -> Tensor | None:
        if seen is None:
            return None
        mask = np.where(seen, np.float32(0), np.float32(-np.inf))
        cache = self._image[0]
        return torch.from_numpy(mask).to(device=cache.device, dtype=cache.dtype)

    def _own(self, layer: Layer, state: Tensor, at: int, mask: Tensor | None) -> Tensor:
        """One block of self-attention over the kept keys and values and the new ones."""
        mixed = layer.to_queries(layer_norm(layer.attention_norm, state))
        mixed = mixed.view(self.images, self._beams, 3, layer.heads, -1)
        cache = self._caches[at]
        if cache is None:
            shape = (2, self.images, layer.heads, self._length, self._beams, mixed.shape[-1])
            cache = self._caches[at] = mixed.new_empty(shape)
        cache[:, :, :, self._position] = mixed[:, :, 1:].permute(2, 0, 3, 1, 4)
        keys, values = cache[:, :, :, : self._position + 1].flatten(3, 4)
        attended = F.scaled_dot_product_attention(mixed[:, :, 0].transpose(1, 2), keys, values, attn_mask=mask)
        return layer.after(state, attended)

    def _cross(self, layer: Layer, state: Tensor, cache: Tensor) -> Tensor:
        """One block of attention to the image; the beams of an image share its keys and values."""
        queries = layer.to_queries(layer_norm(layer.attention_norm, state))
        queries = queries.view(self.images, self._beams, layer.heads, -1).transpose(1, 2)
        return layer.after(state, F.scaled_dot_product_attention(queries, cache[0], cache[1]))


def _image_cache(layer: Layer, tokens: Tensor) -> Tensor:
    """Keys and values of the image in one block: [2, images, heads, image tokens, width of a head]."""
    mixed = layer.to_keys(layer_norm(layer.key_norm, tokens))
    images, count, _ = tokens.shape
    return mixed.view(images, count, 2, layer.heads, -1).permute(2, 0, 3, 1, 4).contiguous()
