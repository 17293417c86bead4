"""From which score on a type of statement is true often enough to be released.

Scores of validation statements are found on one half of the images by what was fitted on the other half, the rules
for new images are fitted on both (cross-fitting; scikit-learn's CalibratedClassifierCV without an ensemble does
the same).

From the threshold on the lower bound of the share of true statements reaches the wanted precision: Wilson's score
interval, one-sided (Wilson 1927, J. Am. Stat. Assoc. 22). Scores are probabilities, so the classes share a
threshold; one whose statements show that it would miss the precision, by the interval's upper end, has its own, or
is not released where it reaches none. Of the thresholds that do, the one is taken that keeps the greatest surplus
of true over false statements: the least would release what is likely false beside what is surely true. Statements
of one image are not independent, and the threshold is chosen on the statements that it is judged by: the bound is
a safeguard, no guarantee. Where corpora of one family (boxes, masks) have enough statements of a class, they must
not show that it misses there either.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from scipy.stats import binomtest

from sartext.captioner.scores import DECIMALS, Figures, Fit, fit_logistic
from sartext.errors import ArtefactError
from sartext.narrator.statements import KINDS, OBJECT_KINDS, Statement

CONFIDENCE = 0.9
"""Of the one-sided bound."""

CONFIDENCE_Z = 1.2815515655446004
"""The normal quantile of ``CONFIDENCE``, which the thresholds' file states."""

REST = ""
"""In place of a class: all classes without an entry of their own."""


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


def without(rules: Rules, labels: Iterable[str]) -> Rules:
    """Return rules that release nothing of some classes."""
    none = dict.fromkeys(labels, Threshold(0, 0))
    return {kind: replace(rule, thresholds={**rule.thresholds, **none}) for kind, rule in rules.items()}


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

    A low threshold keeps more statements of classes that are easily recognised, a high one more classes: that is
    chosen by which most true statements are kept, less the false ones, those of classes by themselves included.
    """
    own = {key: _alone(group, wanted, fewest) for key, group in groups.items()}
    choices = []
    for score in sorted({item.score for group in groups.values() for item in group}):
        left_out = {key for key, group in groups.items() if _misses(group, score, wanted)}
        together = [item for key, group in groups.items() if key not in left_out for item in group]
        shared = _threshold(together, score)
        if _passes(together, shared, wanted, fewest):
            choices.append({REST: shared, **{key: own[key] for key in sorted(left_out)}})
    choices.append({REST: Threshold(0, 0), **own})  # each by itself
    return max(choices, key=lambda thresholds: _surplus(thresholds.values()))


def _surplus(thresholds: Iterable[Threshold]) -> int:
    """True statements that thresholds keep, less the false ones."""
    return sum(2 * each.kept_true - each.kept for each in thresholds)


def _threshold(scored: Sequence[Scored], score: float) -> Threshold:
    kept = [item.true for item in scored if item.score >= score]
    true = sum(item.true for item in scored)
    return Threshold(len(scored), true, score, len(kept), sum(kept), lower_bound(sum(kept), len(kept)))


def _passes(scored: Sequence[Scored], threshold: Threshold, wanted: float, fewest: int) -> bool:
    """Whether the bound is reached, and no family of corpora shows that it misses."""
    if threshold.threshold is None or threshold.kept < fewest or threshold.bound < wanted:
        return False
    families = [[item for item in scored if item.family == name] for name in {item.family for item in scored}]
    return not any(_misses(each, threshold.threshold, wanted) for each in families)


def _misses(scored: Sequence[Scored], score: float, wanted: float) -> bool:
    """Whether the statements from a score on show that they are true less often than wanted."""
    kept = [item.true for item in scored if item.score >= score]
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


def _alone(scored: Sequence[Scored], wanted: float, fewest: int) -> Threshold:
    """Return the threshold of a class by itself: of those that pass, the one with the greatest surplus."""
    passing = [
        each
        for score in sorted({item.score for item in scored})
        if _passes(scored, each := _threshold(scored, score), wanted, fewest)
    ]
    return max(
        passing,
        key=lambda each: _surplus([each]),
        default=Threshold(len(scored), sum(item.true for item in scored)),
    )


def lower_bound(true: int, of: int) -> float:
    """Return the lower end of Wilson's one-sided score interval of a share."""
    if of == 0:
        return 0.0
    interval = binomtest(true, of, alternative="greater").proportion_ci(CONFIDENCE, method="wilson")
    return round(float(interval.low), DECIMALS)


def upper_bound(true: int, of: int) -> float:
    """Return the upper end of Wilson's one-sided score interval of a share."""
    return round(1.0 - lower_bound(of - true, of), DECIMALS)


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
