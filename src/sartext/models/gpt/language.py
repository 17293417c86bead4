"""The causal language model of a SAR-GPT, random on purpose or pretrained, and its tokenizer."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tokenizers
import torch
from pydantic import Field, model_validator
from torch import Tensor
from transformers import AutoTokenizer, PhiConfig, PhiForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from sartext.config.section import Section
from sartext.errors import ModelError
from sartext.models.construction import read_foundation_file
from sartext.models.gpt.model import IMAGE
from sartext.models.vocabulary import train_vocabulary

FOLDER = Path(__file__).resolve().parent.parent / "languages"
"""Those of the package."""

PAD, START, END = "<pad>", "<bos>", "<eos>"

FEWEST = 300
"""Tokens of the smallest vocabulary: the bytes, the special tokens and some words."""

LONGEST = 2048
"""Tokens of the longest sequence of random weights, as of phi-2."""


@dataclass(frozen=True)
class LanguageFoundation:
    """A language model of the Phi family, and its weights or none.

    Args:
        pretrained: None for random weights on purpose; a folder (it begins with ``/``, ``.`` or ``~``; relative to
            the foundation file) or the name of a model on the Hugging Face hub, such as ``microsoft/phi-2``.
        tokenizer: ``trained`` on the questions, answers and captions; or that of the weights.
        vocabulary: tokens of a trained tokenizer at most.
        layers, width, heads: of random weights.
        feature_layer: which hidden states of the image tower are read, as transformers counts them: -2 are those
            before the last block, whose patches the tower's own training still reads.
        source: the file that says so, for messages.
    """

    pretrained: str | None
    tokenizer: Literal["trained", "pretrained"] = "trained"
    vocabulary: int = 1024
    layers: int = 2
    width: int = 128
    heads: int = 4
    feature_layer: int = -2
    source: Path | None = None

    @property
    def place(self) -> str:
        """Where the weights are, as ``from_pretrained`` takes it."""
        place = self.pretrained or ""
        if not place.startswith(("/", ".", "~")):
            return place
        return str((self.source.parent if self.source else Path()) / Path(place).expanduser())


class _File(Section):
    language: Literal["phi"]
    pretrained: str | None
    tokenizer: Literal["trained", "pretrained"]
    vocabulary: int = Field(1024, ge=300, le=65536)
    layers: int = Field(2, ge=1, le=96)
    width: int = Field(128, ge=8, le=16384)
    heads: int = Field(4, ge=1, le=128)
    feature_layer: int = Field(-2, ge=-64, le=-1)

    @model_validator(mode="before")
    @classmethod
    def _is_language(cls, content: object) -> object:
        if isinstance(content, dict) and "architecture" in content:
            raise ValueError(
                "this is the foundation of a CLIP or CoCa, no language model's; `language` takes one such as "
                "phi-tiny.yaml"
            )
        return content

    @model_validator(mode="after")
    def _fits(self) -> "_File":
        if self.width % (2 * self.heads):
            raise ValueError(f"width: {self.heads} heads do not divide {self.width} into even parts")
        if (self.tokenizer == "pretrained") != (self.pretrained is not None):
            raise ValueError("tokenizer: pretrained weights need their own tokenizer, random ones a trained one")
        return self


def read_language(path: Path) -> LanguageFoundation:
    """Read the foundation file of a language model, see `read_foundation_file`.

    ``pretrained`` must be said, be it null: weights are never random because a line was forgotten.
    """
    content = read_foundation_file(path, _File, key="language", others=FOLDER)
    return LanguageFoundation(**content.model_dump(exclude={"language"}), source=path)


def build_language(foundation: LanguageFoundation, tokenizer: PreTrainedTokenizerBase) -> PhiForCausalLM:
    """Return the language model of a foundation with a place for every token of the tokenizer.

    Random weights are drawn from torch's generator: seed it before. Pretrained ones that cannot be had, are of
    another family or not all there are a ModelError.
    """
    special = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    if foundation.pretrained is None:
        config = PhiConfig(
            vocab_size=len(tokenizer),
            hidden_size=foundation.width,
            intermediate_size=4 * foundation.width,
            num_hidden_layers=foundation.layers,
            num_attention_heads=foundation.heads,
            hidden_act="gelu_pytorch_tanh",  # the same function as phi-2's gelu_new, in one kernel
            max_position_embeddings=LONGEST,
            **special,
        )
        return PhiForCausalLM(config)
    network = _pretrained(foundation)
    if len(tokenizer) > network.config.vocab_size:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    network.config.update(special)
    return network


def fold_head_bias(network: PhiForCausalLM) -> float:
    """Move the bias of Phi's head into the bias of its last layer norm: LLaVA's head has none.

    With head ``W h + b`` the shift ``d`` of ``h`` is the least-squares solution of ``W d = b`` up to a constant,
    which no probability depends on. Returned is the root mean square of what could not be moved, in logits.
    """
    head = network.lm_head
    if head.bias is None or not bool(head.bias.any()):
        return 0.0
    weight, bias = head.weight.detach().double(), head.bias.detach().double()
    design = torch.cat([weight, torch.ones(len(weight), 1, dtype=torch.float64)], dim=1)
    shift: Tensor = torch.linalg.lstsq(design, bias[:, None]).solution[:, 0]
    with torch.no_grad():
        norm = network.model.final_layernorm.bias
        norm += shift[:-1].to(norm)
        head.bias.zero_()
    return float((design @ shift - bias).square().mean().sqrt())


def _pretrained(foundation: LanguageFoundation) -> PhiForCausalLM:
    """Read the weights as float32, from safetensors alone."""
    try:
        with no_progress_bars():
            config, _ = PhiConfig.get_config_dict(foundation.place)
            if (kind := config.get("model_type")) == "phi":
                network, info = PhiForCausalLM.from_pretrained(
                    foundation.place, dtype=torch.float32, use_safetensors=True, output_loading_info=True
                )
    except Exception as error:  # whatever the network, the hub or the disk came up with
        raise ModelError(
            f"the language model '{foundation.pretrained}' is not on this machine and cannot be fetched, or its "
            f"safetensors cannot be read ({type(error).__name__})",
            where=foundation.source,
            way_out="download it elsewhere and name its folder as `pretrained` there",
        ) from error
    if kind != "phi":
        raise ModelError(
            f"the weights are of a model of type '{kind}', one of type 'phi' is needed",
            where=foundation.source,
            way_out="name phi-1, phi-1.5, phi-2 or a folder with their like as `pretrained` there",
        )
    if lacking := sorted([*map(str, info["missing_keys"]), *map(str, info["mismatched_keys"])]):
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise ModelError(
            f"the weights are not all there: '{lacking[0]}'{more}",
            where=foundation.place,
            way_out="copy the model again",
        )
    return network


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Show none of transformers' own progress bars."""
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if bars:
            transformers_logging.enable_progress_bar()


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with tokens for start, end, padding and a picture, so many at most, on texts.

    The same texts, prompts, replies and captions, give the same tokenizer.

    Raises:
        ModelError: there is no text, or the vocabulary is too small.
    """
    # what occurs once is no token, and every distinct text counts once: a short answer is to be one
    distinct = sorted({text if len(text) > 40 else text * 2 for text in texts if text.strip()})
    if not distinct:
        raise ModelError("no questions to train a tokenizer on", way_out="build the release's questions first")
    if vocabulary < FEWEST:
        raise ModelError(f"a vocabulary of {vocabulary} tokens", way_out=f"set `vocabulary` to {FEWEST} or more")
    raw = train_vocabulary([text.replace(IMAGE, "") for text in distinct], (PAD, START, END, IMAGE), vocabulary)
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens={"image_token": IMAGE},
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def pretrained_tokenizer(foundation: LanguageFoundation) -> PreTrainedTokenizerBase:
    """Return the tokenizer of pretrained weights, with tokens for a picture and for padding."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            foundation.place, padding_side="left", extra_special_tokens={"image_token": IMAGE}
        )
    except Exception as error:  # whatever the network, the hub or the disk came up with
        raise ModelError(
            f"the tokenizer of '{foundation.pretrained}' cannot be had ({type(error).__name__})",
            where=foundation.source,
            way_out="put tokenizer.json and tokenizer_config.json beside the weights",
        ) from error
    if tokenizer.eos_token is None:
        raise ModelError("the tokenizer has no end token", where=foundation.place, way_out="take another model")
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": PAD})
    return tokenizer
