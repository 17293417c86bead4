"""The tokenizer of a SAR-GPT: a small one of its own questions, or that of pretrained weights."""

from collections.abc import Iterable

import tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sartext.errors import ModelError
from sartext.models.gpt.foundation import LanguageFoundation
from sartext.models.gpt.prompts import IMAGE
from sartext.models.vocabulary import train_vocabulary

PAD, START, END = "<pad>", "<bos>", "<eos>"

FEWEST = 300
"""Tokens of the smallest vocabulary: the bytes, the special tokens and some words."""


def train_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with tokens for start, end, padding and a picture.

    Args:
        texts: prompts, replies (see `prompts`) and captions; the same texts give the same tokenizer.
        vocabulary: tokens at most, the special ones and the 256 bytes included.

    Raises:
        ModelError: there is no text, or the vocabulary is too small.
    """
    # what occurs once is no token, and every distinct text counts once: a short answer is to be one
    told = sorted({text if len(text) > 40 else text * 2 for text in texts if text.strip()})
    if not told:
        raise ModelError("no questions to train a tokenizer on", way_out="build the release's questions first")
    if vocabulary < FEWEST:
        raise ModelError(f"a vocabulary of {vocabulary} tokens", way_out=f"set `vocabulary` to {FEWEST} or more")
    raw = train_vocabulary([text.replace(IMAGE, "") for text in told], (PAD, START, END, IMAGE), vocabulary)
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
    """Return the tokenizer of pretrained weights, with tokens for a picture and for padding.

    Raises:
        ModelError: it is not there, or has no end token.
    """
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
