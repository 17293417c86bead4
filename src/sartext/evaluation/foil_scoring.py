"""How often a model prefers the true caption to its foil: by kind of fact, and the mean of the kinds.

``text-prior`` is what a foil's wording gives away: a language model of the training captions. Words are predicted
from up to three before them, with the interpolation of Witten and Bell (1991): after a context, a new word is as
likely as the share of different ones among those seen there.

Chance is 50 %: a tie counts half. The intervals are over the images, in their groups, with the foils drawn once:
how far another drawing of the foils moves a figure they leave out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log

import numpy as np

from sartext.bootstrap import RESAMPLES, Floats, Sums, by_group, estimate, intervals, resample
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.details import CHANCE, TEXT_PRIOR, FoilExample
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed, paired
from sartext.evaluation.foil_changes import KINDS, Kind
from sartext.evaluation.foils import Foils
from sartext.evaluation.metrics import Metric

ACCURACY, MEAN_ACCURACY = "accuracy", "mean_accuracy"

ORDER = 4
START, END = "<start>", "<end>"

Context = tuple[str, ...]


_metric = partial(Metric, "foils", unit="%", chance=lambda labels: 50.0)
_PREFERRED = "How often a caption is preferred to the same with one fact changed; a tie counts half."
_MEAN = "The mean over the kinds of facts that are changed."
_MEAN_TITLE = "true caption preferred, mean of the kinds"
METRICS = (
    _metric(ACCURACY, "true caption preferred", meaning=_PREFERRED, section="kinds"),
    _metric(MEAN_ACCURACY, _MEAN_TITLE, meaning=_MEAN, section="overall", headline=True),
)


def score_foils(
    margins: Mapping[str, Floats],
    foils: Foils,
    benchmark: Benchmark,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of foils: accuracy by kind, their mean, of every model, of ``text-prior`` and ``chance``.

    Margins by variant, see `margins`, above 0 prefer the true caption. All variants share the draws of groups; the
    differences in mean accuracy of ``pairs`` of them, the first minus the second, are figures too.

    Raises:
        EvaluationError: a variant's margins are not as many as there are foils, or one is no number.
    """
    if foils:
        rules = {TEXT_PRIOR: prior_margins(foils, benchmark)} if benchmark.train else {}
        margins = {CHANCE: np.zeros(len(foils)), **rules, **margins}
    points = {variant: _points(variant, values, foils) for variant, values in margins.items()}
    counts = Counter(foil.kind for foil in foils.items)
    kinds = [kind for kind in KINDS if counts[kind]]
    figures = list(_not_computed(foils, margins, kinds))
    if not kinds or not points:
        return figures
    sums = [_sums(points, foils, kinds)]
    # a mean of kinds is a column like any other, of the same draws
    values = _with_means(estimate(sums)[None, :], len(kinds))[0]
    drawn = _with_means(resample(sums, resamples, seed), len(kinds))
    parts = {f"kind:{kind}": (ACCURACY, counts[kind]) for kind in kinds}
    parts[EVERYTHING] = (MEAN_ACCURACY, len(foils))
    columns = [(variant, metric, subset, n) for variant in points for subset, (metric, n) in parts.items()]
    scored = [
        Figure("foils", metric, variant, bounds.value, n=n, benchmark=benchmark.name, subset=subset).within(bounds)
        for (variant, metric, subset, n), bounds in zip(columns, intervals(values, drawn), strict=True)
    ]
    return [*figures, *scored, *paired(scored, drawn, pairs)]


