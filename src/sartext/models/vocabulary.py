"""Choosing the tokens of a small vocabulary: bytes, parts of words, words, and phrases of several words.

Captions by a grammar repeat their phrases, such as "in the center of", and with a token per word the longest are
twice as long as they need be. After the merges within words, pairs of neighbouring whole words are merged in the
order of their number, as in SuperBPE (Liu et al. 2025); no merge crosses punctuation or takes in part of a word.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import tokenizers

PHRASES = 0.4
"""Share of what bytes leave free that is kept for phrases; they also take what words do not need."""


def train_vocabulary(texts: Sequence[str], special: Sequence[str], size: int) -> tokenizers.Tokenizer:
    """Train a byte-level BPE of at most ``size`` tokens; the special ones, in no text, are the first ids.

    Every distinct text counts once: captions that repeat would else fill the vocabulary with their sentences.
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
    counted = runs(encoding.tokens for encoding in raw.encode_batch(list(texts), add_special_tokens=False))
    added = phrase_merges(counted, size - len(ids), ids)
    for pair in added:
        ids["".join(pair)] = len(ids)
    whole = tokenizers.Tokenizer(tokenizers.models.BPE(ids, [*merges, *added]))
    # the merges themselves keep to words and phrases, so that the text need not be divided first
    whole.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole.decoder = tokenizers.decoders.ByteLevel()
    whole.add_special_tokens(list(special))
    return whole


SPACE = "\u0120"
"""How byte-level BPE writes a space."""

FEWEST = 10
"""Times that a pair of words must stand side by side to become a token."""

Pair = tuple[str, str]
Run = tuple[str, ...]


def runs(tokens: Iterable[Sequence[str]]) -> Counter[Run]:
    """Count the runs of whole words, each a token, in tokenised texts.

    Words of several tokens and punctuation end a run.
    """
    counts: Counter[Run] = Counter()
    for text in tokens:
        begins = [at == 0 or token.startswith(SPACE) for at, token in enumerate(text)]
        ends = [*(begins[at] or not _is_word(token) for at, token in enumerate(text) if at), True]
        whole = zip(text, begins, ends, strict=False)
        for is_word, words in groupby(whole, lambda word: word[1] and word[2] and _is_word(word[0])):
            run = tuple(token for token, *_ in words)
            if is_word and len(run) > 1:
                counts[run] += 1
    return counts


def phrase_merges(counted: Counter[Run], most: int, known: Iterable[str]) -> list[Pair]:
    """Return at most so many merges of words into phrases, in the order in which they apply.

    A merge that would give a known token is not taken.
    """
    taken = set(known)
    words = [list(run) for run in sorted(counted)]
    times = [counted[tuple(run)] for run in words]
    number: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for at, run in enumerate(words):
        _add(number, places, run, at, times[at])
    merges: list[Pair] = []
    while number and len(merges) < most:
        pair = min(number, key=lambda pair: (-number[pair], pair))
        if number[pair] < FEWEST:
            break
        joined = "".join(pair)
        if joined in taken:
            del number[pair]
            continue
        taken.add(joined)
        merges.append(pair)
        for at in sorted(places.pop(pair)):
            _add(number, places, words[at], at, -times[at])
            words[at] = _merged(words[at], pair)
            _add(number, places, words[at], at, times[at])
    return merges


def _is_word(token: str) -> bool:
    return token.removeprefix(SPACE)[:1].isalnum()


def _add(number: Counter[Pair], places: dict[Pair, set[int]], run: Sequence[str], at: int, times: int) -> None:
    for pair in pairwise(run):
        number[pair] += times
        if number[pair] <= 0:
            del number[pair]
        if times > 0:
            places[pair].add(at)


def _merged(run: Sequence[str], pair: Pair) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(run):
        width = 2 if tuple(run[at : at + 2]) == pair else 1
        out.append("".join(run[at : at + width]))
        at += width
    return out
