"""What a version's figures must reach to become the champion of its model, and not lose to the one before."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure: its value and 95 % interval, None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """The value and its interval."""
        if self.low is None or self.high is None:
            return f"{self.value:.4g} without an interval"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


Thresholds = Mapping[str, float | str]
"""By ``<task>/<metric>``: a number that the value must reach, or ``blind``: the whole 95 % interval must be better
than the best answer that never sees the image, with ``blind + 5`` by more than 5.
"""

Figures = Mapping[str, Estimate]
"""By ``<task>/<metric>``, of a whole benchmark."""


def shortfall(figure: Estimate | None, name: str, bound: float | str, blind: Estimate | None) -> str:
    """Say why a threshold is not passed; nothing where it is. ``blind`` is the best answer without the image."""
    if figure is None:
        return f"{name} was not computed, {bound if isinstance(bound, str) else format(bound, 'g')} is asked"
    lower = lower_is_better(name)
    if not isinstance(bound, str):
        if lower:
            return f"{name} is {figure.value:.4g}, at most {bound:g} is allowed" if figure.value > bound else ""
        return f"{name} is {figure.value:.4g}, at least {bound:g} is asked" if figure.value < bound else ""
    if blind is None:
        return f"{name}: the report has no answer without the image to compare with; state a number in `champions`"
    margin = float(bound.partition("+")[2] or 0)
    limit = blind.value - margin if lower else blind.value + margin
    end = figure.high if lower else figure.low
    if end is not None and (end < limit if lower else end > limit):
        return ""
    what = f"{blind.value:.4g}, the best without the image"
    by = f", by more than {margin:g}" if margin else ""
    return f"{name} is {figure.words}, its whole interval must be {'below' if lower else 'above'} {what}{by}"


def regression(figure: Estimate, best: Estimate | None, name: str) -> str:
    """Say why a figure is behind the champion's by more than its interval; nothing where it is not."""
    if best is None:
        return f"{name} of the champion was not computed"
    low = best.value if best.low is None else best.low
    high = best.value if best.high is None else best.high
    if (figure.value > high) if lower_is_better(name) else (figure.value < low):
        return f"{name} is {figure.value:.4g}, the champion's {best.value:.4g} [{low:.4g}, {high:.4g}]"
    return ""


def lower_is_better(name: str) -> bool:
    """Return whether a figure, ``<task>/<metric>``, is better the lower it is."""
    from sartext.evaluation.registry import metric_named

    return metric_named(name, where="params.yaml: champions").higher_is_better is False
