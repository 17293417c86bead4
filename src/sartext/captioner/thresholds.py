"""From which score on a type of statement is true often enough to be released.

The score of a statement is the probability that it is true, by a logistic regression for its type on two figures
of its caption: the mean log-probability of its tokens, and the similarity of image and caption by CLIP-SAR. A
figure must not count against a statement: where its coefficient would be negative it is left out.

The threshold is the least score from which on the lower bound of the share of true statements reaches the wanted
precision: Wilson's score interval, one-sided (Wilson 1927, J. Am. Stat. Assoc. 22). A class whose statements of a
type suffice for that has a threshold of its own. The other classes share one, but for those whose many statements
show that they miss the precision: these are not released. Statements of one image are not independent, and the
threshold is chosen on the statements that it is judged by: the bound is a safeguard, no guarantee.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
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

Figures = tuple[float, float]
"""Mean log-probability of a caption's tokens, and its similarity with the image."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A statement of the narrator about a validation image, with the figures of its caption and the verdict."""

    statement: Statement
    figures: Figures
    true: bool


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
    """A logistic regression: intercept and two coefficients on the figures less ``mean``, over ``deviation``."""

    mean: tuple[float, ...] = (0.0, 0.0)
    deviation: tuple[float, ...] = (1.0, 1.0)
    coefficients: tuple[float, ...] = (0.0, 0.0, 0.0)

    def score(self, figures: Figures) -> float:
        """Return the probability that a statement with these figures is true."""
        terms = zip(self.coefficients[1:], figures, self.mean, self.deviation, strict=True)
        logit = self.coefficients[0] + sum(
            coefficient * (figure - mean) / deviation for coefficient, figure, mean, deviation in terms
        )
        return round(float(_sigmoid(np.array([logit]))[0]), DECIMALS)


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
        fit = fit_logistic([item.figures for item in of_kind], [item.true for item in of_kind])
        groups: dict[str, list[Judged]] = {}
        for item in of_kind:
            groups.setdefault(item.statement.label, []).append(item)
        tested = {key: group for key, group in sorted(groups.items()) if key not in untested}
        thresholds = _by_class(tested, fit, wanted, fewest)
        for key in sorted(untested):
            group = groups.get(key, [])
            thresholds[key] = Threshold(len(group), sum(item.true for item in group))
        rules[kind] = Rule(fit, wanted, thresholds)
    return rules


def _by_class(groups: Mapping[str, list[Judged]], fit: Fit, wanted: float, fewest: int) -> dict[str, Threshold]:
    """Return the thresholds of classes that have their own or miss the precision, and that of all the others."""
    thresholds: dict[str, Threshold] = {}
    rest: list[Judged] = []
    for key, group in groups.items():
        own = _least(group, fit, wanted, fewest)
        misses = len(group) >= fewest and upper_bound(own.true, own.statements) < wanted
        if own.threshold is not None or misses:
            thresholds[key] = own
        else:
            rest += group
    return thresholds | {REST: _least(rest, fit, wanted, fewest)}


def curve(judged: Sequence[Judged], fit: Fit) -> list[tuple[float, int, int, float]]:
    """Return, for every score from the highest on: the score, statements kept, true ones, lower bound."""
    scored = sorted(((fit.score(item.figures), item.true) for item in judged), reverse=True)
    rows, true = [], 0
    for kept, (score, right) in enumerate(scored, start=1):
        true += right
        if kept == len(scored) or scored[kept][0] != score:  # equal scores pass together
            rows.append((score, kept, true, lower_bound(true, kept)))
    return rows


def _least(judged: Sequence[Judged], fit: Fit, wanted: float, fewest: int) -> Threshold:
    true = sum(item.true for item in judged)
    passing = [row for row in curve(judged, fit) if row[1] >= fewest and row[3] >= wanted]
    if not passing:
        return Threshold(len(judged), true)
    score, kept, kept_true, bound = passing[-1]
    return Threshold(len(judged), true, score, kept, kept_true, bound)


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
    table = np.array(figures, dtype=np.float64)
    mean = table.mean(axis=0)
    deviation = np.where(table.std(axis=0) > 1e-9, table.std(axis=0), 1.0)
    scaled = (table - mean) / deviation
    used = [0, 1]
    while True:
        coefficients = _newton(scaled[:, used], np.array(true, dtype=np.float64))
        against = [place for place, value in zip(used, coefficients[1:], strict=True) if value < 0]
        if not against:
            break
        used.remove(min(against, key=lambda place: coefficients[1 + used.index(place)]))
    slopes = np.zeros(2)
    slopes[used] = coefficients[1:]
    return Fit(
        *(
            tuple(round(float(value), DECIMALS) for value in values)
            for values in (mean, deviation, (coefficients[0], *slopes))
        )
    )


def _newton(scaled: Array, true: Array) -> Array:
    design = np.column_stack([np.ones(len(scaled)), scaled])
    ridge = np.diag([1e-3, *[RIDGE] * scaled.shape[1]])  # the intercept of a type that is always true stays finite
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        chance = _sigmoid(design @ coefficients)
        gradient = design.T @ (true - chance) - ridge @ coefficients
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            break
    return coefficients


def _sigmoid(logit: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))


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
