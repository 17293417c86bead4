"""From which score on a type of statement is true often enough to be released.

The score of a statement is the probability that it is true, by a logistic regression for its type on five figures:
how sure the grounder's maps are of it, how sure the grounder is that the class is there at all, whether CoCa's
caption says it too, the mean log-probability of the caption's tokens, and the similarity of image and caption by
CLIP-SAR. A figure must not count against a statement: where its coefficient would be negative it is left out.
Scores are found on one half of the validation images by what was fitted on the other half, those of new images are
fitted on both (cross-fitting; scikit-learn's CalibratedClassifierCV without an ensemble does the same).

The threshold is the least score from which on the lower bound of the share of true statements reaches the wanted
precision: Wilson's score interval, one-sided (Wilson 1927, J. Am. Stat. Assoc. 22). Scores are probabilities, so
the classes share a threshold; one whose statements show that it would miss the precision, by the interval's upper
end, has its own, or is not released where it reaches none. Statements of one image are not independent, and the
threshold is chosen on the statements that it is judged by: the bound is a safeguard, no guarantee. Where corpora
of one family (boxes, masks) have enough statements of a class, the bound must hold in that family by itself too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import binomtest

from sartext.errors import ArtefactError
from sartext.narrator.statements import KINDS, OBJECT_KINDS, Statement

CONFIDENCE = 0.9
"""Of the one-sided bound."""

CONFIDENCE_Z = 1.2815515655446004
"""The normal quantile of ``CONFIDENCE``, which the thresholds' file states."""

RIDGE = 1.0
"""Weight of the squared coefficients in the fit: a few statements cannot make it infinitely sure."""

REST = ""
"""In place of a class: all classes without an entry of their own."""

DECIMALS = 6

FIGURES = 5

Figures = tuple[float, float, float, float, float]
"""The logit of the maps' probability; the grounder's logit of the class's presence; 1, 0 or -1 as the caption says
so, nothing, or otherwise; the mean log-probability of the caption's tokens; its similarity with the image."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A statement about a validation image: its figures, the verdict, the image's half and its corpus's family."""

    statement: Statement
    figures: Figures
    true: bool
    half: int = 0
    family: str = ""


@dataclass(frozen=True)
class Scored:
    """A statement's class, its score by what was fitted on the other half, the verdict, and the family."""

    label: str
    score: float
    true: bool
    family: str


@dataclass(frozen=True)
class Threshold:
    """Statements of one type and class (or ``REST``): all, those from ``threshold`` on, and their lower bound.

    Without a threshold the type is not released.
    """

    statements: int
    true: int
    threshold: float | None = None
    kept: int = 0
    kept_true: int = 0
    bound: float = 0.0


@dataclass(frozen=True)
class Fit:
    """A logistic regression: intercept, and a coefficient for each figure less ``mean``, over ``deviation``."""

    mean: tuple[float, ...] = (0.0,) * FIGURES
    deviation: tuple[float, ...] = (1.0,) * FIGURES
    coefficients: tuple[float, ...] = (0.0,) * (FIGURES + 1)

    def score(self, figures: Figures) -> float:
        """Return the probability that a statement with these figures is true."""
        terms = zip(self.coefficients[1:], figures, self.mean, self.deviation, strict=True)
        logit = self.coefficients[0] + sum(
            coefficient * (figure - mean) / deviation for coefficient, figure, mean, deviation in terms
        )
        return round(float(expit(logit)), DECIMALS)


@dataclass(frozen=True)
class Rule:
    """How statements of one type are scored, and from which score on they are released, by class."""

    fit: Fit
    wanted: float
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)

    def accepts(self, key: str, score: float) -> bool:
        """Whether a statement on a class passes."""
        threshold = self.thresholds.get(key) or self.thresholds.get(REST)
        return threshold is not None and threshold.threshold is not None and score >= threshold.threshold


Rules = Mapping[str, Rule]


def choose(
    judged: Sequence[Judged],
    *,
    precision_objects: float,
    precision_cover: float,
    fewest: int,
    untested: Collection[str] = (),
) -> Rules:
    """Return the rule of each type of statement.

    Args:
        judged: statements on validation images.
        precision_objects: wanted of statements on objects.
        precision_cover: wanted of statements on land cover and background.
        fewest: statements that a threshold must keep.
        untested: classes that nearly every validation image shows: nothing is known of images without them, and
            they are not released.
    """
    rules = {}
    for kind in KINDS:
        wanted = precision_objects if kind in OBJECT_KINDS else precision_cover
        of_kind = [item for item in judged if item.statement.kind == kind]
        groups: dict[str, list[Scored]] = {}
        for item in cross_scored(of_kind):
            groups.setdefault(item.label, []).append(item)
        tested = {key: group for key, group in sorted(groups.items()) if key not in untested}
        thresholds = _by_class(tested, wanted, fewest)
        for key in sorted(untested):
            group = groups.get(key, [])
            thresholds[key] = Threshold(len(group), sum(item.true for item in group))
        rules[kind] = Rule(_fit(of_kind), wanted, thresholds)
    return rules


def cross_scored(judged: Sequence[Judged]) -> list[Scored]:
    """Return statements of one type, each half scored by what the other half says."""
    fits = {half: _fit([item for item in judged if item.half != half]) for half in {item.half for item in judged}}
    return [
        Scored(item.statement.label, fits[item.half].score(item.figures), item.true, item.family)
        for item in judged
    ]


def _fit(judged: Sequence[Judged]) -> Fit:
    return fit_logistic([item.figures for item in judged], [item.true for item in judged])


