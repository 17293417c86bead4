"""Building a SAR-GPT from an image tower and a language model, and the low-rank adapters of its training.

The tower of an open_clip CLIP becomes a ``CLIPVisionModel`` of transformers with the same hidden states. Adapters
(Hu et al. 2021, LoRA) are merged before a model is saved.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)
from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

from sartext.errors import ModelError
from sartext.models.compatibility import open_clip
from sartext.models.gpt.language import (
    LanguageFoundation,
    build_language,
    fold_head_bias,
    pretrained_tokenizer,
    train_tokenizer,
)
from sartext.models.gpt.model import CHAT, IMAGE, Gpt, image_processor
from sartext.models.model import Model

IMAGES, LOST = "sees_images", "head_bias_lost"
"""What ``config.json`` says beside what transformers has it say: whether the model was taught with pictures, and
how much of the language model's head has no place in LLaVA's, see `language.fold_head_bias`."""

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


def build_gpt(
    tower: Model, foundation: LanguageFoundation, texts: Iterable[str], *, seed: int, images: bool = True
) -> Gpt:
    """Return a SAR-GPT: the tower of a CLIP, LLaVA's projector with random weights, and a language model.

    Args:
        tower: the CLIP, which is not changed.
        foundation: of the language model.
        texts: prompts, replies and captions, for a tokenizer that is trained.
        seed: of weights that are not read; the same seed gives the same language model with and without images.
        images: False for the control that sees none.

    Raises:
        ModelError: the tower cannot be converted, or the language model not be had.
    """
    vision = convert_tower(tower)
    layers = vision.config.num_hidden_layers
    if -foundation.feature_layer > layers + 1:
        raise ModelError(
            f"hidden states {foundation.feature_layer} of an image tower of {layers} layers",
            where=foundation.source,
            way_out=f"set `feature_layer` there to {-layers - 1} or above",
        )
    trained = foundation.tokenizer == "trained"
    tokenizer = train_tokenizer(texts, foundation.vocabulary) if trained else pretrained_tokenizer(foundation)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        language = build_language(foundation, tokenizer)
        lost = fold_head_bias(language)
        config = LlavaConfig(
            vision_config=vision.config,
            text_config=language.config,
            image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
            image_seq_length=(tower.side // vision.config.patch_size) ** 2,
            vision_feature_layer=foundation.feature_layer,
            vision_feature_select_strategy="default",
            **{IMAGES: images, LOST: round(lost, 6)},
        )
        # its own parts would be drawn at random and thrown away, some gigabytes at paper scale
        with torch.device("meta"):
            network = LlavaForConditionalGeneration(config)
        network.model.vision_tower = vision
        network.model.multi_modal_projector = LlavaMultiModalProjector(config)
        network.model.language_model = language.model
        network.lm_head.weight = language.lm_head.weight
    network.generation_config.update(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    processor = LlavaProcessor(
        image_processor(tower.side, tower.mean, tower.std),
        tokenizer,
        patch_size=vision.config.patch_size,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT,
    )
    return Gpt(network.eval(), processor, images)


def add_adapters(
    model: Gpt, *, rank: int, alpha: float, dropout: float, targets: Sequence[str], seed: int
) -> None:
    """Put adapters on linear layers of the language model in place; of it they alone learn from then on.

    The model says the same as before until they have learned. An adapter's product counts ``alpha / rank`` times,
    its input is dropped with probability ``dropout``; ``targets`` name layers, such as ``q_proj`` and ``fc1``.

    Raises:
        ModelError: no layer has one of the names.
    """
    from peft import LoraConfig, inject_adapter_in_model

    language = model.network.model.language_model
    names = {name.rpartition(".")[2] for name, layer in language.named_modules() if isinstance(layer, nn.Linear)}
    if unknown := sorted(set(targets) - names):
        raise ModelError(
            f"the language model has no linear layer '{unknown[0]}'",
            where="lora.targets",
            way_out=f"it has {', '.join(sorted(names))}",
        )
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(targets), bias="none")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(config, language)
    for name, parameter in language.named_parameters():
        parameter.requires_grad_("lora_" in name)


def merge(model: Gpt) -> None:
    """Add what the adapters learned to the weights and take the adapters off; without adapters nothing changes."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    language = model.network.model.language_model
    adapted = [(name, layer) for name, layer in language.named_modules() if isinstance(layer, BaseTunerLayer)]
    for name, layer in adapted:
        layer.merge(safe_merge=True)
        parent, _, last = name.rpartition(".")
        setattr(language.get_submodule(parent), last, layer.get_base_layer())
    for attribute in ("peft_config", "_hf_peft_config_loaded"):
        if attribute in vars(language):
            delattr(language, attribute)


def convert_tower(model: Model) -> CLIPVisionModel:
    """Return a CLIP's image tower as transformers has it, in evaluation mode, float32, on the CPU.

    Its hidden states equal those of open_clip's blocks (to rounding). The model is not changed.

    Raises:
        ModelError: the tower has parts that a ``CLIPVisionModel`` lacks (attentional pooling, layer scale, a timm
            network), or another activation.
    """
    visual = model.network.visual
    if not isinstance(visual, open_clip.transformer.VisionTransformer):
        raise _foreign(model, f"it is a {type(visual).__name__}")
    state = dict(_renamed(model, visual))
    with torch.random.fork_rng(devices=[]):
        tower = CLIPVisionModel(_vision_config(model))
    lacking = sorted(tower.state_dict().keys() - state.keys())
    if lacking:
        raise _foreign(model, f"it lacks '{lacking[0]}'")
    tower.load_state_dict(state)
    return tower.eval()


def _vision_config(model: Model) -> CLIPVisionConfig:
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
        elif name != "proj":  # the pooled feature alone goes through that: a language model reads the patches
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
