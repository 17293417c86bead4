"""How a question is put to the language model in training, answering and the chat template; its tokenizer."""

from collections.abc import Iterable

import tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from sartext.errors import ModelError
from sartext.models.gpt.language import LanguageFoundation
from sartext.models.vocabulary import train_vocabulary

IMAGE = "<image>"
"""Stands for all tokens of a picture; the processor repeats it as often as the picture has patches."""

CHAT = (
    "{%- for message in messages -%}"
    "{%- set parts = message['content'] if message['content'] is not string "
    "else [{'type': 'text', 'text': message['content']}] -%}"
    "{%- if message['role'] == 'user' -%}"
    "{%- for part in parts if part['type'] == 'image' -%}{{ '<image>' }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- else -%}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ ' ' + part['text'] }}{%- endfor -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
)
"""The same as a template of transformers: a user's content is an image and a text, in the usual form."""


def prompt(question: str, *, image: bool) -> str:
    """Return what the model is given: a person's turn as LLaVA's rows have it, and a line break.

    Args:
        question: as a person would ask it.
        image: whether the picture's token stands before it.
    """
    return f"{IMAGE if image else ''}\n{' '.join(question.split())}\n"


def reply(answer: str) -> str:
    """Return what the model is to say after a prompt, the end token left out."""
    return f" {' '.join(answer.split())}"


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
