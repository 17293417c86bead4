"""Which learning rate each row trains with: the grid's best on the validation split of development seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sartext.errors import TrainingError
from sartext.study.cells import StudyCell, read_result
from sartext.study.design import Design

WHOLE = 1.0


@dataclass(frozen=True)
class Tried:
    """The validation loss of one learning rate, the mean over development seeds; nothing where one diverged."""

    learning_rate: float
    loss: float | None


@dataclass
class Rates:
    """What was tried and chosen, by row and share of the SAR captions."""

    tried: dict[tuple[str, float], list[Tried]] = field(default_factory=dict)

    def chosen(self, row: str, fraction: float) -> float:
        """Return the learning rate of a row: that of the nearest share at which it was chosen (by ratio)."""
        near = [share for name, share in self.tried if name == row]
        share = min(near, key=lambda share: (abs(math.log(share / fraction)), share))
        known = [rate for rate in self.tried[row, share] if rate.loss is not None]
        if not known:
            raise TrainingError(
                f"'{row}' diverged with every learning rate",
                where="params.yaml: study.learning_rates",
                way_out="add smaller ones",
            )
        return min(known, key=lambda rate: (rate.loss, rate.learning_rate)).learning_rate

    def as_json(self) -> list[dict[str, Any]]:
        """Return everything that was tried, in order."""
        return [
            {
                "row": row,
                "fraction": share,
                "chosen": self.chosen(row, share),
                "tried": [{"learning_rate": rate.learning_rate, "loss": rate.loss} for rate in tried],
            }
            for (row, share), tried in sorted(self.tried.items())
        ]


def shares_of(design: Design, row: str) -> Sequence[float]:
    """Return the shares of the SAR captions at which a row's learning rate is chosen."""
    return sorted(set(design.study.development_fractions)) if learns_sar(design, row) else (WHOLE,)


def learns_sar(design: Design, row: str) -> bool:
    """Whether a row sees SAR captions, so that their share matters."""
    return not design.rows[row].data.endswith("/optical")


def candidates(design: Design, row: str, rates: Rates) -> list[StudyCell]:
    """Return the development cells of a row; its parent's learning rate must have been chosen."""
    study = design.study
    return [
        cell_of(design, seed, row, share, rates, learning_rate=rate, development=True)
        for seed in study.development_seeds
        for share in shares_of(design, row)
        for rate in study.learning_rates
    ]


def cell_of(
    design: Design,
    seed: int,
    row: str,
    fraction: float,
    rates: Rates,
    *,
    learning_rate: float | None = None,
    development: bool = False,
) -> StudyCell:
    """Return the cell of a row, its learning rate the chosen or the given one, its parent's the chosen one."""
    parent = design.rows[row].parent
    return StudyCell(
        seed=seed,
        row=row,
        fraction=fraction,
        learning_rate=rates.chosen(row, fraction) if learning_rate is None else learning_rate,
        parent=cell_of(design, seed, parent, WHOLE, rates, development=development) if parent else None,
        development=development,
    )


def learn_rates(design: Design, row: str, cells: Iterable[StudyCell], rates: Rates) -> None:
    """Add what the development cells of a row found."""
    losses: dict[tuple[float, float], list[float | None]] = {}
    for cell in cells:
        result: Mapping[str, Any] = read_result(design, cell)
        losses.setdefault((cell.fraction, cell.learning_rate), []).append(result["validation_loss"])
    for (share, rate), of_seeds in sorted(losses.items()):
        known = [loss for loss in of_seeds if loss is not None]
        mean = sum(known) / len(known) if len(known) == len(of_seeds) else None
        rates.tried.setdefault((row, share), []).append(Tried(rate, mean))


def take_the_only_rate(design: Design, rates: Rates) -> None:
    """Where the grid holds one learning rate there is nothing to choose, and nothing to train."""
    for row in design.rows:
        for share in shares_of(design, row):
            rates.tried[row, share] = [Tried(design.study.learning_rates[0], 0.0)]
