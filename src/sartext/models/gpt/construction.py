"""Building a SAR-GPT from an image tower and a language model, and the low-rank adapters of its training.

Adapters (Hu et al. 2021, LoRA) are merged before a model is saved.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import nn
from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerBase
from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

from sartext.errors import ModelError
from sartext.models.gpt.language import LanguageFoundation, build_language, fold_head_bias
from sartext.models.gpt.model import Gpt, image_processor
from sartext.models.gpt.prompts import CHAT, IMAGE, pretrained_tokenizer, train_tokenizer
from sartext.models.gpt.tower import convert_tower
from sartext.models.model import Model

IMAGES = "sees_images"
"""What ``config.json`` says beside what transformers has it say: whether the model was taught with pictures."""

LOST = "head_bias_lost"
"""And how much of the language model's head has no place in LLaVA's, see `language.fold_head_bias`."""


def build_gpt(
    tower: Model,
    foundation: LanguageFoundation,
    texts: Iterable[str],
    *,
    seed: int,
    images: bool = True,
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
    tokenizer = _tokenizer(foundation, texts)
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


def _tokenizer(foundation: LanguageFoundation, texts: Iterable[str]) -> PreTrainedTokenizerBase:
    if foundation.tokenizer == "trained":
        return train_tokenizer(texts, foundation.vocabulary)
    return pretrained_tokenizer(foundation)


def add_adapters(
    model: Gpt, *, rank: int, alpha: float, dropout: float, targets: Sequence[str], seed: int
) -> None:
    """Put adapters on linear layers of the language model; of it they alone learn from then on.

    The model says the same as before until they have learned.

    Args:
        model: changed in place.
        rank: of each adapter.
        alpha: an adapter's product counts ``alpha / rank`` times.
        dropout: probability with which an adapter's input is dropped.
        targets: names of the layers, such as ``q_proj`` and ``fc1``.
        seed: of the adapters' weights.

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
