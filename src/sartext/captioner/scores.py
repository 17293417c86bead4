"""The score of a statement: how probable it is that it is true.

It is a logistic regression for each type of statement on five figures: how sure the grounder's maps are of it, how
sure the grounder is that the class is there at all, whether CoCa's caption says it too, the mean log-probability
of the caption's tokens, and the similarity of image and caption by CLIP-SAR. A figure must not count against a
statement: where its coefficient would be negative it is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

RIDGE = 1.0
"""Weight of the squared coefficients in the fit: a few statements cannot make it infinitely sure."""

DECIMALS = 6

FIGURES = 5

Figures = tuple[float, float, float, float, float]
"""The logit of the maps' probability; the grounder's logit of the class's presence; 1, 0 or -1 as the caption says
so, nothing, or otherwise; the mean log-probability of the caption's tokens; its similarity with the image."""

Array = npt.NDArray[np.float64]


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
