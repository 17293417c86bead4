"""A language model of the training captions that sees no image: what a foil's wording gives away.

Words are predicted from up to three before them, with the interpolation of Witten and Bell (1991): after a
context, a new word is as likely as the share of different ones among those seen there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.foils.making import Foils
from sartext.evaluation.ranking import Floats

ORDER = 4
START, END = "<start>", "<end>"
TEXT_PRIOR = "text-prior"

Context = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """Counts of the words after each context of up to ``ORDER - 1`` words."""

    after: dict[Context, Counter[str]]
    totals: dict[Context, int]
    words: int

    def log_likelihood(self, text: str) -> float:
        """Return the natural logarithm of the probability of a text, its end included."""
        told = _tokens(text)
        return sum(
            log(self._probability(told[at], tuple(told[max(0, at - ORDER + 1) : at])))
            for at in range(ORDER - 1, len(told))
        )

    def _probability(self, word: str, context: Context) -> float:
        shorter = self._probability(word, context[1:]) if context else 1 / (self.words + 1)
        seen = self.after.get(context)
        if not seen:
            return shorter
        kinds = len(seen)
        return (seen[word] + kinds * shorter) / (self.totals[context] + kinds)


def train(captions: Iterable[str]) -> LanguageModel:
    """Return the language model of some captions.

    Raises:
        EvaluationError: there is none.
    """
    after: dict[Context, Counter[str]] = defaultdict(Counter)
    words: set[str] = set()
    for caption in captions:
        told = _tokens(caption)
        words.update(told[ORDER - 1 :])
        for at in range(ORDER - 1, len(told)):
            for length in range(ORDER):
                after[tuple(told[at - length : at])][told[at]] += 1
    if not words:
        raise EvaluationError(
            "no training captions to learn wording from", way_out="name a release with a train split"
        )
    return LanguageModel(dict(after), {context: seen.total() for context, seen in after.items()}, len(words))


def prior_margins(foils: Foils, benchmark: Benchmark) -> Floats:
    """Return by how much each true caption is likelier than its foil, as a text: a margin per foil, in nats.

    Raises:
        EvaluationError: the release has no training captions.
    """
    model = train(one.caption for one in benchmark.train)
    return np.array(
        [model.log_likelihood(one.caption) - model.log_likelihood(one.foil) for one in foils.items],
        dtype=np.float64,
    )


def _tokens(text: str) -> Sequence[str]:
    marked = text.casefold()
    for mark in ".,;":
        marked = marked.replace(mark, f" {mark} ")
    return [*[START] * (ORDER - 1), *marked.split(), END]
