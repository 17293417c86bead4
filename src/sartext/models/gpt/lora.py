"""Low-rank adapters on the language model (Hu et al. 2021, LoRA), merged before a model is saved."""

from collections.abc import Sequence

import torch
from torch import nn

from sartext.errors import ModelError
from sartext.models.gpt.model import Gpt


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
    names = {name.rpartition(".")[2] for name, one in language.named_modules() if isinstance(one, nn.Linear)}
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
    adapted = [(name, one) for name, one in language.named_modules() if isinstance(one, BaseTunerLayer)]
    for name, layer in adapted:
        layer.merge(safe_merge=True)
        parent, _, last = name.rpartition(".")
        setattr(language.get_submodule(parent), last, layer.get_base_layer())
    for attribute in ("peft_config", "_hf_peft_config_loaded"):
        if attribute in vars(language):
            delattr(language, attribute)
