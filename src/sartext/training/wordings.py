"""What a training says of its pairs: captions realised for the view, as tokens, and what makes two equal."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from sartext.errors import TrainingError
from sartext.narrator.facts import Facts, from_json, normalise
from sartext.narrator.realisation import canonical, realise
from sartext.training.augmentation import WORDINGS, names_a_side, turned_facts
from sartext.training.pairs import Pair
from sartext.training.shards.reading import Shards

TOO_LONG_LIMIT = 0.05
"""Share of the pairs without any caption that the context holds above which a training is refused, if over one."""

MOST = 77
"""The largest ``tokenizer.context``, which is CLIP's."""

KEPT = 400_000
"""Captions that are kept as tokens: those of a small corpus in all views, about 200 MB."""


class Tokens(Protocol):
    """What this module needs of a tokenizer."""

    pad: int
    context: int

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Rows of ids: start, text, end, padding."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each caption, start and end included."""


@dataclass(frozen=True, slots=True)
class Told:
    """A caption of a view.

    Args:
        caption: the text.
        ids: start, text, end.
        key: equal for captions that say the same; a hash of the facts, or of an optical caption's text.
        turn: how the picture must be turned for the caption to be true.
    """

    caption: str
    ids: npt.NDArray[np.int64]
    key: int
    turn: int


class Wordings:
    """The captions of pairs in all views; a caption longer than the context is never cut and never told.

    Args:
        pairs: of the shards.
        shards: know how the captions of each corpus call things.
        tokenizer: of the model; its context is the longest caption's.
        augment: whether captions are told anew for turned pictures, and in other words.
        paraphrase: without, annotated pairs are told in the grammar's plain words alone.

    Attributes:
        pairs: those that have a caption that fits.
        left_out: image ids of the others.

    Raises:
        TrainingError: more than one, and more than `TOO_LONG_LIMIT` of the pairs, have none; the longest is named.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        shards: Shards,
        tokenizer: Tokens,
        *,
        augment: bool = True,
        paraphrase: bool = True,
    ) -> None:
        self._shards = shards
        self._tokenizer = tokenizer
        self._augment = augment
        self._cache: dict[tuple[int, int, int], Told] = {}
        self._seed = shards.narrator.seed
        self._paraphrase = paraphrase and shards.narrator.paraphrase
        self._plain = not paraphrase
        self.pairs: list[Pair] = []
        self.left_out: list[str] = []
        self._texts: list[tuple[str, ...]] = []
        self._first: list[str] = []
        self._turnable: list[tuple[bool, ...]] = []
        self._keep_what_fits(pairs)

    def stored(self, index: int) -> Told:
        """The caption of a pair as it stands in the shards, of the upright picture; or in plain words."""
        if self._plain and self.pairs[index].annotated:
            return self.tell(index, 0, 0)
        return self._as_it_stands(index)

    def _as_it_stands(self, index: int) -> Told:
        pair, text = self.pairs[index], self._first[index]
        return self._remember((index, 0, -1), text, self._key(pair, text, None), 0)

    def tell(self, index: int, turn: int, wording: int) -> Told:
        """Return a caption of a pair for a turned picture; its ``turn`` is 0 where none can be told of that.

        Args:
            index: of the pair in ``pairs``.
            turn: 0 to 7, see `augmentation.turn`.
            wording: which of the paraphrases, or of the captions; counted round.
        """
        if not self._augment:
            turn = 0
        pair = self.pairs[index]
        wording %= WORDINGS if pair.annotated else len(self._texts[index])
        told = self._cache.get((index, turn, wording))
        if told is None:
            told = self._realised(index, turn, wording) if pair.annotated else self._said(index, turn, wording)
        return told

    def _said(self, index: int, turn: int, wording: int) -> Told:
        text = self._texts[index][wording]
        turn = turn if self._turnable[index][wording] else 0
        return self._remember((index, turn, wording), text, self._key(self.pairs[index], text, None), turn)

    def _realised(self, index: int, turn: int, wording: int) -> Told:
        pair = self.pairs[index]
        facts = turned_facts(pair.objects, pair.regions, self._shards.side, turn, self._shards.words[pair.corpus])
        for place in range(wording, wording + (WORDINGS if self._paraphrase else 1)):
            text = self._worded(facts, pair, place % WORDINGS)
            if self._tokenizer.lengths([text])[0] <= self._tokenizer.context:
                return self._remember((index, turn, wording), text, self._key(pair, text, facts), turn)
        told = self._as_it_stands(index)  # some wording of the upright picture fits, or the pair would not be here
        self._cache[(index, turn, wording)] = told
        return told

    def _worded(self, facts: Facts, pair: Pair, wording: int) -> str:
        if not self._paraphrase:
            return canonical(facts)
        return realise(facts, f"{pair.image_id}#{wording}" if wording else pair.image_id, self._seed)[0]

    def _key(self, pair: Pair, text: str, facts: Facts | None) -> int:
        if facts is None and pair.facts is not None:
            facts = from_json(pair.facts)
        told = text.casefold() if facts is None else normalise(facts)
        return int.from_bytes(blake2b(told.encode(), digest_size=8).digest(), "big", signed=True)

    def _remember(self, place: tuple[int, int, int], text: str, key: int, turn: int) -> Told:
        told = self._cache.get(place)
        if told is None:
            told = Told(text, self._tokenizer.encode([text])[0].numpy(), key, turn)
            if len(self._cache) < KEPT:
                self._cache[place] = told
        return told

    def _keep_what_fits(self, pairs: Sequence[Pair]) -> None:
        context = self._tokenizer.context
        lengths = iter(self._tokenizer.lengths([text for pair in pairs for text in pair.captions]))
        longest = (0, "")
        for pair in pairs:
            measured = [(text, next(lengths)) for text in pair.captions]
            texts = [text for text, length in measured if length <= context]
            if not texts and pair.annotated:
                texts = self._shorter(pair)
            if texts:
                self.pairs.append(pair)
                self._texts.append(tuple(texts))
                self._first.append(texts[0])
                self._turnable.append(tuple(not names_a_side(text) for text in texts))
            else:
                self.left_out.append(pair.image_id)
                longest = max(longest, (min(length for _, length in measured), pair.image_id))
        if len(self.left_out) > max(1, TOO_LONG_LIMIT * len(pairs)):
            longer = (
                f"set it to {longest[0]} or more" if longest[0] <= MOST else f"{MOST} is the most: shorten them"
            )
            raise TrainingError(
                f"{len(self.left_out)} of {len(pairs)} pairs have no caption that the context of {context} tokens "
                f"holds; the longest is that of '{longest[1]}' with {longest[0]}",
                where="tokenizer.context",
                way_out=f"{longer} (CLIP's own tokenizer holds {MOST}) and train anew",
            )

    def _shorter(self, pair: Pair) -> list[str]:
        """Other wordings of what the stored caption says, that fit."""
        words = self._shards.words[pair.corpus]
        facts = turned_facts(pair.objects, pair.regions, self._shards.side, 0, words)
        texts = [self._worded(facts, pair, wording) for wording in range(1, WORDINGS)]
        lengths = self._tokenizer.lengths(texts)
        return [text for text, length in zip(texts, lengths, strict=True) if length <= self._tokenizer.context]
