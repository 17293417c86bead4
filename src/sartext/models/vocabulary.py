"""Choosing the tokens of a small vocabulary: bytes, parts of words, words, and phrases of several words."""

import json
from collections.abc import Sequence

import tokenizers

from sartext.models.phrases import phrase_merges, runs

PHRASES = 0.4
"""Share of what bytes leave free that is kept for phrases; they also take what words do not need."""


def train_vocabulary(texts: Sequence[str], special: Sequence[str], size: int) -> tokenizers.Tokenizer:
    """Train a byte-level BPE; the special tokens are the first ids, in their order.

    Every distinct text counts once: captions that repeat would else fill the vocabulary with their sentences.

    Args:
        texts: with single spaces.
        special: tokens that no text holds.
        size: tokens at most, special ones and the 256 bytes included.
    """
    distinct = sorted(set(texts))
    kept = int((size - len(special) - 256) * PHRASES)
    return _with_phrases(_train_words(distinct, special, size - kept), distinct, special, size)


def _train_words(texts: Sequence[str], special: Sequence[str], size: int) -> tokenizers.Tokenizer:
    raw = tokenizers.Tokenizer(tokenizers.models.BPE())
    raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(special),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    return raw


def _with_phrases(
    raw: tokenizers.Tokenizer, texts: Sequence[str], special: Sequence[str], size: int
) -> tokenizers.Tokenizer:
    model = json.loads(raw.to_str())["model"]
    ids: dict[str, int] = model["vocab"]
    merges = [tuple(pair) for pair in model["merges"]]
    counted = runs(one.tokens for one in raw.encode_batch(list(texts), add_special_tokens=False))
    added = phrase_merges(counted, size - len(ids), ids)
    for pair in added:
        ids["".join(pair)] = len(ids)
    whole = tokenizers.Tokenizer(tokenizers.models.BPE(ids, [*merges, *added]))
    # the merges themselves keep to words and phrases, so that the text need not be divided first
    whole.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole.decoder = tokenizers.decoders.ByteLevel()
    whole.add_special_tokens(list(special))
    return whole
