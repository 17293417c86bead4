"""Small towers, language models and questions for the tests of SAR-GPT."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sartext.errors import ModelError
from sartext.models.construction import adapt_text, instantiate
from sartext.models.gpt.checkpoint import load_gpt
from sartext.models.gpt.construction import build_gpt
from sartext.models.gpt.language import LanguageFoundation
from sartext.models.gpt.model import Gpt, prompt, reply
from sartext.models.model import Model, preprocess_cfg
from sartext.models.tokenizer import train_tokenizer
from tests.models.making import tiny_config

SIDE = 32
QUESTIONS = (
    "Is there a ship?",
    "How many ships are in the image?",
    "Are there more ships than bridges in this SAR image?",
    "Where is the water?",
)
ANSWERS = ("yes", "no", "2", "3", "upper left", "in the center")


def tower(
    kind: str = "clip", *, side: int = SIDE, seed: int = 0, vision: dict[str, Any] | None = None, **fields: Any
) -> Model:
    """Build a tiny CLIP or CoCa with random weights, also of its layer norms."""
    own = {"image_size": side, "patch_size": 8, "width": 32, "layers": 3, "head_width": 8}
    config = tiny_config(kind, {**own, **(vision or {})}, **fields)
    tokenizer = train_tokenizer(["There is one ship in the sea.", "Water."], 300, 32)
    adapt_text(config, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = instantiate(config)
        with torch.no_grad():
            for parameter in network.visual.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    whole = {"model_cfg": config, "preprocess_cfg": preprocess_cfg(side, {"mean": 0.45, "std": 0.25})}
    return Model(network.eval(), tokenizer, whole, "coca" if kind == "coca" else "clip")


def texts() -> list[str]:
    """What the tokenizer of the tests is trained on."""
    return [prompt(question, image=False) for question in QUESTIONS] + [reply(answer) for answer in ANSWERS]


def tiny_gpt(*, images: bool = True, seed: int = 5, **language: Any) -> Gpt:
    """Build a SAR-GPT of some ten thousand weights."""
    fields = {"vocabulary": 400, "layers": 2, "width": 32, "heads": 4, **language}
    return build_gpt(tower(), LanguageFoundation(None, **fields), texts(), seed=seed, images=images)


def talkative(model: Gpt, by: float = 8.0) -> Gpt:
    """Make random weights larger, so that what is said depends on what is asked and seen."""
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if "vision_tower" not in name and parameter.ndim == 2:
                parameter.mul_(by)
    return model


def pictures(count: int, height: int = 70, width: int = 50, seed: int = 3) -> list[np.ndarray]:
    """Smooth random pictures, uint8, grey and colour in turns."""
    rng = np.random.default_rng(seed)
    drawn = []
    for number in range(count):
        shape = (height // 10, width // 10) + ((3,) if number % 2 else ())
        coarse = rng.integers(0, 256, shape, dtype=np.uint8)
        drawn.append(coarse.repeat(10, axis=0).repeat(10, axis=1))
    return drawn


def refused(folder: Path, message: str) -> None:
    """Check that a folder is no SAR-GPT, for a reason."""
    with pytest.raises(ModelError, match=message):
        load_gpt(folder)


def phi_folder(folder: Path, *, head_bias: float = 0.3, seed: int = 1, **fields: Any) -> Path:
    """Write a tiny Phi with a tokenizer, as a person would have downloaded it."""
    import tokenizers
    from transformers import PhiConfig, PhiForCausalLM, PreTrainedTokenizerFast

    from sartext.models.vocabulary import train_vocabulary

    raw = train_vocabulary(texts(), ("<|endoftext|>",), 320)
    assert isinstance(raw, tokenizers.Tokenizer)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PhiForCausalLM(PhiConfig(vocab_size=360, bos_token_id=0, eos_token_id=0, **{**size, **fields}))
        torch.nn.init.normal_(network.lm_head.bias, std=head_bias)
    network.save_pretrained(folder)
    end = "<|endoftext|>"
    PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=end, eos_token=end).save_pretrained(folder)
    return folder
