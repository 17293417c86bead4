"""Which learning rate a row trains with: the grid's best on the validation split of development seeds.

Without a grid every row has its own, chosen beforehand.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sartext.errors import TrainingError
from sartext.study.cells import WHOLE, StudyCell, learns_sar, read_result
from sartext.study.design import Design


@dataclass(frozen=True)
class Tried:
    """The validation loss of one learning rate, the mean over development seeds; nothing where one diverged."""

    learning_rate: float
    loss: float | None


@dataclass
class Rates:
    """What was tried, by row and share of the SAR captions."""

    tried: dict[tuple[str, float], list[Tried]] = field(default_factory=dict)

    def chosen(self, row: str, fraction: float) -> float:
        """Return the learning rate of a row: that of the nearest share at which it was chosen (by ratio)."""
        near = [tried for name, tried in self.tried if name == row]
        nearest = min(near, key=lambda tried: (abs(math.log(tried / fraction)), tried))
        known = [rate for rate in self.tried[row, nearest] if rate.loss is not None]
        if not known:
            where = "params.yaml: study.learning_rates"
            raise TrainingError(
                f"'{row}' diverged with every learning rate", where=where, way_out="add smaller ones"
            )
        return min(known, key=lambda rate: (rate.loss, rate.learning_rate)).learning_rate

    def as_json(self) -> list[dict[str, Any]]:
        """Return everything that was tried, in order."""
        return [
            {"row": row, "fraction": share, "chosen": self.chosen(row, share), "tried": [*map(asdict, rates)]}
            for (row, share), rates in sorted(self.tried.items())
        ]


def shares_of(design: Design, row: str) -> Sequence[float]:
    """Return the shares of the SAR captions at which a row's learning rate is chosen."""
    return sorted(set(design.study.development_fractions)) if learns_sar(design, row) else (WHOLE,)


def candidates(design: Design, row: str, rates: Rates) -> list[StudyCell]:
    """Return the development cells of a row; its parent's learning rate must have been chosen."""
    return [
        cell_of(design, seed, row, fraction, rates, learning_rate=rate)
        for seed in design.study.development_seeds
        for fraction in shares_of(design, row)
        for rate in design.study.learning_rates
    ]


def cell_of(
    design: Design, seed: int, row: str, fraction: float, rates: Rates, *, learning_rate: float | None = None
) -> StudyCell:
    """Return the cell of a row with its chosen learning rate, or a development cell with another one."""
    rate = rates.chosen(row, fraction) if learning_rate is None else learning_rate
    parent, development = design.every_row[row].parent, seed in design.study.development_seeds
    origin = cell_of(design, seed, parent, WHOLE, rates) if parent else None
    return StudyCell(seed, row, fraction, rate, origin, development)


def learn_rates(design: Design, row: str, cells: Iterable[StudyCell], rates: Rates) -> None:
    """Add what the development cells of a row found."""
    losses: dict[tuple[float, float], list[float | None]] = {}
    for cell in cells:
        result: Mapping[str, Any] = read_result(design, cell)
        losses.setdefault((cell.fraction, cell.learning_rate), []).append(result["validation_loss"])
    for (fraction, rate), of_seeds in sorted(losses.items()):
        known = [loss for loss in of_seeds if loss is not None]
        mean = sum(known) / len(known) if len(known) == len(of_seeds) else None
        rates.tried.setdefault((row, fraction), []).append(Tried(rate, mean))


def take_the_only_rate(design: Design, rates: Rates) -> None:
    """Where the grid holds one learning rate, or none, there is nothing to choose, and nothing to train."""
    for name, row in design.every_row.items():
        for fraction in shares_of(design, name):
            grid = () if name in design.grounders else design.study.learning_rates
            [rate] = grid or [row.learning_rate]
            rates.tried[name, fraction] = [Tried(rate, 0.0)]
