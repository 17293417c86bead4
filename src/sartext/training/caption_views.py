"""The captions of a training's pairs: realised for the view, as tokens, with a key of what they state."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from sartext.errors import TrainingError
from sartext.models.tokenizer import Tokenizer
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


@dataclass(frozen=True, slots=True)
class CaptionView:
    """A caption of a view.

    ``ids`` are start, text and end; ``key`` is equal for captions that say the same (a hash of the facts, or of an
    optical caption's text); the caption is true of the picture turned by ``turn``.
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
        tokenizer: of the model.
        augment: whether captions are derived anew for turned pictures.
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
        tokenizer: Tokenizer,
        *,
        augment: bool = True,
        paraphrase: bool = True,
    ) -> None:
        self._shards, self._tokenizer, self._augment = shards, tokenizer, augment
        self._cache: dict[tuple[int, int, int], CaptionView] = {}
        self._seed = shards.narrator.seed
        self._paraphrase = paraphrase and shards.narrator.paraphrase
        self._plain = not paraphrase
        self.pairs: list[Pair] = []
        self.left_out: list[str] = []
        self._texts: list[list[str]] = []
        self._keep_what_fits(pairs)

    def stored(self, index: int) -> CaptionView:
        """Return the caption of a pair as the shards hold it, of the upright picture; or in plain words."""
        if self._plain and self.pairs[index].annotated:
            return self.view(index, 0, 0)
        return self._unchanged(index)

    def view(self, index: int, turn: int, wording: int) -> CaptionView:
        """Return a caption of a pair for a turned picture; its ``turn`` is 0 where none can be derived for that.

        ``wording`` is which of the paraphrases, or of the captions, counted round.
        """
        if not self._augment:
            turn = 0
        annotated, texts = self.pairs[index].annotated, self._texts[index]
        wording %= WORDINGS if annotated else len(texts)
        if not annotated and names_a_side(texts[wording]):
            turn = 0
        view = self._cache.get((index, turn, wording))
        if view is not None:
            return view
        if annotated:
            return self._realised(index, turn, wording)
        return self._cached((index, turn, wording), texts[wording], None)

    def _unchanged(self, index: int) -> CaptionView:
        return self._cached((index, 0, -1), self._texts[index][0], None)

    def _realised(self, index: int, turn: int, wording: int) -> CaptionView:
        pair = self.pairs[index]
        facts = self._facts(pair, turn)
        for place in range(wording, wording + (WORDINGS if self._paraphrase else 1)):
            text = self._text(facts, pair, place % WORDINGS)
            if self._fits(text):
                return self._cached((index, turn, wording), text, facts)
        view = self._unchanged(index)  # some wording of the upright picture fits, or the pair would not be here
        self._cache[(index, turn, wording)] = view
        return view

    def _facts(self, pair: Pair, turn: int) -> Facts:
        naming = self._shards.namings[pair.corpus]
        side, scene_class = self._shards.side, pair.scene_class
        return turned_facts(pair.objects, pair.regions, side, turn, naming, scene_class=scene_class)

    def _text(self, facts: Facts, pair: Pair, wording: int) -> str:
        if not self._paraphrase:
            return canonical(facts)
        return realise(facts, f"{pair.image_id}#{wording}" if wording else pair.image_id, self._seed)[0]

    def _cached(self, place: tuple[int, int, int], text: str, facts: Facts | None) -> CaptionView:
        """Return a view (index, turn, wording) from the cache, or make it; its facts are by default the pair's."""
        view = self._cache.get(place)
        if view is None:
            index, turn, _ = place
            if facts is None and (record := self.pairs[index].facts) is not None:
                facts = from_json(record)
            stated = text.casefold() if facts is None else normalise(facts)
            key = int.from_bytes(blake2b(stated.encode(), digest_size=8).digest(), "big", signed=True)
            view = CaptionView(text, self._tokenizer.encode([text])[0].numpy(), key, turn)
            if len(self._cache) < CACHE_SIZE:
                self._cache[place] = view
        return view

    def _fits(self, text: str) -> bool:
        return self._tokenizer.lengths([text])[0] <= self._tokenizer.context

    def _keep_what_fits(self, pairs: Sequence[Pair]) -> None:
        context = self._tokenizer.context
        lengths = iter(self._tokenizer.lengths([text for pair in pairs for text in pair.captions]))
        longest = (0, "")
        for pair in pairs:
            measured = [(text, next(lengths)) for text in pair.captions]
            texts = [text for text, length in measured if length <= context]
            if not texts and pair.annotated:  # other wordings of the same facts
                facts = self._facts(pair, 0)
                others = (self._text(facts, pair, wording) for wording in range(1, WORDINGS))
                texts = [text for text in others if self._fits(text)]
            if texts:
                self.pairs.append(pair)
                self._texts.append(texts)
            else:
                self.left_out.append(pair.image_id)
                longest = max(longest, (min(length for _, length in measured), pair.image_id))
        if len(self.left_out) > max(1, TOO_LONG_LIMIT * len(pairs)):
            fitting = longest[0] <= LARGEST_CONTEXT
            way_out = (
                f"set it to {longest[0]} or more" if fitting else f"{LARGEST_CONTEXT} is the most: shorten them"
            )
            raise TrainingError(
                f"{len(self.left_out)} of {len(pairs)} pairs have no caption that the context of {context} tokens "
                f"holds; the longest is that of '{longest[1]}' with {longest[0]}",
                where="tokenizer.context",
                way_out=f"{way_out} (CLIP's own tokenizer holds {LARGEST_CONTEXT}) and train anew",
            )