def _by_class(groups: Mapping[str, list[Scored]], wanted: float, fewest: int) -> dict[str, Threshold]:
    """Return the threshold of all classes together, and those of classes that it would let miss the precision.

    Where there is none, the class that is true least often is tried by itself, and the others go on without it.
    """
    thresholds: dict[str, Threshold] = {}
    together = dict(groups)
    while True:
        least = _least([item for group in together.values() for item in group], wanted, fewest)
        missing = [key for key, group in together.items() if _misses(group, least, wanted)]
        if least.threshold is None and len(together) > 1:
            missing = [min(together, key=lambda key: (_precision(together[key]), key))]
        if not missing:
            return thresholds | {REST: least}
        for key in missing:
            thresholds[key] = _least(together.pop(key), wanted, fewest)


def _precision(scored: Sequence[Scored]) -> float:
    return sum(item.true for item in scored) / len(scored)


def _misses(scored: Sequence[Scored], threshold: Threshold, wanted: float) -> bool:
    """Whether the statements that a threshold keeps show that they are true less often than wanted."""
    least = threshold.threshold
    kept = [item.true for item in scored if least is not None and item.score >= least]
    return upper_bound(sum(kept), len(kept)) < wanted


def curve(scored: Sequence[Scored]) -> list[tuple[float, int, int, float]]:
    """Return, for every score from the highest on: the score, statements kept, true ones, lower bound."""
    ordered = sorted(((item.score, item.true) for item in scored), reverse=True)
    rows, true = [], 0
    for kept, (score, right) in enumerate(ordered, start=1):
        true += right
        if kept == len(ordered) or ordered[kept][0] != score:  # equal scores pass together
            rows.append((score, kept, true, lower_bound(true, kept)))
    return rows


def _least(scored: Sequence[Scored], wanted: float, fewest: int) -> Threshold:
    """The least score from which on the bound is reached, and no family of corpora shows that it misses."""
    true = sum(item.true for item in scored)
    families = [[item for item in scored if item.family == name] for name in {item.family for item in scored}]
    for score, kept, kept_true, bound in reversed(curve(scored)):
        threshold = Threshold(len(scored), true, score, kept, kept_true, bound)
        if kept >= fewest and bound >= wanted and not any(_misses(each, threshold, wanted) for each in families):
            return threshold
    return Threshold(len(scored), true)


def lower_bound(true: int, of: int) -> float:
    """Return the lower end of Wilson's one-sided score interval of a share."""
    if of == 0:
        return 0.0
    interval = binomtest(true, of, alternative="greater").proportion_ci(CONFIDENCE, method="wilson")
    return round(float(interval.low), DECIMALS)


def upper_bound(true: int, of: int) -> float:
    """Return the upper end of Wilson's one-sided score interval of a share."""
    return round(1.0 - lower_bound(of - true, of), DECIMALS)


def fit_logistic(figures: Sequence[Figures], true: Sequence[bool]) -> Fit:
    """Return the regression of truth on the figures, without a figure that would count against a statement."""
    if not figures:
        return Fit()
    truths = np.array(true)
    table = np.array(figures, dtype=np.float64)
    mean = table.mean(axis=0)
    deviation = np.where(table.std(axis=0) > 1e-9, table.std(axis=0), 1.0)
    scaled = (table - mean) / deviation
    used = list(range(FIGURES))
    while True:
        coefficients = _regression(scaled[:, used], truths)
        against = [place for place, value in zip(used, coefficients[1:], strict=True) if value < 0]
        if not against:
            break
        used.remove(min(against, key=lambda place: coefficients[1 + used.index(place)]))
    slopes = np.zeros(FIGURES)
    slopes[used] = coefficients[1:]
    return Fit(
        *(
            tuple(round(float(value), DECIMALS) for value in values)
            for values in (mean, deviation, (coefficients[0], *slopes))
        )
    )


def _regression(scaled: Array, true: npt.NDArray[np.bool_]) -> Array:
    """Intercept and coefficients; of one verdict alone, or without figures, the smoothed share of true ones."""
    from sklearn.linear_model import LogisticRegression

    if true.all() or not true.any() or not scaled.shape[1]:
        chance = (true.sum() + 0.5) / (len(true) + 1.0)
        return np.array([np.log(chance / (1.0 - chance)), *np.zeros(scaled.shape[1])])
    fitted = LogisticRegression(C=1.0 / RIDGE, tol=1e-8, max_iter=1000).fit(scaled, true)
    return np.array([fitted.intercept_[0], *fitted.coef_[0]])


def released(rule: Rule) -> dict[str, float]:
    """Return the threshold of each class that is released; ``other classes`` is what the rest share."""
    scores = {key or "other classes": threshold.threshold for key, threshold in rule.thresholds.items()}
    return {key: score for key, score in scores.items() if score is not None}


def to_record(rules: Rules) -> dict[str, Any]:
    """Return rules as JSON holds them."""
    return {kind: asdict(rule) for kind, rule in rules.items()}


def from_record(record: Mapping[str, Any], where: object) -> Rules:
    """Return the rules that ``to_record`` wrote; an ArtefactError where it is no such record."""
    try:
        return {
            kind: Rule(
                Fit(**{name: tuple(values) for name, values in record[kind]["fit"].items()}),
                float(record[kind]["wanted"]),
                {key: Threshold(**fields) for key, fields in record[kind]["thresholds"].items()},
            )
            for kind in KINDS
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(
            f"no thresholds of statements ({error})", where=where, way_out="run `sartext calibrate`"
        ) from error
