"""The captions of a training's pairs: realised for the view, as tokens, with a key of what they state."""

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
from sartext.training.shards.reading import Pair, Shards

TOO_LONG_LIMIT = 0.05
"""Share of the pairs without any caption that the context holds above which a training is refused, if over one."""

LARGEST_CONTEXT = 77
"""The largest ``tokenizer.context``, which is CLIP's."""

CACHE_SIZE = 400_000
"""Captions that are cached as tokens: those of a small corpus in all views, about 200 MB."""


class CaptionTokenizer(Protocol):
    """What this module needs of a tokenizer."""

    pad: int
    context: int

    def encode(self, texts: Sequence[str]) -> torch.Tensor:
        """Rows of ids: start, text, end, padding."""

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each caption, start and end included."""


@dataclass(frozen=True, slots=True)
class CaptionView:
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


class CaptionViews:
    """The captions of pairs in all views; a caption longer than the context is never cut and never used.

    Args:
        pairs: of the shards.
        shards: hold the names that each corpus gives to objects and land cover.
        tokenizer: of the model; its context is the longest caption's.
        augment: whether captions are derived anew for turned pictures, and in other words.
        paraphrase: without, annotated pairs are described in the grammar's plain words alone.

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
        tokenizer: CaptionTokenizer,
        *,
        augment: bool = True,
        paraphrase: bool = True,
    ) -> None:
        self._shards = shards
        self._tokenizer = tokenizer
        self._augment = augment
        self._cache: dict[tuple[int, int, int], CaptionView] = {}
        self._seed = shards.narrator.seed
        self._paraphrase = paraphrase and shards.narrator.paraphrase
        self._plain = not paraphrase
        self.pairs: list[Pair] = []
        self.left_out: list[str] = []
        self._texts: list[tuple[str, ...]] = []
        self._turnable: list[tuple[bool, ...]] = []
        self._keep_what_fits(pairs)

    def stored(self, index: int) -> CaptionView:
        """Return the caption of a pair as the shards hold it, of the upright picture; or in plain words."""
        if self._plain and self.pairs[index].annotated:
            return self.view(index, 0, 0)
        return self._unchanged(index)

    def view(self, index: int, turn: int, wording: int) -> CaptionView:
        """Return a caption of a pair for a turned picture; its ``turn`` is 0 where none can be derived for that.

        Args:
            index: of the pair in ``pairs``.
            turn: 0 to 7, see `augmentation.turn`.
            wording: which of the paraphrases, or of the captions; counted round.
        """
        if not self._augment:
            turn = 0
        pair = self.pairs[index]
        wording %= WORDINGS if pair.annotated else len(self._texts[index])
        view = self._cache.get((index, turn, wording))
        if view is None:
            make = self._realised if pair.annotated else self._written
            view = make(index, turn, wording)
        return view

    def _unchanged(self, index: int) -> CaptionView:
        pair, text = self.pairs[index], self._texts[index][0]
        return self._cached((index, 0, -1), text, self._key(pair, text, None), 0)

    def _written(self, index: int, turn: int, wording: int) -> CaptionView:
        text = self._texts[index][wording]
        turn = turn if self._turnable[index][wording] else 0
        return self._cached((index, turn, wording), text, self._key(self.pairs[index], text, None), turn)

    def _realised(self, index: int, turn: int, wording: int) -> CaptionView:
        pair = self.pairs[index]
        facts = self._facts(pair, turn)
        for place in range(wording, wording + (WORDINGS if self._paraphrase else 1)):
            text = self._text(facts, pair, place % WORDINGS)
            if self._tokenizer.lengths([text])[0] <= self._tokenizer.context:
                return self._cached((index, turn, wording), text, self._key(pair, text, facts), turn)
        view = self._unchanged(index)  # some wording of the upright picture fits, or the pair would not be here
        self._cache[(index, turn, wording)] = view
        return view

    def _facts(self, pair: Pair, turn: int) -> Facts:
        naming = self._shards.namings[pair.corpus]
        return turned_facts(pair.objects, pair.regions, self._shards.side, turn, naming)

    def _text(self, facts: Facts, pair: Pair, wording: int) -> str:
        if not self._paraphrase:
            return canonical(facts)
        return realise(facts, f"{pair.image_id}#{wording}" if wording else pair.image_id, self._seed)[0]

    def _key(self, pair: Pair, text: str, facts: Facts | None) -> int:
        if facts is None and pair.facts is not None:
            facts = from_json(pair.facts)
        stated = text.casefold() if facts is None else normalise(facts)
        return int.from_bytes(blake2b(stated.encode(), digest_size=8).digest(), "big", signed=True)

    def _cached(self, place: tuple[int, int, int], text: str, key: int, turn: int) -> CaptionView:
        view = self._cache.get(place)
        if view is None:
            view = CaptionView(text, self._tokenizer.encode([text])[0].numpy(), key, turn)
            if len(self._cache) < CACHE_SIZE:
                self._cache[place] = view
        return view

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
                self._turnable.append(tuple(not names_a_side(text) for text in texts))
            else:
                self.left_out.append(pair.image_id)
                longest = max(longest, (min(length for _, length in measured), pair.image_id))
        if len(self.left_out) > max(1, TOO_LONG_LIMIT * len(pairs)):
            way_out = f"{LARGEST_CONTEXT} is the most: shorten them"
            if longest[0] <= LARGEST_CONTEXT:
                way_out = f"set it to {longest[0]} or more"
            raise TrainingError(
                f"{len(self.left_out)} of {len(pairs)} pairs have no caption that the context of {context} tokens "
                f"holds; the longest is that of '{longest[1]}' with {longest[0]}",
                where="tokenizer.context",
                way_out=f"{way_out} (CLIP's own tokenizer holds {LARGEST_CONTEXT}) and train anew",
            )

    def _shorter(self, pair: Pair) -> list[str]:
        """Return other wordings of what the stored caption says, that fit."""
        facts = self._facts(pair, 0)
        texts = [self._text(facts, pair, wording) for wording in range(1, WORDINGS)]
        lengths = self._tokenizer.lengths(texts)
        return [text for text, length in zip(texts, lengths, strict=True) if length <= self._tokenizer.context]
