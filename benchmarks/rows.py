"""A row of the benchmark table: a figure, what it was measured against, and the bound that it must keep."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

DIGITS = 4

Verdict = Literal["", "kept", "missed", "not measured"]


@dataclass(frozen=True)
class Row:
    """A figure.

    Args:
        name: of the figure.
        value: nothing where it could not be measured.
        unit: of the value.
        against: what it was measured against, or why it was not.
        least: the bound from below, if it has one.
        most: the bound from above, if it has one.
    """

    name: str
    value: float | None
    unit: str
    against: str
    least: float | None = None
    most: float | None = None

    @property
    def verdict(self) -> Verdict:
        """What came of its bound; empty where it has none and was measured."""
        if self.value is None:
            return "not measured"
        if self.least is None and self.most is None:
            return ""
        above = self.least is None or self.value >= self.least
        return "kept" if above and (self.most is None or self.value <= self.most) else "missed"

    @property
    def bound(self) -> str:
        """The bound in words."""
        if self.least is not None:
            return f"at least {self.least:g}"
        return "" if self.most is None else f"at most {self.most:g}"

    def as_json(self, command: str) -> dict[str, Any]:
        """Return it for ``build/bench.json``, with the command that measures it again."""
        value = None if self.value is None else round(self.value, DIGITS)
        return asdict(self) | {"value": value, "verdict": self.verdict, "command": command}
