"""The image tower of an open_clip CLIP as a ``CLIPVisionModel`` of transformers, with the same hidden states."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from sartext.errors import ModelError
from sartext.models.compatibility import open_clip
from sartext.models.model import Model

WHOLE = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
"""Names of open_clip's ``VisionTransformer`` and those of transformers, outside the blocks."""

BLOCK = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
"""The same inside a block; queries, keys and values lie in one matrix in open_clip."""

UNUSED = {"proj"}
"""What only the pooled feature of a picture goes through: a language model reads the patches."""


def convert_tower(model: Model) -> CLIPVisionModel:
    """Return a CLIP's image tower as transformers has it, in evaluation mode, float32, on the CPU.

    Args:
        model: an open_clip CLIP whose tower is a plain vision transformer; it is not changed.

    Returns:
        A network whose hidden states equal those of open_clip's blocks (to rounding).

    Raises:
        ModelError: the tower has parts that a ``CLIPVisionModel`` lacks (attentional pooling, layer scale, a timm
            network), or another activation.
    """
    visual = model.network.visual
    if not isinstance(visual, open_clip.transformer.VisionTransformer):
        raise _foreign(model, f"it is a {type(visual).__name__}")
    state = dict(_renamed(model, visual))
    with torch.random.fork_rng(devices=[]):
        tower = CLIPVisionModel(vision_config(model))
    lacking = sorted(tower.state_dict().keys() - state.keys())
    if lacking:
        raise _foreign(model, f"it lacks '{lacking[0]}'")
    tower.load_state_dict(state)
    return tower.eval()


def vision_config(model: Model) -> CLIPVisionConfig:
    """Return the configuration of ``CLIPVisionModel`` that describes an open_clip vision transformer.

    Raises:
        ModelError: its activation is neither GELU nor QuickGELU, or its input no square.
    """
    visual: Any = model.network.visual
    (height, width), (patch, patch_width) = visual.image_size, visual.patch_size
    if height != width or patch != patch_width:
        raise _foreign(model, f"its pictures are {width} x {height}, its patches {patch_width} x {patch}")
    blocks = visual.transformer.resblocks
    return CLIPVisionConfig(
        hidden_size=visual.conv1.out_channels,
        intermediate_size=blocks[0].mlp.c_fc.out_features,
        projection_dim=visual.output_dim,
        num_hidden_layers=len(blocks),
        num_attention_heads=blocks[0].attn.num_heads,
        image_size=height,
        patch_size=patch,
        hidden_act=_activation(model, blocks[0].mlp.gelu),
        layer_norm_eps=blocks[0].ln_1.eps,
    )


def _activation(model: Model, layer: nn.Module) -> str:
    if isinstance(layer, nn.GELU) and layer.approximate == "none":
        return "gelu"
    if isinstance(layer, open_clip.transformer.QuickGELU):
        return "quick_gelu"
    raise _foreign(model, f"its activation is {layer}")


def _renamed(model: Model, visual: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, tensor in visual.state_dict().items():
        value = tensor.detach().to("cpu", torch.float32, copy=True)
        if name in WHOLE:
            yield WHOLE[name], value
        elif name.startswith("transformer.resblocks."):
            _, _, number, rest = name.split(".", 3)
            yield from _of_block(model, f"encoder.layers.{number}.", rest, value)
        elif name not in UNUSED:
            raise _foreign(model, f"it has '{name}'")


def _of_block(model: Model, prefix: str, name: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    part, _, kind = name.rpartition(".")
    if name in {"attn.in_proj_weight", "attn.in_proj_bias"}:
        kind = name.removeprefix("attn.in_proj_")
        for letter, third in zip("qkv", value.chunk(3), strict=True):
            yield f"{prefix}self_attn.{letter}_proj.{kind}", third.clone()
    elif part in BLOCK:
        yield f"{prefix}{BLOCK[part]}.{kind}", value
    else:
        raise _foreign(model, f"its blocks have '{name}'")


def _foreign(model: Model, why: str) -> ModelError:
    return ModelError(
        f"this image tower cannot be read by a language model: {why}",
        where=f"a {model.kind} of {model.side} pixels",
        way_out="take a CLIP with a plain vision transformer, such as ViT-L-14",
    )