def foil_examples(margins: Mapping[str, Floats], foils: Foils, count: int) -> list[FoilExample]:
    """Return ``count`` foils of each kind for the report, evenly spaced by image id."""
    examples = []
    for kind in KINDS:
        places = [place for place, foil in enumerate(foils.items) if foil.kind == kind]
        shown = min(count, len(places))
        for place in (places[number * len(places) // shown] for number in range(shown)):
            foil = foils.items[place]
            preferred = {
                variant: bool(values[place] > 0) if values[place] else None
                for variant, values in sorted(margins.items())
            }
            examples.append(FoilExample(foil.image_id, foil.caption, foil.foil, kind, preferred))
    return examples


def _points(variant: str, margins: Floats, foils: Foils) -> Floats:
    """100 where the true caption is preferred, 50 where neither is."""
    if len(margins) != len(foils):
        what = f"{len(margins)} margins for {len(foils)} foils"
        raise EvaluationError(what, where=variant, way_out="score the foils of this benchmark")
    wrong = np.flatnonzero(~np.isfinite(margins))
    if len(wrong):
        what = f"{len(wrong)} margins are no numbers, the first of {foils.items[wrong[0]].image_id}"
        raise EvaluationError(what, where=variant, way_out="the model diverged: name another checkpoint")
    return np.asarray(50 * (1 + np.sign(margins)))


def _sums(points: Mapping[str, Floats], foils: Foils, kinds: Sequence[Kind]) -> Sums:
    """Points and foils of each group, a column for each variant and kind."""
    inside = np.array([[foil.kind == kind for kind in kinds] for foil in foils.items], dtype=np.float64)
    scored = np.concatenate([values[:, None] * inside for values in points.values()], axis=1)
    groups = [foil.group_id for foil in foils.items]
    return Sums(by_group(scored, groups), by_group(np.tile(inside, len(points)), groups))


def _with_means(values: Floats, kinds: int) -> Floats:
    """[rows, variants * kinds] with the mean of its kinds behind each variant's; a mean needs all of them."""
    by_variant = values.reshape(len(values), -1, kinds)
    return np.concatenate([by_variant, by_variant.mean(axis=2, keepdims=True)], axis=2).reshape(len(values), -1)


def _not_computed(foils: Foils, variants: Mapping[str, Floats], kinds: Sequence[Kind]) -> Iterator[Figure]:
    """What is not computed, with the reason."""
    name = foils.benchmark
    for variant in variants:
        for kind in KINDS:
            if kind not in kinds:
                reason = f"no foil of this kind: {foils.reasons(kind)}"
                yield not_computed("foils", ACCURACY, variant, reason, benchmark=name, subset=f"kind:{kind}")
        if not kinds:
            yield not_computed("foils", MEAN_ACCURACY, variant, f"no foil: {foils.why_none()}", benchmark=name)


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """Counts of the words after each context of up to ``ORDER - 1`` words."""

    after: dict[Context, Counter[str]]
    totals: dict[Context, int]
    words: int

    def log_likelihood(self, text: str) -> float:
        """Return the natural logarithm of the probability of a text, its end included."""
        tokens = _tokens(text)
        return sum(
            log(self._probability(tokens[at], tuple(tokens[max(0, at - ORDER + 1) : at])))
            for at in range(ORDER - 1, len(tokens))
        )

    def _probability(self, word: str, context: Context) -> float:
        shorter = self._probability(word, context[1:]) if context else 1 / (self.words + 1)
        seen = self.after.get(context)
        if not seen:
            return shorter
        kinds = len(seen)
        return (seen[word] + kinds * shorter) / (self.totals[context] + kinds)


def train_prior(captions: Iterable[str]) -> LanguageModel:
    """Return the language model of some captions.

    Raises:
        EvaluationError: there is none.
    """
    after: dict[Context, Counter[str]] = defaultdict(Counter)
    words: set[str] = set()
    for caption in captions:
        tokens = _tokens(caption)
        words.update(tokens[ORDER - 1 :])
        for at in range(ORDER - 1, len(tokens)):
            for length in range(ORDER):
                after[tuple(tokens[at - length : at])][tokens[at]] += 1
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
    likelihood = train_prior(row.caption for row in benchmark.train).log_likelihood
    return np.array([likelihood(foil.caption) - likelihood(foil.foil) for foil in foils.items], dtype=np.float64)


def _tokens(text: str) -> Sequence[str]:
    return [*[START] * (ORDER - 1), *re.sub("[.,;]", r" \g<0> ", text.casefold()).split(), END]
