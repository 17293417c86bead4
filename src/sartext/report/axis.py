"""Axes of charts: round ends, ticks, and their words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sartext.evaluation.measures import number

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high`` with its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def words(self, tick: float) -> str:
        """Return a tick as text, with as many digits as the distance between ticks needs."""
        step = self.ticks[1] - self.ticks[0]
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        if round(step * 10**digits, 9) % 1:
            digits += 1
        return number(tick, digits)


def axis_of(
    values: Sequence[float], *, most: int = 5, zero: bool = True, bounds: tuple[float, float] | None = None
) -> Axis:
    """Return an axis with round ends around values.

    Args:
        values: to be in sight; none gives 0 to 1.
        most: intervals between ticks.
        zero: begin at zero where no value is below.
        bounds: ends that the axis does not pass, of a measure that cannot.
    """
    known = list(values) or [0.0, 1.0]
    low, high = min(known), max(known)
    if zero and low > 0:
        low = 0.0
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
        if zero and low < 0 <= min(known):
            low, high = 0.0, 1.0
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in STEPS if power * one >= rough - 1e-12)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [round(place * step, 12) for place in range(first, last + 1)]
    if bounds is not None:
        ticks = [tick for tick in ticks if bounds[0] - 1e-9 <= tick <= bounds[1] + 1e-9]
    return Axis(min(ticks[0], low), max(ticks[-1], high), tuple(ticks))
